"""How far the group has come, and whether it still comes on.

Enters: what the brokers say of ends and acknowledged offsets, once a second. Leaves: how far the slowest shard is
behind; how long nothing has moved although there is work. Invariant: whoever reads these waits for nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

from confluent_kafka import Consumer, KafkaException, TopicPartition

from interceptor.transport import clients
from interceptor.transport.settings import Settings
from interceptor.transport.topics import ADMITTED, CONTACTS, EVENTS

LOOK_S, ANSWER_S = 1.0, 5.0
Lag = dict[tuple[str, int], int]  # messages, by topic (without the app's name) and partition

_log = logging.getLogger(__name__)


class Progress:
    """A thread that looks, from `start` to `stop`. `stuck` is called once, in that thread, with what is wrong."""

    def __init__(self, settings: Settings, stuck: Callable[[str], None]) -> None:
        self._settings, self._stuck = settings, stuck
        self._group: Consumer = clients.consumer(settings, "progress", group=settings.app)
        self._places = [
            (topic, partition)
            for topic in (EVENTS, *(() if settings.whole else (ADMITTED, CONTACTS)))
            for partition in range(1 if topic == EVENTS else settings.partitions)
        ]
        self._at = [TopicPartition(settings.read_as(topic), partition) for topic, partition in self._places]
        self._stopping = Event()
        self._acknowledged: list[int] = []
        self._moved_s = self._answered_s = monotonic()
        self.lag: Lag = {}
        self._thread = Thread(target=self._run, name="progress", daemon=True)

    @property
    def behind(self) -> int:
        """Batches of the first stage that the slowest shard of the others hasn't finished."""
        screens = max((lag for (topic, _), lag in self.lag.items() if topic == ADMITTED), default=0)
        protects = max((lag for (topic, _), lag in self.lag.items() if topic == CONTACTS), default=0)
        return max(screens, protects // self._settings.partitions)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * ANSWER_S)

    def _run(self) -> None:
        try:
            while not self._stopping.wait(LOOK_S):
                self._look()
                what = self._wrong()
                if what and not self._stopping.is_set():
                    self._stuck(what)
                    return
        finally:
            self._group.close()

    def _look(self) -> None:
        try:
            acknowledged = [max(0, one.offset) for one in self._group.committed(self._at, timeout=ANSWER_S)]
            ends = [self._group.get_watermark_offsets(one, timeout=ANSWER_S)[1] for one in self._at]
        except KafkaException as error:
            _log.warning("%s", clients.no_answer(self._settings, clients.reason(error.args[0])))
            return
        now_s = monotonic()
        self._answered_s = now_s
        lags = [max(0, end - done) for end, done in zip(ends, acknowledged, strict=True)]
        if acknowledged != self._acknowledged or not any(lags):
            self._moved_s = now_s
        self._acknowledged = acknowledged
        self.lag = dict(zip(self._places, lags, strict=True))

    def _wrong(self) -> str:
        silent_s, still_s = (monotonic() - since_s for since_s in (self._answered_s, self._moved_s))
        if silent_s > self._settings.stuck_s:
            return f"no answer from Kafka for {silent_s:.0f} s"
        if still_s > self._settings.stuck_s:
            waiting = sum(self.lag.values())
            return f"{waiting:,} messages wait, and nothing was acknowledged for {still_s:.0f} s"
        return ""
