"""The accounts of mule networks: who is on duty, who relieves whom.

Enters: a network, a layer, a time; accounts that were held. Leaves: accounts to pay into. Invariant: an account is on
duty in one layer of one network once, and never again after it was held or relieved.

Shares and times are assumptions [A] of simulator.scenario.Laundering where they aren't given here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simulator import numbers
from simulator.chance import Draws, draw, generator
from simulator.clock import HOUR_MS, MINUTE_MS
from simulator.population import Population
from simulator.scams.victims import log_normal
from simulator.scenario import Laundering

LAYERS = 3
LOCAL_MULES = 0.5  # of mules live in the city [A]
COLLECTED = 0.3  # of new accounts are opened for a collector, with his phone behind them [A]
COLLECTORS, COLLECTORS_FIRST = 2, 10**7  # of a network; their slots, beyond those of all mules
COVER = 0.08  # of first-layer accounts are merchants' [A]
FRESH_DAYS, DORMANT_DAYS, TENURE_DAYS = 15, (90, 700), (200, 2_500)  # [A]
DUTY_SIGMA = 0.5
TYPICAL_FEN = 20_000  # median of what these accounts used to pay [A]


@dataclass(slots=True)
class Mule:
    """One account. `slot` names its luck, `hops` how often it has sent money on."""

    slot: int
    network: int
    layer: int
    account: int
    phone: int
    person: int
    town: int
    tenure_days: int
    idle_days: int
    registered: bool
    typical_fen: int
    from_ms: int
    until_ms: int
    balance_fen: int = 0  # stolen money in it
    kept_fen: int = 0  # stolen money in it that can't leave, since it is held
    large: bool = False
    held: bool = False
    moving: bool = False  # a hop is planned
    hops: int = 0

    def as_payee(self) -> dict[str, int | bool]:
        """Columns of a transfer to this account."""
        return {
            "source": self.account, "tenure_days": self.tenure_days, "idle_days": self.idle_days,
            "registered": self.registered,
        }  # fmt: skip

    def as_payer(self, amount_fen: int) -> dict[str, int | bool]:
        """Columns of a transfer that this account's holder orders."""
        return {
            "payer": self.account, "target": self.phone, "town": self.town, "typical_fen": self.typical_fen,
            "balance_fen": amount_fen + self.balance_fen + self.typical_fen // 10, "amount_fen": amount_fen,
        }  # fmt: skip


@dataclass(slots=True)
class Roster:
    """All mules of a run."""

    plan: Laundering
    population: Population
    seed: int
    hired: list[Mule] = field(default_factory=list)  # since the last time somebody looked
    replaced: int = 0
    _of_account: dict[int, Mule] = field(default_factory=dict)
    _duty: dict[tuple[int, int], list[Mule]] = field(default_factory=dict)  # by network and layer
    _spare: dict[int, int] = field(default_factory=dict)
    _made: int = 0

    def open(self, network: int, start_ms: int) -> None:
        """Put the first accounts of a network on duty; some have been in use for a while."""
        for layer, count in enumerate(self.plan.on_duty, start=1):
            self._duty[network, layer] = [self._mule(network, layer, start_ms, nth / count) for nth in range(count)]

    def new_day(self) -> None:
        """Each network has got new spare accounts."""
        self._spare = {network: self.plan.spare_accounts for network, _ in self._duty}

    def of_account(self, account: int) -> Mule | None:
        return self._of_account.get(account)

    def on_duty(self, network: int, layer: int) -> list[Mule]:
        return self._duty.get((network, layer), [])

    def balances_fen(self) -> int:
        return sum(mule.balance_fen for mule in self._of_account.values())

    def pick(self, network: int, layer: int, luck: float, ts_ms: int) -> Mule | None:
        """An account on duty, or of the next layer if there is none; None beyond the last. Tired ones are relieved."""
        if layer > LAYERS:
            return None
        duty = self._duty[network, layer]
        for mule in [mule for mule in duty if mule.until_ms <= ts_ms]:
            duty.remove(mule)
            self._relieve(mule, ts_ms)
        ready = [mule for mule in duty if mule.from_ms <= ts_ms]
        if ready:
            return ready[int(luck * len(ready))]
        return self.pick(network, layer + 1, luck, ts_ms) if layer > 1 else None

    def hold(self, mule: Mule, now_ms: int) -> None:
        """May receive, not pay; after a while another takes its place."""
        mule.held = True
        duty = self._duty[mule.network, mule.layer]
        if mule in duty:
            duty.remove(mule)
            low, high = self.plan.replace_minutes
            wait = low + draw(self.seed, "mule replaced", mule.slot) * (high - low)
            self._relieve(mule, now_ms + int(wait * MINUTE_MS))

    def elsewhere_fen(self, mule: Mule) -> int:
        """Money of people in other cities in the account: a network serves many [A]."""
        luck = draw(self.seed, "elsewhere", mule.slot)
        return int(log_normal(luck, self.plan.elsewhere_yuan * 100, self.plan.elsewhere_sigma))

    def luck(self, mule: Mule, purpose: str) -> float:
        return draw(self.seed, purpose, mule.slot, mule.hops)

    def _relieve(self, mule: Mule, from_ms: int) -> None:
        if self._spare.get(mule.network, 0) > 0:
            self._spare[mule.network] -= 1
            self.replaced += 1
            self._duty[mule.network, mule.layer].append(self._mule(mule.network, mule.layer, from_ms, 0.0))

    def _mule(self, network: int, layer: int, from_ms: int, used: float) -> Mule:
        """A new account; `used`: part of its time on duty that is already over."""
        slot, self._made = self._made, self._made + 1
        rng = generator(self.seed, "mule", slot)
        luck, hours = rng.random(), self.plan.duty_hours * np.exp(DUTY_SIGMA * rng.standard_normal())
        tenure, idle = int(rng.integers(*TENURE_DAYS)), int(rng.integers(0, 5))
        if luck < self.plan.fresh:
            tenure, idle = int(rng.integers(0, FRESH_DAYS + 1)), 0
        elif luck < self.plan.fresh + self.plan.dormant:
            idle = min(int(rng.integers(*DORMANT_DAYS)), tenure)
        town = int(self.population.town[int(rng.integers(self.population.people))]) if rng.random() < LOCAL_MULES else 0
        mule = Mule(
            slot=slot, network=network, layer=layer, account=_account(self.seed, slot),
            phone=self._phone(slot, network, fresh=luck < self.plan.fresh),
            person=int(numbers.accounts(f"mule of {self.seed} himself", np.array([slot]))[0]),
            town=town, tenure_days=tenure, idle_days=idle, registered=bool(rng.random() < COVER) and layer == 1,
            typical_fen=int(log_normal(rng.random(), TYPICAL_FEN, 1.0)) if tenure > 1 else 0,
            from_ms=from_ms, until_ms=from_ms + int((1 - used) * hours * HOUR_MS),
        )  # fmt: skip
        self._of_account[mule.account] = mule
        if not used:
            self.hired.append(mule)
        return mule

    def _phone(self, slot: int, network: int, *, fresh: bool) -> int:
        """The holder's own, or one of a collector of the network's."""
        luck = Draws(self.seed, "collector", slot)
        if fresh and luck.of(0) < COLLECTED:
            slot = COLLECTORS_FIRST + network * COLLECTORS + int(luck.of(1) * COLLECTORS)
        return int(numbers.elsewhere_numbers(np.array([3 * 10**9 + slot]), self.population.seed)[0])


def _account(seed: int, slot: int) -> int:
    return int(numbers.accounts(f"mule of {seed}", np.array([slot]))[0])
