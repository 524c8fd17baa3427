"""The job that all peers do: its conditions, keywords, blocklist and events, and what comes out of it, plainly.

Enters: how many events, a seed. Leaves: Work with its files; how many events hit each rule. Invariants: the same
numbers give the same files; the events are the mixed stream of `benchmarks.streams`; `reference` is written for
reading, from the meaning of the rules, and shares nothing with a peer but, for those that fold texts, how that is done.
"""

from __future__ import annotations

import json
import operator
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks import streams
from benchmarks.peers.peer import (
    BLOCKLIST,
    FRAME,
    KEYWORD,
    LINES,
    LISTED,
    MANY_CALLEES,
    MANY_CALLS,
    Condition,
    JobName,
    Test,
    Value,
    Work,
)
from interceptor.folding import fold_one
from interceptor.rules import default_rules_dir
from interceptor.rules.definitions import read
from interceptor.transport.edge.json_writing import to_json_events

LISTED_ENTRIES, KEYWORDS, PEOPLE_MIN, EVENTS_A_PERSON = 1_000_000, 200, 5_000, 8
LISTED_ONE_IN = 200  # of the stream's sources
MANY_CALLS_FROM, MANY_CALLEES_FROM = 15, 10
PANE_MS, PANES = 300_000, 12  # an hour
WORD = r"[\u4e00-\u9fff]{3,}"  # keywords are words that stay as they are however a text is folded
PIECE_ROWS = 100_000

FOLDED = "folded keyword"  # a keyword is in the text when both are folded; instead of `keyword` for who folds

Hits = dict[str, int]


def _on(name: str, kinds: str, *tests: tuple[str, str, Value]) -> Condition:
    return Condition(name, tuple(kinds.split()), tuple(Test(*test) for test in tests))


CONDITIONS = (
    _on("c01", "call", ("known", "==", False), ("registered", "==", False), ("tenure_days", "<", 30)),
    _on("c02", "call", ("trunk", "==", "international"), ("roamer", "==", False), ("known", "==", False)),
    _on("c03", "call", ("line_kind", "==", "virtual"), ("known", "==", False), ("registered", "==", False)),
    _on("c04", "call", ("trunk", "==", "sip"), ("known", "==", False)),
    _on("c05", "call", ("idle_days", ">", 1), ("known", "==", False)),
    _on("c06", "call", ("forwarding", "==", True), ("known", "==", False), ("tenure_days", "<=", 365)),
    _on("c07", "call call_end", ("tenure_days", "<=", 7), ("line_kind", "==", "mobile")),
    _on("c08", "call_end", ("dur_s", ">=", 600), ("known", "==", False)),
    _on("c09", "call_end", ("dur_s", "<", 10), ("known", "==", False), ("trunk", "!=", "local")),
    _on("c10", "sms", ("known", "==", False), ("registered", "==", False), ("line_kind", "==", "mobile")),
    _on("c11", "sms", ("trunk", "==", "international"), ("registered", "==", False)),
    _on("c12", "sms", ("lac_jump", "==", True)),
    _on("c13", "sms", ("known", "==", False), ("host_age_h", ">", 0), ("host_age_h", "<=", 100_000)),
    _on("c14", "sms", ("tenure_days", "<", 60), ("known", "==", False), ("registered", "==", False)),
    _on("c15", "web", ("apk", "==", True), ("registered", "==", False)),
    _on("c16", "web", ("asks_card", "==", True), ("known", "==", False), ("host_age_h", "<", 8760)),
    _on("c17", "web", ("asks_code", "==", True), ("known", "==", False), ("registered", "==", False)),
    _on("c18", "transfer", ("amount_fen", ">=", 1_000_000), ("known", "==", False), ("corporate", "==", False)),
    _on("c19", "transfer", ("channel", "!=", "third_party"), ("tenure_days", "<=", 90), ("known", "==", False)),
    _on("c20", "transfer", ("amount_fen", ">", 50_000), ("balance_fen", "<", 100_000), ("corporate", "==", False)),
)
ABSENT: dict[str, Value] = {
    "known": False, "registered": False, "tenure_days": 65_535, "idle_days": 0, "trunk": "none", "line_kind": "none",
    "roamer": False, "forwarding": False, "dur_s": 0, "lac_jump": False, "host_age_h": 2**32 - 1, "apk": False,
    "asks_card": False, "asks_code": False, "amount_fen": 0, "balance_fen": 0, "channel": "none", "corporate": False,
}  # fmt: skip


def make(folder: Path, events: int, seed: int, listed: int = LISTED_ENTRIES) -> Work:
    """Writes the job's files into `folder`. Fewer events, where two days of the city don't hold as many."""
    whole = streams.stream("mixed", max(PEOPLE_MIN, events // EVENTS_A_PERSON), events, seed)
    with (folder / LINES).open("wb") as file:
        for start in range(0, whole.num_rows, PIECE_ROWS):
            file.writelines(line + b"\n" for line in to_json_events(whole.slice(start, PIECE_ROWS)))
    with pa.OSFile(str(folder / FRAME), "wb") as file, pa.ipc.new_file(file, whole.schema) as writer:
        writer.write_batch(whole)
    numbers = blocklist(whole.column("source").to_numpy(), listed, seed)
    (folder / BLOCKLIST).write_text("\n".join(map(str, numbers.tolist())), "utf-8")
    return Work(folder, whole.num_rows, CONDITIONS, ABSENT, keywords(seed), MANY_CALLS_FROM, MANY_CALLEES_FROM)


def blocklist(sources: np.ndarray, entries: int, seed: int) -> np.ndarray:
    """uint64[entries]: different numbers, one in LISTED_ONE_IN of the sources (uint64[n]; phone numbers) among them."""
    rng = np.random.default_rng(seed)
    found = np.unique(sources)
    found = found[found < streams.LISTED_FROM + streams.LISTED_RANGE]
    some = rng.permutation(found)[: len(found) // LISTED_ONE_IN]
    others = streams.blocklist(entries, seed)
    others = others[~np.isin(others, found)]
    return rng.permutation(np.concatenate((some, others))[:entries])


def keywords(seed: int) -> tuple[str, ...]:
    """Words of the lexicon that comes with the rules."""
    texts = [text for text in read(default_rules_dir()).texts.values() if text.of == "text"]
    words = {word for text in texts for word in text.patterns if re.fullmatch(WORD, word)}
    return tuple(Random(seed).sample(sorted(words), KEYWORDS))


class Calls:
    """Two windows over the calls of one source: how many, and to how many different targets.

    An event belongs to the pane ts_ms // PANE_MS. The window is the PANES panes up to the later of the newest one that
    this source called in and the event's; the event itself counts."""

    def __init__(self) -> None:
        self.newest, self.held = -1, list[tuple[int, int]]()

    def call(self, pane: int, target: int) -> tuple[int, int]:
        """What both are at this call."""
        self.newest = max(self.newest, pane)
        self.held.append((pane, target))
        self.held = [(at, whom) for at, whom in self.held if at > self.newest - PANES]
        return len(self.held), len({whom for _, whom in self.held})


_HOLDS = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def holds(condition: Condition, event: dict[str, Any]) -> bool:
    return event["kind"] in condition.kinds and all(
        _HOLDS[test.operator](event.get(test.field, ABSENT[test.field]), test.value) for test in condition.tests
    )


def screened(work: Work) -> Iterator[list[str]]:
    """For each event, the names of the rules that it hits."""
    listed, calls = work.listed(), defaultdict[int, Calls](Calls)
    folded = [fold_one(word) for word in work.keywords]

    @cache
    def words_in(text: str) -> list[str]:
        plain = fold_one(text)
        found = [KEYWORD] * any(word in text for word in work.keywords)
        return found + [FOLDED] * any(word in plain for word in folded)

    for line in work.lines():
        event = json.loads(line)
        found = [condition.name for condition in work.conditions if holds(condition, event)]
        found += [LISTED] * (event["source"] in listed)
        found += words_in(event["text"]) if "text" in event else []
        if event["kind"] == "call":
            count, callees = calls[event["source"]].call(event["ts_ms"] // PANE_MS, event["target"])
            found += [MANY_CALLS] * (count >= work.many_calls) + [MANY_CALLEES] * (callees >= work.many_callees)
        yield found


def reference(work: Work, cuts: Collection[int]) -> dict[int, Hits]:
    """How many of the first n events hit each rule, for each n of `cuts`."""
    hits, found = Counter[str](), dict[int, Hits]()
    for number, names in enumerate(screened(work), 1):
        hits.update(names)
        if number in cuts:
            found[number] = dict(hits)
    return found


def expected(hits: Hits, job: JobName, folds: bool) -> Hits:
    """What of the reference's hits a peer of this job should find; `folds`: it folds texts before it looks."""
    if job == "stateless":
        names = {condition.name for condition in CONDITIONS}
        return {name: count for name, count in hits.items() if name in names}
    hits = dict(hits)
    folded = hits.pop(FOLDED, 0)
    if folds and folded:
        hits[KEYWORD] = folded
    return hits
