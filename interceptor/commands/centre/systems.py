"""Which systems are on duty, with their parameters.

Enters: nothing yet but the defaults. Leaves: systems, in the order in which they take their turn. Invariant: a run
and a cluster have the same.
"""

from __future__ import annotations

from interceptor.centre.bulletin.tally import TallySystem
from interceptor.centre.cases.system import CasesSystem
from interceptor.centre.duty import System
from interceptor.centre.money.system import MoneySystem
from interceptor.centre.money.terms import MoneyTerms
from interceptor.centre.warnings.system import WarningSystem


def systems(*, simulated: bool = False) -> list[System]:
    """New ones: what they remember is in the book. `simulated`: victims ring by themselves, and what comes of a try to
    warn somebody is said by whoever made it."""
    return [
        TallySystem(),
        MoneySystem(MoneyTerms(alerts_from_stream=not simulated)),
        CasesSystem(),
        WarningSystem(hears_feedback=not simulated),
    ]
