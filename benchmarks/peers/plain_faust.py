"""Faust as it is usually written: one JSON event a message, one agent, the rules in plain Python.

Enters: two topics. Leaves: an outcome; or, as a program, a JSON decision on APP.json-out for each event of APP.json-in.
Invariants: one process; Faust hands over each message by itself and acknowledges it; nothing that is kept survives a
crash (no tables).

As a program (`python -m benchmarks.peers.plain_faust`, with INTERCEPTOR_KAFKA and INTERCEPTOR_APP set) its job is a
worker's: the reference engine of the tests decides by the same rule set, exactly, but for what it leaves out, all in
its favour: no stages, snapshots, recovery, dead letters or shared lists.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from benchmarks.peers import stream
from benchmarks.peers.peer import JobName, Outcome, Work, lacking

Decide = Callable[[bytes], bytes | None]


class PlainFaust:
    name = "Faust agent"
    meaning = "the same; its state is in dicts and lost in a crash"
    job: JobName = "screening"
    most_threads, streams, folds = 1, True, False

    def missing(self) -> str | None:
        return lacking("faust", "msgspec")

    def run(self, work: Work, threads: int) -> Outcome:
        del threads
        screened = stream.Screened(work)

        def decide(message: bytes) -> bytes | None:
            found = screened(message)
            if screened.outcome:
                os.kill(os.getpid(), signal.SIGTERM)  # as a worker is asked to end
            return found

        with suppress(SystemExit):
            run_agent(stream.group(), work.kafka, work.topic, work.output, decide)
        assert screened.outcome, "it stopped before the end"
        return screened.outcome


def run_agent(name: str, kafka: str, source: str, sink: str, decide: Decide) -> None:
    """A worker with one agent from topic to topic, until it is asked to end."""
    import faust

    app = faust.App(
        name,
        broker=f"kafka://{kafka}",
        value_serializer="raw",
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        broker_session_timeout=6,
        broker_heartbeat_interval=2,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=5_000,
        stream_buffer_maxsize=16_384,
        stream_wait_empty=False,
        producer_linger=0.05,
    )
    out = app.topic(sink, value_type=bytes)

    @app.agent(app.topic(source, value_type=bytes))
    async def agent(messages: Any) -> None:
        async for message in messages:
            found = decide(message)
            if found is not None:
                await out.send(value=found)

    worker = app.Worker(loglevel="WARN", quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()


def main() -> None:
    import msgspec

    from interceptor.rules import default_rules_dir
    from interceptor.rules.definitions import read
    from tests.reference import Reference

    engine, name = Reference(read(default_rules_dir())), os.environ.get("INTERCEPTOR_APP", "plain")

    def decide(message: bytes) -> bytes:
        decided = engine.decide(msgspec.json.decode(message))
        return msgspec.json.encode({
            "event_id": decided.event_id, "verdict": int(decided.verdict), "actions": int(decided.actions),
            "rules": decided.rules,
        })  # fmt: skip

    kafka = os.environ.get("INTERCEPTOR_KAFKA", "127.0.0.1:9092")
    run_agent(f"{name}-plain", kafka, f"{name}.json-in", f"{name}.json-out", decide)


if __name__ == "__main__":
    main()
