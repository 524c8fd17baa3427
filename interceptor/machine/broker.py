"""A real Apache Kafka of one node on loopback, in KRaft mode.

Enters: a folder and a port. Leaves: Broker. Invariants: it listens on 127.0.0.1 only; what it acknowledged is in the
files when it is killed (not when the power fails: Kafka trusts its replicas, and here are none).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from interceptor.machine import java, processes
from interceptor.machine.problems import MachineProblem
from interceptor.machine.processes import LOOPBACK, Process, Started
from interceptor.machine.servers import Server
from interceptor.rules.errors import printable
from interceptor.transport import making
from interceptor.transport.settings import Settings

PORT = 9092
FORMAT_S = 60.0
HEAP = ("-Xms256m", "-Xmx768m")
FLAGS = (
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:+ExitOnOutOfMemoryError",
    "-XX:-UsePerfData",
    "-Xshare:auto",
    "-Xlog:cds=off",
    "-Xlog:cds+dynamic=off",
    "-Djava.awt.headless=true",
    "-Djava.net.preferIPv4Stack=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
)
# A node that was killed may come back when its session is over: a short one, as nobody could take over from it.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs=log
auto.create.topics.enable=false
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
message.max.bytes={message_bytes}
replica.fetch.max.bytes={message_bytes}
log.retention.hours=24
log.segment.bytes=67108864
log.cleaner.dedupe.buffer.size=16777216
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
num.network.threads=2
num.io.threads=4
"""


class Broker(Server):
    """Kafka. `frame_bytes_max` as in Settings: messages may be that large."""

    name = "kafka"
    title = "Kafka"

    def __init__(
        self, folder: Path, port: int = 0, process: Process | None = None, *, frame_bytes_max: int | None = None
    ) -> None:
        super().__init__(folder, port, process)
        self.frame_bytes_max = frame_bytes_max or Settings.model_fields["frame_bytes_max"].default

    def answering(self) -> bool:
        return processes.listens(self.port) and making.answers(self.address)

    def stop(self, within_s: float = 20.0) -> bool:
        ran, willing = self.running, super().stop(within_s)
        if ran and willing:  # else it may be half
            _keep_archive(self._new_archive)
        return willing

    @property
    def _new_archive(self) -> Path:
        return self.folder / "classes.jsa"

    def _begin(self) -> Started:
        program, jars = java.java(), java.jars()
        properties = self.folder / "server.properties"
        ports = {"host": LOOPBACK, "port": self.port, "controller": processes.free_port()}
        message_bytes = self.frame_bytes_max + making.MESSAGE_ROOM
        properties.write_text(PROPERTIES.format(**ports, message_bytes=message_bytes))
        words = [str(program), *HEAP, *FLAGS, *self._archive_flags(program), "-cp", f"{jars}/*"]
        if not (self.folder / "log" / "meta.properties").exists():
            self._format(words, properties)
        # The folder is the current one, so that log.dirs holds no path: a comma in it would make two of it.
        return processes.start([*words, "kafka.Kafka", properties.name], self.log, self.folder, {"LC_ALL": "C.UTF-8"})

    def _format(self, words: list[str], properties: Path) -> None:
        """Writes the node's identity; what a killed format has left is no hindrance."""
        shutil.rmtree(self.folder / "log", ignore_errors=True)
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [word for word in words if "ArchiveClassesAtExit" not in word]
        tool += [
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            "-c",
            properties.name,
        ]  # it may begin with -
        try:
            done = subprocess.run(
                tool, cwd=self.folder, capture_output=True, text=True, errors="replace", timeout=FORMAT_S
            )
        except subprocess.TimeoutExpired:
            raise MachineProblem(f"Kafka: formatting its folder wasn't done after {FORMAT_S:.0f} s") from None
        if done.returncode:
            told = "\n    ".join(printable(line) for line in (done.stdout + done.stderr).splitlines()[-5:])
            raise MachineProblem(f"Kafka: its folder {printable(str(self.folder))} can't be formatted:\n    {told}")

    def _archive_flags(self, program: Path) -> list[str]:
        """Java reads Kafka's classes from an archive in half the time; the first clean end of a broker makes it."""
        archive = _archive(program)
        if archive.exists():
            return [f"-XX:SharedArchiveFile={archive}"]
        self._new_archive.unlink(missing_ok=True)
        return [f"-XX:ArchiveClassesAtExit={self._new_archive}"]


def _archive(program: Path) -> Path:
    """Made for one Java: another one wouldn't read it."""
    real = program.resolve()
    identity = f"{real} {real.stat().st_mtime_ns} {real.stat().st_size}"
    return java.cache_folder() / f"classes-{java.KAFKA}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}.jsa"


def _keep_archive(made: Path) -> None:
    """Into the cache at once, whole. Without it all works, but slower."""
    with contextlib.suppress(MachineProblem, OSError):
        target = _archive(java.java())
        moved = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.move(made, moved)
        moved.replace(target)
