"""Which systems are on duty.

Enters: a rule set. Leaves: systems, in the order in which they take their turn. Invariant: a run, a cluster and a
command have the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from interceptor.centre.bulletin.tally import TallySystem
from interceptor.centre.cards.register import CardsSystem
from interceptor.centre.cases.system import CasesSystem
from interceptor.centre.citizens.system import CitizenSystem
from interceptor.centre.citizens.terms import Official
from interceptor.centre.duty import System
from interceptor.centre.hotspots.patrol import HotspotsSystem
from interceptor.centre.money.system import MoneySystem
from interceptor.centre.money.terms import MoneyTerms
from interceptor.centre.sites.patrol import SitesSystem
from interceptor.centre.warnings.system import WarningSystem
from interceptor.commands.centre.official import official_of

if TYPE_CHECKING:
    from interceptor.rules import RuleSet


def systems(rule_set: RuleSet | None, *, simulated: bool = False) -> list[System]:
    """New ones: what they remember is in the book. `rule_set` None: for what falls due only, which asks no rule.
    `simulated`: victims ring by themselves, police decide on a freeze when they have seen the bank's statement, and
    what comes of a try to warn somebody is said by whoever made it."""
    lists, rules = (rule_set.lists, rule_set.rules) if rule_set else ((), ())
    known = {definition.list: definition for definition in lists}
    return [
        TallySystem(),
        MoneySystem(MoneyTerms(alerts_from_stream=not simulated, freeze_on_finding=not simulated)),
        CasesSystem(),
        WarningSystem(hears_feedback=not simulated),
        SitesSystem(official_of(known)),
        CardsSystem(reasons={rule.name: rule.reason for rule in rules}),
        HotspotsSystem(),
        CitizenSystem(official=Official.of(known)),
    ]
