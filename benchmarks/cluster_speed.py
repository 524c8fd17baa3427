"""How fast a cluster is on this machine, beside Faust as it is usually written: `python -m benchmarks.cluster_speed`.

Enters: how many events. Leaves: events a second of the plain agent, of workers on frames, through the bridge and on
JSON itself, on the same broker in the same run; latency at half of the highest rate; what Redis away or slow costs.
Invariant: figures are of whole streams, from the first event sent to the last decision read, or say what else they are;
every event's decision has arrived.

Latency is from the moment at which an event was due to be sent, so a feed that is held up doesn't hide it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Thread
from typing import Annotated, Any

import numpy as np
import pyarrow as pa
import typer
from confluent_kafka import TopicPartition
from confluent_kafka.cimpl import NewTopic

from benchmarks import rig as rigs
from benchmarks.rig import Rig, Worker
from interceptor.machine.processes import Process
from interceptor.transport import clients
from interceptor.transport.edge.json_writing import to_json_events
from interceptor.transport.edge.sending import send_frames
from interceptor.transport.making import admin_client
from interceptor.transport.settings import Settings
from interceptor.transport.topics import DECISIONS
from interceptor.transport.wire import decode

SILENT_S = 60.0
PLAIN_TIMES, BRIDGE_TIMES, REDIS_SHARE = 20, 5, 0.8


@dataclass(slots=True)
class Speed:
    """Of one way. Events a second of wall time; CPU in microseconds an event, of workers (and bridge), and of the
    broker apart."""

    way: str
    events: int
    per_s: float
    cpu_us: float
    broker_us: float


class Arrivals:
    """Decisions as they arrive: by place, and when."""

    def __init__(self, settings: Settings, topic: str, partitions: int) -> None:
        self._reader = clients.consumer(settings, "speed")
        self._reader.assign([TopicPartition(topic, one, 0) for one in range(partitions)])

    def messages(self, enough: Callable[[], bool]) -> Iterator[tuple[bytes, float]]:
        """Values, each with the time at which it was read, until there are enough."""
        heard_s = time.monotonic()
        while not enough():
            for message in self._reader.consume(500, 0.1):
                if not message.error():
                    heard_s = time.monotonic()
                    yield message.value() or b"", heard_s
            if time.monotonic() - heard_s > SILENT_S:
                raise RuntimeError(f"nothing came for {SILENT_S:.0f} s")

    def decided(self, events: int) -> tuple[np.ndarray, np.ndarray]:
        """Places uint64[events] and times float64[events] of the first decision of each event."""
        places: list[np.ndarray] = []
        times: list[np.ndarray] = []
        self._count = 0
        for value, now_s in self.messages(lambda: self._count >= events):
            place = decode(value).column("place").to_numpy()
            places.append(place)
            times.append(np.full(len(place), now_s))
            self._count += len(place)
        place, at = np.unique(np.concatenate(places), return_index=True)
        return place, np.concatenate(times)[at]


Used = Sequence[subprocess.Popen[bytes] | Process]


def cpu_s(processes: Used) -> float:
    """Seconds of CPU that some processes have used so far."""
    ticks = os.sysconf("SC_CLK_TCK")
    fields = [Path(f"/proc/{one.pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split() for one in processes]
    return sum(int(field[11]) + int(field[12]) for field in fields) / ticks


@contextmanager
def workers(rig: Rig, settings: Settings, count: int) -> Iterator[list[Worker]]:
    started = [Worker(settings, rig.folder, number) for number in range(count)]
    try:
        for worker in started:
            worker.wait_ready()
        time.sleep(5.0)  # until the last one's coming has been dealt with
        yield started
    finally:
        for worker in started:
            worker.stop()


class Meter:
    """Wall time, and CPU of the broker and of some processes, from now on."""

    def __init__(self, rig: Rig, processes: Used) -> None:
        self._processes: Used = processes
        self._broker: Used = [rig.broker.process] if rig.broker.process else []
        self._before_s, self._broker_before_s = cpu_s(processes), cpu_s(self._broker)
        self.began_s = time.monotonic()

    def speed(self, way: str, events: int, ended_s: float) -> Speed:
        used_s, broker_s = cpu_s(self._processes) - self._before_s, cpu_s(self._broker) - self._broker_before_s
        return Speed(way, events, events / (ended_s - self.began_s), used_s / events * 1e6, broker_s / events * 1e6)


def on_frames(
    rig: Rig, frames: list[pa.RecordBatch], way: str, harm: Callable[[], None] | None = None, partitions: int = 8
) -> Speed:
    """Workers as fast as they can: two, or the one that decides where there is one partition."""
    settings = rig.settings(partitions, snapshots="redis")
    events = sum(frame.num_rows for frame in frames)
    with workers(rig, settings, min(2, partitions)) as started:
        _warm(settings, frames)
        arrivals = Arrivals(settings, settings.topic(DECISIONS), settings.partitions)
        if harm:
            harm()
        meter = Meter(rig, [one.process for one in started])
        feed = Thread(target=send_frames, args=(settings, frames), kwargs={"frame_rows": frames[0].num_rows})
        feed.start()
        _, times = arrivals.decided(events + frames[0].num_rows)
        feed.join()
        return meter.speed(way, events, times.max())


def _warm(settings: Settings, frames: list[pa.RecordBatch]) -> None:
    """A first frame, and until it is decided."""
    send_frames(settings, frames[:1], frame_rows=frames[0].num_rows)
    Arrivals(settings, settings.topic(DECISIONS), settings.partitions).decided(frames[0].num_rows)


def from_json(rig: Rig, frames: list[pa.RecordBatch], way: str) -> Speed:
    """One JSON event a message, in a topic of one partition that one worker reads itself; all is there before it
    begins. From its first decisions to its last, start-up left out."""
    settings = rig.json_settings(snapshots="redis")
    lines = [line for frame in frames for line in to_json_events(frame)]
    _send_lines(settings, settings.from_json, lines)
    worker = Worker(settings, rig.folder, 0)
    try:
        arrivals = Arrivals(settings, settings.topic(DECISIONS), 1)
        early, _ = arrivals.decided(1)
        meter = Meter(rig, [worker.process])
        _, times = arrivals.decided(len(lines) - len(early))
        return meter.speed(way, len(times), times.max())
    finally:
        worker.stop()


def over_the_bridge(rig: Rig, frames: list[pa.RecordBatch]) -> Speed:
    """One JSON event a message, through a bridge and two workers."""
    settings = rig.settings()
    lines = [line for frame in frames for line in to_json_events(frame)]
    raw = f"{settings.app}.raw"
    _make(settings, raw, 4)
    with workers(rig, settings, 2) as started:
        _warm(settings, frames)
        environment = {**os.environ, "INTERCEPTOR_APP": settings.app, "INTERCEPTOR_KAFKA": settings.kafka}
        bridge = subprocess.Popen(
            [sys.executable, "-m", "interceptor", "bridge", "--from", raw], env=environment, stderr=subprocess.DEVNULL
        )
        try:
            arrivals = Arrivals(settings, settings.topic(DECISIONS), settings.partitions)
            time.sleep(6.0)  # until it has its partitions
            meter = Meter(rig, [bridge, *(one.process for one in started)])
            feed = Thread(target=_send_lines, args=(settings, raw, lines))
            feed.start()
            _, times = arrivals.decided(len(lines) + frames[0].num_rows)
            feed.join()
            return meter.speed("bridge", len(lines), times.max())
        finally:
            bridge.terminate()
            bridge.wait()


def plain_faust(rig: Rig, frames: list[pa.RecordBatch], events: int) -> Speed:
    """The usual way; from its first decision to its last, start-up left out."""
    settings = rig.settings()
    for name in ("json-in", "json-out"):
        _make(settings, settings.topic(name), 1)
    rows = pa.Table.from_batches(frames).slice(0, events).to_pylist()
    _send_lines(settings, settings.topic("json-in"), [json.dumps(row).encode() for row in rows])
    environment = {**os.environ, "INTERCEPTOR_APP": settings.app, "INTERCEPTOR_KAFKA": settings.kafka}
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.peers.plain_faust"], env=environment)
    try:
        times: list[float] = []
        for _, now_s in Arrivals(settings, settings.topic("json-out"), 1).messages(lambda: len(times) >= events):
            if not times:
                meter = Meter(rig, [process])
            times.append(now_s)
        return meter.speed("plain Faust agent", events, times[-1])
    finally:
        process.terminate()
        process.wait()


def latency(rig: Rig, frames: list[pa.RecordBatch], rate: float, partitions: int = 8) -> dict[str, float]:
    """Milliseconds from when an event was due until its decision was read, at a rate."""
    settings = rig.settings(partitions)
    whole = pa.concat_batches(frames)
    with workers(rig, settings, min(2, partitions)):
        _warm(settings, frames)
        arrivals = Arrivals(settings, settings.topic(DECISIONS), settings.partitions)
        began_s = time.monotonic()
        feed = Thread(target=send_frames, args=(settings, [whole]), kwargs={"rate": rate, "frame_rows": 8_192})
        feed.start()
        _, times = arrivals.decided(whole.num_rows + frames[0].num_rows)
        feed.join()
    late_ms = (times[frames[0].num_rows :] - began_s - np.arange(whole.num_rows) / rate) * 1e3
    late_ms = late_ms[len(late_ms) // 10 :]  # the first tenth is still getting going
    names = {"p50": 50, "p90": 90, "p99": 99, "max": 100}
    return {"rate": rate} | {name: float(np.percentile(late_ms, share)) for name, share in names.items()}


def _make(settings: Settings, topic: str, partitions: int) -> None:
    admin = admin_client(settings)  # held: without it nobody would wait for the answer
    for made in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        made.result(30)


def _send_lines(settings: Settings, topic: str, lines: Sequence[bytes]) -> None:
    producer = clients.producer(settings, "lines")
    for line in lines:
        while True:
            try:
                producer.produce(topic, line)
                break
            except BufferError:
                producer.poll(0.05)
    producer.flush(60)


def main(
    events: Annotated[int, typer.Option(help="For workers on frames.")] = 1_000_000,
    frame_rows: Annotated[int, typer.Option(help="Events of a frame.")] = 32_768,
    bridged: Annotated[int, typer.Option(help="Events through the bridge.")] = 200_000,
    plain: Annotated[int, typer.Option(help="Events for the plain agent.")] = 6_000,
    seed: Annotated[int, typer.Option()] = 1,
    partitions: Annotated[int, typer.Option(help="1 = the engine whole: frames, JSON and latencies only.")] = 8,
    shares: Annotated[str, typer.Option(help="Of the highest rate, for latencies of the whole engine.")] = "0.1,0.5",
    rules: Annotated[Path | None, typer.Option(help="A folder, instead of all the rules that are shipped.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Measure a cluster on this machine."""
    if rules:
        os.environ["INTERCEPTOR_RULES"] = str(rules)  # of the workers
    frames = rigs.city_frames(events, seed, frame_rows)
    few = frames[: -(-bridged // frame_rows)]
    with rigs.folder() as folder, Rig(Path(folder)) as rig:
        if partitions == 1:
            _whole(rig, frames, [float(share) for share in shares.split(",")], as_json)
            return
        speeds = [plain_faust(rig, frames, plain), on_frames(rig, frames, "frames")]
        speeds.append(over_the_bridge(rig, few))
        speeds.append(plain_faust(rig, frames, plain))  # again: machines drift
        speeds.append(on_frames(rig, frames, "frames, Redis killed", rig.redis.kill))
        rig.redis.start()
        speeds.append(on_frames(rig, frames, "frames, Redis paused", rig.redis.pause))
        rig.redis.resume()
        speeds.append(on_frames(rig, frames, "frames again"))
        late = [latency(rig, few, speeds[1].per_s / 2)]
    result: dict[str, Any] = {"seed": seed, "speeds": [asdict(one) for one in speeds], "latency_ms": late}
    result["ratios"] = _ratios({one.way: one for one in speeds}, speeds)
    print(json.dumps(result, indent=1)) if as_json else _show(speeds, late, result["ratios"])


def _whole(rig: Rig, frames: list[pa.RecordBatch], shares: Sequence[float], as_json: bool) -> None:
    """Where one shard holds the engine in one piece."""
    speeds = [on_frames(rig, frames, "whole", partitions=1), from_json(rig, frames, "whole, JSON itself")]
    late = [latency(rig, frames, speeds[0].per_s * share, partitions=1) for share in shares]
    speeds += [from_json(rig, frames, "JSON itself again"), on_frames(rig, frames, "whole again", partitions=1)]
    if as_json:
        print(json.dumps({"speeds": [asdict(one) for one in speeds], "latency_ms": late}, indent=1))
    else:
        _show(speeds, late, {})


def _ratios(by_way: dict[str, Speed], speeds: list[Speed]) -> dict[str, float]:
    plain = np.mean([one.per_s for one in speeds if one.way == "plain Faust agent"])
    frames = np.mean([by_way["frames"].per_s, by_way["frames again"].per_s])
    return {
        "frames / plain": float(frames / plain),
        "bridge / plain": float(by_way["bridge"].per_s / plain),
        "Redis killed / there": float(by_way["frames, Redis killed"].per_s / frames),
        "Redis paused / there": float(by_way["frames, Redis paused"].per_s / frames),
    }


def _show(speeds: list[Speed], late: list[dict[str, float]], ratios: dict[str, float]) -> None:
    for one in speeds:
        used = f"{one.cpu_us:>8.2f} CPU µs an event, broker {one.broker_us:.2f}"
        print(f"{one.way:24} {one.events:>10,} events  {one.per_s:>10,.0f}/s  {used}")
    for name, ratio in ratios.items():
        print(f"{name:24} {ratio:>10.2f}")
    for one_rate in late:
        said = ", ".join(f"{name} {one_rate[name]:,.0f}" for name in ("p50", "p90", "p99", "max"))
        print(f"latency at {one_rate['rate']:,.0f}/s   {said} ms")


if __name__ == "__main__":
    typer.run(main)
