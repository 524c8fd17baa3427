"""Programs against numpy: a condition means the same lowered as evaluated by itself.

Enters: conditions with every operation, random events. Leaves: masks, hits, compared values. Invariant: equal row by
row, over blocks' edges, whatever else the program computes.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor import found as finding
from interceptor.batch import Batch
from interceptor.chunk import Chunk, KindView
from interceptor.evaluation import Programs
from interceptor.found import BLOCK, Found
from interceptor.hits import Hits
from interceptor.instructions import Assembler, Op, Program
from interceptor.listbook import ListBook
from interceptor.lowering import Lowering, asked
from interceptor.patterns import PatternDatabase
from interceptor.reading import Readers
from interceptor.rules.conditions import Scope, compile_condition
from interceptor.rules.expressions import Expression, all_of, before, reads, sampled
from interceptor.rules.model import ItemDef, ListDef
from interceptor.rules.names import STAGE_SYMBOLS, Read, Symbol, Type, event_symbols
from interceptor.schema import Kind
from tests.streams import Alphabet, frame, seeded

WATCHED = ListDef(list="watched", match="exact", of="number", items=[ItemDef(value="8613905541234")])
BEGUN = ListDef(list="begun", match="prefix", of="number", items=[ItemDef(value="86139"), ItemDef(value="170")])
WINDOWS = {
    "calls": Symbol("calls", Type.NUMBER, Read("feature", "calls")),
    "share": Symbol("share", Type.NUMBER, Read("feature", "share", is_real=True)),
    "spent": Symbol("spent", Type.MONEY, Read("feature", "spent", per=100.0)),
    "chased": Symbol("chased", Type.YES_NO, Read("feature", "chased", sign=True)),
}
SCOPE = Scope(
    event_symbols(Kind.CALL) | STAGE_SYMBOLS | WINDOWS,
    {"fresh": "tenure <= 30d"},
    {"watched": "exact", "begun": "prefix"},
    lambda name: frozenset({("column", name)}),
    lambda _: "",
)
CONDITIONS = (
    "known", "not known and registered", "known or roamer or forwarding", "true", "false or known",
    "tenure < 30d", "tenure <= 30d", "tenure > 30d", "30d >= tenure", "tenure == 400d", "tenure != 400d",
    'trunk == "international"', 'line_kind != "mobile"', "display != 0 and display != source", "imei == imsi",
    "cell == 0", "hour < 8 or hour >= 22", "calls >= 3", "calls + 1 > 3", "calls * 2 - 1 == 5", "-calls < -2",
    "share >= 0.5", "share == calls", "calls / 2 > 1.5", "calls / (calls - 3) > 1", "spent >= 12.5", "spent / 2 < 3",
    "min(calls, 2) == 2", "max(share, 0.25, calls) <= 1", "min(spent, spent / 2) >= 1", "known + registered >= 1",
    "chased", "not chased and fresh", "source_score > 0.5 and source_kinds >= 2", "calls < share * 4",
    "3d <= tenure < 31d", "calls > 18446744073709551615", "calls != 9223372036854775808",
    "caller in watched", "caller not in begun or callee in begun", "1 < 2", "2.5 > calls", "idle - tenure < 3d",
)  # fmt: skip


def compiled(text: str) -> Expression:
    return compile_condition(text, SCOPE)


def view_of(seed: int, count: int) -> KindView:
    """Calls with windows and scores that were made up."""
    events = [one for one in seeded(seed, 8 * count, Alphabet()) if one["kind"] == Kind.CALL][:count]
    others = [one for one in seeded(seed, 8 * count, Alphabet()) if one["kind"] != Kind.CALL][: count // 2]
    mixed = sorted([*events, *others], key=lambda one: int(one["ts_ms"]) % 1009)  # in no order of kinds
    batch, draw = Batch(frame(mixed)), np.random.default_rng(seed)
    chunk = Chunk(batch, 0, len(mixed), np.zeros(len(mixed), np.uint8), Readers(PatternDatabase([]), 0))
    chunk.features["calls"] = draw.integers(0, 6, len(mixed))
    chunk.features["share"] = draw.integers(0, 5, len(mixed)) / 4
    chunk.features["spent"] = draw.integers(0, 3_000, len(mixed))
    chunk.features["chased"] = draw.integers(0, 2, len(mixed)).astype(np.int32)
    chunk["source_score"] = draw.integers(0, 4, len(mixed)) / 2
    chunk["source_kinds"] = draw.integers(0, 4, len(mixed)).astype(np.uint8)
    return KindView(chunk, Kind.CALL, ListBook([WATCHED, BEGUN]), asked([], []))


def masks_of(conditions: list[Expression], view: KindView) -> np.ndarray:
    assembler = Assembler()
    for number, condition in enumerate(conditions):
        assembler.mask(Lowering(assembler).steps(condition), number)
    program, masks = assembler.program(), np.zeros((len(conditions), view.chunk.count), np.uint8)
    Programs([program]).run([(0, view)], masks, Found())
    return masks.view(bool)


@pytest.mark.parametrize("text", CONDITIONS)
def test_a_condition_by_itself(text: str) -> None:
    view = view_of(3, 2 * BLOCK + 7)
    condition = compiled(text)
    found = masks_of([condition], view)[0]
    expected = np.zeros(view.chunk.count, bool)
    expected[view.rows] = condition(view)
    assert found.tolist() == expected.tolist()


@given(st.lists(st.sampled_from(CONDITIONS), min_size=1, max_size=12), st.integers(0, 9), st.sampled_from([1, 5, 300]))
def test_conditions_together(texts: list[str], seed: int, count: int) -> None:
    """Registers are given out anew while others are still needed."""
    view = view_of(seed, count)
    conditions = [compiled(text) for text in texts]
    conditions.append(all_of([compiled(text) for text in dict.fromkeys(texts)]))
    for found, condition in zip(masks_of(conditions, view), conditions, strict=True):
        assert found[view.rows].tolist() == np.broadcast_to(condition(view), view.count).tolist()


def test_what_has_no_instruction_is_left_to_numpy() -> None:
    view = view_of(1, 400)
    middle = int(np.median(view.column("ts_ms")))
    for condition in (
        sampled("source", 40.0, 7),
        before(middle),
        all_of([sampled("target", 50.0, 1), compiled("known")]),
    ):
        found = masks_of([condition], view)[0][view.rows]
        assert found.tolist() == condition(view).tolist()
        assert 0 < found.sum() < len(found)


def test_equal_parts_are_computed_once() -> None:
    assembler = Assembler()
    lowering = Lowering(assembler)
    first = lowering.value(compiled("fresh and known"))
    assert lowering.value(compiled("tenure <= 30d and known")) == first
    assert lowering.value(compiled("fresh")) != first
    assembler.mask([first], 0)
    code = assembler.program().code[:, 0].tolist()
    assert code.count(Op.WORD_UP_TO_IT) == code.count(Op.AND) == 1


def test_what_only_one_rule_needs_is_jumped_over() -> None:
    """Parts that others share, too, are worked out before."""
    assembler = Assembler()
    for rule, text in enumerate(("calls >= 99 and hour < 8 and not known and cell == 0", "not known and share > 2")):
        assembler.hit(Lowering(assembler).steps(compiled(text)), rule, [])
    code = assembler.program().code
    ops, skip = code[:, 0].tolist(), code[code[:, 0] == Op.SKIP][0]
    first, last = ops.index(Op.SKIP), ops.index(Op.SKIP) + int(skip[3])
    assert first < ops.index(Op.HOUR) <= last
    assert ops.index(Op.NOT) < first
    assert ops[last] == Op.HIT


def test_hits_with_what_was_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than there was room for."""
    monkeypatch.setattr(finding, "ROOM_MIN", 1_000)
    view = view_of(5, 6 * BLOCK + 1)
    conditions = [compiled(text) for text in ("calls >= 0 and share >= 0", "tenure >= 0d or known", "known")]
    assembler = Assembler()
    for rule, condition in zip((1, 4, 6), conditions, strict=True):
        names = reads(condition)
        compared = [Lowering(assembler).term(names[term]) for term in condition.terms]
        assembler.hit(Lowering(assembler).steps(condition), rule, compared)
    program, found = assembler.program(), Found()
    Programs([program]).run([(0, view)], np.zeros((1, 1), np.uint8), found)
    assert found.kinds == 1
    hits = Hits.of(found, view.chunk.count)
    known = view.column("known").tolist()
    expected = [
        (row, rule) for row, is_known in zip(view.rows, known, strict=True) for rule in (1, 4, *([6] * is_known))
    ]
    assert list(zip(hits.rows.tolist(), hits.rules.tolist(), strict=True)) == expected
    assert len(hits) > 2_000
    (values,) = hits.compared
    for row, rule in zip(hits.rows[:500].tolist(), hits.rules, strict=False):
        at = int(np.searchsorted(view.rows, row))
        if rule == 1:
            assert values.of(row, 1) == [view.feature("calls")[at], view.feature("share")[at]]
        if rule == 4:
            assert values.of(row, 4) == [compiled("tenure > 0d").parts[0](view)[at]]
    assert values.of(int(hits.rows[0]), 6) == []
    assert values.of(int(hits.rows[0]), 5) is None


def test_several_programs_without_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program has found stays as it is while the next one waits for room."""
    monkeypatch.setattr(finding, "ROOM_MIN", 3 * BLOCK)
    view, programs = view_of(5, 2 * BLOCK - 9), list[Program]()
    for rule, text in enumerate(("calls >= 0 and share >= 0", "tenure >= 0d", "spent >= 5 and calls >= 0")):
        assembler, condition = Assembler(), compiled(text)
        compared = [Lowering(assembler).term(reads(condition)[term]) for term in condition.terms]
        assembler.hit(Lowering(assembler).steps(condition), rule, compared)
        programs.append(assembler.program())
    together, found = Found(), [Found() for _ in programs]
    some = Programs(programs)
    some.run([(number, view) for number in range(3)], np.zeros((1, 1), np.uint8), together)
    for number, one in enumerate(found):
        some.run([(number, view)], np.zeros((1, 1), np.uint8), one)
    assert together.kinds == 3
    assert together.hits == sum(one.hits for one in found) > 3 * BLOCK
    for mine, (alone,) in zip(together.compared, (one.compared for one in found), strict=True):
        assert mine.rows.tolist() == alone.rows.tolist()
        assert mine.values.tolist() == alone.values.tolist()
