"""The centre behind a cluster takes in what the ledger has of the events, as a centre beside the engine does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from interceptor.centre.book import Book
from interceptor.centre.bulletin.tally import TallySystem
from interceptor.centre.duty import Duty
from interceptor.centre.orders import Verb, order
from interceptor.centre.parts import PARTS
from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing
from interceptor.commands.centre.stream import Follower, SharedOrders
from interceptor.decisions import DECISION_SCHEMA
from interceptor.engine import Engine
from interceptor.entries import FOREVER_MS
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.schema import Subject
from interceptor.transport import wire
from interceptor.transport.ledger.book import Ledger
from interceptor.transport.lists.store import SharedLists
from interceptor.transport.settings import Settings
from interceptor.transport.topics import EVENTS
from interceptor.transport.wire import DECIDED_SCHEMA
from simulator.city import City
from simulator.scenario import load as load_scenario
from tests.feed_cluster import mock_broker, send_all, settings_of

KEY = bytes(32)
FRAMES = 12


class Hearing:
    """A system that writes down what it is given."""

    waits, wakes_ms = "0", FOREVER_MS

    def __init__(self) -> None:
        self.rows: list[tuple[object, ...]] = []

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:  # noqa: ARG002
        ids, columns = seen.column("event_id").tolist(), (seen.verdict, seen.actions, seen.score)
        told = zip(ids, *(column.tolist() for column in columns), strict=True)
        rules = {event.row: event.rules for event in seen.events}
        self.rows += [(*row, rules.get(place, ())) for place, row in enumerate(told)]

    def due(self, book: Book, now_ms: int) -> None:
        pass


@pytest.fixture(scope="module")
def rule_set() -> RuleSet:
    return load(default_rules_dir())


@pytest.fixture(scope="module")
def frames() -> list[pa.RecordBatch]:
    slices = City(load_scenario("city_centre"), 2000, 1, 3).slices()
    skipped = 10 * 20  # the night
    return [taken.frame for _, taken in zip(range(skipped + FRAMES), slices, strict=False)][skipped:]


@pytest.fixture(scope="module")
def settings(frames: list[pa.RecordBatch]) -> Iterator[Settings]:
    with mock_broker() as kafka:
        found = settings_of(kafka, redis="")
        values = [wire.encode(frame) for frame in frames]
        send_all(kafka, found.topic(EVENTS), [*values[:3], b"no frame", *values[3:]])
        yield found


def _decided(engine: Engine, frame: pa.RecordBatch, offset: int) -> pa.RecordBatch:
    """What a worker says of a frame."""
    decided, rows = engine.decide(frame).to_arrow(), frame.num_rows
    places = (np.uint64(offset) << np.uint64(wire.ROW_BITS)) + np.arange(rows, dtype=np.uint64)
    columns = [
        pa.array(places),
        frame.column("kind"),
        frame.column("ts_ms"),
        *map(decided.column, DECISION_SCHEMA.names),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=DECIDED_SCHEMA)


def _offsets() -> list[int]:
    return [number + (number >= 3) for number in range(FRAMES)]


def _step(follower: Follower, times: int) -> None:
    for _ in range(times):
        follower.step()


def test_it_sees_what_a_centre_beside_the_engine_sees(
    settings: Settings, frames: list[pa.RecordBatch], rule_set: RuleSet, tmp_path: Path
) -> None:
    beside, behind, engine = Hearing(), Hearing(), Engine(rule_set)
    with Book(tmp_path / "beside.sqlite", KEY, PARTS) as book:
        duty = Duty(book, [TallySystem(), beside])
        for frame in frames:
            duty.take(Seen.of(frame, engine.decide(frame)), int(frame.column("ts_ms")[-1].as_py()))
        wanted = list(book.db.execute("SELECT * FROM gate_days ORDER BY 1, 2, 3, 4"))
    engine = Engine(rule_set)
    live = {rule.name for rule in rule_set.rules if rule.mode != "shadow"}
    path, decided = (
        tmp_path / "behind.sqlite",
        [_decided(engine, f, o) for f, o in zip(frames, _offsets(), strict=True)],
    )
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        for part in range(4):  # a new process each time; only after it has begun do the decisions come in
            with Book(path, KEY, PARTS) as book:
                duty = Duty(book, [TallySystem(), behind])
                with Follower(settings, ledger, book, duty, lambda name: name not in live) as follower:
                    _step(follower, 3)
                    for batch in decided[3 * part : 3 * part + 3]:
                        ledger.add(batch)
                    _step(follower, 40)
                    assert follower.progress.frames == 3
                    assert follower.progress.unreadable == (part == 0)
        with Book(path, KEY, PARTS) as book:
            assert list(book.db.execute("SELECT * FROM gate_days ORDER BY 1, 2, 3, 4")) == wanted
    assert behind.rows == beside.rows
    assert any(row[4] for row in behind.rows), "no rule hit: this compares little"


def test_a_frame_waits_for_the_last_of_its_decisions(
    settings: Settings, frames: list[pa.RecordBatch], rule_set: RuleSet, tmp_path: Path
) -> None:
    decided, hearing = _decided(Engine(rule_set), frames[0], 0), Hearing()
    with Ledger(tmp_path / "ledger.sqlite") as ledger, Book(tmp_path / "centre.sqlite", KEY, PARTS) as book:
        ledger.add(decided.slice(1))
        with Follower(settings, ledger, book, Duty(book, [hearing]), lambda _: False) as follower:
            _step(follower, 4)
            assert (follower.progress.waiting, hearing.rows) == (1, [])
            ledger.add(decided.slice(0, 1))
            _step(follower, 1)
            assert (follower.progress.waiting, len(hearing.rows)) == (0, frames[0].num_rows)


def test_orders_go_onto_the_lists_that_workers_share(
    cluster_settings: Settings, rule_set: RuleSet, tmp_path: Path
) -> None:
    lists = SharedLists(cluster_settings)
    definitions = {one.list: one for one in rule_set.lists}
    account, other = Thing(Subject.ACCOUNT, 77), Thing(Subject.ACCOUNT, 78)
    with Book(tmp_path / "centre.sqlite", KEY, PARTS) as book:
        orders = SharedOrders(lists, definitions, book)
        with book.act("test", "account:77", "tester", 5) as act:
            order(act, Verb.PUT_ON_LIST, account, 5, list="frozen_accounts", reason="why")
            order(act, Verb.PUT_ON_LIST, other, 5, list="frozen_accounts", until_ms=9)
            order(act, Verb.PUT_ON_LIST, account, 5, list="a list that nobody knows")
            order(act, Verb.WARN, Thing(Subject.NUMBER, 8613900000000), 5, tier=3)
        assert orders.carry_out() == 2
        assert orders.carry_out() == 0
        assert _held(lists, "frozen_accounts") == {77: (5, FOREVER_MS), 78: (5, 9)}
        with book.act("test", "account:77", "tester", 6) as act:
            order(act, Verb.TAKE_OFF_LIST, account, 6, list="frozen_accounts")
        orders.carry_out()
        assert set(_held(lists, "frozen_accounts", at_ms=6)) == {78}
    lists.redis.close()


def _held(lists: SharedLists, name: str, at_ms: int = 5) -> dict[int, tuple[int, int]]:
    generation = lists.generation(name)
    assert generation is not None
    found = lists.read(name, generation).columns()
    rows = zip(found.keys.tolist(), found.from_ms.tolist(), found.expires_ms.tolist(), strict=True)
    return {key: (since, until) for key, since, until in rows if since <= at_ms < until}
