"""Orders of the centre that the engine's lists carry out.

Enters: orders. Leaves: entries put on and taken off shared lists. Invariant: an order is carried out once, in order;
lists that no rule set names are left alone, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from interceptor.centre.orders import Order, Verb
from interceptor.entries import Columns
from interceptor.rules.model import ListDef
from interceptor.sharing import Shared

SOURCE = "centre"


class Lists:
    """`definitions`: the rule set's lists, which say what an entry means."""

    def __init__(self, shared: Shared, definitions: Iterable[ListDef]) -> None:
        self._shared, self._definitions = shared, {definition.list: definition for definition in definitions}
        self.unknown = 0

    def carry_out(self, order: Order, from_ms: int) -> None:
        """In force from `from_ms` on. Orders of other kinds are none of the lists' business."""
        if order.verb not in (Verb.PUT_ON_LIST, Verb.TAKE_OFF_LIST) or order.thing is None:
            return
        definition = self._definitions.get(order.list)
        if definition is None:
            self.unknown += 1
            return
        keys = np.array([order.thing.key], np.uint64)
        if order.verb is Verb.TAKE_OFF_LIST:
            self._shared.remove(order.list, definition.match, definition.of, keys)
            return
        columns = Columns(
            keys, np.array([from_ms]), np.array([order.until_ms]), np.zeros(1, np.int32), [(SOURCE, order.reason)]
        )
        texts = {order.thing.key: order.thing.shown} if order.thing.shown else {}
        self._shared.add(order.list, definition.match, definition.of, columns, texts)
