"""The kernels among the cases, each at each of its points, by pytest-benchmark.

Enters: which cases, how large, which seed, from INTERCEPTOR_BENCH (JSON, as benchmarks.run sets it; without it: all of
them, quick). Leaves: pytest-benchmark's own JSON, with unit, control and other figures in `extra_info`. Invariant:
what is timed is CPU time of the process (--benchmark-timer=time.process_time); preparing isn't timed.

By hand: `.venv/bin/python -m pytest benchmarks --benchmark-timer=time.process_time -k lists`.
"""

from __future__ import annotations

import gc
import json
import os

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benchmarks.case import Case, Point, Setting
from benchmarks.control import control_ns
from benchmarks.registry import CASES
from benchmarks.running import SAYS

ASKED = json.loads(os.environ.get("INTERCEPTOR_BENCH", "{}"))
SETTING = Setting(ASKED.get("size", "quick"), ASKED.get("seed", 1))


def _chosen() -> list[tuple[Case, Point]]:
    wanted = ASKED.get("cases") or [case.name for case in CASES.values() if case.way == "kernel"]
    cases = [CASES[name] for name in wanted]
    return [(case, point) for case in cases if case.points for point in case.points(SETTING)]


@pytest.mark.parametrize(("case", "point"), _chosen(), ids=lambda one: one.name if isinstance(one, Case) else one.id)
def test_case(benchmark: BenchmarkFixture, case: Case, point: Point) -> None:
    assert case.prepare is not None
    work = case.prepare(point, SETTING)
    gc.collect()
    before = control_ns()
    benchmark.pedantic(work.run, rounds=work.rounds, warmup_rounds=work.warm)
    control = (before + control_ns()) / 2
    more = work.more()
    benchmark.extra_info |= {
        "case": case.name, "series": point.series, "x": point.x, "count": work.count, "unit": case.unit,
        "control": control, "more": more,
    }  # fmt: skip
    print(f"\n{SAYS}{case.name} {point.id}", flush=True)
