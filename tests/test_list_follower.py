"""Following shared lists: what is in Redis is in force soon, and what was known stays in force whatever Redis suffers.

Enters: changes, and a Redis that is killed, paused, emptied or set back. Leaves: what a ListBook says. Invariant: every
wait is for a condition, with a deadline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from interceptor.entries import Columns
from interceptor.listbook import ListBook
from interceptor.rules.model import ListDef
from interceptor.rules.side_lines import LISTS
from interceptor.transport import redis_client
from interceptor.transport.lists import follower as list_follower
from interceptor.transport.lists import publisher as list_publisher
from interceptor.transport.lists.codec import Meaning
from interceptor.transport.lists.follower import ListFollower
from interceptor.transport.lists.generation import apply
from interceptor.transport.lists.importing import import_list
from interceptor.transport.lists.publisher import ListPublisher
from interceptor.transport.lists.store import SharedLists
from tests.redis_server import RedisServer, running, until

NUMBERS = Meaning("exact", "number")
LIMITED = ListDef.model_validate({"list": "limited"})
LATER_MS = 100


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    monkeypatch.setattr(redis_client, "CONNECT_S", 0.3)
    monkeypatch.setattr(list_follower, "WAIT_MS", 30)
    monkeypatch.setattr(list_follower, "AWAY_MAX_S", 0.3)
    monkeypatch.setattr(list_publisher, "AWAY_MAX_S", 0.3)
    monkeypatch.setattr(list_publisher, "EVERY_S", 0.01)
    with running(tmp_path, keeps=True) as started:
        yield started


class Worker:
    """A book and what follows for it; everything on the test's thread, as on an engine's."""

    def __init__(self, server: RedisServer, *definitions: ListDef) -> None:
        self.book = ListBook(definitions or [LIMITED])
        self.follower = ListFollower(server.settings())
        self.follower.start()

    def listed(self, name: str = "limited", ts_ms: int = LATER_MS) -> list[int]:
        """Which of the numbers from 1 to 99 are on a list."""
        self.follower.apply_to(self.book)
        values = np.arange(1, 100, dtype=np.uint64)
        return values[self.book.has(name, values, np.full(99, ts_ms))].tolist()

    def waits_for(self, *values: int, name: str = "limited") -> None:
        until(lambda: self.listed(name) == list(values))


@pytest.fixture
def start(server: RedisServer) -> Iterator[Callable[..., Worker]]:
    workers: list[Worker] = []

    def started(*definitions: ListDef) -> Worker:
        workers.append(Worker(server, *definitions))
        assert workers[-1].follower.wait(20)
        return workers[-1]

    yield started
    for worker in workers:
        worker.follower.stop()


@pytest.fixture
def lists(server: RedisServer) -> Iterator[SharedLists]:
    made = SharedLists(server.settings())
    yield made
    made.redis.close()


def some(*values: int, since: int = 0, until_ms: int = 1_000) -> Columns:
    count = len(values)
    return Columns(
        np.array(values, np.uint64),
        np.full(count, since, np.int64),
        np.full(count, until_ms, np.int64),
        np.ones(count, np.int32),
        [("", ""), ("police", "case 7")],
    )


def put(lists: SharedLists, *values: int, name: str = "limited") -> None:
    lists.add(name, NUMBERS, some(*values), {})


def take_off(lists: SharedLists, *values: int, name: str = "limited") -> None:
    lists.remove(name, NUMBERS, np.array(values, np.uint64), {}, ("ops", ""), 50)


def bring(lists: SharedLists, *values: int, name: str = "limited", replace: bool = True) -> None:
    made: Any = LISTS["exact"]()
    apply(made, some(*values), {})
    import_list(lists, name, NUMBERS, made, replace=replace, watch=lambda _: lambda *_: None)


def test_changes_take_effect(start: Callable[..., Worker], lists: SharedLists) -> None:
    put(lists, 1, 2)
    worker = start()
    worker.waits_for(1, 2)
    put(lists, 3)
    worker.waits_for(1, 2, 3)
    assert worker.listed(ts_ms=1_000) == []  # by event time
    found = worker.book.entry("limited", 3, LATER_MS)
    assert found
    assert (found.value, found.source, found.reason) == ("3", "police", "case 7")
    take_off(lists, 1, 3)
    worker.waits_for(2)
    bring(lists, 5, 6)
    worker.waits_for(5, 6)
    bring(lists, 7, replace=False)
    worker.waits_for(5, 6, 7)
    assert worker.follower.stale_s is None
    assert worker.follower.revision == lists.last_change()
    assert worker.follower.apply_to(worker.book) == 0


def test_all_books_of_a_process_share_one_copy(start: Callable[..., Worker], lists: SharedLists) -> None:
    worker, other = start(), ListBook([LIMITED, ListDef.model_validate({"list": "more"})])
    worker.follower.apply_to(other)
    put(lists, 4)
    worker.waits_for(4)
    one = np.array([4], np.uint64)
    assert other.has("limited", one, np.array([LATER_MS]))[0]
    assert not other.has("more", one, np.array([LATER_MS]))[0]
    put(lists, 4, name="more")
    until(lambda: worker.follower.apply_to(worker.book) or other.has("more", one, np.array([LATER_MS]))[0])
    assert other.has("more", one, np.array([LATER_MS]))[0]  # though the rules of `worker` don't know the list


def test_a_rule_set_that_means_something_else_gets_nothing(start: Callable[..., Worker], lists: SharedLists) -> None:
    put(lists, 4)
    worker = start(ListDef.model_validate({"list": "limited", "match": "prefix"}))
    until(lambda: worker.follower.revision == lists.last_change())
    assert worker.listed() == []
    worker.book = worker.book.reloaded([LIMITED])
    assert worker.listed() == [4]


def test_what_was_taken_off_hides_what_verdicts_added(start: Callable[..., Worker], lists: SharedLists) -> None:
    worker = start()
    worker.book.add("limited", np.array([8, 9], np.uint64), 0, 1_000, "sweeper")
    assert worker.listed() == [8, 9]
    take_off(lists, 8)
    worker.waits_for(9)
    assert worker.book.entry("limited", 8, LATER_MS) is None
    again = start()  # a worker that starts anew, with the verdicts of before
    again.book.add("limited", np.array([8, 9], np.uint64), 0, 1_000, "sweeper")
    again.waits_for(9)
    put(lists, 8)
    worker.waits_for(8, 9)
    again.waits_for(8, 9)


@pytest.mark.parametrize("how", ["kill", "pause"])
def test_while_redis_is_away_the_last_lists_count(
    start: Callable[..., Worker], lists: SharedLists, server: RedisServer, how: str
) -> None:
    put(lists, 1, 2)
    worker = start()
    worker.waits_for(1, 2)
    assert worker.follower.stale_s is None
    server.kill() if how == "kill" else server.pause()
    until(lambda: worker.follower.stale_s is not None)
    first = worker.follower.stale_s
    until(lambda: (worker.follower.stale_s or 0) > (first or 0))
    assert "Redis at 127.0.0.1" in worker.follower.trouble
    assert worker.listed() == [1, 2]
    server.start() if how == "kill" else server.go_on()
    put(lists, 3)
    worker.waits_for(1, 2, 3)
    until(lambda: worker.follower.stale_s is None)
    assert (worker.follower.set_back, worker.follower.lost, worker.follower.trouble) == (0, (), "")


def test_a_worker_that_starts_without_redis_has_its_own_lists(server: RedisServer, lists: SharedLists) -> None:
    put(lists, 1)
    server.kill()
    worker = Worker(server, ListDef.model_validate({"list": "limited", "items": ["7"]}))
    try:
        assert not worker.follower.wait(0.1)
        assert worker.listed() == [7]
        assert worker.follower.stale_s is not None
        server.start()
        worker.waits_for(1, 7)
    finally:
        worker.follower.stop()


def test_an_emptied_redis_takes_nothing_away(start: Callable[..., Worker], lists: SharedLists) -> None:
    bring(lists, 1, 2)
    bring(lists, 5, name="more")
    worker = start(LIMITED, ListDef.model_validate({"list": "more"}))
    worker.waits_for(1, 2)
    lists.redis.flushall()
    until(lambda: worker.follower.lost == ("limited", "more"))
    assert worker.follower.stale_s is not None
    assert worker.listed() == [1, 2]
    put(lists, 3)  # a verdict, or somebody who doesn't know: it comes on top, and the rest is still told to be lost
    worker.waits_for(1, 2, 3)
    put(lists, 4)
    worker.waits_for(1, 2, 3, 4)
    take_off(lists, 1)
    worker.waits_for(2, 3, 4)
    put(lists, 6, name="more")
    worker.waits_for(5, 6, name="more")
    assert worker.follower.lost == ("limited", "more")
    bring(lists, 8, replace=False)  # a whole list: from here on Redis counts again
    worker.waits_for(3, 4, 8)
    until(lambda: worker.follower.lost == ("more",))
    bring(lists, name="more")
    worker.waits_for(name="more")
    until(lambda: worker.follower.stale_s is None)


def test_redis_that_restarts_without_its_data(
    start: Callable[..., Worker], lists: SharedLists, server: RedisServer, tmp_path: Path
) -> None:
    bring(lists, 1, 2)
    worker = start()
    worker.waits_for(1, 2)
    server.kill()
    for path in sorted(tmp_path.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    server.start()
    until(lambda: worker.follower.lost == ("limited",))
    put(lists, 3)
    worker.waits_for(1, 2, 3)
    fresh = start()
    fresh.waits_for(3)  # who starts knows what Redis has
    assert fresh.follower.lost == ()


def test_redis_that_goes_back_in_time(start: Callable[..., Worker], lists: SharedLists) -> None:
    put(lists, 1)
    worker = start()
    worker.waits_for(1)
    before = {key: lists.redis.dump(key) for key in lists.redis.keys("*")}  # type: ignore[union-attr]
    put(lists, 2)
    take_off(lists, 1)
    worker.waits_for(2)
    with lists.redis.pipeline() as pipe:
        pipe.flushall()
        for key, content in before.items():
            pipe.restore(key, 0, content)  # type: ignore[arg-type]
        pipe.execute()
    until(lambda: worker.follower.set_back == 1)
    put(lists, 3)
    worker.waits_for(1, 2, 3)  # 1 is on the list in Redis, 2 was known
    assert worker.follower.lost == ()


def test_who_was_away_for_long_reads_all_anew(start: Callable[..., Worker], lists: SharedLists) -> None:
    put(lists, 1)
    worker = start()
    worker.waits_for(1)
    reloads = worker.follower.reloads
    with lists.redis.pipeline() as pipe:  # at once, so that nobody sees what comes between
        generation = lists.generation("limited")
        assert generation
        for _value in (1, 2, 3):
            lists.queue_change(pipe, "entries", "limited", generation)
        pipe.xtrim(lists.changes_key, maxlen=1, approximate=False)
        pipe.execute()
    until(lambda: worker.follower.reloads > reloads)
    put(lists, 4)
    worker.waits_for(1, 4)


def test_without_a_stream_lists_are_read_once(start: Callable[..., Worker], lists: SharedLists) -> None:
    put(lists, 1)
    worker = start()
    worker.waits_for(1)
    lists.redis.delete(lists.changes_key)
    until(lambda: worker.follower.revision == "")
    until(lambda: not worker.follower.waiting or worker.listed())
    worker.listed()
    asked = lists.redis.info("commandstats").get("cmdstat_hgetall", {})["calls"]
    until(lambda: lists.redis.info("commandstats")["cmdstat_hgetall"]["calls"] > asked + 5)  # it looks what there is
    assert worker.follower.waiting == 0  # and reads nothing again
    put(lists, 2)
    worker.waits_for(1, 2)
    assert worker.follower.stale_s is None


def test_a_change_that_makes_no_sense_harms_nobody(start: Callable[..., Worker], lists: SharedLists) -> None:
    put(lists, 1)
    worker = start()
    worker.waits_for(1)
    lists.redis.xadd(lists.changes_key, {"change": "entries", "list": "limited"})
    lists.redis.xadd(lists.changes_key, {"list": "limited", "generation": "{}"})
    put(lists, 2)
    worker.waits_for(1, 2)
    until(lambda: worker.follower.stale_s is None)


def test_one_call_puts_only_so_much_into_effect(
    start: Callable[..., Worker], lists: SharedLists, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_follower, "VALUES_AT_ONCE", 10)
    worker = start()
    for value in range(1, 31):
        put(lists, value)
    until(lambda: worker.follower.waiting == 30)
    assert [worker.follower.apply_to(worker.book) for _ in range(4)] == [10, 10, 10, 0]


# ---------------------------------------------------------------------------------------------- what verdicts add


@pytest.fixture
def publisher(server: RedisServer) -> Iterator[ListPublisher]:
    made = ListPublisher(server.settings())
    made.know([LIMITED, ListDef.model_validate({"list": "sites", "of": "host"})])
    made.start()
    yield made
    made.stop()


def values(*given: int) -> np.ndarray:
    return np.array(given, np.uint64)


def held(lists: SharedLists, name: str = "limited") -> dict[int, tuple[int, int, str]]:
    generation = lists.generation(name)
    if generation is None:
        return {}
    found: Any = lists.read(name, generation)
    columns = found.columns()
    rows = zip(columns.keys, columns.from_ms, columns.expires_ms, columns.codes, strict=True)
    return {int(key): (int(since), int(end), columns.notes[code][0]) for key, since, end, code in rows}


def test_verdicts_reach_redis_and_other_workers(
    start: Callable[..., Worker], lists: SharedLists, publisher: ListPublisher
) -> None:
    worker = start()
    publisher.add("limited", values(1, 2), 50, 1_000, "sweeper")
    publisher.add("limited", values(2), 60, 2_000, "borrower")
    publisher.add("sites", values(77), 50, 1_000, "lure")
    worker.waits_for(1, 2)
    until(lambda: held(lists) == {1: (50, 1_000, "sweeper"), 2: (50, 2_000, "borrower")})
    until(lambda: held(lists, "sites") == {77: (50, 1_000, "lure")})
    until(lambda: publisher.pending == 0)
    assert (publisher.dropped, publisher.refused, publisher.trouble) == (0, 0, "")


def test_verdicts_wait_for_redis_and_for_nothing_else(
    lists: SharedLists, publisher: ListPublisher, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.kill()
    monkeypatch.setattr(list_publisher, "VALUES_MAX", 50)
    until(lambda: publisher.add("limited", values(7), 0, 5, "late") or publisher.trouble)
    for since in range(500):
        publisher.add("limited", values(7, 8), since + 10, since + 1_000, "again")
    for value in range(1, 61):
        publisher.add("limited", values(100 + value), 0, 1_000, "many")
    server.start()
    until(lambda: publisher.pending == 0 and publisher.written)
    until(lambda: len(held(lists)) == 50)
    assert publisher.dropped >= 12
    assert set(held(lists)) == {100 + value for value in range(11, 61)}


def test_what_comes_while_redis_is_paused_is_merged(
    lists: SharedLists, publisher: ListPublisher, server: RedisServer
) -> None:
    server.pause()
    for since in range(300):
        publisher.add("limited", values(7), since, since + 1_000, "again")
    until(lambda: publisher.trouble)
    publisher.add("limited", values(8), 5, 1_000, "once")
    server.go_on()
    until(lambda: held(lists) == {7: (0, 1_299, "again"), 8: (5, 1_000, "once")})
    assert publisher.dropped == 0


def test_the_end_writes_what_is_pending(lists: SharedLists, server: RedisServer) -> None:
    publisher = ListPublisher(server.settings())
    publisher.start()
    publisher.add("limited", values(*range(1, 3_000)), 0, 1_000, "many")
    publisher.stop(10)
    assert len(held(lists)) == 2_999
    server.kill()
    again = ListPublisher(server.settings())
    again.start()
    again.add("limited", values(5), 0, 1_000, "x")
    before = time.monotonic()
    again.stop(0.2)
    assert time.monotonic() - before < 10
    assert again.pending == 1


def test_a_list_of_another_kind_is_refused_and_counted(lists: SharedLists, publisher: ListPublisher) -> None:
    lists.add("limited", Meaning("exact", "account"), some(1), {})
    publisher.add("limited", values(5), 0, 1_000, "x")
    publisher.add("other", values(6), 0, 1_000, "x")
    until(lambda: publisher.refused == 1 and publisher.written == 1)


def test_nobody_waits_for_a_thread_that_hands_over(publisher: ListPublisher, lists: SharedLists) -> None:
    def add(start: int) -> None:
        for value in range(start, start + 500):
            publisher.add("limited", values(value), 0, 1_000, "many")

    threads = [threading.Thread(target=add, args=(1 + 500 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until(lambda: len(held(lists)) == 2_000)
