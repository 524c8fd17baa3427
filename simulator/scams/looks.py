"""How the links of a victim's chain look at the gates.

Enters: a journey and a time. Leaves: kind, step and columns of one event, or None when the campaign lacks what it
needs. Invariant: columns hold what a gate could see, nothing of the truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from interceptor.schema import Channel, Kind
from simulator import numbers
from simulator.events import Pools
from simulator.hosts import addresses
from simulator.institutions import HOST_AGE_H, INSTITUTIONS, Directory, service_line
from simulator.population import Population
from simulator.scams.chains import Look, Step
from simulator.scams.hosts import MEETING_MAKERS
from simulator.scams.journey import For, Journey
from simulator.scams.lines import FraudLines
from simulator.scams.mules import Roster
from simulator.scams.victims import REBATE_FEN

Shown = dict[str, int | bool]
LENDER_TYPICAL_FEN, LENDER_BALANCE_FEN = 10**7, 10**12
CREDITED = 0.8  # of what is lost to a false lender was borrowed for it [A]
BALANCE_SPARE = 0.02  # people have a little more than what they pay


@dataclass(slots=True)
class Looks:
    """`forwarded`: lines of victims whose calls a scammer has had forwarded."""

    population: Population
    lines: FraudLines
    roster: Roster
    directory: Directory
    pools: Pools
    forwarded: set[int] = field(default_factory=set)
    _makers: dict[Look, tuple[Kind, Step, Callable[[Journey, int], Shown | None]]] = field(init=False)

    def __post_init__(self) -> None:
        self._makers = {
            Look.CALL: (Kind.CALL, Step.CALL, self._call),
            Look.MESSAGE: (Kind.SMS, Step.MESSAGE, self._message),
            Look.SITE: (Kind.WEB, Step.SITE, self._site),
            Look.APP: (Kind.WEB, Step.APP, self._site),
            Look.REBATE: (Kind.TRANSFER, Step.REBATE, self._rebate),
            Look.CREDIT: (Kind.TRANSFER, Step.CREDIT, self._credit),
            Look.PAYMENT: (Kind.TRANSFER, Step.PAYMENT, self._payment),
        }

    def columns(self, journey: Journey, ts_ms: int) -> tuple[Kind, Step, Shown] | None:
        """What a gate sees of the journey's present link; None if there is no line or account left for it."""
        kind, step, make = self._makers[journey.at.look]
        shown = make(journey, ts_ms)
        return None if shown is None else (kind, step, shown)

    def _victim(self, journey: Journey) -> Shown:
        return {
            "target": int(self.population.number[journey.resident]),
            "town": int(self.population.town[journey.resident]),
        }

    def _line(self, journey: Journey, ts_ms: int) -> Shown | None:
        """Some line of the campaign that still works."""
        for crew in journey.campaign.crews:
            place = self.lines.any_usable(crew, journey.chance(For.LINE))
            if place is not None:
                columns = self.lines.columns(np.array([place]), np.array([ts_ms]))
                return {name: column[0].item() for name, column in columns.items()}
        return None

    def _call(self, journey: Journey, ts_ms: int) -> Shown | None:
        line = self._line(journey, ts_ms)
        if line is None:
            return None
        victim = self._victim(journey)
        own = bool(self.population.behaviour.forwarding[journey.resident])
        return line | victim | {"forwarding": own or victim["target"] in self.forwarded}

    def _message(self, journey: Journey, ts_ms: int) -> Shown | None:
        line, site = self._line(journey, ts_ms), journey.campaign.site
        if line is None:
            return None
        site.at(ts_ms)
        which = int(journey.chance(For.TEXT) * len(site.texts))
        host = int(site.link_hosts[which])
        age_h = int(site.link_age_h(np.array([ts_ms]), np.array([host]))[0])
        return line | self._victim(journey) | {"text": int(site.texts[which]), "host": host, "host_age_h": age_h}

    def _site(self, journey: Journey, ts_ms: int) -> Shown:
        """A visit, to the campaign's host or, for some meeting apps, to the true maker's."""
        link, site = journey.at, journey.campaign.site
        site.at(ts_ms)
        shown = self._victim(journey) | {"apk": link.apk}
        if journey.luck.at(For.HOST, journey.link) < link.official:
            maker = MEETING_MAKERS[int(journey.chance(For.TEXT) * len(MEETING_MAKERS))]
            return shown | {
                "source": numbers.host_number(maker), "host": self.pools.host.add(maker), "registered": True,
                "host_age_h": HOST_AGE_H, "tenure_days": HOST_AGE_H // 24,
                "address": int(addresses(np.array([numbers.host_number(maker)], np.uint64), 0.0)[0]),
            }  # fmt: skip
        age_h = int(site.age_h(np.array([ts_ms]))[0])
        return shown | {
            "source": site.number, "host": site.host, "host_age_h": age_h, "tenure_days": min(age_h // 24, 60_000),
            "registered": site.registered, "address": site.address,
            "asks_card": link.asks_card, "asks_code": link.asks_code,
        }  # fmt: skip

    def _account(self, journey: Journey, account: int) -> Shown:
        """The victim's account as a payee."""
        return {
            "source": account,
            "tenure_days": int(self.population.behaviour.account_tenure_days[journey.resident]),
            "channel": int(Channel.APP),
        }

    def _rebate(self, journey: Journey, ts_ms: int) -> Shown | None:
        mule = self.roster.pick(journey.campaign.network, 1, journey.chance(For.LINE), ts_ms)
        if mule is None:
            return None
        low, high = REBATE_FEN
        amount_fen = low + int(journey.chance(For.TEXT) * (high - low))
        return self._account(journey, int(self.population.account[journey.resident])) | mule.as_payer(amount_fen)

    def _credit(self, journey: Journey, _: int) -> Shown:
        """A true lender pays out: a credit just before the money goes on. Its service line stands for the payer."""
        lenders = [i for i, one in enumerate(INSTITUTIONS) if one.sector == "lender"]
        which = lenders[(journey.round + int(journey.luck.at(For.TEXT) * len(lenders))) % len(lenders)]
        amount_fen = max(10_000, int(sum(journey.amounts) * CREDITED / max(journey.credits, 1)) // 10_000 * 10_000)
        journey.borrowed_fen += amount_fen
        return self._account(journey, int(self.population.account[journey.resident])) | {
            "payer": int(self.directory.account[which]), "target": service_line(INSTITUTIONS[which].digits),
            "amount_fen": amount_fen, "typical_fen": LENDER_TYPICAL_FEN, "balance_fen": LENDER_BALANCE_FEN,
            "corporate": True,
        }  # fmt: skip

    def _payment(self, journey: Journey, ts_ms: int) -> Shown | None:
        """To a new account each round; a second one if the first was refused."""
        luck = (journey.chance(For.LINE) + 0.37 * journey.retries) % 1.0
        mule = self.roster.pick(journey.campaign.network, 1, luck, ts_ms)
        if mule is None:
            return None
        link, population, resident = journey.at, self.population, journey.resident
        journey.mule, journey.asked_fen = mule, journey.amounts[journey.round]
        spent = int(population.balance_fen[resident]) + journey.borrowed_fen - journey.paid_fen
        least = journey.asked_fen + int(journey.asked_fen * BALANCE_SPARE)
        in_call = journey.call is not None
        minor = population.age[resident] < 16
        return self._victim(journey) | mule.as_payee() | {
            "payer": int(population.account[resident]), "amount_fen": journey.asked_fen,
            "typical_fen": int(population.typical_fen[resident]), "balance_fen": max(spent, least),
            "channel": int(Channel.THIRD_PARTY if minor else link.channel),
            "corporate": bool(population.corporate[resident]) and journey.campaign.chain.corporate > 0,
            "screen_share": link.screen_share and in_call,
        }  # fmt: skip
