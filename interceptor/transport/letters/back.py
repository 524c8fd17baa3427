"""Dead letters sent back: the message's own bytes, key and headers to the topic that it came from.

Enters: which letters. Leaves: messages with the header REPLAYED, and a marker in the topic of dead letters that names
these letters. Invariant: a letter that a marker names isn't sent again unasked.

The marker is written after the messages have arrived. A process that is killed between the two leaves letters that look
unsent, and sending them again repeats events; admission recognises these by their ids, so they count once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from interceptor.transport import clients
from interceptor.transport.clients import Away
from interceptor.transport.letters.dead import (
    MARKER,
    PARTITION,
    REPLAYED,
    SILENT_S,
    Letter,
    letters,
)
from interceptor.transport.settings import Settings
from interceptor.transport.topics import DEAD_LETTERS, TOPICS

AT_ONCE = 32  # letters between two markers


@dataclass(frozen=True, slots=True)
class Plan:
    """What a replay would do. `sendable`: offsets of letters; `groups`: how many of them for each (topic, code);
    `refused`: of the others, offset and why.
    """

    sendable: tuple[int, ...]
    groups: dict[tuple[str, str], int]
    refused: tuple[tuple[int, str], ...]


def plan(
    settings: Settings, wanted: Callable[[Letter], bool], *, forced: bool = False, again: bool = False, limit: int = 0
) -> Plan:
    """Of all letters that are `wanted`, the `limit` oldest that can be sent (0 = all). Sends nothing.

    `forced`: into topics between the stages, too. `again`: those that were sent back before, too. Raises NoTopic, Away.
    """
    sendable: list[int] = []
    refused: list[tuple[int, str]] = []
    groups: Counter[tuple[str, str]] = Counter()
    there = _topics(settings)
    for letter in letters(settings):
        if not wanted(letter):
            continue
        why = _refusal(letter, settings, there, forced, again)
        if why:
            refused.append((letter.offset, why))
        elif not limit or len(sendable) < limit:
            sendable.append(letter.offset)
            groups[letter.topic, letter.code] += 1
    return Plan(tuple(sendable), dict(sorted(groups.items())), tuple(refused))


def send_back(settings: Settings, offsets: Collection[int]) -> Iterator[int]:
    """Sends these letters' messages; gives how many have arrived, after each AT_ONCE of them.

    Raises Away where one didn't arrive; those that did are marked. Raises NoTopic.
    """
    chosen, waiting, arrived = set(offsets), list[Letter](), 0
    there = {topic: set(numbers) for topic, numbers in _topics(settings).items()}
    sender = clients.producer(settings, "replay")
    for letter in letters(settings):
        if letter.offset in chosen:
            waiting.append(letter)
        if len(waiting) == AT_ONCE:
            arrived += _send(sender, settings, waiting, there)
            waiting = []
            yield arrived
    if waiting:
        yield arrived + _send(sender, settings, waiting, there)


def _topics(settings: Settings) -> dict[str, list[int]]:
    reader = clients.consumer(settings, "letters")
    try:
        return clients.partitions(reader, settings, SILENT_S)
    finally:
        reader.close()


def _refusal(
    letter: Letter, settings: Settings, there: Collection[str], forced: bool, again: bool
) -> str:  # why it can't be sent back, or ""
    internal = {settings.topic(name) for name in TOPICS}
    if not letter.topic:
        return "it doesn't say where it came from"
    if letter.topic == settings.topic(DEAD_LETTERS):
        return "it came from the topic of dead letters itself"
    if letter.left_out:
        return f"its {letter.left_out:,} bytes were too many for a letter; look for them at {letter.place}"
    if letter.topic not in there:
        return "the topic that it came from is no more"
    if letter.replayed and not again:
        return "it was sent back before (--again sends it once more)"
    if letter.topic in internal and not forced:
        return f"{letter.topic} is internal: a frame in it has its turn, and would come out of it (--force sends it)"
    return ""


def _send(sender: Producer, settings: Settings, chosen: list[Letter], there: dict[str, set[int]]) -> int:
    """Sends, waits, marks; how many arrived. Raises Away if not all did."""
    arrived: list[int] = []
    errors: list[KafkaError] = []
    for letter in chosen:

        def tell(error: KafkaError | None, _: Message, offset: int = letter.offset) -> None:
            arrived.append(offset) if error is None else errors.append(error)

        # Into its own partition, if there is one: whatever put it there wanted it with its neighbours.
        numbered = letter.at_partition in there.get(letter.topic, set())
        partition = letter.at_partition if numbered else -1
        headers: Any = [*letter.headers, (REPLAYED, str(letter.replays + 1).encode())]
        try:
            sender.produce(letter.topic, letter.value, letter.key, partition, headers=headers, on_delivery=tell)
        except KafkaException as error:
            errors.append(error.args[0])
    sender.flush(SILENT_S + 15)
    _mark(sender, settings, sorted(arrived))
    if len(arrived) < len(chosen):
        why = clients.reason(errors[0]) if errors else "no answer"
        raise Away(clients.no_answer(settings, f"{len(chosen) - len(arrived)} messages could not be written: {why}"))
    return len(arrived)


def _mark(sender: Producer, settings: Settings, offsets: list[int]) -> None:
    if not offsets:
        return
    named = ",".join(str(offset) for offset in offsets).encode()
    errors: list[KafkaError] = []
    sender.produce(
        settings.topic(DEAD_LETTERS), b"", partition=PARTITION, headers=[(MARKER, named)],
        on_delivery=lambda error, _: errors.append(error) if error is not None else None,
    )  # fmt: skip
    if sender.flush(SILENT_S + 15) or errors:
        raise Away(clients.no_answer(settings, f"letters {named.decode()} were sent, which could not be written down"))
