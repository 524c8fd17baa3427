"""However a stream is cut into batches, it is decided the same, and as the reference decides it event by event.

Enters: random streams, small rule sets that use everything between them, and the shipped rules. Leaves: for a failure,
the first event that is decided differently. Invariant: statuses, verdicts, actions and hits are equal; scores agree to
nine digits, because the engine may add them up in another order.

`EXAMPLES=500 pytest tests/test_invariance.py` looks for longer.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.rules import default_rules_dir, load
from interceptor.rules.definitions import Definitions, read
from interceptor.schema import Status
from tests.reference import Outcome, Reference
from tests.streams import Alphabet, Event, alphabet_of, cut, outcomes_of, seeded, streams

THOROUGH = "EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("EXAMPLES", "6"))
EVENTS_MAX = 200
RULE_SETS = sorted((Path(__file__).parent / "files" / "rulesets").glob("*.yaml"))
SCORE_TOLERANCE = 1e-9

each_rule_set = pytest.mark.parametrize("path", RULE_SETS, ids=lambda path: path.stem)


def assert_same(events: Sequence[Event], found: Sequence[Outcome], expected: Sequence[Outcome], how: str) -> None:
    """Names the first event on which the two differ."""
    assert len(found) == len(expected), how
    for row, (one, other) in enumerate(zip(found, expected, strict=True)):
        same_scores = all(
            math.isclose(a, b, rel_tol=SCORE_TOLERANCE, abs_tol=SCORE_TOLERANCE)
            for a, b in ((one.score, other.score), (one.target_score, other.target_score))
        )
        same = same_scores and replace(one, score=0.0, target_score=0.0) == replace(other, score=0.0, target_score=0.0)
        assert same, f"{how}, event {row} {events[row]}:\nfound    {one}\nexpected {other}"


@each_rule_set
@settings(max_examples=EXAMPLES)
@given(data=st.data())
def test_random_streams(path: Path, data: st.DataObject) -> None:
    definitions = read(path)
    events = data.draw(streams(alphabet_of(definitions), EVENTS_MAX))
    sizes = data.draw(st.lists(st.integers(1, 40), max_size=20))
    expected = Reference(definitions).decide_all(events)
    rule_set = load(path)
    assert_same(events, outcomes_of(rule_set, [events]), expected, "in one batch")
    assert_same(events, outcomes_of(rule_set, cut(events, sizes)), expected, f"cut at {sizes}")


@each_rule_set
def test_cuts_of_a_long_stream(path: Path) -> None:
    definitions, rule_set = read(path), load(path)
    events = seeded(20210301, 10_000 if THOROUGH or path.stem == "windows" else 3_000, alphabet_of(definitions))
    expected = Reference(definitions).decide_all(events)
    assert_is_telling(definitions, expected)
    for size in (7, 100, 1_000, 10_000):
        assert_same(events, outcomes_of(rule_set, cut_evenly(events, size)), expected, f"batches of {size}")
    few = events if THOROUGH else events[:400]
    assert_same(few, outcomes_of(rule_set, cut_evenly(few, 1)), expected[: len(few)], "one by one")


# A few who do a bit of everything, then lines that turn to one stranger after the other.
MIXED = Alphabet(steps_ms=(0, 1, 1_000, 3_000, 7_000, 20_000), jumps=1)
SWARM = Alphabet(
    targets=tuple(range(8613905541230, 8613905541290)),
    steps_ms=(0, 1, 1_000, 3_000, 7_000),
    known=20,
    registered=10,
    same=250,
    jumps=1,
)


@pytest.mark.parametrize("alphabet", [MIXED, SWARM], ids=["mixed", "swarm"])
@pytest.mark.parametrize("seed", range(5 if THOROUGH else 1))
def test_shipped_rules(alphabet: Alphabet, seed: int) -> None:
    folder = default_rules_dir()
    definitions, rule_set = read(folder), load(folder)
    events = seeded(seed, 1_500, alphabet_of(definitions, alphabet))
    sizes = np.random.default_rng(seed).integers(1, 400, len(events)).tolist()
    expected = Reference(definitions).decide_all(events)
    assert_same(events, outcomes_of(rule_set, [events]), expected, "in one batch")
    assert_same(events, outcomes_of(rule_set, cut(events, sizes)), expected, f"cut at random, seed {seed}")


def assert_is_telling(definitions: Definitions, outcomes: Iterable[Outcome]) -> None:
    """A stream on which a rule never hits proves little of that rule."""
    outcomes = list(outcomes)
    hits = {name for outcome in outcomes for name in outcome.rules}
    assert {name for name, rule in definitions.rules.items() if rule.mode != "off"} == hits
    assert {outcome.status for outcome in outcomes} == set(Status)
    assert len({outcome.verdict for outcome in outcomes}) >= 3
    assert len({outcome.actions for outcome in outcomes}) >= 5


def cut_evenly(events: Sequence[Event], size: int) -> Iterable[Sequence[Event]]:
    return cut(events, [size] * (len(events) // size))
