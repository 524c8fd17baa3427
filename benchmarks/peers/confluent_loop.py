"""What can be had by hand in Python: confluent-kafka in batches, msgspec, dicts, in one loop.

Enters: a topic. Leaves: an outcome. Invariant: nothing survives a crash, and no framework is in between.
"""

from __future__ import annotations

import gc
import time

from benchmarks.peers import stream
from benchmarks.peers.peer import JobName, Outcome, Work, lacking

BATCH, WAIT_S = 5_000, 0.05


class ConfluentLoop:
    name = "Python loop (confluent-kafka)"
    meaning = "the same; its state and its place in the topic are lost in a crash"
    job: JobName = "screening"
    most_threads, streams, folds = 1, True, False

    def missing(self) -> str | None:
        return lacking("confluent_kafka", "msgspec")

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        from confluent_kafka import Consumer, TopicPartition

        screened, producer = stream.Screened(work), stream.producer(work)
        reader = Consumer({"bootstrap.servers": work.kafka, "group.id": stream.group(), **stream.CONSUMER})
        reader.assign([TopicPartition(work.topic, one, 0) for one in range(stream.PARTITIONS)])
        gc.disable()
        heard_s = time.monotonic()
        while screened.outcome is None:
            messages = reader.consume(BATCH, WAIT_S)
            if messages:
                heard_s = time.monotonic()
            elif time.monotonic() > heard_s + stream.SILENT_S:
                raise RuntimeError(f"nothing came for {stream.SILENT_S:.0f} s")
            for message in messages:
                out = screened(message.value() or b"")
                if out is not None:
                    producer.produce(work.output, out, message.key())
            producer.poll(0)
        producer.flush()
        reader.close()
        return screened.outcome
