"""What people do when it is over: they hang up, and some report what they know.

Enters: journeys that have ended. Leaves: rows for later. Invariant: nothing is reported before it has happened.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from interceptor.schema import Kind, Subject
from simulator.clock import MINUTE_MS
from simulator.events import Rows
from simulator.population import Population
from simulator.scams.alerts import Alert
from simulator.scams.chains import Step
from simulator.scams.journey import For, Journey
from simulator.scams.victims import log_normal
from simulator.scenario import Victims

WARNED_MINUTES = 25.0  # median until someone whom a warning stopped reports [A]
RING_S = 10  # of a call before it was answered [A]


def release(call: Rows, end_ms: int) -> Rows:
    """The CALL_END of one call."""
    talked_s = (end_ms - int(call.column("ts_ms")[0])) // 1000 - RING_S
    end = call.copy()
    end.set(kind=Kind.CALL_END, ts_ms=end_ms, dur_s=max(1, talked_s), handle=-1)
    return end


def reported_ms(journey: Journey, victims: Victims, ts_ms: int, soonest_ms: int, *, warned: bool) -> int | None:
    """When somebody reports: those who were warned off, and those who paid. None = never."""
    if journey.reports_ms is not None and journey.payments:
        return max(journey.payments[-1].ts_ms + journey.reports_ms, soonest_ms)
    share = victims.report_warned if warned else victims.report_loss if journey.paid_fen else 0.0
    if journey.luck.at(For.REPORTS) >= share:
        return None
    median = WARNED_MINUTES if warned else victims.report_loss_minutes
    wait = log_normal(journey.luck.at(For.REPORTS, 1), median, victims.report_loss_sigma)
    return max(ts_ms + int(wait * MINUTE_MS), soonest_ms)


def reports(journey: Journey, population: Population, at_ms: int) -> Iterator[Rows]:
    """The number that called, the site, the account paid."""
    subjects = {Subject.NUMBER: journey.number, Subject.SITE: journey.campaign.site.number}
    if journey.paid_fen and journey.mule is not None:
        subjects[Subject.ACCOUNT] = journey.mule.account
    for nth, (subject, source) in enumerate(subjects.items()):
        if source:
            shown: dict[str, int | bool] = {
                "source": source, "target": int(population.number[journey.resident]),
                "town": int(population.town[journey.resident]), "subject": subject, "known": True,
            }  # fmt: skip
            yield one_row(Kind.REPORT, at_ms + nth * 1000, Step.REPORT, shown, journey.campaign.index)


def one_row(kind: Kind, ts_ms: int, step: Step, shown: dict[str, int | bool], campaign: int) -> Rows:
    return Rows.of(kind, np.array([ts_ms]), **shown, step=step, campaign=campaign)


def alert(journey: Journey, population: Population, at_ms: int) -> Alert:
    """What the victim tells 110."""
    return Alert(
        ts_ms=at_ms, number=int(population.number[journey.resident]), town=int(population.town[journey.resident]),
        scam_type=journey.campaign.type, campaign=journey.campaign.index, payments=tuple(journey.payments),
    )  # fmt: skip
