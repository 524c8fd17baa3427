"""What a lane does with messages: takes them in order, acknowledges what is delivered, goes on behind what fails.

Enters: events of one partition, a shard that fails on some. Leaves: acknowledgements, in order. Invariant: nothing is
acknowledged before what follows from it is delivered; a message on which the engine fails costs that message alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import pytest

from interceptor.transport.worker.lane import Hooks, Lane, Runner
from interceptor.transport.worker.messages import Given, Incoming, Outgoing, Taken
from interceptor.transport.worker.suspects import Suspects


class Shard:
    """Says what it took; fails on some offsets."""

    stage = "admit"

    def __init__(self, failing: set[int], next_offset: int) -> None:
        self.failing, self.next_offset, self.poison = failing, next_offset, dict[int, str]()

    @property
    def finished(self) -> int:
        return self.next_offset

    def take(self, messages: Sequence[Incoming]) -> Taken:
        taken = Taken()
        for message in messages:
            if message.offset in self.poison:
                taken.outgoing.append(Outgoing("dead-letters", 0, b"%d" % message.offset, []))
                continue
            if message.offset in self.failing:
                raise ZeroDivisionError("in the engine")
            taken.outgoing.append(Outgoing("admitted", 0, b"%d" % message.offset, []))
        self.next_offset = messages[-1].offset + 1
        return taken


class Recovery:
    """Brings a new shard to any offset."""

    stage = "admit"

    def __init__(self, failing: set[int]) -> None:
        self.failing, self.saved, self.failures = failing, list[int](), 0

    async def ready(self, shard: Shard | None, _: int, offset: int, suspects: Suspects) -> tuple[Shard, Taken]:
        if shard is None:
            shard = Shard(self.failing, offset)
            shard.poison = suspects.poison
        return shard, Taken()

    async def prepare(self, _: Sequence[Incoming]) -> None:
        await asyncio.sleep(0)

    def is_free(self, _: Shard) -> bool:
        return True

    def state_of(self, shard: Shard) -> tuple[int, int, dict[str, Any], dict[str, Any]]:
        return 0, shard.finished, {}, {}

    def save_state(self, snapshot: tuple[int, int, dict[str, Any], dict[str, Any]]) -> None:
        self.saved.append(snapshot[1])

    def save(self, shard: Shard) -> None:
        self.saved.append(shard.finished)

    def tell_failure(self, *_: Any) -> None:
        self.failures += 1


class Outbox:
    """Delivers when it is let."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, int]] = []
        self.open = asyncio.Event()
        self.open.set()

    def send(self, messages: Sequence[Outgoing]) -> asyncio.Future[None]:
        self.sent += [(message.topic, int(message.value)) for message in messages]
        return asyncio.ensure_future(self._delivered())

    async def _delivered(self) -> None:
        await self.open.wait()


class Bench:
    """A lane of one partition, and what it acknowledged."""

    def __init__(self, failing: set[int]) -> None:
        self.acked: list[int] = []
        self.errors: list[BaseException] = []
        self.recovery, self.outbox = Recovery(failing), Outbox()

        async def before(_: Runner) -> None:
            await asyncio.sleep(0)

        hooks = Hooks(before, lambda: None, lambda *_: None, self.errors.append)
        recovery: Any = self.recovery
        outbox: Any = self.outbox
        self.lane = Lane(lambda partition, shard: Runner(partition, shard, recovery, outbox, hooks, 3_600.0, 64), 1.0)
        self.lane.keep({0})

    async def put(self, *offsets: int) -> None:
        async def ack(offset: int) -> None:
            self.acked.append(offset)

        for offset in offsets:
            messages = [Incoming(offset, 1_000, b"x", [])]
            await self.lane.put(0, Given(messages, 1, offset, partial(ack, offset)))

    async def until(self, holds: Callable[[], bool]) -> None:
        for _ in range(2_000):
            if holds() or self.errors:
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"acknowledged {self.acked}, sent {self.outbox.sent}")


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


@pytest.mark.parametrize("failing", [set(), {3}, {0, 1}, {9}, set(range(10))])
def test_what_the_engine_fails_on_costs_that_message_alone(failing: set[int]) -> None:
    async def test() -> None:
        bench = Bench(failing)
        await bench.put(*range(10))
        await bench.until(lambda: len(bench.acked) == 10)
        assert bench.acked == list(range(10))
        assert not bench.errors
        letters = {offset for topic, offset in bench.outbox.sent if topic == "dead-letters"}
        assert letters == failing
        assert {offset for topic, offset in bench.outbox.sent if topic == "admitted"} == set(range(10)) - failing
        await bench.lane.leave()

    run(test)


def test_nothing_is_acknowledged_before_it_is_delivered() -> None:
    async def test() -> None:
        bench = Bench(set())
        bench.outbox.open.clear()
        await bench.put(0, 1, 2)
        await bench.until(lambda: len(bench.outbox.sent) == 3)
        await asyncio.sleep(0.02)
        assert bench.acked == []
        bench.outbox.open.set()
        await bench.until(lambda: len(bench.acked) == 3)
        assert bench.acked == [0, 1, 2]
        await bench.lane.leave()

    run(test)


def test_what_comes_between_two_assignments_is_left_alone() -> None:
    async def test() -> None:
        bench = Bench(set())
        await bench.put(0, 1)
        await bench.until(lambda: bench.acked == [0, 1])
        await bench.lane.leave()
        assert bench.recovery.saved == [2]  # a last snapshot
        await bench.put(2)  # of the assignment before
        bench.lane.keep({0})
        await bench.put(2, 3)
        await bench.until(lambda: bench.acked == [0, 1, 2, 3])
        assert bench.outbox.sent == [("admitted", offset) for offset in range(4)]
        await bench.lane.leave()

    run(test)


def test_what_was_taken_before_is_acknowledged_and_not_told_again() -> None:
    async def test() -> None:
        bench = Bench(set())
        await bench.put(0, 1, 2)
        await bench.until(lambda: len(bench.acked) == 3)
        await bench.lane.leave()
        bench.lane.keep({0})
        await bench.put(1, 2, 3)  # the group had acknowledged less than was delivered
        await bench.until(lambda: len(bench.acked) == 6)
        assert bench.outbox.sent == [("admitted", offset) for offset in range(4)]
        await bench.lane.leave()

    run(test)


def test_who_waits_for_room_is_let_go_when_partitions_are_taken_away() -> None:
    async def test() -> None:
        bench = Bench(set())
        bench.outbox.open.clear()
        putting = asyncio.create_task(bench.put(*range(500)))
        await asyncio.sleep(0.05)
        assert not putting.done()
        bench.outbox.open.set()
        await bench.lane.leave()
        await asyncio.wait_for(putting, 5.0)

    run(test)
