"""How fast the engine decides and the simulator produces, in one process, with all shipped rules on.

`make bench-smoke` runs each for a moment; for figures: `make bench-smoke ARGS="--benchmark-max-time=10"`. Each result
carries events per second in its extra info. Compare within one run only: machines drift.
"""

from __future__ import annotations

from itertools import islice

import pyarrow as pa
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from interceptor.batch import Batch
from interceptor.engine import Engine
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.schema import Kind
from simulator.city import City
from simulator.events import Pools
from simulator.ordinary import Ordinary
from simulator.population import build
from simulator.scenario import load as load_scenario

PEOPLE = 5_000
SEED = 7
NOON, AFTERNOON = 240, 320  # slices of three minutes: 12:00 and 16:00
FRAME_ROWS = 8_192


@pytest.fixture(scope="module")
def rule_set() -> RuleSet:
    return load(default_rules_dir())


@pytest.fixture(scope="module")
def frames() -> list[pa.RecordBatch]:
    """The events of four hours around noon, ordinary and scam, as frames of FRAME_ROWS."""
    city = City(load_scenario("city_centre"), people=PEOPLE, days=1, seed=SEED)
    slices = [slice_.frame for slice_ in islice(city.slices(), NOON, AFTERNOON)]
    return pa.Table.from_batches(slices).combine_chunks().to_batches(max_chunksize=FRAME_ROWS)


def rate(benchmark: BenchmarkFixture, events: int) -> None:
    if benchmark.stats is not None:
        benchmark.extra_info["events_per_s"] = round(events / benchmark.stats.stats.min)


def test_pass_through(benchmark: BenchmarkFixture, frames: list[pa.RecordBatch]) -> None:
    """q0: decoding the frames and nothing else, to know what the harness itself costs."""
    benchmark(lambda: [Batch.from_arrow(frame) for frame in frames])
    rate(benchmark, sum(frame.num_rows for frame in frames))


@pytest.mark.parametrize("kinds", ["all", "call", "sms", "web", "transfer"])
def test_engine(benchmark: BenchmarkFixture, frames: list[pa.RecordBatch], rule_set: RuleSet, kinds: str) -> None:
    """A fresh engine decides all frames; or only those events that belong to one gate."""
    if kinds != "all":
        wanted = pa.array([int(Kind[kinds.upper()])], pa.uint8())
        table = pa.Table.from_batches(frames)
        mask = pa.compute.is_in(table["kind"], value_set=wanted)
        frames = table.filter(mask).combine_chunks().to_batches(max_chunksize=FRAME_ROWS)

    def decide_all(engine: Engine) -> None:
        for frame in frames:
            engine.decide(frame)

    benchmark.pedantic(decide_all, setup=lambda: ((Engine(rule_set),), {}), rounds=3, warmup_rounds=1)
    rate(benchmark, sum(frame.num_rows for frame in frames))


def test_ordinary_city(benchmark: BenchmarkFixture) -> None:
    """One busy hour of ordinary life."""
    population = build(PEOPLE, SEED)
    ordinary = Ordinary(population, Pools.empty(), SEED)
    rows = benchmark(lambda: ordinary.hour(11))
    rate(benchmark, rows.count)
