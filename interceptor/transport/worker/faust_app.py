"""Faust, set up for frames.

Enters: a station. Leaves: a Faust app that gives it partitions and messages. Invariants: what Faust would do by itself
with messages that can't be read, with tables or with a web server, is switched off; one agent a stage, one message at a
time, and each acknowledged by the lane.

Why these values: one message is a batch, so some hundred of them are a second's worth and more; a consumer with less
room sleeps a whole second each time it is nearly full. A worker that was killed must be missed soon, so the session is
short. Times are in seconds.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import faust
from faust.types.auth import CredentialsArg
from yarl import URL

from interceptor.transport.clients import HEADROOM_BYTES, tls_context
from interceptor.transport.settings import Settings
from interceptor.transport.worker.messages import Given, Incoming
from interceptor.transport.worker.station import Station

BUFFERED_MAX = 128  # messages, of each stage
COMMIT_EVERY_S = 0.5


def app_of(station: Station) -> faust.App:
    """An app to be run, as a member of the group."""
    app = app_for(station.settings)
    for stage in station.stages:
        topic = app.topic(station.settings.read_as(stage.takes), value_type=bytes)
        app.agent(topic, name=stage.stage, concurrency=1)(_agent(station, stage.stage))

    async def arrive(*arguments: Any, **__: Any) -> None:
        _, assigned = arguments  # the app, and the partitions
        await station.arrive((one.topic, one.partition) for one in assigned)

    async def leave(*_: Any, **__: Any) -> None:
        if await station.leave():
            await app.consumer.commit()

    async def end(*_: Any, **__: Any) -> None:
        await station.end()

    app.on_partitions_assigned.connect(arrive, weak=False)
    app.on_partitions_revoked.connect(leave, weak=False)
    app.on_before_shutdown.connect(end, weak=False)
    return app


def _agent(station: Station, stage: str) -> Callable[[Any], Awaitable[None]]:
    async def agent(stream: Any) -> None:
        async for event in stream.noack().events():
            message = event.message
            given = Given([_incoming(message)], len(message.value or b""), message.offset, partial(stream.ack, event))
            await station.put(stage, message.partition, given)

    return agent


def _incoming(message: Any) -> Incoming:
    headers = message.headers or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    kept = [(name, bytes(value or b"")) for name, value in pairs]
    return Incoming(message.offset, int((message.timestamp or 0) * 1000), message.value, kept, message.key)


def app_for(settings: Settings) -> faust.App:
    """An app whose group is the settings' `app`."""
    bytes_max = settings.frame_bytes_max + HEADROOM_BYTES
    return faust.App(
        settings.app,
        broker=[URL(f"aiokafka://{address.strip()}") for address in settings.kafka.split(",")],
        broker_credentials=_credentials(settings),
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 3,
        broker_request_timeout=max(30.0, settings.session_timeout_s),
        broker_rebalance_timeout=15.0,
        broker_commit_interval=COMMIT_EVERY_S,
        broker_max_poll_interval=600.0,
        consumer_max_fetch_size=bytes_max,
        producer_max_request_size=bytes_max,
        consumer_auto_offset_reset="earliest",
        stream_buffer_maxsize=BUFFERED_MAX,
        stream_wait_empty=False,  # messages that aren't acknowledged yet come again: nobody has to wait for them
        key_serializer="raw",
        value_serializer="raw",
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        store="memory://",
        web_enabled=False,  # its server would listen on all interfaces; Faust's own command starts it all the same
        web_bind="127.0.0.1",
        web_host="127.0.0.1",
        autodiscover=False,
        datadir=_nowhere(),
    )


def _nowhere() -> str:
    """Faust wants a folder for tables, which there aren't; it would make one wherever it is started."""
    folder = tempfile.mkdtemp(prefix="interceptor-faust-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _credentials(settings: Settings) -> CredentialsArg | None:
    """How Faust connects, None = as anybody and in the open."""
    context = tls_context(settings)
    if settings.kafka_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=settings.kafka_username,
            password=settings.kafka_password.get_secret_value(),
            mechanism=settings.kafka_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
