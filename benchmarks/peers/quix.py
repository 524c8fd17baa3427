"""quixstreams (PyPI): a library of data frames on topics, over confluent-kafka.

Enters: a topic. Leaves: an outcome. Invariant: keys and values pass as bytes, so that its own JSON steps cost nothing;
it commits every 5 s, as it comes.
"""

from __future__ import annotations

import gc
import logging
import tempfile

from benchmarks.peers import stream
from benchmarks.peers.peer import JobName, Outcome, Work, lacking


class Quix:
    name = "quixstreams"
    meaning = "the same; its state is in dicts and lost in a crash: what it keeps itself is on the disk, and slower"
    job: JobName = "screening"
    most_threads, streams, folds = 1, True, False

    def missing(self) -> str | None:
        return lacking("quixstreams", "msgspec")

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        from quixstreams import Application  # type: ignore[import-not-found]

        screened = stream.Screened(work)
        with tempfile.TemporaryDirectory(prefix="quix-peer-") as folder:
            app = Application(
                broker_address=work.kafka, consumer_group=stream.group(), auto_offset_reset="earliest",
                auto_create_topics=False, state_dir=folder, loglevel=logging.WARNING,
                consumer_extra_config=stream.CONSUMER, producer_extra_config=stream.PRODUCER,
            )  # fmt: skip
            events = app.topic(work.topic, key_deserializer="bytes", value_deserializer="bytes")
            out = app.topic(work.output, key_serializer="bytes", value_serializer="bytes")

            def decide(message: bytes) -> bytes | None:
                found = screened(message)
                if screened.outcome:
                    app.stop()
                return found

            found = app.dataframe(events).apply(decide)
            found.filter(lambda message: message is not None).to_topic(out)
            gc.disable()
            app.run()
        assert screened.outcome, "it stopped before the end"
        return screened.outcome
