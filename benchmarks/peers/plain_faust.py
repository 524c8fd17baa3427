"""Faust as it is usually written: one JSON event a message, one agent, the rules in plain Python.

Enters: the topics APP.json-in and APP.json-out, from the environment. Leaves: a JSON decision for every event. The job
is the same as a worker's (the reference engine of the tests decides by the same rule set, exactly), but for what it
leaves out, all in its favour: one process and no stages, no snapshots, no recovery, no dead letters, no shared lists.

`python -m benchmarks.peers.plain_faust`, with INTERCEPTOR_KAFKA and INTERCEPTOR_APP set.
"""

from __future__ import annotations

import os
from typing import Any

import faust
import msgspec

from interceptor.rules import default_rules_dir
from interceptor.rules.definitions import read
from tests.reference import Reference

NAME = os.environ.get("INTERCEPTOR_APP", "plain")
app = faust.App(
    f"{NAME}-plain",
    broker=f"kafka://{os.environ.get('INTERCEPTOR_KAFKA', '127.0.0.1:9092')}",
    value_serializer="raw",
    web_enabled=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    broker_session_timeout=6,
    broker_heartbeat_interval=2,
)
source = app.topic(f"{NAME}.json-in", value_type=bytes)
sink = app.topic(f"{NAME}.json-out", value_type=bytes)
engine = Reference(read(default_rules_dir()))


@app.agent(source)
async def decide(stream: Any) -> None:
    async for message in stream:
        decided = engine.decide(msgspec.json.decode(message))
        await sink.send(
            value=msgspec.json.encode(
                {
                    "event_id": decided.event_id,
                    "verdict": int(decided.verdict),
                    "actions": int(decided.actions),
                    "rules": decided.rules,
                }
            )
        )


if __name__ == "__main__":
    worker = app.Worker(loglevel="WARN", quiet=True)
    worker.spinner = None
    worker.execute_from_commandline()
