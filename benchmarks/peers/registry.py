"""All peers, in the order in which they are shown.

Enters: nothing. Leaves: an entry for each. Invariant: a peer's module can be imported in either environment; what it
needs beyond the standard library it imports when it is run, or `home` says that it needs this project's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, cast

from benchmarks.peers.peer import Peer


@dataclass(frozen=True, slots=True)
class Entry:
    """`options` make it what `key` says. `home`: whose environment it runs in, this project's or the peers' own.
    `beside`: the entry of ours that it is held against, with the same job on the same input. `trial`: how many events
    it can do is found out by a first run of a few; one that needs long to get going just does them all. `partitions`:
    of the topic that one on streams reads."""

    key: str
    module: str
    maker: str
    options: tuple[Any, ...] = ()
    beside: str = "ours-stateless"
    home: Literal["project", "peers"] = "peers"
    trial: bool = False
    partitions: int = 2

    def peer(self) -> Peer:
        maker = getattr(import_module(f"benchmarks.peers.{self.module}"), self.maker)
        return cast(Peer, maker(*self.options))


CONTROLS = {"stateless": "python-stateless", "screening": "python"}  # by job
ON_TOPICS = "ours-kafka"  # the entry of ours beside peers on streams
ENTRIES: Sequence[Entry] = (
    Entry("ours-stateless", "ours", "Ours", ("frames", "stateless"), home="project"),
    Entry("python-stateless", "plain_python", "PlainPython", ("decoded", "stateless"), home="project"),
    Entry("ours-stateless-json", "ours", "Ours", ("JSON", "stateless"), "ours-stateless-json", "project"),
    Entry("rsigma", "rsigma", "Rsigma", (), "ours-stateless-json", "project"),
    Entry("zen-expression", "zen", "Zen", ("expression",), trial=True),
    Entry("zen-table", "zen", "Zen", ("table",), trial=True),
    Entry("rule-engine", "rule_engine", "RuleEngine", trial=True),
    Entry("cel", "cel", "Cel", trial=True),
    Entry("ours-frames", "ours", "Ours", ("frames", "screening"), "ours-frames", "project"),
    Entry("python-decoded", "plain_python", "PlainPython", ("decoded", "screening"), "ours-frames", "project"),
    Entry("ours-json", "ours", "Ours", ("JSON", "screening"), "ours-json", "project"),
    Entry("python", "plain_python", "PlainPython", ("JSON", "screening"), "ours-json", "project"),
    Entry(ON_TOPICS, "ours", "OursOnTopic", (), ON_TOPICS, "project", partitions=1),
    Entry("java", "plain_java", "PlainJava", (), ON_TOPICS, "project"),
    Entry("flink", "flink", "Flink", (True,), ON_TOPICS, "project"),
    Entry("flink-volatile", "flink", "Flink", (False,), ON_TOPICS, "project"),
    Entry("kafka-streams", "kafka_streams", "KafkaStreams", (True,), ON_TOPICS, "project"),
    Entry("kafka-streams-volatile", "kafka_streams", "KafkaStreams", (False,), ON_TOPICS, "project"),
    Entry("confluent", "confluent_loop", "ConfluentLoop", (), ON_TOPICS, trial=True),
    Entry("bytewax", "bytewax_", "Bytewax", (), ON_TOPICS, trial=True),
    Entry("quixstreams", "quix", "Quix", (), ON_TOPICS, trial=True),
    Entry("faust", "plain_faust", "PlainFaust", (), ON_TOPICS, trial=True),
)
BY_KEY = {entry.key: entry for entry in ENTRIES}
