"""What the cluster decided on frames that were just sent, for a city that wants to react.

Enters: the offsets and rows of frames in `events`; the topic of decisions, from its end on. Leaves: Gathered, one
decision for each of these events, in their order. Invariants: each place counts once, whatever is said again; decisions
about anybody else's events are passed over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from interceptor.batch import BadFrame
from interceptor.transport import clients, wire
from interceptor.transport.clients import Away
from interceptor.transport.settings import Settings
from interceptor.transport.topics import DECISIONS

SILENT_MAX_S = 60.0
ANSWER_MAX_S = 10.0
AT_ONCE = 64
WAIT_S = 0.05
_NUMBERS = {
    "event_id": np.uint64, "kind": np.uint8, "ts_ms": np.int64, "status": np.uint8, "verdict": np.uint8,
    "actions": np.uint32, "score": np.float64, "target_score": np.float64,
}  # fmt: skip


class NoDecisions(Exception):
    """Decisions stopped coming; the message says how many are missing."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The decisions of n events with their m hits, as the engine's Decisions have them. `ruleset`: another text
    whenever `rules` isn't the same; `rulesets`: the hashes that decided, and how many events each."""

    event_id: np.ndarray
    kind: np.ndarray
    ts_ms: np.ndarray
    status: np.ndarray
    verdict: np.ndarray
    actions: np.ndarray
    score: np.ndarray
    target_score: np.ndarray
    hit_row: np.ndarray
    hit_rule: np.ndarray
    rules: tuple[str, ...]
    shadow: np.ndarray
    ruleset: str
    rulesets: dict[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.event_id)


class DecisionReader:
    """Reads what is decided from now on. `shadow`: whether the rule of a name, in the rule set of a hash, only watches:
    decisions don't say it."""

    def __init__(
        self, settings: Settings, shadow: Callable[[str, str], bool], silent_max_s: float = SILENT_MAX_S
    ) -> None:
        """Raises Away."""
        self._settings, self._shadow, self._silent_max_s = settings, shadow, silent_max_s
        self._topic = settings.topic(DECISIONS)
        self._rules: list[tuple[str, bool]] = []  # name, and whether it only watches
        self._index: dict[tuple[str, str], int] = {}  # rule set and name → position
        self._consumer = clients.consumer(settings, "feed")
        try:
            self._consumer.assign(_ends(self._consumer, settings, self._topic))
        except KafkaException as error:
            raise Away(clients.no_answer(settings, clients.reason(error.args[0]))) from None

    def close(self) -> None:
        self._consumer.close()

    def gather(self, places: np.ndarray, stopped: Callable[[], bool] = lambda: False) -> Gathered | None:
        """`places` uint64[n], ascending. None if `stopped`. Raises NoDecisions after `silent_max_s` without one."""
        work = _Gathering(places)
        heard_s = time.monotonic()
        while work.missing:
            if stopped():
                return None
            before = work.missing
            for message in self._come_in():
                frame = self._frame(message)
                if frame is not None:
                    self._add(work, frame)
            now_s = time.monotonic()
            if work.missing < before:
                heard_s = now_s
            elif now_s - heard_s > self._silent_max_s:
                what = f"no decision for {self._silent_max_s:.0f} s, {work.missing:,} of {len(places):,} are missing"
                raise NoDecisions(f"{self._topic}: {what}\n  hint: are workers running, for all partitions?")
        names = tuple(name for name, _ in self._rules)
        return work.gathered(names, np.array([watches for _, watches in self._rules], bool))

    def _come_in(self) -> list[Message]:
        """At once what is there: `consume` alone would wait for more."""
        first = self._consumer.poll(WAIT_S)
        return [] if first is None else [first, *self._consumer.consume(AT_ONCE, 0)]

    def _frame(self, message: Message) -> pa.RecordBatch | None:
        error = message.error()
        if error is not None:
            if error.fatal():
                raise Away(clients.no_answer(self._settings, clients.reason(error)))
            return None
        try:
            return wire.decode(message.value() or b"")
        except BadFrame:
            return None  # the events that it was about will be missed

    def _add(self, work: _Gathering, frame: pa.RecordBatch) -> None:
        at = work.rows_of(frame.column("place").to_numpy())
        new = np.flatnonzero(at >= 0)
        if not len(new):
            return
        frame, at = frame.take(pa.array(new)), at[new]
        for name in _NUMBERS:
            work.columns[name][at] = frame.column(name).to_numpy()
        hits, names = frame.column("rules"), frame.column("rules").flatten()
        owners = pc.list_parent_indices(hits).to_numpy()
        sets = frame.column("ruleset").to_pylist()
        for one in sets:
            work.rulesets[one] = work.rulesets.get(one, 0) + 1
        known = [self._rule(sets[row], name) for row, name in zip(owners.tolist(), names.to_pylist(), strict=True)]
        work.hits.append((at[owners], np.array(known, np.int32)))

    def _rule(self, ruleset: str, name: str) -> int:
        found = self._index.get((ruleset, name))
        if found is None:
            rule = (name, self._shadow(ruleset, name))
            if rule not in self._rules:
                self._rules.append(rule)
            found = self._index[ruleset, name] = self._rules.index(rule)
        return found


class _Gathering:
    """The decisions on some places, as they come in."""

    def __init__(self, places: np.ndarray) -> None:
        self._places, self.missing = places, len(places)
        self._has = np.zeros(len(places), bool)
        self.columns: dict[str, np.ndarray] = {name: np.zeros(len(places), dtype) for name, dtype in _NUMBERS.items()}
        self.hits: list[tuple[np.ndarray, np.ndarray]] = []
        self.rulesets: dict[str, int] = {}

    def rows_of(self, places: np.ndarray) -> np.ndarray:
        """Which row each is, -1 = none of ours, or known already; counts them as known."""
        at = np.minimum(np.searchsorted(self._places, places), len(self._places) - 1)
        fits = (self._places[at] == places) & ~self._has[at]
        ours = np.flatnonzero(fits)
        _, first = np.unique(at[ours], return_index=True)  # the same place twice in a frame counts once, too
        found = np.full(len(at), -1)
        found[ours[first]] = at[ours[first]]
        self._has[found[found >= 0]] = True
        self.missing -= int(np.count_nonzero(found >= 0))
        return found

    def gathered(self, rules: tuple[str, ...], shadow: np.ndarray) -> Gathered:
        rows = np.concatenate([rows for rows, _ in self.hits] or [np.zeros(0, np.int64)])
        hits = np.concatenate([hits for _, hits in self.hits] or [np.zeros(0, np.int32)])
        order = np.argsort(rows, kind="stable")  # the rules of an event stay in the engine's order
        last = max(self.rulesets, key=lambda one: self.rulesets[one], default="")
        told = f"{last}+{len(rules)}"
        return Gathered(
            **self.columns, hit_row=rows[order].astype(np.int64), hit_rule=hits[order], rules=rules, shadow=shadow,
            ruleset=told, rulesets=self.rulesets,
        )  # fmt: skip


def places_of(messages: Sequence[tuple[int, int]]) -> np.ndarray:
    """uint64[n]: places of the rows of messages, each given by its offset in `events` and its number of rows."""
    parts = [
        (np.uint64(offset) << np.uint64(wire.ROW_BITS)) + np.arange(rows, dtype=np.uint64) for offset, rows in messages
    ]
    return np.concatenate(parts or [np.zeros(0, np.uint64)])


def _ends(consumer: Consumer, settings: Settings, topic: str) -> list[TopicPartition]:
    """Where each partition ends now: asked for at once, as "the end" would be where it ends when it is first read."""
    numbers = clients.partitions(consumer, settings, ANSWER_MAX_S).get(topic, [])
    if not numbers:
        raise Away(f"{settings.kafka}: there is no topic {topic}\n  hint: make the cluster's topics first")
    found = []
    for number in numbers:
        place = TopicPartition(topic, number)
        ends: Any = consumer.get_watermark_offsets(place, timeout=ANSWER_MAX_S)
        if not ends:
            raise Away(clients.no_answer(settings, KafkaError(KafkaError._TIMED_OUT).str()))
        found.append(TopicPartition(topic, number, ends[1]))
    return found
