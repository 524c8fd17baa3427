"""A centre on duty beside a run: it takes in what the gates decided, and its orders take effect.

Enters: slices with their decisions. Leaves: acts in the book, entries on the engine's lists. Invariants: whatever
follows from a slice takes effect after it, not within; each hour is one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from typing import Any

from interceptor.centre.book import Book
from interceptor.centre.bulletin import earlier
from interceptor.centre.duty import Duty
from interceptor.centre.marks import CLOCK, PASSED, move
from interceptor.centre.orders import since
from interceptor.centre.parts import PARTS
from interceptor.centre.seen import Seen
from interceptor.commands.centre.carrying_out import Lists
from interceptor.commands.centre.keys import key_of
from interceptor.commands.centre.official import official_of
from interceptor.commands.centre.partners import Partners
from interceptor.commands.centre.systems import systems
from interceptor.decisions import Decisions
from interceptor.engine import Engine
from simulator.city import City, Slice
from simulator.clock import DAY_0_MS, HOUR_MS


class CentreBeside:
    """Use as a context, or close it. Raises BookError where the book can't be used; a book that has been used is
    refused: a run begins at its own beginning."""

    def __init__(self, path: Path, engine: Engine, city: City | None) -> None:
        """`city`: the one that answers; None for a recording, in which what happened has happened."""
        self.book = Book(path, key_of(path, make=True), PARTS, outlives_power=False)  # a run can be done again
        self._duty = Duty(self.book, systems(engine.rule_set, simulated=city is not None))
        self._partners: Partners | None = None
        if city:
            official = official_of({definition.list: definition for definition in engine.rule_set.lists})
            self._partners = Partners(self.book, city.answers, official)
            self._partners.on_duty(DAY_0_MS)
        self._lists = Lists(engine.shared, engine.rule_set.lists)
        self._carried_out = 0
        self._hour = ExitStack()

    def __enter__(self) -> CentreBeside:
        return self

    def __exit__(self, *error: Any) -> None:
        try:
            self._hour.__exit__(*error)
        finally:
            self.book.close()

    @property
    def is_new(self) -> bool:
        """Whether nothing was written into the book yet."""
        return not self.book.db.execute("SELECT count(*) FROM gate_days").fetchone()[0]

    def only_watches(self) -> None:
        """The bulletin is to say that everything passed: what happens is recorded, or only observed."""
        with self.book.together():
            move(self.book.db, PASSED, 1)

    def report(self, figures: Mapping[str, float], source: str, first: date, last: date) -> None:
        """What a report says that these days came to: figures by section.name, to stand beside ours."""
        lines = [f"{name.replace('.', ',', 1)},{first},{last},{value},{source}" for name, value in figures.items()]
        earlier.keep(self.book, "\n".join([",".join(earlier.COLUMNS), *lines]), by="run", at_ms=0)

    def take(self, taken: Slice, decisions: Decisions) -> None:
        """What was seen and decided in a slice."""
        if not self.book.db.in_transaction:
            self._hour.enter_context(self.book.together())
        self._duty.take(Seen.of(taken.frame, decisions), taken.end_ms)
        if self._partners:
            self._partners.due(taken.end_ms)
        self._carry_out(taken.end_ms)
        move(self.book.db, CLOCK, taken.end_ms)
        if taken.end_ms % HOUR_MS == 0:
            self._hour.close()

    def _carry_out(self, now_ms: int) -> None:
        for order in list(since(self.book.db, self._carried_out)):
            self._carried_out = order.id
            self._lists.carry_out(order, now_ms)
            if self._partners:
                self._partners.hear(order)
