"""Early warning on duty: what the gates say somebody must be warned of, and what officers and citizens say of it.

Enters: what the gates saw. Leaves: warnings, and who had to do with which scam. Invariant: however the stream is cut,
the same warnings come at the same times: each event is dealt with at its own time, after all that comes due before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from interceptor.centre.book import Book
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Seen
from interceptor.centre.warnings import acts, classes, contacts, rows
from interceptor.centre.warnings.acts import MEANS, PROGRAM, Reason, advance
from interceptor.centre.warnings.classes import Scam
from interceptor.centre.warnings.means import Means
from interceptor.centre.warnings.sources import source_of
from interceptor.schema import WARNINGS, Action, Kind, Outcome

_TIERS = (Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4)
_TIER_OF = {int(bit): tier for tier, bit in enumerate(_TIERS, 1)}


class WarningSystem:
    """`hears_feedback`: FEEDBACK with a tier is the outcome of the try that is under way; else only acts.outcome is."""

    def __init__(self, means: Means = MEANS, *, hears_feedback: bool = True) -> None:
        self.means, self._hears = means, hears_feedback
        self._rules: Sequence[str] = ()
        self._telling = np.zeros(0, bool)

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        warned = (seen.actions & np.uint32(WARNINGS)) != 0
        said = (seen.column("kind") == Kind.FEEDBACK) & (seen.column("tier") > 0)
        met = self._met(seen)
        concerned = warned | said | met
        if not concerned.any():
            return
        scams = self._scams(seen, np.flatnonzero(warned | met))
        fresh: list[contacts.Contact] = []
        for row in np.flatnonzero(concerned).tolist():
            if said[row] and self._hears:
                self._heard(book, seen, row)
            if warned[row] and seen.column("target")[row]:
                fresh = contacts.note(book, fresh, now_ms)  # what came before tells the class of what comes now
                self._warn(book, seen, row, scams[row])
            if met[row] and scams[row]:
                fresh.append(contacts.of(seen, row, scams[row]))
        contacts.note(book, fresh, now_ms)

    def due(self, book: Book, now_ms: int) -> None:
        advance(book, now_ms, self.means)
        acts.serve(book, now_ms, self.means)  # nobody waits but after a crash

    def _met(self, seen: Seen) -> np.ndarray:
        """bool[n]: events that reached a citizen, and that a rule hit which says something of the class of scam."""
        met = np.zeros(len(seen), bool)
        if seen.rules != self._rules:
            self._rules, self._telling = seen.rules, classes.telling(seen.rules)
        if len(seen.hit_rule):
            met[seen.hit_row[self._telling[seen.hit_rule]]] = True
            if met.any():
                met &= contacts.came_through(seen)
        return met

    @staticmethod
    def _scams(seen: Seen, rows: np.ndarray) -> dict[int, Scam]:
        """The class of each of these rows; all texts are folded at once, since a call for one costs as much."""
        written = rows[seen.column("kind")[rows] == Kind.SMS]
        words: dict[int, Scam] = {}
        if len(written):
            texts = seen.frame.column("text").take(pa.array(written)).to_pylist()
            words = dict(zip(written.tolist(), classes.of_texts(texts), strict=True))
        return {row: classes.of_rules(seen.rules_of(row), words.get(row, Scam.UNCLEAR)) for row in rows.tolist()}

    def _warn(self, book: Book, seen: Seen, row: int, scam: Scam) -> None:
        citizen, at_ms = int(seen.column("target")[row]), int(seen.column("ts_ms")[row])
        if not scam or (scam is Scam.PHISHING and seen.column("kind")[row] != Kind.SMS):
            # A page that asks for a card may belong to any scam: what the citizen met before tells which.
            scam = contacts.last_class(book.db, citizen, at_ms) or scam
        reason = Reason(
            tier=_TIER_OF[int(seen.actions[row]) & int(WARNINGS)],
            scam=scam,
            source=source_of(seen, row),
            rules=" ".join(seen.rules_of(row)),
            score=float(seen.score[row]),
            stake_fen=int(seen.column("amount_fen")[row]),
        )
        acts.warn(book, citizen, int(seen.column("town")[row]), reason, by=PROGRAM, at_ms=at_ms, means=self.means)

    def _heard(self, book: Book, seen: Seen, row: int) -> None:
        """Of a try that is over, or of one that this centre never made, nothing is taken."""
        at_ms, outcome = int(seen.column("ts_ms")[row]), Outcome(int(seen.column("outcome")[row]))
        advance(book, at_ms, self.means)
        warning = rows.open_of(book.db, int(seen.column("target")[row]))
        if warning is None or warning.tier != seen.column("tier")[row] or not warning.under_way:
            return
        if outcome in acts.SAID and rows.started_ms(book.db, warning.id) <= at_ms:
            try:
                acts.outcome(book, warning.id, outcome, by="officer", at_ms=at_ms, means=self.means)
            except Refused:  # it is on the log
                return
