"""The moment at which a published rule set comes into force.

Enters: the hash that is published now, and the shard of the first stage. Leaves: the shard, under that rule set.
Invariant: every event is decided by one rule set in all stages, also when it is taken again: the state after the turn
is saved before anything is told under the new rules.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import monotonic

from interceptor.rules.errors import printable
from interceptor.transport.clients import Away
from interceptor.transport.snapshots.writer import SnapshotWriter
from interceptor.transport.worker.lane import Runner
from interceptor.transport.worker.rulesets import RulesUnknown

SAVED_WITHIN_S, LOOK_S = 10.0, 0.02

_log = logging.getLogger(__name__)


async def turn_to(wanted: str, runner: Runner, writer: SnapshotWriter, prepare: Callable[[str], None]) -> None:
    """Goes on with another rule set; or doesn't yet, where it can't be had or the last snapshot is of this very place,
    which the store wouldn't replace."""
    shard = runner.shard
    if shard is None:
        return
    place = (shard.stage, shard.partition)
    saved = writer.last_saved.get(place)
    if saved is not None and saved.next_offset >= shard.finished:
        return
    try:
        await asyncio.to_thread(prepare, wanted)
    except (Away, RulesUnknown) as error:
        _log.warning("stays with rule set %s: %s", shard.rules_hash, printable(str(error)))
        return
    await runner.settle()
    before = shard.rules_hash
    shard.use_rules(wanted)
    runner.save()
    until_s = monotonic() + SAVED_WITHIN_S
    while (saved := writer.last_saved.get(place)) is None or saved.next_offset < shard.finished:
        if monotonic() > until_s:
            _log.warning(
                "the turn to rule set %s isn't saved: should this worker die now, it is repeated later", wanted
            )
            break
        await asyncio.sleep(LOOK_S)
    _log.info("goes on with rule set %s instead of %s from offset %d on", wanted, before, shard.next_offset)
