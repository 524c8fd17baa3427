"""How stolen money moves from the first account to where nobody gets it back.

Enters: money that victims have sent, holds on accounts, verdicts on hops. Leaves: transfers between mules' accounts.
Invariant: every fen that came in is in exactly one of: an account in use, a transfer under way, a held account, gone.

L1 takes in from many victims, splits to L2, L2 to L3, L3 to an exit. Delays after SOURCES.md B7, the rest [A].
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from interceptor.schema import Channel, Kind, Subject, Verdict
from simulator import numbers
from simulator.chance import Draws, generator
from simulator.clock import DAY_MS, MINUTE_MS, hour_of_day
from simulator.scams.campaign import OUTLETS
from simulator.scams.chains import Step
from simulator.scams.handles import HOPS, handle_of
from simulator.scams.mules import LAYERS, Mule, Roster
from simulator.scams.scribe import Scribe
from simulator.scams.victims import log_normal
from simulator.scenario import Laundering

LIMITS_FEN = (1_000_000, 5_000_000)  # 10,000 and 50,000 yuan: reports begin there
BELOW = (0.90, 0.998)  # of the limit, what a piece is
PIECES_MAX = 6
PIECE_GAP_MS = (3_000, 25_000)  # between the pieces of one sum
LARGE_FEN = 10_000_000  # a first hop of such sums takes longer
RETRIES_MAX = 3
NIGHT_SLOWER, NIGHT_H = 2.0, (1, 6)  # factor on hop delays
TEST_FEN = (10, 1_000)  # D2: a test is at most 10 yuan
TEST_MINUTES = (5, 60)  # before the account is used
# Exits: wallets and shops, dealers in USDT, cash, abroad.
_EXIT_CHANNELS = (Channel.QR, Channel.APP, Channel.ATM, Channel.APP)
_EXIT_REGISTERED = (True, False, True, False)
_EXIT_POINTS = 40  # of each kind


@dataclass(slots=True)
class Hop:
    """A transfer between accounts. `payee` None = the exit."""

    payer: Mule
    payee: Mule | None
    amount_fen: int
    ts_ms: int
    tries: int = 0


@dataclass(slots=True)
class Launderer:
    """The money of all networks of a run. `scribe`: where transfers are written down."""

    plan: Laundering
    roster: Roster
    scribe: Scribe
    seed: int
    received_fen: int = 0
    held_fen: int = 0
    gone_fen: int = 0
    _agenda: list[tuple[int, int, Callable[[int], None]]] = field(default_factory=list)
    _hops: dict[int, Hop] = field(default_factory=dict)  # that wait for a verdict
    _order: int = 0
    _next_ms: int = 0

    @property
    def moving_fen(self) -> int:
        """In accounts in use or between them: all that is neither held nor gone."""
        return self.received_fen - self.held_fen - self.gone_fen

    def receive(self, mule: Mule, amount_fen: int, ts_ms: int) -> None:
        """A victim's money has come in."""
        self.received_fen += amount_fen
        self._credit(mule, amount_fen, ts_ms)

    def hold(self, account: int) -> bool:
        """What is in the account stays there, and what comes in. False if it is no mule's."""
        mule = self.roster.of_account(account)
        if mule is None:
            return False
        if not mule.held:
            self.roster.hold(mule, self._next_ms)
            self._keep(mule, mule.balance_fen)
            mule.balance_fen = 0
        return True

    def found_fen(self, account: int) -> int | None:
        """What a bank finds in a mule's account, money of other cities included; None if it is no mule's."""
        mule = self.roster.of_account(account)
        if mule is None:
            return None
        return mule.balance_fen + mule.kept_fen + self.roster.elsewhere_fen(mule)

    def kept_fen(self, account: int) -> int:
        """Of it, what is stolen from this city and can't leave."""
        mule = self.roster.of_account(account)
        return mule.kept_fen if mule is not None else 0

    def proven_fen(self, account: int) -> int:
        """Of what is in a stopped account, what victims have reported by the time police decide: all of this city's,
        and some from elsewhere."""
        mule = self.roster.of_account(account)
        if mule is None:
            return 0
        return mule.kept_fen + int(self.roster.elsewhere_fen(mule) * self.plan.elsewhere_reported)

    def release(self, account: int, ts_ms: int) -> None:
        """A mule's account may pay again: what was kept in it goes on its way."""
        mule = self.roster.of_account(account)
        if mule is not None and mule.held:
            kept, mule.kept_fen, mule.held = mule.kept_fen, 0, False
            self.held_fen -= kept
            if kept:
                self._credit(mule, kept, ts_ms)

    def give_back(self, account: int, amount_fen: int) -> int:
        """Money out of a held account, to a victim; gives how much there was, fen. It stays among what is held."""
        mule = self.roster.of_account(account)
        found = min(amount_fen, mule.kept_fen) if mule is not None else 0
        if mule is not None:
            mule.kept_fen -= found
        return found

    def _keep(self, mule: Mule, amount_fen: int) -> None:
        mule.kept_fen += amount_fen
        self.held_fen += amount_fen

    def due(self, end_ms: int) -> None:
        """Write down the transfers before `end_ms`; later ones can still be prevented."""
        start_ms, self._next_ms = self._next_ms, end_ms
        for mule in self.roster.hired:
            self._prepare(mule, max(start_ms, mule.from_ms))
        self.roster.hired.clear()
        while self._agenda and self._agenda[0][0] < end_ms:
            ts_ms, _, act = heapq.heappop(self._agenda)
            act(ts_ms)

    def feedback(self, index: int, verdict: int) -> None:
        """What was decided on a hop: `index` is its handle's. Accounts that it took away are already held."""
        hop = self._hops.pop(index)
        if verdict == Verdict.BLOCK:
            self._refused(hop)
        elif verdict == Verdict.HOLD:
            self._at(hop.ts_ms + DAY_MS, lambda ts_ms: self._arrive(hop, ts_ms))
        else:
            self._arrive(hop, hop.ts_ms)

    def _credit(self, mule: Mule, amount_fen: int, ts_ms: int) -> None:
        if mule.held:
            self._keep(mule, amount_fen)
            return
        mule.balance_fen += amount_fen
        mule.large |= mule.layer == 1 and amount_fen >= LARGE_FEN
        self._plan_move(mule, ts_ms)

    def _plan_move(self, mule: Mule, ts_ms: int) -> None:
        if not mule.moving:
            mule.moving = True
            self._at(ts_ms + self._delay_ms(mule, ts_ms), lambda at_ms: self._move_on(mule, at_ms))

    def _delay_ms(self, mule: Mule, ts_ms: int) -> int:
        median = self.plan.corporate_minutes if mule.large else self.plan.hop_minutes[mule.layer - 1]
        if NIGHT_H[0] <= hour_of_day(ts_ms) < NIGHT_H[1]:
            median *= NIGHT_SLOWER
        return int(log_normal(self.roster.luck(mule, "hop delay"), median, self.plan.hop_sigma) * MINUTE_MS)

    def _move_on(self, mule: Mule, ts_ms: int) -> None:
        """Send on what is in the account."""
        mule.moving = mule.large = False
        mule.hops += 1
        if mule.held or not mule.balance_fen:
            return
        draws = Draws(self.seed, "pieces", mule.slot, mule.hops)
        luck = [draws.of(nth) for nth in range(3 * PIECES_MAX)]
        at_ms = ts_ms
        for nth, piece in enumerate(split(mule.balance_fen, mule.layer, luck, self.plan)):
            mule.balance_fen -= piece
            payee = self.roster.pick(mule.network, mule.layer + 1, luck[PIECES_MAX + nth], ts_ms)
            self._pay(Hop(mule, payee, piece, at_ms), at_ms)
            at_ms += int(PIECE_GAP_MS[0] + luck[2 * PIECES_MAX + nth] * (PIECE_GAP_MS[1] - PIECE_GAP_MS[0]))
        if mule.balance_fen:
            self._plan_move(mule, ts_ms)

    def _pay(self, hop: Hop, ts_ms: int) -> None:
        """Write it down if it belongs to this slice. Until then the money is under way, and can be caught."""
        if hop.payer.held:
            self._keep(hop.payer, hop.amount_fen)
        elif ts_ms >= self._next_ms:
            self._at(ts_ms, lambda at_ms: self._pay(hop, at_ms))
        else:
            hop.ts_ms = ts_ms
            self._write(hop)

    def _arrive(self, hop: Hop, ts_ms: int) -> None:
        if hop.payee is None:
            self.gone_fen += hop.amount_fen
        else:
            self._credit(hop.payee, hop.amount_fen, ts_ms)

    def _refused(self, hop: Hop) -> None:
        """Another way is tried, or the money stays: an account that was refused so often is looked into."""
        payer = hop.payer
        again = hop.tries < RETRIES_MAX and self.roster.luck(payer, f"again {hop.tries}") < self.plan.retry_hop
        if payer.held or not again:
            self._keep(payer, hop.amount_fen)
            return
        self._at(hop.ts_ms + self._delay_ms(payer, hop.ts_ms), lambda ts_ms: self._other_way(hop, ts_ms))

    def _other_way(self, hop: Hop, ts_ms: int) -> None:
        payer, luck = hop.payer, self.roster.luck(hop.payer, f"other {hop.tries}")
        payee = self.roster.pick(payer.network, payer.layer + 1, luck, ts_ms)
        self._pay(Hop(payer, payee, hop.amount_fen, ts_ms, hop.tries + 1), ts_ms)

    def _write(self, hop: Hop) -> None:
        self._order += 1
        self._hops[self._order] = hop
        shown = self._exit(hop) if hop.payee is None else hop.payee.as_payee()
        channel = {"channel": Channel.APP} if hop.payee is not None else {}
        step = {2: Step.HOP_2, 3: Step.HOP_3}[hop.payee.layer] if hop.payee is not None else Step.EXIT
        self.scribe.write(
            Kind.TRANSFER, hop.ts_ms, **shown, **channel, **hop.payer.as_payer(hop.amount_fen),
            campaign=hop.payer.network, step=step, handle=handle_of(HOPS, self._order),
        )  # fmt: skip

    def _exit(self, hop: Hop) -> dict[str, int | bool]:
        bounds = np.cumsum(self.plan.exits)
        kind = int(np.searchsorted(bounds[:-1], self.roster.luck(hop.payer, "exit"), side="right"))
        point = kind * _EXIT_POINTS + int(self.roster.luck(hop.payer, "exit point") * _EXIT_POINTS)
        return {
            "source": int(numbers.accounts("exit", np.array([point]))[0]), "registered": _EXIT_REGISTERED[kind],
            "tenure_days": 100 + point * 7, "channel": _EXIT_CHANNELS[kind],
        }  # fmt: skip

    def _prepare(self, mule: Mule, ts_ms: int) -> None:
        """An account opened today is registered; some are tried with a few yuan before they are used."""
        rng = generator(self.seed, "prepare", mule.slot)
        if mule.tenure_days == 0 and ts_ms < self._next_ms:
            outlet = numbers.accounts("outlet", np.array([int(rng.integers(OUTLETS))]))
            self.scribe.write(
                Kind.REGISTRATION, ts_ms, source=mule.account, target=mule.phone, town=mule.town,
                subject=Subject.ACCOUNT, agent=int(outlet[0]), person=mule.person, campaign=mule.network,
                step=Step.REGISTRATION,
            )  # fmt: skip
        others = [other for other in self.roster.on_duty(mule.network, 2) if not other.held and other is not mule]
        if others and rng.random() < self.plan.tested:
            payer, amount_fen = others[int(rng.integers(len(others)))], int(rng.integers(*TEST_FEN, endpoint=True))
            at_ms = mule.from_ms - int(rng.uniform(*TEST_MINUTES) * MINUTE_MS)
            self._at(at_ms, lambda at_ms: self._test(payer, mule, amount_fen, at_ms))

    def _test(self, payer: Mule, payee: Mule, amount_fen: int, ts_ms: int) -> None:
        if not payer.held and not payee.held:
            self.scribe.write(
                Kind.TRANSFER, ts_ms, **payee.as_payee(), **payer.as_payer(amount_fen), channel=Channel.APP,
                campaign=payer.network, step=Step.TEST,
            )  # fmt: skip

    def _at(self, ts_ms: int, act: Callable[[int], None]) -> None:
        """At that time, but in no slice that was already taken."""
        self._order += 1
        heapq.heappush(self._agenda, (max(ts_ms, self._next_ms), self._order, act))


def split(balance_fen: int, layer: int, luck: list[float], plan: Laundering) -> list[int]:
    """Odd sums, just below what has to be reported if they are large. What is left of more than six comes later."""
    if layer == LAYERS or balance_fen <= plan.whole_yuan[layer - 1] * 100:
        limit = LIMITS_FEN[1]
        return [balance_fen] if balance_fen <= limit else _below(balance_fen, limit, luck)
    most = max(2, min(PIECES_MAX, int(balance_fen // (plan.piece_yuan * 100)))) if layer == 1 else 2
    pieces = 2 + int(luck[0] * (most - 1))
    if balance_fen / pieces >= LIMITS_FEN[0]:
        small = balance_fen < PIECES_MAX * LIMITS_FEN[0] * BELOW[0]
        return _below(balance_fen, LIMITS_FEN[0] if small else LIMITS_FEN[1], luck)
    weights = [0.5 + share for share in luck[:pieces]]
    sums = [int(balance_fen * weight / sum(weights)) for weight in weights[1:]]
    return [balance_fen - sum(sums), *sums]


def _below(balance_fen: int, limit_fen: int, luck: list[float]) -> list[int]:
    sums: list[int] = []
    for share in luck[:PIECES_MAX]:
        sums.append(min(balance_fen - sum(sums), int(limit_fen * (BELOW[0] + share * (BELOW[1] - BELOW[0])))))
        if sum(sums) == balance_fen:
            break
    return sums
