"""Early warning on duty: what the gates say somebody must be warned of, and what officers and citizens say of it.

Enters: what the gates saw. Leaves: warnings, and who had to do with which scam. Invariant: however the stream is cut,
the same warnings come at the same times: each event is dealt with at its own time, after all that comes due before it.
"""

from __future__ import annotations

import pyarrow as pa

from interceptor.centre.book import Book
from interceptor.centre.refusal import Refused
from interceptor.centre.seen import Event, Seen
from interceptor.centre.warnings import acts, classes, contacts, rows
from interceptor.centre.warnings.acts import MEANS, PROGRAM, Reason, advance
from interceptor.centre.warnings.classes import Scam
from interceptor.centre.warnings.means import Means
from interceptor.centre.warnings.sources import source_of
from interceptor.entries import FOREVER_MS
from interceptor.schema import WARNINGS, Action, Kind, Outcome

_TIERS = (Action.WARN_1, Action.WARN_2, Action.WARN_3, Action.WARN_4)
_WARNINGS = int(WARNINGS)
_TIER_OF = {int(bit): tier for tier, bit in enumerate(_TIERS, 1)}


class WarningSystem:
    """`hears_feedback`: FEEDBACK with a tier is the outcome of the try that is under way; else only acts.outcome is."""

    # Nobody is queued but where all who could serve are busy.
    waits = (
        "EXISTS (SELECT 1 FROM warnings WHERE next_ms > 0 AND next_ms <= :now)"
        " OR EXISTS (SELECT 1 FROM warnings WHERE state = 'queued')"
    )
    wakes_ms = FOREVER_MS

    def __init__(self, means: Means = MEANS, *, hears_feedback: bool = True) -> None:
        self.means, self._hears = means, hears_feedback

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        scams = self._scams(seen)
        fresh: list[contacts.Contact] = []
        for event in seen.events:
            if self._hears and event.kind == Kind.FEEDBACK and event.tier:
                self._heard(book, event)
            scam = scams.get(event.row)
            if scam is None:
                continue
            if event.actions & _WARNINGS and event.target:
                fresh = contacts.note(book, fresh, now_ms)  # what came before tells the class of what comes now
                self._warn(book, seen, event, scam)
            if scam and _met(event):
                fresh.append(contacts.of(event, scam))
        contacts.note(book, fresh, now_ms)

    def due(self, book: Book, now_ms: int) -> None:
        advance(book, now_ms, self.means)
        acts.serve(book, now_ms, self.means)  # nobody waits but after a crash

    @staticmethod
    def _scams(seen: Seen) -> dict[int, Scam]:
        """The class of each event that somebody is warned of or met; all texts are folded at once, since a call for one
        costs as much."""
        events = [event for event in seen.events if event.actions & _WARNINGS or _met(event)]
        written = [event.row for event in events if event.kind == Kind.SMS]
        words: dict[int, Scam] = {}
        if written:
            texts = seen.frame.column("text").take(pa.array(written)).to_pylist()
            words = dict(zip(written, classes.of_texts(texts), strict=True))
        return {event.row: classes.of_rules(event.rules, words.get(event.row, Scam.UNCLEAR)) for event in events}

    def _warn(self, book: Book, seen: Seen, event: Event, scam: Scam) -> None:
        citizen, at_ms = event.target, event.ts_ms
        if not scam or (scam is Scam.PHISHING and event.kind != Kind.SMS):
            # A page that asks for a card may belong to any scam: what the citizen met before tells which.
            scam = contacts.last_class(book.db, citizen, at_ms) or scam
        reason = Reason(
            tier=_TIER_OF[event.actions & _WARNINGS],
            scam=scam,
            source=source_of(seen, event),
            rules=" ".join(event.rules),
            score=event.score,
            stake_fen=event.amount_fen,
        )
        acts.warn(book, citizen, event.town, reason, by=PROGRAM, at_ms=at_ms, means=self.means)

    def _heard(self, book: Book, event: Event) -> None:
        """Of a try that is over, or of one that this centre never made, nothing is taken."""
        at_ms, outcome = event.ts_ms, Outcome(event.outcome)
        advance(book, at_ms, self.means)
        warning = rows.open_of(book.db, event.target)
        if warning is None or warning.tier != event.tier or not warning.under_way:
            return
        if outcome in acts.SAID and rows.started_ms(book.db, warning.id) <= at_ms:
            try:
                acts.outcome(book, warning.id, outcome, by="officer", at_ms=at_ms, means=self.means)
            except Refused:  # it is on the log
                return


def _met(event: Event) -> bool:
    """Whether it reached a citizen, and a rule hit it which says something of the class of scam."""
    return classes.tell(event.rules) and contacts.came_through(event)
