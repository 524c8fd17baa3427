"""The engine in three parts, so that its stages can be spread over shards: admit, screen, protect.

Enters: events in the order of the stream; for screen and protect those of one shard, as the part before left them.
Leaves: packed rows for the next part, at the end decisions. Invariants: put one behind the other, over any number
of shards and however the stream is cut, the parts decide what the engine decides; they know nothing of how batches
travel.

What the parts hand on are columns: those of the event that are still needed, `place` (where the event stands in the
stream), `status` and `tick` (admission), `wording`, "feature NAME" and "words NAME" as far as they are read later, and
from screen on `source_score`, `source_kinds` and `hits` (positions of rules). Lists belong to who runs the parts: what
verdicts add to them is told, not done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from interceptor.admission import Admission
from interceptor.batch import Batch, Columns
from interceptor.chunk import Chunk, KindView, Views
from interceptor.config import CHUNK_ROWS, Limits
from interceptor.decisions import Decisions
from interceptor.features import FeatureBank
from interceptor.hits import Hits
from interceptor.judgement import Addition, Judged, Judgement
from interceptor.listbook import ListBook
from interceptor.lowering import asked
from interceptor.observer import Observer
from interceptor.packed import Packed
from interceptor.plan import Plan
from interceptor.reading import Readers
from interceptor.reload import compared, digests
from interceptor.rules.ruleset import Feature, RuleSet
from interceptor.schema import Kind
from interceptor.stage import Stage
from interceptor.state import State, nested, within
from interceptor.wording import Wordings

_FEATURE, _WORDS = "feature ", "words "


class Part:
    """What the three have in common: a rule set, its plan, and lists that somebody else keeps. `_side`: whose rules
    it evaluates."""

    _side = ""

    def __init__(self, rule_set: RuleSet, lists: ListBook, limits: Limits) -> None:
        self._limits, self._observer = limits, Observer()
        self._follow(rule_set, lists)

    def _follow(self, rule_set: RuleSet, lists: ListBook) -> None:
        self.rule_set, self._lists, self._plan = rule_set, lists, Plan(rule_set)
        self._readers = Readers(rule_set.words, self._limits.reading_bytes_max)
        rules = [rule for rule in rule_set.rules if rule.stage == self._side]
        self._asked = asked(rules, self._windows(rule_set))

    def taken(self) -> State:
        """All that the part knows of the events so far; shares no memory with it."""
        raise NotImplementedError

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Goes on where another such part was. Raises StateMisfit; then this part is of no use any more."""
        raise NotImplementedError

    def reload(self, rule_set: RuleSet, lists: ListBook) -> None:
        """Goes on with another rule set, from the next event on."""
        raise NotImplementedError

    def _kept(self, rule_set: RuleSet) -> frozenset[str]:
        """Features that go on under another rule set. One that has moved to another part begins anew."""
        before = {feature.name for feature in self._windows(self.rule_set)}
        after = {feature.name for feature in self._windows(rule_set)}
        return frozenset(compared(self.rule_set, rule_set).kept) & before & after

    def _windows(self, rule_set: RuleSet) -> Sequence[Feature]:
        raise NotImplementedError

    def _chunks(self, batch: Columns, status: np.ndarray) -> Iterator[tuple[int, Chunk, Views]]:
        """The batch in chunks, each with its first row, and its rows by kind."""
        for start in range(0, max(batch.rows, 1), CHUNK_ROWS):  # without rows, too, the columns come out
            stop = min(start + CHUNK_ROWS, batch.rows)
            chunk = Chunk(batch, start, stop, status, self._readers)
            views: Views = [None] * len(Kind)
            for kind in chunk.kinds:
                views[kind] = KindView(chunk, Kind(kind), self._lists, self._asked)
            yield start, chunk, views


class Admit(Part):
    """The whole stream, one after the other: which events leave a trace, and what they share."""

    def __init__(self, rule_set: RuleSet, lists: ListBook, limits: Limits) -> None:
        super().__init__(rule_set, lists, limits)
        self._admission = Admission()
        self._bank = FeatureBank(self._windows(rule_set), limits)
        self._wordings = Wordings(limits.wording_places_max) if self._plan.wording else None

    def apply(self, frame: pa.RecordBatch, place: np.ndarray) -> Packed:
        """Events (EVENT_SCHEMA) at their places uint64[n] → what screen needs of them. Raises BadFrame, with nothing
        changed, where it isn't a batch of events."""
        batch = Batch.from_arrow(frame)
        status, tick = self._admission.apply(batch["event_id"], batch["ts_ms"], batch["ingest_ts_ms"])
        parts = [self._found(chunk, views) for _, chunk, views in self._chunks(batch, status)]
        columns = {"place": place, "status": status, "tick": tick} | _joined(parts)
        others = {}
        for name in self._plan.columns_to_screen:
            if pa.types.is_string(frame.column(name).type):
                others[name] = frame.column(name)
            else:
                columns[name] = batch[name]
        return Packed.of(columns, others)

    def taken(self) -> State:
        parts = {"admission": self._admission.taken(), "windows": self._bank.taken(digests(self.rule_set))}
        return nested(parts | ({"wordings": self._wordings.taken()} if self._wordings else {}))

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        self._admission.put_back(within(state, "admission"))
        self._bank.put_back(within(state, "windows"), digests(self.rule_set))
        if self._wordings and within(state, "wordings"):
            self._wordings.put_back(within(state, "wordings"))

    def reload(self, rule_set: RuleSet, lists: ListBook) -> None:
        self._bank = self._bank.reloaded(self._windows(rule_set), self._kept(rule_set))
        self._follow(rule_set, lists)
        groups = self._wordings or Wordings(self._limits.wording_places_max) if self._plan.wording else None
        self._wordings = groups

    def _windows(self, rule_set: RuleSet) -> Sequence[Feature]:
        return Plan(rule_set).at_admit

    def _found(self, chunk: Chunk, views: Views) -> dict[str, np.ndarray]:
        found = {}
        if self._wordings:
            chunk.group(self._wordings)
            found["wording"] = chunk["wording"]
        self._bank.apply(chunk, views, self._observer)
        return found | _features(chunk, self._plan.features_to_screen)


class Screen(Part):
    """The events of some sources: windows of the source, rules and scores of the source stage."""

    _side = "source"

    def __init__(self, rule_set: RuleSet, lists: ListBook, limits: Limits) -> None:
        super().__init__(rule_set, lists, limits)
        self._stage = Stage("source", rule_set, limits, self._observer, self._windows)

    def apply(self, admitted: Packed) -> tuple[Packed, np.ndarray]:
        """Admitted events → what protect needs of them; and bool[n], which of them every shard must see."""
        plan, parts, echoes = self._plan, list[dict[str, np.ndarray]](), [np.zeros(0, bool)]
        hits = list[tuple[int, Hits]]()
        for start, chunk, views in self._chunks(admitted, admitted["status"]):
            _bring(chunk, plan.features_to_screen)
            found = self._stage.run(chunk, views)
            self._stage.scores(chunk, found)
            hits.append((start, found))
            echoes.append(_changing(plan.echoed, chunk, views))
            scored = {name: chunk[name] for name in ("source_score", "source_kinds")}
            parts.append(scored | _features(chunk, plan.features_to_protect) | _words(chunk, plan.words_to_protect))
        names = ("place", "status", "tick", *plan.columns_to_protect, *(["wording"] if plan.wording else []))
        columns = {name: admitted[name] for name in names if name not in admitted.others}
        others = {name: admitted.others[name] for name in names if name in admitted.others}
        others["hits"] = _listed(Hits.joined(hits), admitted.rows)
        return Packed.of(columns | _joined(parts), others), np.concatenate(echoes)

    def taken(self) -> State:
        return self._stage.taken()

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        self._stage.put_back(state)

    def reload(self, rule_set: RuleSet, lists: ListBook) -> None:
        self._stage = self._stage.reloaded(rule_set, self._kept(rule_set))
        self._follow(rule_set, lists)

    def _windows(self, rule_set: RuleSet) -> Sequence[Feature]:
        return Plan(rule_set).at_screen


class Protect(Part):
    """The events of some citizens: windows of the target, rules and scores of the target stage, the verdict."""

    _side = "target"

    def __init__(self, rule_set: RuleSet, lists: ListBook, limits: Limits) -> None:
        super().__init__(rule_set, lists, limits)
        self._stage = Stage("target", rule_set, limits, self._observer, self._windows)
        self._judgement = Judgement(rule_set)

    def apply(self, contacts: Packed, own: np.ndarray) -> tuple[Decisions, list[Addition]]:
        """Screened events, in the order of the stream → decisions, in that order, and entries for lists. Events that
        are only shown to the shard aren't its `own` (bool[n]): what is decided of them here means nothing."""
        hits = _unlisted(contacts.others["hits"])
        judged, additions = Judged(contacts, contacts["status"]), list[Addition]()
        for start, chunk, views in self._chunks(contacts, contacts["status"]):
            _bring(chunk, self._plan.features_to_protect)
            _bring_words(chunk, self._plan.words_to_protect)
            of_target = self._stage.run(chunk, views)
            self._stage.scores(chunk, of_target)
            found = Hits.together(hits.between(start, start + chunk.count), of_target)
            verdict, actions = self._judgement.judged(chunk, found)
            judged.take(start, chunk, verdict, actions, found)
            additions += self._additions(chunk, found, actions, own[start : start + chunk.count])
        return judged.decisions(self.rule_set, self._lists), additions

    def taken(self) -> State:
        return self._stage.taken()

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        self._stage.put_back(state)

    def reload(self, rule_set: RuleSet, lists: ListBook) -> None:
        self._stage = self._stage.reloaded(rule_set, self._kept(rule_set))
        self._judgement = Judgement(rule_set)
        self._follow(rule_set, lists)

    def _windows(self, rule_set: RuleSet) -> Sequence[Feature]:
        return Plan(rule_set).at_protect

    def _additions(self, chunk: Chunk, found: Hits, actions: np.ndarray, own: np.ndarray) -> list[Addition]:
        """By ticks, since an entry counts from the next one on."""
        additions = list[Addition]()
        for tick in np.unique(chunk["tick"]).tolist() if self._judgement.adds else ():
            chosen = own & (chunk["tick"] == tick)
            additions += self._judgement.additions(chunk, found.where(chosen[found.rows]), actions, tick)
        return additions


# What a window's values travel as; nothing is lost of them.
_TRAVELS_AS = {
    "ratio": np.float64,
    "sum": np.int64,
    "since_last": np.int64,
    "since_first": np.int64,
    "sequence": np.int8,
}


def _features(chunk: Chunk, features: Sequence[Feature]) -> dict[str, np.ndarray]:
    """Of one type each, also where there was nothing to count: nobody reads those zeros."""
    return {
        _FEATURE + feature.name: chunk.feature(feature.name).astype(
            _TRAVELS_AS.get(feature.window, np.int32), copy=False
        )
        for feature in features
    }


def _words(chunk: Chunk, names: Sequence[str]) -> dict[str, np.ndarray]:
    return {_WORDS + name: chunk.spread(*chunk.words(name)) for name in names}


def _bring(chunk: Chunk, features: Sequence[Feature]) -> None:
    """Features that came along with the events."""
    for feature in features:
        column = chunk[_FEATURE + feature.name]
        chunk.features[feature.name] = column if feature.window == "ratio" else column.astype(np.int64, copy=False)


def _bring_words(chunk: Chunk, names: Sequence[str]) -> None:
    for name in names:
        chunk.bring_words(name, chunk[_WORDS + name])


def _changing(features: Sequence[Feature], chunk: Chunk, views: Views) -> np.ndarray:
    """bool[count]: events that change any of some features."""
    found = np.zeros(chunk.count, bool)
    for feature in features:
        for step in feature.changed_by:
            for view in (views[kind] for kind in step.kinds):
                if view is not None:
                    found[view.rows] |= True if step.where is None else step.where(view)
    return found & chunk.ok


def _joined(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Columns of chunks as columns of the batch."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _listed(hits: Hits, rows: int) -> pa.Array:
    """list<int32>[rows]: the rules that hit each row."""
    return pa.ListArray.from_arrays(pa.array(hits.offsets(rows)), pa.array(hits.rules))


def _unlisted(column: pa.ListArray) -> Hits:
    """The hits of a batch."""
    rows = np.repeat(np.arange(len(column)), np.diff(column.offsets.to_numpy()))
    return Hits(rows.astype(np.int32), column.flatten().to_numpy())
