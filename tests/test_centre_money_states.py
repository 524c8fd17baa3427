"""A stop's whole life, against a model of a few lines: whatever is asked in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from interceptor.centre.money import alerts, freezing, reading, returning, stopping
from interceptor.centre.money.matching import Claim
from interceptor.centre.money.stops import BITES, one
from interceptor.centre.money.system import MoneySystem
from interceptor.centre.money.terms import State
from interceptor.centre.orders import Verb, since
from interceptor.centre.refusal import Refused
from interceptor.schema import Kind
from tests.centre_desk import DAY, HOUR, MINUTE, T0, dump, new_book, seen

PAYER, MULE, VICTIM = 11, 22, 8613905541234
PAID, LOSS = 700_000, 1_000_000
WAITS, BITING = (State.REQUESTED, State.MATCHED), (State.STOPPED, State.EXTENDED)


class Lives(RuleBasedStateMachine):
    """The model: state, end, how often it was stopped, what is frozen, what the victim had back."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.book = new_book(Path(self.folder.name))
        self.now = T0
        event = {"event_id": 5, "kind": Kind.TRANSFER, "ts_ms": T0 - HOUR, "source": MULE, "payer": PAYER,
                 "target": VICTIM, "amount_fen": PAID}  # fmt: skip
        MoneySystem().take(self.book, seen([event]), T0)
        claim = Claim(PAYER, MULE, PAID, T0 - HOUR, 5)
        self.alert = alerts.report(
            self.book, reporter=VICTIM, scam_type="", loss_fen=LOSS, claim=claim, by="110", at_ms=T0
        ).id
        self.stop, self.state, self.until, self.used = 0, State.RELEASED, 0, 0
        self.gross = self.frozen = self.had_here = self.had = self.stops = 0

    def teardown(self) -> None:
        assert self.book.audit.verify() is None
        self.book.close()
        self.folder.cleanup()

    def do(self, allowed: bool, act: Callable[[], object]) -> bool:
        """What the model doesn't allow is refused, and changes nothing."""
        before = dump(self.book)
        try:
            act()
        except Refused:
            assert not allowed
            assert dump(self.book) == before
            return False
        assert allowed
        return True

    @property
    def ended(self) -> bool:
        return self.state not in (*WAITS, *BITES)

    @rule(ms=st.sampled_from([MINUTE, 20 * HOUR, 47 * HOUR, 48 * HOUR, 183 * DAY]))
    def time_passes(self, ms: int) -> None:
        self.now += ms
        MoneySystem().due(self.book, self.now)
        if self.state in BITES and self.now >= self.until:
            self.state = State.RELEASED

    @rule()
    def request(self) -> None:
        book, now = self.book, self.now
        known = now - (T0 - HOUR) <= 7 * DAY  # then the books forget the payment
        allowed = known and self.ended and self.used < 2
        if self.do(allowed, lambda: stopping.request_stop(book, alert=self.alert, by="x", at_ms=now)):
            self.stop, self.stops, self.state = self.stop + 1, self.stops + 1, State.REQUESTED
            self.frozen = self.had_here = 0

    @rule(balance=st.integers(0, 2_000_000), mismatch=st.sampled_from(["", "", "", "name"]))
    def executed(self, balance: int, mismatch: str) -> None:
        book, stop, now = self.book, self.stop, self.now
        act = lambda: stopping.executed(book, stop, balance, mismatch=mismatch, by="bank", at_ms=now)  # noqa: E731
        if self.do(stop > 0 and self.state in WAITS, act):
            if mismatch:
                self.state = State.MISMATCH_REFUSED
            else:
                self.state, self.until, self.gross = State.STOPPED, now + 48 * HOUR, balance
                self.used += 1

    @rule()
    def extend(self) -> None:
        allowed = self.stop > 0 and self.state in BITING and self.used < 2
        if self.do(allowed, lambda: stopping.extend(self.book, self.stop, by="x", at_ms=self.now)):
            self.state, self.until, self.used = State.EXTENDED, self.until + 48 * HOUR, self.used + 1

    @rule(finding=st.sampled_from(["7", "7", ""]), more=st.sampled_from([0, 0, 1]))
    def freeze(self, finding: str, more: int) -> None:
        allowed = self.stop > 0 and self.state in BITING and finding != "" and not more
        fen = self.gross + more if more else None
        act = lambda: freezing.freeze(  # noqa: E731
            self.book, self.stop, finding=finding, amount_fen=fen, by="x", at_ms=self.now
        )
        if self.do(allowed, act):
            self.state, self.until, self.frozen = State.FROZEN, self.now + 183 * DAY, min(self.gross, PAID)

    @rule()
    def renew(self) -> None:
        allowed = self.stop > 0 and self.state is State.FROZEN
        if self.do(allowed, lambda: freezing.renew(self.book, self.stop, by="x", at_ms=self.now)):
            self.until += 183 * DAY

    @rule(fen=st.one_of(st.none(), st.integers(-1, 1_000_000)))
    def give_back(self, fen: int | None) -> None:
        share = min(self.frozen - self.had_here, LOSS - self.had)
        wanted = share if fen is None else fen
        allowed = self.stop > 0 and self.state is State.FROZEN and 0 < wanted <= share
        act = lambda: returning.give_back(  # noqa: E731
            self.book, self.stop, alert=self.alert, amount_fen=fen, by="x", at_ms=self.now
        )
        if self.do(allowed, act):
            self.had_here, self.had = self.had_here + wanted, self.had + wanted
            if self.had_here == self.frozen:
                self.state = State.RETURNED

    @rule(reason=st.sampled_from(["innocent", ""]))
    def release(self, reason: str) -> None:
        allowed = self.stop > 0 and not self.ended and reason != ""
        if self.do(allowed, lambda: stopping.release(self.book, self.stop, reason, by="x", at_ms=self.now)):
            self.state = State.RELEASED

    @invariant()
    def the_book_says_so(self) -> None:
        assert len(reading.listing(self.book)) == self.stops
        if self.stop:
            found = one(self.book.db, self.stop)
            assert found.state is self.state
            assert found.until_ms == (self.until if found.executed_ms is not None else None)
            assert found.in_force(self.now) == (self.state in BITES)
            assert self.had <= LOSS
            # Whoever carries orders out ends with an account that pays exactly where no stop bites.
            listed = set()
            for order in since(self.book.db):
                if order.verb is Verb.PUT_ON_LIST:
                    listed.add(order.list)
                elif order.verb is Verb.TAKE_OFF_LIST:
                    listed.discard(order.list)
            wanted = {State.FROZEN: {"frozen_accounts"}} | {state: {"stopped_accounts"} for state in BITING}
            assert listed == wanted.get(self.state, set())


TestLives = Lives.TestCase
TestLives.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
