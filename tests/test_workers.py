"""Workers as processes on Kafka and Redis: killed, joined, told of rules and lists; nothing is lost.

Enters: a city's events. Leaves: for a failure, the end of the workers' logs. Invariant: what the ledger has is what one
engine says of the same events.

The long version of the first test, with real servers that are killed as well, is `python -m benchmarks.faults`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchmarks import rig
from benchmarks.rig import Stream, Worker
from interceptor.machine.processes import free_port
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.schema import Verdict
from interceptor.transport.edge.raw_topics import make_raw_topic
from interceptor.transport.making import create_topics
from interceptor.transport.published import Published
from interceptor.transport.settings import Settings
from tests.brokers import new_settings

pytestmark = pytest.mark.xdist_group("cluster")

IDLE_S = 60.0
RULES = """\
schema: 1
lists:
  - list: bad_lines
    match: exact
    of: number
rules:
  - rule: bad-line
    title: A line that was put on the list
    on: call
    condition: caller in bad_lines
    actions: [hard_block]
    reason: The line is on the list.
    remedy: Ask for it to be taken off.
    tests:
      - name: on the list
        lists: {bad_lines: ["+8613905540001"]}
        events: [{on: call, caller: "+8613905540001"}]
        expect: {hits: 1}
"""


@pytest.fixture(scope="module")
def frames() -> list[pa.RecordBatch]:
    return rig.city_frames(30_000, seed=3, rows=500, people=5_000)


@pytest.fixture(scope="module")
def shipped() -> RuleSet:
    return load(default_rules_dir()).with_static_lists()


@pytest.fixture
def settings(kafka_address: str, redis_address: str, tmp_path: Path) -> Settings:
    found = new_settings(kafka_address, redis_address)
    return found.model_copy(update={"snapshots": str(tmp_path / "snapshots"), "static_lists": True})


def within(seconds: float, holds: Callable[[], bool], what: Callable[[], str]) -> None:
    until_s = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until_s, what()
        time.sleep(0.05)


@pytest.fixture
def started() -> Iterator[list[Worker]]:
    workers: list[Worker] = []
    yield workers
    for worker in workers:
        if worker.running:
            worker.kill()


def lose_two(stream: Stream, started: list[Worker]) -> None:
    """Two workers and the stream begin; each of the two dies in the middle of it, and one joins in between."""
    started += [stream.worker(), stream.worker()]
    for worker in started:
        worker.wait_ready()
    stream.begin()
    within(30, lambda: stream.watched.new > 3_000, lambda: logs_of(started))
    started[0].fail(within_s=3.0)
    started.append(stream.worker())
    within(40, lambda: stream.watched.new > 12_000, lambda: logs_of(started))
    started[1].fail(within_s=3.0)


def test_workers_that_are_killed_and_join_decide_as_one_engine(
    settings: Settings, frames: list[pa.RecordBatch], shipped: RuleSet, tmp_path: Path, started: list[Worker]
) -> None:
    with Stream(tmp_path, settings, frames, rate=1_500) as stream:
        lose_two(stream, started)
        started.append(stream.worker())
        assert stream.wait(IDLE_S), logs_of(started)
        assert not stream.trouble
        assert [worker.stop() for worker in started[2:]] == [0, 0]
        assert rig.verdict_of(stream, rig.expected(shipped, frames)) == {"lost": 0, "extra": 0, "otherwise": 0}
        assert stream.watched.differing == 0


def test_one_worker_has_the_engine_whole_and_others_stand_by(
    kafka_address: str, redis_address: str, frames: list[pa.RecordBatch], shipped: RuleSet, tmp_path: Path,
    started: list[Worker],
) -> None:  # fmt: skip
    found = new_settings(kafka_address, redis_address, partitions=1)
    settings = found.model_copy(update={"snapshots": str(tmp_path / "snapshots"), "static_lists": True})
    with Stream(tmp_path, settings, frames, rate=3_000) as stream:
        lose_two(stream, started)
        assert stream.wait(IDLE_S), logs_of(started)
        assert not stream.trouble
        assert started[2].stop() == 0
        assert rig.verdict_of(stream, rig.expected(shipped, frames)) == {"lost": 0, "extra": 0, "otherwise": 0}
        assert stream.watched.differing == 0


def test_a_topic_of_json_is_read_by_one_worker_and_others_stand_by(
    kafka_address: str, redis_address: str, kafka_is_real: bool, frames: list[pa.RecordBatch], shipped: RuleSet,
    tmp_path: Path, started: list[Worker],
) -> None:  # fmt: skip
    if not kafka_is_real:
        pytest.skip("the mock makes topics of four partitions only")
    settings = from_json(kafka_address, redis_address, tmp_path)
    with Stream(tmp_path, settings, frames, rate=3_000) as stream:
        lose_two(stream, started)
        assert stream.wait(IDLE_S), logs_of(started)
        assert not stream.trouble
        assert started[2].stop() == 0
        assert rig.verdict_of(stream, rig.expected(shipped, frames)) == {"lost": 0, "extra": 0, "otherwise": 0}
        assert stream.watched.differing == 0


def from_json(kafka: str, redis: str, tmp_path: Path) -> Settings:
    found = new_settings(kafka, redis, partitions=1)
    topic = f"{found.app}.gateway"
    make_raw_topic(found, topic)
    more = {"snapshots": str(tmp_path / "snapshots"), "static_lists": True, "from_json": topic}
    return found.model_copy(update=more)


def test_a_topic_without_an_order_is_refused(settings: Settings, kafka_is_real: bool) -> None:
    if not kafka_is_real:
        pytest.skip("the mock makes a topic that is asked for")
    make_raw_topic(settings, f"{settings.app}.gateway")
    alone = settings.model_copy(update={"partitions": 1, "app": f"{settings.app}-alone"})
    several = command(alone, "worker", "--from-json", f"{settings.app}.gateway")
    assert (several.returncode, "has several partitions" in several.stderr) == (78, True)
    unknown = command(alone, "worker", "--from-json", f"{settings.app}.gatewy")
    assert (unknown.returncode, "there is no topic" in unknown.stderr) == (78, True)
    spread = command(settings, "worker", "--from-json", f"{settings.app}.gateway")
    assert (spread.returncode, "--from-json: works where one shard" in spread.stderr) == (78, True)


def logs_of(workers: list[Worker]) -> str:
    return "\n\n".join(worker.log.read_text("utf-8", "replace")[-2_000:] for worker in workers)


def test_rules_and_lists_reach_workers_while_they_run(
    settings: Settings, frames: list[pa.RecordBatch], tmp_path: Path, started: list[Worker]
) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "mine.yaml").write_text(RULES, "utf-8")
    mine = load(rules)
    calls = pa.Table.from_batches(frames[:1]).filter(pc.equal(pa.Table.from_batches(frames[:1])["kind"], 0))
    caller = calls["source"][0].as_py()
    with Stream(tmp_path, settings, frames, rate=800) as stream:
        started.append(stream.worker())
        started[0].wait_ready()
        stream.begin()
        within(30, lambda: stream.watched.new > 1_000, lambda: logs_of(started))
        assert Published(settings).publish(rules) == mine.hash
        within(
            30,
            lambda: mine.hash in stream.rule_sets(),
            lambda: f"{stream.watched.new} {stream.rule_sets()} {logs_of(started)}",
        )
        listed = command(settings, "lists", "add", "bad_lines", f"+{caller}", "--rules", str(rules), "--ttl", "9000d")
        assert listed.returncode == 0, listed.stderr
        assert stream.wait(IDLE_S), logs_of(started)
        assert started[0].stop() == 0
        decided = stream.decided()
    hashes = decided["ruleset"].to_pylist()
    turn = hashes.index(mine.hash)
    assert set(hashes[turn:]) == {mine.hash}  # one turn, at a place of the stream
    blocked = [row for row, verdict in enumerate(decided["verdict"].to_pylist()) if verdict == Verdict.BLOCK]
    whole = pa.Table.from_batches(frames)
    assert {whole["source"][row].as_py() for row in blocked if row >= turn} <= {caller}


def command(settings: Settings, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "INTERCEPTOR_APP": settings.app, "INTERCEPTOR_REDIS": settings.redis}
    environment |= {"INTERCEPTOR_KAFKA": settings.kafka, "INTERCEPTOR_PARTITIONS": str(settings.partitions)}
    return subprocess.run(
        [sys.executable, "-m", "interceptor", *words], env=environment, capture_output=True, text=True, timeout=120
    )


def test_metrics_are_on_loopback_and_name_nobody(
    settings: Settings, frames: list[pa.RecordBatch], tmp_path: Path, started: list[Worker]
) -> None:
    from urllib.request import urlopen

    port = free_port()
    with Stream(tmp_path, settings, frames[:6], rate=None) as stream:
        started.append(Worker(settings, tmp_path, 1, ["--metrics-port", str(port)]))
        started[0].wait_ready()
        stream.begin()
        assert stream.wait(IDLE_S), logs_of(started)
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as page:
            families = {family.name: family for family in text_string_to_metric_families(page.read().decode())}
    decided = sum(one.value for one in families["interceptor_decisions"].samples if one.name.endswith("_total"))
    assert decided == stream.events
    labels = {name for family in families.values() for sample in family.samples for name in sample.labels}
    assert labels <= {"stage", "gate", "verdict", "list", "le"}
    assert "interceptor_lists_stale_seconds" in families


def test_without_a_broker_a_worker_says_so_and_may_be_tried_again(settings: Settings) -> None:
    away = settings.model_copy(update={"kafka": f"127.0.0.1:{free_port()}"})
    found = command(away, "worker")
    assert found.returncode == 75
    assert "no answer" in found.stderr
    assert "Traceback" not in found.stderr


def test_settings_that_cant_be_are_told_by_name() -> None:
    environment = {**os.environ, "INTERCEPTOR_PARTITIONS": "many", "INTERCEPTOR_KAFKA_PASSWORD": "hush"}
    found = subprocess.run(
        [sys.executable, "-m", "interceptor", "worker"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert found.returncode == 78
    assert found.stderr.startswith("INTERCEPTOR_PARTITIONS: ")
    assert "hush" not in found.stderr


def test_a_worker_that_hears_nothing_of_its_broker_gives_up(
    own_broker: rig.Broker, redis_address: str, tmp_path: Path, started: list[Worker]
) -> None:
    settings = Settings(app="alone", kafka=own_broker.address, redis=redis_address, snapshots=str(tmp_path / "states"))
    create_topics(settings)
    os.environ["INTERCEPTOR_STUCK_S"] = "8"
    try:
        started.append(Worker(settings, tmp_path, 1))
    finally:
        del os.environ["INTERCEPTOR_STUCK_S"]
    started[0].wait_ready()
    own_broker.kill()
    assert started[0].process.wait(60) == 75
    assert "gives up (exit code 75)" in started[0].log.read_text("utf-8")


@pytest.mark.parametrize("after_s", [2.0, 4.0, 6.0])
def test_a_worker_of_json_stops_whenever_it_is_asked(
    kafka_address: str, redis_address: str, kafka_is_real: bool, tmp_path: Path, after_s: float
) -> None:
    if not kafka_is_real:
        pytest.skip("the mock makes topics of four partitions only")
    worker = Worker(from_json(kafka_address, redis_address, tmp_path), tmp_path, 1)
    time.sleep(after_s)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) in (0, -signal.SIGTERM)  # before Python is there to listen, it is the signal's way


@pytest.mark.parametrize("after_s", [1.0, 2.0, 3.0, 4.0])
def test_a_worker_asked_to_stop_while_it_starts_stops(settings: Settings, tmp_path: Path, after_s: float) -> None:
    """Also between its coming into the group and its first partitions, where it once hung."""
    worker = Worker(settings, tmp_path, 1)
    time.sleep(after_s)
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) in (0, -signal.SIGTERM)  # before Python is there to listen, it is the signal's way
