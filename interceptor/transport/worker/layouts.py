"""What the parcels of a rule set look like.

Enters: a rule set. Leaves: the types of the records between the stages. Invariant: they are what the parts make,
because the parts make them.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from interceptor.config import Limits
from interceptor.listbook import ListBook
from interceptor.parts import Admit, Screen
from interceptor.rules.ruleset import RuleSet
from interceptor.schema import EVENT_SCHEMA
from interceptor.transport.topics import ADMITTED, CONTACTS

_SMALL = Limits(keys_max=1, pairs_max=1, scored_keys_max=1, wording_places_max=4)
_HELD_MAX = 8
_held: dict[str, dict[str, np.dtype]] = {}


def layout_of(topic: str, rule_set: RuleSet) -> np.dtype:
    """The type of a record on ADMITTED or CONTACTS; np.dtype of nothing on other topics."""
    if rule_set.hash not in _held:
        while len(_held) >= _HELD_MAX:
            del _held[next(iter(_held))]
        _held[rule_set.hash] = _layouts(rule_set)
    return _held[rule_set.hash].get(topic, np.dtype([]))


def _layouts(rule_set: RuleSet) -> dict[str, np.dtype]:
    lists = ListBook(rule_set.lists)
    nothing = pa.RecordBatch.from_pylist([], schema=EVENT_SCHEMA)
    admitted = Admit(rule_set, lists, _SMALL).apply(nothing, np.zeros(0, np.uint64))
    contacts, _ = Screen(rule_set, lists, _SMALL).apply(admitted)
    return {ADMITTED: admitted.records.dtype, CONTACTS: contacts.records.dtype}
