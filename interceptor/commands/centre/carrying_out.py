"""Orders of the centre that the engine's lists carry out.

Enters: orders. Leaves: entries put on and taken off shared lists. Invariant: an order is carried out once, in order;
lists that no rule set names are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from interceptor.centre.orders import Order, Verb
from interceptor.centre.things import Thing
from interceptor.entries import Columns
from interceptor.rules.model import ListDef
from interceptor.sharing import Shared

SOURCE = "centre"


class Lists:
    """`definitions`: the rule set's lists, which say what an entry means."""

    def __init__(self, shared: Shared, definitions: Iterable[ListDef]) -> None:
        self._shared, self._definitions = shared, {definition.list: definition for definition in definitions}

    def carry_out(self, order: Order, from_ms: int) -> None:
        """In force from `from_ms` on. Orders of other kinds are none of the lists' business."""
        if order.verb not in (Verb.PUT_ON_LIST, Verb.TAKE_OFF_LIST) or order.thing is None:
            return
        definition = self._definitions.get(order.list)
        if definition is None:
            return
        entry, texts = entry_of(order, order.thing, from_ms)
        if order.verb is Verb.TAKE_OFF_LIST:
            self._shared.remove(order.list, definition.match, definition.of, entry.keys)
        else:
            self._shared.add(order.list, definition.match, definition.of, entry, texts)


def entry_of(order: Order, thing: Thing, from_ms: int) -> tuple[Columns, dict[int, str]]:
    """The entry that an order about a thing puts on its list or takes off, and how people write its value."""
    columns = Columns(
        np.array([thing.key], np.uint64), np.array([from_ms]), np.array([order.until_ms]), np.ones(1, np.int32),
        [("", ""), (SOURCE, order.reason)],
    )  # fmt: skip
    return columns, {thing.key: thing.shown} if thing.shown else {}
