"""bytewax (PyPI): dataflows on Timely, in Rust, with steps in Python.

Enters: a topic. Leaves: an outcome. Invariant: as its documents advise for throughput, batches are large and a step
takes a whole batch at once.
"""

from __future__ import annotations

import gc
from datetime import timedelta
from typing import Any

from benchmarks.peers import stream
from benchmarks.peers.peer import JobName, Outcome, Work, lacking

BATCH = 10_000


class Bytewax:
    name = "bytewax"
    meaning = "the same; its state is in dicts and lost in a crash: state that it keeps itself costs a step by key"
    job: JobName = "screening"
    most_threads, streams, folds = 1, True, False

    def missing(self) -> str | None:
        return lacking("bytewax", "confluent_kafka", "msgspec")

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        from bytewax.connectors.kafka import KafkaSinkMessage  # type: ignore[import-not-found]
        from bytewax.connectors.kafka import operators as kafka
        from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]
        from bytewax.operators import flat_map_batch  # type: ignore[import-not-found]
        from bytewax.testing import cluster_main  # type: ignore[import-not-found]

        screened = stream.Screened(work)

        def decide(messages: list[Any]) -> list[Any]:
            found = [(message.key, screened(message.value)) for message in messages]
            return [KafkaSinkMessage(key, out) for key, out in found if out is not None]

        flow = Dataflow("screening")
        events = kafka.input(
            "events", flow, brokers=[work.kafka], topics=[work.topic], tail=False, add_config=stream.CONSUMER,
            batch_size=BATCH,
        )  # fmt: skip
        found = flat_map_batch("decide", events.oks, decide)
        kafka.output("out", found, brokers=[work.kafka], topic=work.output, add_config=stream.PRODUCER)
        gc.disable()
        cluster_main(flow, [], 0, epoch_interval=timedelta(seconds=10))
        assert screened.outcome, "it stopped before the end"
        return screened.outcome
