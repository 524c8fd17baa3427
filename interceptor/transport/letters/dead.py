"""Dead letters: messages that nobody could read, kept with their bytes and with why.

Enters: a message and what is wrong with it; the topic of dead letters. Leaves: a letter to send; letters that were
sent. Invariants: a letter's value is the message's own bytes, and its headers say where it came from, so nothing is
lost and all can be sent again; what is said of it has no long number and no control character in it.

A letter is written by any client: `letter` only makes value and headers. Those of confluent-kafka may leave the sending
to LetterBox. All letters lie in partition PARTITION; a letter's name is its offset there. Messages with the header
MARKER are no letters: they say which letters have been sent back (see `letters_back`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, Message, TopicPartition

from interceptor.rules.errors import printable
from interceptor.transport import clients
from interceptor.transport.clients import Away
from interceptor.transport.settings import Settings
from interceptor.transport.topics import DEAD_LETTERS

Headers = list[tuple[str, bytes | None]]

PARTITION = 0
REASON_CHARS_MAX = 240
CODE = re.compile(r"[a-z][a-z0-9-]{0,40}")

# Headers of a letter. Numbers in decimal digits.
TIME_MS, CODE_HEADER, REASON = "time_ms", "code", "reason"
TOPIC, AT_PARTITION, AT_OFFSET, KEY = "topic", "partition", "offset", "key"
NO_VALUE = "no-value"  # the message had none, which is something else than no bytes
LEFT_OUT = "left-out"  # how many bytes the message had, where they were too many to send
ORIGINAL = "original."  # before the name of each header that the message had
MARKER = "marker"
REPLAYED = "replayed"  # on a message that was sent back: how often by now

SILENT_S = 20.0
QUEUED_MAX, QUEUED_BYTES_MAX = 10_000, 64 << 20  # letters on their way
_LONG_NUMBER = re.compile(r"\d(?:[ .\-()/]{0,2}\d){6,}")


class NoTopic(Exception):
    """There is no topic of dead letters yet, so there are none."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that couldn't be read. `offset` is the letter's, `at_offset` the message's; -1 and "" are unknown.

    `replays`: how often the message had been sent back before this letter was written. `replayed`: whether this letter
    was. `left_out`: bytes that it should have, but that were too many. `headers` are those of the message.
    """

    offset: int
    time_ms: int
    code: str
    reason: str
    topic: str
    at_partition: int
    at_offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    replays: int
    left_out: int
    replayed: bool = False

    @property
    def place(self) -> str:
        """Where the message stood: topic/partition/offset."""
        return f"{printable(self.topic)}/{self.at_partition}/{self.at_offset}" if self.topic else "unknown"


def letter(
    reason: str,
    code: str,
    *,
    topic: str,
    partition: int,
    offset: int,
    value: bytes | None,
    now_ms: int,
    key: bytes | None = None,
    headers: Iterable[tuple[str, bytes | None]] = (),
) -> tuple[bytes, Headers]:
    """Value and headers to send to DEAD_LETTERS, partition PARTITION, without a key.

    `reason` is for people, `code` for machines (small letters, digits, -). Never put a message's contents into either.
    """
    if not CODE.fullmatch(code):
        raise ValueError(f"not a code of a letter: {code!r}")
    said = {
        CODE_HEADER: code,
        REASON: masked(reason)[:REASON_CHARS_MAX],
        TOPIC: topic,
        AT_PARTITION: str(partition),
        AT_OFFSET: str(offset),
        TIME_MS: str(now_ms),
    }
    written: Headers = [(name, text.encode("utf-8", "replace")) for name, text in said.items()]
    written += [(KEY, key)] if key is not None else []
    written += [(NO_VALUE, b"1")] if value is None else []
    return value or b"", written + [(f"{ORIGINAL}{name}", header) for name, header in headers]


def masked(text: str) -> str:
    """Printable, and every number of seven digits or more, however it is grouped, under a mask: it may be a phone's."""
    return _LONG_NUMBER.sub("•••", printable(text))


def read(message: Message) -> Letter | None:
    """The letter; None for a marker. Whatever it is that stands in the topic."""
    headers: Any = message.headers() or []  # confluent-kafka's stubs don't say which form they have
    first: dict[str, bytes] = {}
    for name, value in headers:
        first.setdefault(name, value or b"")
    if MARKER in first:
        return None
    original = [(name.removeprefix(ORIGINAL), value) for name, value in headers if name.startswith(ORIGINAL)]
    code = _text(first, CODE_HEADER)
    stamped = _number(first, TIME_MS)
    return Letter(
        offset=message.offset() or 0,
        time_ms=stamped if stamped >= 0 else message.timestamp()[1],
        code=code if CODE.fullmatch(code) else "unknown",
        reason=masked(_text(first, REASON))[:REASON_CHARS_MAX] or "nothing is said of it",
        topic=_text(first, TOPIC)[:249],
        at_partition=_number(first, AT_PARTITION),
        at_offset=_number(first, AT_OFFSET),
        key=first.get(KEY),
        value=None if NO_VALUE in first else message.value() or b"",
        headers=[(name, value) for name, value in original if name != REPLAYED],
        replays=max(0, _number(first, f"{ORIGINAL}{REPLAYED}")),
        left_out=max(0, _number(first, LEFT_OUT)),
    )


def letters(settings: Settings, *, since_ms: int = 0) -> Iterator[Letter]:
    """All letters up to now, oldest first; two passes over the topic. Raises NoTopic, Away."""
    sent_back = replayed(settings)
    for message in messages(settings):
        found = read(message)
        if found is not None and found.time_ms >= since_ms:
            yield replace(found, replayed=found.offset in sent_back)


def replayed(settings: Settings) -> set[int]:
    """Offsets of the letters that markers name. Raises NoTopic, Away."""
    found: set[int] = set()
    for message in messages(settings):
        headers: Any = message.headers() or []
        for one in (dict(headers).get(MARKER) or b"").split(b","):
            if one.isdigit() and len(one) < 20:
                found.add(int(one))
    return found


def messages(settings: Settings) -> Iterator[Message]:
    """What stands in the topic up to now, letters and markers. Raises NoTopic, Away."""
    reader = clients.consumer(settings, "letters")
    topic = settings.topic(DEAD_LETTERS)
    try:
        if topic not in clients.partitions(reader, settings, SILENT_S):
            raise NoTopic(topic)
        reader.assign([TopicPartition(topic, PARTITION, OFFSET_BEGINNING)])
        while True:
            message = reader.poll(SILENT_S)
            if message is None:
                raise Away(clients.no_answer(settings, f"{SILENT_S:.0f} s of silence"))
            error = message.error()
            if error is None:
                yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                return
            elif not error.retriable():
                raise Away(clients.no_answer(settings, clients.reason(error)))
    except KafkaException as error:
        raise Away(clients.no_answer(settings, clients.reason(error.args[0]))) from None
    finally:
        reader.close()


class LetterBox:
    """Sends letters for clients of confluent-kafka."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._topic = settings, settings.topic(DEAD_LETTERS)
        self._producer = clients.producer(settings, "dead-letters")
        self._errors: list[KafkaError] = []
        self._queued_bytes = 0

    def put(self, value: bytes, headers: Headers) -> None:
        """As `letter` gives them. It counts as sent after `deliver` only. Raises Away."""
        if len(self._producer) >= QUEUED_MAX or self._queued_bytes >= QUEUED_BYTES_MAX:
            self.deliver()
        self._queued_bytes += len(value)
        self._produce(value, headers)

    def _produce(self, value: bytes, headers: Headers) -> None:
        sent: Any = headers  # confluent-kafka's type is a wider one, which lists can't be
        try:
            self._producer.produce(
                self._topic, value, partition=PARTITION, headers=sent, on_delivery=self._delivered(value, headers)
            )
        except KafkaException as error:
            self._failed(error.args[0], value, headers)
        except BufferError:
            raise Away(clients.no_answer(self._settings, "too many dead letters wait to be written")) from None

    def deliver(self) -> None:
        """Waits until all letters have arrived. Raises Away where one didn't."""
        self._queued_bytes = 0
        left = self._producer.flush(SILENT_S + 15)
        if left or self._errors:
            why = clients.reason(self._errors[0]) if self._errors else "no answer"
            self._errors.clear()
            raise Away(clients.no_answer(self._settings, f"a dead letter could not be written: {why}"))

    def _delivered(self, value: bytes, headers: Headers) -> Any:
        def tell(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                self._failed(error, value, headers)

        return tell

    def _failed(self, error: KafkaError, value: bytes, headers: Headers) -> None:
        too_large = error.code() in (KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE)
        if too_large and value:
            # Its bytes stay where they were for as long as that topic keeps them: the letter says where.
            self._produce(b"", [*headers, (LEFT_OUT, str(len(value)).encode())])
        else:
            self._errors.append(error)


def _text(headers: dict[str, bytes], name: str) -> str:
    return headers.get(name, b"")[:1_000].decode("utf-8", "replace")


def _number(headers: dict[str, bytes], name: str) -> int:
    found = headers.get(name, b"")
    return int(found) if found.isdigit() and len(found) < 20 else -1
