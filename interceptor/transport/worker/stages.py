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
from interceptor.transport.worker.whole import JsonShard, WholeShard

Stages = tuple[type[Shard[Any]], ...]
WHOLE: Stages = (WholeShard,)
FROM_JSON: Stages = (JsonShard,)
SPREAD: Stages = (AdmitShard, ScreenShard, ProtectShard)


def stages_of(settings: Settings) -> Stages:
    if settings.from_json:
        return FROM_JSON
    return WHOLE if settings.whole else SPREAD
