"""What officers and citizens say of what was done: warnings heard or not, lines and accounts looked into, appeals.

Enters: the rows of a slice, with the actions on them. Leaves: FEEDBACK for later, and police findings as REPORT.
Invariant: nothing is said before it was done; what is said is true, and whoever is limited without cause may say so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from interceptor.schema import BLOCKING, WARNINGS, Action, Kind, Outcome, Subject
from simulator.chance import Draws, draw, uniform
from simulator.clock import HOUR_MS, MINUTE_MS
from simulator.events import Rows
from simulator.scams.chains import Step
from simulator.scams.scribe import Later, Scribe
from simulator.scams.victims import tiers

# All figures are A. Officers ring or come up to so many times, one try in so many minutes.
TRIES, MINUTES_BETWEEN, FIRST_MINUTES = 4, 8.0, 2.0
HARD_TO_REACH, UNREACHED, UNREACHED_OFTEN = 0.12, 0.08, 0.75
REFUSED = 0.08  # of those who are reached hang up
WARNED_AGAIN_MS = HOUR_MS  # until the same citizen is rung up for another warning of the same tier
# Of lines, accounts and sites that were taken: looked into within hours, with what came of it. Whoever is honest makes
# himself heard; all accounts are looked into, of lines and sites as many as there is time for.
CASES_A_SLICE = 4
CONFIRMED, CONFIRMED_ACCOUNT, APPEALED_BY_FRAUD = 0.3, 0.7, 0.03
APPEALED, FOUND_HONEST = 0.7, 0.2
LOOKED_INTO_HOURS, APPEAL_HOURS = (1.0, 8.0), (0.5, 6.0)
FINDING, FINDING_HOURS = 0.5, (6.0, 40.0)  # of confirmed accounts: who had sold or let them
_WARNS = WARNINGS & ~Action.WARN_1
_TAKES = int(Action.LIMIT | BLOCKING)
_STOPS = int(Action.STOP_48H | Action.FREEZE_6M)
_SUBJECTS = {
    Kind.CALL: Subject.NUMBER,
    Kind.SMS: Subject.NUMBER,
    Kind.WEB: Subject.SITE,
    Kind.TRANSFER: Subject.ACCOUNT,
}


def heard_of(rows: Rows, actions: np.ndarray, seed: int, *, centre: bool = False) -> np.ndarray:
    """i64[m]: the rows of a slice, with actions u32[n], of which somebody may say something."""
    warns = WARNINGS if centre else _WARNS
    heard = np.flatnonzero(actions & np.uint32(warns | _TAKES))
    fraud = (rows.column("campaign")[heard] >= 0) & (rows.column("kind")[heard] <= Kind.WEB)
    fraud = heard[fraud & ((actions[heard] & np.uint32(warns)) == 0)]
    if len(fraud) <= CASES_A_SLICE:
        return heard
    luck = uniform(seed, "cases", rows.column("ts_ms")[fraud], rows.column("source")[fraud])
    left_out = fraud[np.argsort(luck, kind="stable")[CASES_A_SLICE:]]
    return np.setdiff1d(heard, left_out, assume_unique=True)


@dataclass(slots=True)
class Officers:
    """`person_of`: in whose name an account is, 0 = unknown. `stopped_by_warning`: share persuaded, by tier."""

    seed: int
    stopped_by_warning: Sequence[float]
    person_of: Callable[[int], int]
    centre: bool = False  # a centre decides who is rung up when, and asks for the answers
    _danger: dict[int, dict[str, int]] = field(default_factory=dict)  # citizen → what the warning is about
    _warned: dict[tuple[int, int], int] = field(default_factory=dict)  # (citizen, tier) → not again before
    _looked_into: set[int] = field(default_factory=set)
    _findings: int = 0
    _scribe: Scribe = field(default_factory=Scribe)
    _later: Later = field(default_factory=Later)

    def due(self, end_ms: int) -> list[Rows]:
        """What is said before `end_ms`, each part in order of time."""
        return self._later.due(end_ms)

    def hear(self, rows: Rows, actions: np.ndarray, rules: Sequence[int], next_ms: int) -> None:
        """`rows`: those of heard_of, with actions u32[m] and a rule behind each, as rule_key; what follows happens at
        `next_ms` or later."""
        names = ("kind", "ts_ms", "source", "target", "payer", "town", "subject", "campaign")
        columns = [*(rows.column(name).tolist() for name in names), rules]
        done = zip(tiers(actions).tolist(), actions.tolist(), zip(*columns, strict=True), strict=True)
        for tier, action, values in done:
            event = dict(zip((*names, "rule"), values, strict=True))
            if tier and event["target"] and self.centre:
                self._note_danger(event)
            elif tier >= 2 and event["target"]:
                self._warn(event, tier, next_ms)
            if action & _TAKES:
                self._look_into(event, action, next_ms)
        self._later.add(self._scribe.rows())

    def answer(self, citizen: int, tier: int, ts_ms: int, nth: int) -> Outcome:
        """What comes of one try to warn a citizen, the nth for this tier; it is heard of in the stream as well."""
        event = self._danger.get(citizen) or {"target": citizen, "town": 0, "campaign": -1, "source": 0, "rule": 0} | {
            "subject": Subject.NONE, "kind": Kind.CALL
        }  # fmt: skip
        often = draw(self.seed, "hard to reach", citizen) < HARD_TO_REACH
        missed = UNREACHED_OFTEN if often and tier < 4 else UNREACHED
        luck = Draws(self.seed, "answer", citizen, tier, ts_ms, nth)
        persuaded = luck.of(1) < self.stopped_by_warning[tier - 1]
        outcome = Outcome.NONE if tier <= 2 else self._try(luck.of(0), missed, event["campaign"] >= 0, persuaded)
        about = {"source": event["source"], "subject": _subject(event), "tier": tier, "rule": event["rule"]}
        if tier >= 2:
            self._say(event, ts_ms, ts_ms, outcome, **about)
            self._later.add(self._scribe.rows())
        return outcome

    def _note_danger(self, event: dict[str, int]) -> None:
        """The last scam that somebody was warned of, or the last thing at all."""
        before = self._danger.get(event["target"])
        if before is None or event["campaign"] >= 0 or before["campaign"] < 0:
            self._danger[event["target"]] = event

    def _warn(self, event: dict[str, int], tier: int, next_ms: int) -> None:
        citizen, ts_ms, scam = event["target"], event["ts_ms"], event["campaign"] >= 0
        if ts_ms < self._warned.get((citizen, tier), 0):
            return
        self._warned[citizen, tier] = ts_ms + WARNED_AGAIN_MS
        about = {"source": event["source"], "subject": _subject(event), "tier": tier, "rule": event["rule"]}
        if tier == 2:  # an automatic call: it was played, no more is known
            self._say(event, ts_ms + int(FIRST_MINUTES * MINUTE_MS), next_ms, Outcome.NONE, **about)
            return
        often = draw(self.seed, "hard to reach", citizen) < HARD_TO_REACH
        missed = UNREACHED_OFTEN if often else UNREACHED
        luck = Draws(self.seed, "tries", citizen, ts_ms)
        for nth in range(TRIES):
            outcome = self._try(luck.of(nth), missed, scam, luck.of(TRIES) < self.stopped_by_warning[tier - 1])
            at_ms = ts_ms + int((FIRST_MINUTES + nth * MINUTES_BETWEEN) * MINUTE_MS)
            self._say(event, at_ms, next_ms + int(nth * MINUTES_BETWEEN * MINUTE_MS), outcome, **about)
            if outcome not in (Outcome.UNREACHED, Outcome.REFUSED):
                return

    @staticmethod
    def _try(luck: float, missed: float, scam: bool, persuaded: bool) -> Outcome:
        if luck < missed:
            return Outcome.UNREACHED
        if luck < missed + REFUSED:
            return Outcome.REFUSED
        if not scam:
            return Outcome.FALSE_ALARM
        return Outcome.PERSUADED if persuaded else Outcome.CONFIRMED

    def _look_into(self, event: dict[str, int], action: int, next_ms: int) -> None:
        """Once for each line, account or site. A stop is on the payer; where that is a victim, on who was paid."""
        stopped = bool(action & _STOPS) and event["kind"] == Kind.TRANSFER
        stopped = stopped and (event["campaign"] < 0 or bool(self.person_of(event["payer"])))
        source = event["payer"] if stopped else event["source"]
        if source in self._looked_into or event["kind"] == Kind.FEEDBACK:
            return
        self._looked_into.add(source)
        subject = _subject(event)
        about = {"source": source, "subject": subject, "rule": event["rule"]}
        if subject == Subject.NUMBER:
            about["target"] = source  # whose line it is
        elif not stopped:
            about["target"] = 0
        luck = draw(self.seed, "officers", event["ts_ms"], event["source"], event["target"])
        confirmed = CONFIRMED_ACCOUNT if subject == Subject.ACCOUNT else CONFIRMED
        outcome, hours = _found(luck, confirmed if event["campaign"] >= 0 else None)
        if outcome is Outcome.NONE:
            return
        span = luck * 97 % 1  # any other digits of the same luck
        self._say(event, event["ts_ms"] + _between(hours, span), next_ms, outcome, **about)
        if outcome is Outcome.CONFIRMED and subject == Subject.ACCOUNT and span < FINDING:
            self._find_out(event, source, event["ts_ms"] + _between(FINDING_HOURS, luck))

    def _find_out(self, event: dict[str, int], account: int, ts_ms: int) -> None:
        """A finding of the city's police: about the account, and about the person who let or sold it."""
        person = self.person_of(account)
        self._findings += bool(person)
        for subject, source in ((Subject.ACCOUNT, account), (Subject.PERSON, person)) if person else ():
            self._scribe.write(
                Kind.REPORT, ts_ms, source=source, subject=subject, finding=self._findings, town=event["town"],
                campaign=event["campaign"], step=Step.FINDING,
            )  # fmt: skip

    def _say(self, event: dict[str, int], ts_ms: int, next_ms: int, outcome: Outcome, **about: int) -> None:
        columns = {"target": event["target"], "town": event["town"], "campaign": event["campaign"]} | about
        self._scribe.write(
            Kind.FEEDBACK, max(ts_ms, next_ms), outcome=outcome, known=True, step=Step.FEEDBACK, **columns
        )


def _subject(event: dict[str, int]) -> int:
    return event["subject"] or _SUBJECTS.get(Kind(event["kind"]), Subject.NONE)


def _found(luck: float, confirmed: float | None) -> tuple[Outcome, tuple[float, float]]:
    """What comes of looking into it, and within which hours; `confirmed`: share of fraud, None = it is none."""
    if confirmed is not None:
        if luck < confirmed:
            return Outcome.CONFIRMED, LOOKED_INTO_HOURS
        return (Outcome.APPEAL_REFUSED if luck < confirmed + APPEALED_BY_FRAUD else Outcome.NONE), APPEAL_HOURS
    if luck < APPEALED:
        return Outcome.APPEAL_UPHELD, APPEAL_HOURS
    return (Outcome.FALSE_ALARM if luck < APPEALED + FOUND_HONEST else Outcome.NONE), LOOKED_INTO_HOURS


def _between(hours: tuple[float, float], luck: float) -> int:
    return int((hours[0] + luck * (hours[1] - hours[0])) * HOUR_MS)
