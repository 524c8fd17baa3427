"""Which shards a cluster has, in the order in which an event passes them.

Enters: settings. Leaves: the classes of shards. Invariant: the first takes `events`, the last tells decisions.
"""

from __future__ import annotations

from typing import Any

from interceptor.transport.settings import Settings
from interceptor.transport.worker.admit import AdmitShard
from interceptor.transport.worker.protect import ProtectShard
from interceptor.transport.worker.screen import ScreenShard
from interceptor.transport.worker.shards import Shard
from interceptor.transport.worker.whole import WholeShard

Stages = tuple[type[Shard[Any]], ...]
WHOLE: Stages = (WholeShard,)
SPREAD: Stages = (AdmitShard, ScreenShard, ProtectShard)


def stages_of(settings: Settings) -> Stages:
    return WHOLE if settings.whole else SPREAD
