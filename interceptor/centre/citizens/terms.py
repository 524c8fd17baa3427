"""By which terms the centre deals with citizens.

Enters: nothing. Leaves: parameters, and who is official. Invariant: every figure has its mark; all can be set anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from interceptor.centre.things import Thing
from interceptor.rules.model import ListDef
from interceptor.rules.values import number
from interceptor.schema import Subject

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
PROTECTED = "protected_numbers"  # list of the engine: rule borrowed-protected-number
PROVISIONAL = {
    Subject.NUMBER: "provisional_numbers",
    Subject.SITE: "scam_hosts",
    Subject.ACCOUNT: "mule_accounts",
}
# Where rules at the gates themselves put things: what an appeal that is upheld takes off, beside what orders put there.
FILLED_AT_GATES = {
    Subject.NUMBER: ("limited_lines", "reported_numbers", "provisional_numbers"),
    Subject.SITE: ("scam_hosts",),
    Subject.ACCOUNT: ("mule_accounts", "stopped_accounts", "suspended_accounts"),
}


@dataclass(frozen=True, slots=True)
class Terms:
    """[A] where nothing else is said."""

    half_life_days: float = 14.0  # of a vote
    expires_days: int = 90  # then it doesn't count, and the person may vote anew
    votes_a_day: int = 20  # of one person
    burst_reporters: int = 5  # X05 (D4), and the next two
    burst_towns: int = 3
    burst_hours: int = 1
    burst_weight: float = 0.6  # of a person's record: who was wrong and never right doesn't count in a burst
    block_hours: int = 2  # X05 (D4)
    warned_of: float = 1.5  # weight of votes from which a look-up says so
    decide_days: int = 3  # an appeal; the law says "in time" (A4, art. 32 [L])
    acted_days: int = 30  # what the gates did is kept so long
    risk_days: int = 30  # of contacts and warnings behind the groups at risk
    exposed_days: int = 7  # who gets advice had to do with the scam within these
    advice_most: int = 500  # a round
    advice_every_days: int = 7
    advice_hour: int = 9  # of the city's day

    def of_record(self, rights: int, wrongs: int) -> float:
        """What a person's vote weighs when it is cast: 1 for somebody new; wrong once 0.5, twice 0.33; each right one
        makes up for half of that."""
        return (2 + rights) / (2 + rights + 2 * wrongs)

    def decayed(self, age_ms: int) -> float:
        """What is left of it, 0 … 1."""
        if age_ms >= self.expires_days * DAY_MS:
            return 0.0
        return float(2.0 ** (-max(age_ms, 0) / (self.half_life_days * DAY_MS)))


@dataclass(frozen=True, slots=True)
class Official:
    """Numbers and hosts that no crowd of citizens can block."""

    numbers: frozenset[int] = frozenset()
    hosts: frozenset[str] = frozenset()

    @classmethod
    def of(cls, lists: Mapping[str, ListDef]) -> Official:
        """From the lists official_numbers and official_hosts of a rule set's definitions."""

        def items(name: str) -> list[str]:
            return [item.value for item in lists[name].items] if name in lists else []

        return cls(frozenset(map(number, items("official_numbers"))), frozenset(items("official_hosts")))

    def __contains__(self, thing: Thing) -> bool:
        if thing.subject is Subject.NUMBER:
            return thing.key in self.numbers
        return thing.subject is Subject.SITE and any(name in self.hosts for name in domains(thing.shown))


def domains(host: str) -> list[str]:
    """A host and what it lies below: a.b.example, b.example."""
    parts = host.split(".")
    return [".".join(parts[n:]) for n in range(max(1, len(parts) - 1))] if host else []
