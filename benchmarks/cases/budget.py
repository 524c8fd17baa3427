"""The budget: ns of CPU an event for each stage of the engine, beside its floor.

Enters: the mixed stream, warm. Leaves: a figure for each stage, with its floor in `more`. Invariants: stages and floors
are of the same events in the same process; the stages add up to what a watched engine takes, and what an engine that
nobody watches takes stands beside them.

Floors: to read the bytes of the columns once; one probe for an event's id, for each look-up in a list that isn't empty,
for each window at each event that changes or reads it (one more where that is a pair), for each score, in tables of the
same keys; Hyperscan's scan of the same folded bytes, told of no match; to read what comes out once.
"""

from __future__ import annotations

import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence

import hyperscan
import numpy as np
import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Figure, Setting
from benchmarks.changing import changing
from benchmarks.control import Timed, cpu_s, timed
from benchmarks.floor import TRIES, Probes, pairs, scan_s, touch_s
from interceptor.batch import Batch, Strings
from interceptor.config import HOUR_MS
from interceptor.engine import Engine
from interceptor.folding import fold, fold_host, fold_hosts, fold_one
from interceptor.lists import host_hash
from interceptor.observer import Observer
from interceptor.patterns import PatternSet
from interceptor.regexes import FLAGS, compiled
from interceptor.reload import events_of
from interceptor.rules.names import event_symbols
from interceptor.rules.ruleset import Feature, RuleSet
from interceptor.schema import COLUMN, Kind

# Stages by the engine's laps, in the order of the engine
STAGE_OF = {
    ("admission", ""): "decode, admission",
    ("list", "ticks"): "enrich",
    ("list", "additions"): "lists",
    ("text", "messages"): "text: fold and scan messages",
    ("text", "hosts"): "text: fold and scan hosts",
    ("text", "wording"): "text: wording",
}
STAGE_OF_SECTION = {
    "feature": "windows", "rule": "rules", "score": "scores", "verdict": "verdict", "list": "lists", "text": "text"
}  # fmt: skip
FOUNDERS, ANCHORS = 400_000, 4
ENCODE, WHOLE, WATCHED = "encode", "whole engine", "whole engine, watched"


Scored = dict[str, np.ndarray]  # side → uint64[n], the keys that have a score
SIDES = ("source", "target")


class Clock(Observer):
    """CPU seconds by stage. Texts are read before the rules, but rules are evaluated together, as without it."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._last_s = time.process_time()

    def lap(self, section: str, name: str) -> None:
        now_s = time.process_time()
        if section != "outside":
            self.seconds[STAGE_OF.get((section, name)) or STAGE_OF_SECTION[section]] += now_s - self._last_s
        self._last_s = now_s


def measure(setting: Setting) -> list[Figure]:
    before, end = world.parted(world.stream(setting), setting)
    frames = world.frames_of_end(end)
    count = sum(frame.num_rows for frame in frames[1:])
    watched, stages = _watched(setting, frames)
    alone, stages[ENCODE], encoded, scored = _alone(setting, before, frames)
    floors = Floors(world.rules(setting), before, frames[1:], scored).all() | {ENCODE: touch_s(_buffers(encoded))}
    order = [*dict.fromkeys([*STAGE_OF.values(), *STAGE_OF_SECTION.values()]), ENCODE]
    rows = [(stage, stages.get(stage, 0.0), floors.get(stage, 0.0)) for stage in order]
    rows = [row for row in rows if row[1] or row[2]]
    floor_s = sum(floor for stage, _, floor in rows if stage != ENCODE)
    rows += [(WHOLE, alone.cpu_s, floor_s), (WATCHED, watched.cpu_s, floor_s)]
    control = (alone.control + watched.control) / 2
    return [
        Figure(stage, None, seconds / count * 1e9, "ns/event", control, {"floor": floor / count * 1e9})
        for stage, seconds, floor in rows
    ]


def _watched(setting: Setting, frames: Sequence[pa.RecordBatch]) -> tuple[Timed, dict[str, float]]:
    """What a warm engine takes for all but the first of these, as a whole and by stage."""
    clock = Clock()
    engine, _ = world.warm(setting, observer=clock)
    clock.wants_parts_apart = True  # only now: engines look at it for rules when they are made, for texts at each chunk
    engine.decide(frames[0])
    clock.seconds.clear()
    with timed() as around:
        for frame in frames[1:]:
            engine.decide(frame)
    return around, dict(clock.seconds)


def _alone(
    setting: Setting, before: pa.RecordBatch, frames: Sequence[pa.RecordBatch]
) -> tuple[Timed, float, list[pa.RecordBatch], Scored]:
    """The same without a clock; then what it takes to write its decisions as Arrow, these, and who has a score."""
    engine, scored = Engine(world.rules(setting)), list[tuple[np.ndarray, np.ndarray]]()
    for frame in [*streams.frames_of(before, world.FRAME_ROWS), frames[0]]:
        decisions = engine.decide(frame)
        keys, scores = [frame.column(side).to_numpy() for side in SIDES], (decisions.score, decisions.target_score)
        scored.append((keys[0][scores[0] > 0], keys[1][scores[1] > 0]))
    with timed() as around:
        decided = [engine.decide(frame) for frame in frames[1:]]
    encoding_s = min(cpu_s(lambda: [one.to_arrow() for one in decided]) for _ in range(TRIES))
    encoded = [one.to_arrow() for one in decided]
    return around, encoding_s, encoded, dict(zip(SIDES, map(np.concatenate, zip(*scored, strict=True)), strict=True))


class Floors:
    """Seconds of CPU for some frames, by stage."""

    def __init__(
        self, rule_set: RuleSet, before: pa.RecordBatch, frames: Sequence[pa.RecordBatch], scored: Scored
    ) -> None:
        self._rules, self._probes, self._scored = rule_set, Probes(), scored
        self._before, self._now = Keys(before), Keys(pa.concat_batches(frames))

    def all(self) -> dict[str, float]:
        now = self._now
        ids, ts_ms = self._before["event_id"], self._before["ts_ms"]
        self._probes.fill("ids", ids[ts_ms > ts_ms[-1] - 2 * HOUR_MS])
        numbers = touch_s([now[name] for name in sorted(self._columns())])
        messages, hosts = now.rows_of([Kind.SMS]), now.rows_of([Kind.SMS, Kind.WEB])
        found = {
            "decode, admission": numbers + self._probes.probe_s("ids", now["event_id"]),
            "lists": self._lists(),
            "text: fold and scan messages": self._texts("text", messages, of_host=False),
            "text: fold and scan hosts": self._texts("host", hosts, of_host=True),
            "text: wording": self._wording(messages),
            "windows": self._windows(),
            "rules": self._reads_of_rules(),
            "verdict": touch_s([np.zeros(len(now["kind"]), np.uint32)]),
        }
        for side, scored in self._scored.items():
            self._probes.fill(side, scored)
            found["scores"] = found.get("scores", 0.0) + self._probes.probe_s(side, now[side])
        return found

    def _columns(self) -> set[str]:
        """Numeric columns that the rule set or the engine itself reads."""
        kept = {name for one in self._rules.features for name in (one.by, one.of, one.value)}
        read = {name for section, name in self._rules.reads if section == "column"}
        always = {"event_id", "ts_ms", "ingest_ts_ms", "kind", "source", "target"}
        return {name for name in kept | read | always if name in COLUMN and name not in ("text", "host")}

    def _lists(self) -> float:
        """One probe for each name that is looked up in a list at a gate, whatever number of rules do it."""
        sizes = {one.list: len(one.items) + sum(map(len, one.sides)) for one in self._rules.lists}
        lookups = {(kind, *pair) for rule in self._rules.rules for kind in rule.kinds for pair in rule.looks_up}
        total = 0.0
        for kind, name, of in sorted(lookups):
            if sizes.get(of):
                symbol = event_symbols(kind).get(name)
                keys = self._now.column(symbol.column if symbol else name, self._now.rows_of([kind]))
                self._probes.fill(of, np.random.default_rng(1).integers(1, 1 << 62, sizes[of]))
                total += self._probes.probe_s(of, keys)
        return total

    def _windows(self) -> float:
        """One probe for each window at each event that changes or reads it, one more where that is a pair."""
        now, before = (changing(self._rules, keys.frame) for keys in (self._now, self._before))
        total = 0.0
        for feature in self._rules.features:
            changed, reading = now[feature.name], self._now.rows_of(feature.readers)
            reading = reading[:0] if feature.window == "sequence" else reading
            table = events_of(feature)  # features that agree in this have the same keys
            self._probes.fill(table, self._before.column(feature.by, before[feature.name]))
            both = [(feature.by, np.union1d(changed, reading))]
            if feature.of not in ("", feature.by):
                both = [(feature.by, changed), (feature.of, reading)]
            total += sum(self._probes.probe_s(table, self._now.column(name, rows)) for name, rows in both)
            if feature.window == "distinct":
                self._probes.fill(feature.name, self._before.pairs(feature, before[feature.name]))
                total += self._probes.probe_s(feature.name, self._now.pairs(feature, changed))
        return total

    def _reads_of_rules(self) -> float:
        """What rules compare of windows and words: eight bytes of each at each event of the rules' kinds."""
        read = {(kind, *use) for rule in self._rules.rules for kind in rule.kinds for use in rule.condition.uses}
        counts = Counter(kind for kind, section, _ in read if section in ("feature", "text"))
        columns = [
            np.zeros(len(self._now.rows_of([kind])), np.int64) for kind, many in counts.items() for _ in range(many)
        ]
        return touch_s(columns)

    def _wording(self, rows: np.ndarray) -> float:
        """To read the folded messages once, and four probes of each in 64 MB, where the founders are."""
        rng = np.random.default_rng(1)
        anchors = rng.integers(1, 1 << 62, (FOUNDERS, ANCHORS))
        self._probes.fill("founders", anchors)
        chosen = anchors[rng.integers(0, FOUNDERS, len(rows))].reshape(-1)
        folded = fold(self._now.strings("text"), rows.astype(np.int32))
        return touch_s([folded.codes]) + self._probes.probe_s("founders", chosen)

    def _texts(self, name: str, rows: np.ndarray, *, of_host: bool) -> float:
        """To read the bytes once, and to scan them folded."""
        strings = self._now.strings(name)
        folded = (fold_hosts if of_host else fold)(strings, rows.astype(np.int32))
        database = _database([one for one in self._rules.words.sets if one.of_host == of_host])
        return touch_s([strings.data]) + scan_s(database, folded.utf8(np.arange(len(folded))).data)


class Keys:
    """Columns of many events, hosts as hashes."""

    def __init__(self, frame: pa.RecordBatch) -> None:
        self.frame, self._batch = frame, Batch(frame)
        self._found: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._batch[name]

    def strings(self, name: str) -> Strings:
        return self._batch.strings(name)

    def rows_of(self, kinds: Sequence[Kind] | frozenset[Kind]) -> np.ndarray:
        return np.flatnonzero(np.isin(self["kind"], list(kinds)))

    def column(self, name: str, rows: np.ndarray) -> np.ndarray:
        """uint64[rows]: the values of a key. One that the engine derives itself stands as the source."""
        if name in ("host", "link"):
            return host_hash(self._batch.strings("host"), rows.astype(np.int32))
        return self[name if name in COLUMN else "source"][rows].astype(np.uint64)

    def pairs(self, feature: Feature, rows: np.ndarray) -> np.ndarray:
        return pairs(self.column(feature.by, rows), self.column(feature.value, rows))


def _database(sets: Sequence[PatternSet]) -> hyperscan.Database | None:
    """Words and expressions of these sets, all of them for Hyperscan."""
    found: dict[tuple[bytes, int], int] = {}
    for number, one in enumerate(sets):
        folded = [(fold_host if one.of_host else fold_one)(literal) for literal in one.literals]
        for text in [re.escape(literal) for literal in folded] + list(one.regexes):
            found[text.encode(), number] = FLAGS
    return compiled(found)


def _buffers(batches: Sequence[pa.RecordBatch]) -> list[np.ndarray]:
    found = [buffer for batch in batches for column in batch.columns for buffer in column.buffers() if buffer]
    return [np.frombuffer(buffer, np.uint8) for buffer in found if buffer.size]


CASES = [
    Case("budget", "each stage of the warm engine on the mixed stream, beside its floor", "ns/event", measure=measure)
]
