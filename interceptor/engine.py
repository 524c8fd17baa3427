"""The engine: events in, decisions out.

Enters: Arrow record batches with EVENT_SCHEMA, in arrival order. Leaves: Decisions. Invariant: no I/O, no clock, no
randomness; a decision depends on the events that came before, never on how they were cut into batches.

The path of an event: admission → source stage (windows → rules → score) → target stage (the same, over what is keyed
by the citizen) → verdict → entries for lists, which count from the next tick on.
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

import numpy as np
import pyarrow as pa

from interceptor.admission import Admission
from interceptor.batch import Batch
from interceptor.chunk import Chunk, KindView, Views
from interceptor.config import CHUNK_ROWS, HOUR_MS, LIST_TICK_MS, LISTS_KEPT_MS, Limits
from interceptor.decisions import Decisions
from interceptor.hits import Hits
from interceptor.judgement import Addition, Judged, Judgement
from interceptor.listbook import ListBook
from interceptor.lowering import asked
from interceptor.observer import Observer
from interceptor.reading import Readers
from interceptor.reload import Reloaded, compared
from interceptor.rules.ruleset import RuleSet
from interceptor.schema import Kind, Status
from interceptor.sharing import Shared
from interceptor.stage import Stage
from interceptor.wording import Wordings


class Engine:
    """One rule set with its state. One engine per stream; its batches and reloads take turns.

    `counters` counts events that were late, duplicate or from the future, and what was evicted at the caps.
    """

    def __init__(
        self, rule_set: RuleSet, limits: Limits = Limits(), observer: Observer | None = None  # noqa: B008 (frozen)
    ) -> None:  # fmt: skip
        self._observer, self._limits, self._turn = observer or Observer(), limits, Lock()
        self._admission = Admission()
        self._wordings: Wordings | None = None
        self._tick = 0
        self._to_list: list[Addition] = []  # since the last tick, not yet in force
        self._statuses = np.zeros(len(Status), np.int64)
        self._evicted_before = 0  # from what a reload dropped
        source, target = (Stage(side, rule_set, limits, self._observer) for side in ("source", "target"))
        self._follow(rule_set, ListBook(rule_set.lists), source, target)

    def _follow(self, rule_set: RuleSet, lists: ListBook, source: Stage, target: Stage) -> None:
        """Goes on with a rule set and what it is decided with."""
        judgement = Judgement(rule_set)
        texts = sorted(name for section, name in rule_set.reads if section == "text")
        groups = self._wordings or Wordings(self._limits.wording_places_max) if rule_set.needs("wording") else None
        readers = Readers(rule_set.words, self._limits.reading_bytes_max)
        # From here on nothing can fail, so that there is no engine with half of a rule set.
        self.rule_set, self._lists, self._source, self._target = rule_set, lists, source, target
        self._asked = asked(rule_set.rules, rule_set.features)
        self._judgement, self._wordings, self._readers = judgement, groups, readers
        self._read = {rule_set.words.is_of_host(name): name for name in texts}  # one of each: all are found at once

    @property
    def shared(self) -> Shared:
        """The lists that come from outside: add to them between two batches."""
        return self._lists.shared

    @property
    def counters(self) -> dict[str, int]:
        counts = {status.name.lower(): int(self._statuses[status]) for status in Status if status is not Status.OK}
        return counts | {"evicted": self._evicted_before + self._evicted}

    @property
    def _evicted(self) -> int:
        of_texts = self._wordings.evicted if self._wordings else 0
        return self._source.evicted + self._target.evicted + of_texts

    def reload(self, rule_set: RuleSet) -> Reloaded:
        """Goes on with another rule set, from the next event on. A batch that another thread is having decided is
        finished first, so that no batch is decided by two.

        What was seen stays as if nothing had happened: windows of features that have the same definition, scores as far
        as their rules are still there, what verdicts put on lists, ids and clock, groups of near-equal texts."""
        with self._turn:
            change, evicted = compared(self.rule_set, rule_set), self._evicted
            lists = self._lists.reloaded(rule_set.lists)
            source, target = (stage.reloaded(rule_set, change.kept) for stage in (self._source, self._target))
            to_list = [addition for addition in self._to_list if lists.goes_on_with(addition.list, self._lists)]
            self._follow(rule_set, lists, source, target)
            self._to_list = to_list
            self._evicted_before += evicted - self._evicted
            return change

    def decide(self, frame: pa.RecordBatch) -> Decisions:
        """Decides a batch of any size. Raises BadFrame, with nothing changed, where it isn't a batch of events."""
        with self._turn:
            return self._decide(frame)

    def _decide(self, frame: pa.RecordBatch) -> Decisions:
        self._observer.lap("outside", "")
        batch = Batch.from_arrow(frame)
        status, tick = self._admission.apply(batch["event_id"], batch["ts_ms"], batch["ingest_ts_ms"])
        self._statuses += np.bincount(status, minlength=len(Status))
        self._observer.lap("admission", "")
        decided = Judged(batch, status)
        for start, stop in self._cuts(tick):
            self._decide_chunk(Chunk(batch, start, stop, status, self._readers), start, int(tick[start]), decided)
        decisions = decided.decisions(self.rule_set, self._lists)
        self._observer.lap("verdict", "decisions")
        return decisions

    def _cuts(self, tick: np.ndarray) -> Iterator[tuple[int, int]]:
        """Chunks end where a tick does, as far as rules add to lists, and after CHUNK_ROWS."""
        adding = self._judgement.adds or self._to_list  # by a rule set before this one
        within_one = not adding or not len(tick) or tick[0] == tick[-1]  # the clock never goes back
        ends = np.zeros(0, np.int64) if within_one else np.flatnonzero(np.diff(tick)) + 1
        for start, stop in zip([0, *ends], [*ends, len(tick)], strict=True):
            for first in range(int(start), int(stop), CHUNK_ROWS):
                yield first, min(first + CHUNK_ROWS, int(stop))

    def _decide_chunk(self, chunk: Chunk, start: int, tick: int, decided: Judged) -> None:
        self._turn_to(tick)
        views: Views = [None] * len(Kind)
        for kind in chunk.kinds:
            views[kind] = KindView(chunk, Kind(kind), self._lists, self._asked)
        self._observer.lap("list", "ticks")
        if self._observer.wants_parts_apart:
            self._read_texts(chunk)
        if self._wordings:
            chunk.group(self._wordings)
            self._observer.lap("text", "wording")
        hits = self._source.run(chunk, views)
        source_points = self._source.scores(chunk, hits)
        hits_of_target = self._target.run(chunk, views)
        target_points = self._target.scores(chunk, hits_of_target)
        hits = Hits.together(hits, hits_of_target)
        verdict, actions = self._judgement.judged(chunk, hits)
        decided.take(start, chunk, verdict, actions, hits)
        self._observer.lap("verdict", "")
        self._to_list += self._judgement.additions(chunk, hits, actions, tick)
        self._observer.lap("list", "additions")
        self._observer.saw(start, chunk, views, hits, source_points, target_points)

    def _read_texts(self, chunk: Chunk) -> None:
        """Folds and scans now what else the first rule that asks for it would."""
        for of_host, name in self._read.items():
            chunk.words(name)
            self._observer.lap("text", "hosts" if of_host else "messages")

    def _turn_to(self, tick: int) -> None:
        """When a tick begins, what the ones before put on lists comes into force; once an hour, old entries go."""
        if tick == self._tick:
            return
        for addition in self._to_list:
            self._lists.add(*addition)
        self._to_list.clear()
        hour = tick * LIST_TICK_MS // HOUR_MS
        if hour != self._tick * LIST_TICK_MS // HOUR_MS:
            self._lists.forget(hour * HOUR_MS - LISTS_KEPT_MS)
        self._tick = tick
