"""What a worker counts, for Prometheus.

Enters: what came of batches; what others know of themselves. Leaves: a page on loopback. Invariant: labels are stages,
partitions, gates, verdicts and lists: nothing that belongs to a person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from interceptor.transport.worker.messages import Taken
from interceptor.transport.worker.shards import Shard

_PREFIX = "interceptor_"
_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Metrics:
    """One registry for a process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = self._counter("events_total", "Events that a stage took", "stage")
        self._decisions = self._counter("decisions_total", "Decisions that were sent", "gate", "verdict")
        self._repeated = self._counter("repeated_total", "Messages and events that had been taken before", "stage")
        self._letters = self._counter("dead_letters_total", "Messages that became dead letters", "stage")
        self._gaps = self._counter("gaps_total", "Messages that were missing before one that came", "stage")
        self._seconds = Histogram(
            f"{_PREFIX}batch_seconds", "Time in the engine for a batch", ["stage"], buckets=_BUCKETS,
            registry=self.registry,
        )  # fmt: skip
        self._listed = self._counter("listed_values_total", "Values that verdicts put on lists", "list")

    def took(self, shard: Shard[Any], taken: Taken, seconds: float) -> None:
        """What came of a batch."""
        self._events.labels(shard.stage).inc(taken.events)
        self._repeated.labels(shard.stage).inc(taken.repeated)
        self._letters.labels(shard.stage).inc(taken.letters)
        self._gaps.labels(shard.stage).inc(taken.gaps)
        self._seconds.labels(shard.stage).observe(seconds)
        for (gate, verdict), count in taken.verdicts.items():
            self._decisions.labels(gate, verdict).inc(count)
        for addition in taken.additions:
            self._listed.labels(addition.list).inc(len(addition.values))

    def watch(self, name: str, what: str, read: Callable[[], float]) -> None:
        """A number that is asked for when the page is."""
        Gauge(f"{_PREFIX}{name}", what, registry=self.registry).set_function(read)

    def serve(self, host: str, port: int) -> None:
        """Raises OSError where the port is taken."""
        start_http_server(port, addr=host, registry=self.registry)

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}{name}", what, labels, registry=self.registry)
