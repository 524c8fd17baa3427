"""One run of a peer in Java, as a process of its own.

Enters: the screening job, with all events in its topic already. Leaves: what the run took, and how many events hit each
rule. Invariant: what a run takes is of the whole process, from the first event to the last: the JVM's own threads
(compiler, garbage collector) and Kafka's clients are in it; its start, and reading the blocklist, aren't.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

from benchmarks.peers.java.building import class_path
from benchmarks.peers.peer import Outcome, Work
from interceptor.machine.java import java

RUN_S = 300.0
TOLD_CHARS = 1500
JVM = (
    "-Xms3g",
    "-Xmx3g",
    "-XX:+UseParallelGC",  # throughput, not pauses, is what is measured
    "-XX:-UsePerfData",
    "-Djava.net.preferIPv4Stack=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    # What Flink asks for on Java 17
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.base/java.util=ALL-UNNAMED",
    "--add-opens=java.base/java.time=ALL-UNNAMED",
)


@dataclass(frozen=True, slots=True)
class Part:
    """What a part of the events took."""

    events: int
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, slots=True)
class JavaRun:
    """`whole`: all events, a cold JVM's first ones among them; `warm`: the second half."""

    whole: Part
    warm: Part
    rss_peak_mb: float
    hits: dict[str, int]

    def outcome(self) -> Outcome:
        """Of the warm half (`events` is its number), since a JVM on a stream runs for months; `hits` are of all."""
        hits = {name: count for name, count in self.hits.items() if count}
        return Outcome(self.warm.events, self.warm.wall_s, self.warm.cpu_s, self.rss_peak_mb, hits)


def run(main: str, work: Work, threads: int, *, recovery: bool) -> JavaRun:
    """Runs peers.`main` on 1 or 2 threads. `recovery`: its state would survive a crash (checkpoints, changelogs).
    Raises RuntimeError with what it said where it fails."""
    with tempfile.TemporaryDirectory(prefix="java-peer-") as name:
        folder = Path(name)
        told = folder / "job.json"
        told.write_text(json.dumps(asdict(work) | {"folder": "", "blocklist": str(work.blocklist)}), "utf-8")
        words = [work.kafka, work.topic, work.output, f"peer-{uuid4().hex[:8]}", str(told), name]
        words += [str(work.events), str(threads), str(recovery).lower()]
        command = [str(java()), *JVM, "-cp", class_path(), f"peers.{main}", *words]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=RUN_S)
    if done.returncode:
        raise RuntimeError(f"{main}: {(done.stderr or done.stdout)[-TOLD_CHARS:]}")
    return _read(done.stdout)


def _read(said: str) -> JavaRun:
    found = json.loads(said.splitlines()[-1])
    return JavaRun(Part(**found["whole"]), Part(**found["second_half"]), found["rss_peak_kb"] / 1024, found["hits"])
