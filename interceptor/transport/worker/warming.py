"""A few events through shards of their own, before a worker asks for partitions.

Enters: a rule set. Leaves: nothing; kernels are compiled or read from disk by then, which takes seconds. Invariant: no
shard that is at work has anything to do with it.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from interceptor.config import Limits
from interceptor.rules.ruleset import RuleSet
from interceptor.schema import EVENT_SCHEMA, Kind
from interceptor.transport.edge.json_events import read_events
from interceptor.transport.wire import encode
from interceptor.transport.worker.messages import Incoming, Outgoing
from interceptor.transport.worker.rulesets import RuleSets
from interceptor.transport.worker.stages import FROM_JSON, WHOLE, Stages

_ROWS = 64 * len(Kind)
_GIVEN = {"text": "http://a.example", "host": "a.example"}


def warm_up(rule_set: RuleSet, stages: Stages) -> None:
    """Decides some events of each kind and forgets them."""
    if stages == FROM_JSON:
        read_events([b"{}"], np.zeros(1, np.uint64))
        stages = WHOLE  # the same engine, of events that are read otherwise
    rules = RuleSets(rule_set, lambda _: None, static_lists=False)
    messages = [Outgoing("", 0, encode(_events()), [])]
    for stage in stages:
        shard = stage(0, 1, stage.takes, rules, rule_set.hash, Limits())
        taken = shard.take([Incoming(0, 0, messages[0].value, [(n, v or b"") for n, v in messages[0].headers])])
        shard.put_back(1, *shard.state())
        messages = taken.outgoing


def _events() -> pa.RecordBatch:
    number = np.arange(_ROWS)
    columns = []
    for field in EVENT_SCHEMA:
        if field.name in _GIVEN:
            columns.append(pa.array([_GIVEN[field.name]] * _ROWS))
        else:
            values = number % len(Kind) if field.name == "kind" else number + 1
            columns.append(pa.array(values % 50 if field.name != "event_id" else values).cast(field.type, safe=False))
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)
