"""Hot spots: townships' scores, hot ones, dens and their ways, the map, and the commands."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interceptor.centre.book import Book
from interceptor.centre.hotspots import dens, reading
from interceptor.centre.hotspots.patrol import HotspotsSystem
from interceptor.centre.hotspots.picture import Map, Place, Spot, centres, picture
from interceptor.centre.hotspots.towns import DAY_MS, day_of, day_start_ms
from interceptor.schema import Kind, Trunk, Verdict
from simulator.towns import townships
from tests.centre_desk import refused
from tests.centre_rows import Row, book_in, centre_book, command, command_json, row, seen_of
from tests.streams import HOUR_MS, MINUTE_MS, START_MS

TOWN, OTHER, THIRD = (place.code for place in townships()[:3])
DAY = day_of(START_MS)
OFFICER = "officer-7"


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    with book_in(tmp_path) as book:
        yield book


def _call(n: int, ts_ms: int = START_MS, score: float = 4.0, **more: Any) -> Row:
    columns = {"source": 8617012340000 + n, "target": 8613905540000 + n, "cell_town": TOWN, "town": OTHER}
    return row(Kind.CALL, ts_ms, score=score, **columns | more)


def _take(book: Book, rows: list[Row], now_ms: int, system: HotspotsSystem | None = None) -> None:
    system = system or HotspotsSystem()
    system.take(book, seen_of(rows), now_ms)
    system.due(book, now_ms)


def test_days_are_those_of_the_city() -> None:
    assert day_start_ms(DAY) == START_MS
    assert (day_of(START_MS - 1), day_of(START_MS + DAY_MS - 1)) == (DAY - 1, DAY)


def test_everybody_counts_once_a_day(book: Book) -> None:
    rows = [
        *(_call(1) for _ in range(5)), _call(2, verdict=int(Verdict.BLOCK)), _call(3, score=2.0),
        _call(4, trunk=Trunk.INTERNATIONAL, cell_town=0), _call(5, score=0.0, verdict=int(Verdict.HOLD), target=77),
        row(Kind.CALL_END, START_MS, score=9.0, source=9, cell_town=TOWN, town=OTHER),
    ]  # fmt: skip
    for part in (rows[:3], rows[3:], rows):
        _take(book, part, START_MS + HOUR_MS)
    town, other = sorted(reading.worst(book, DAY), key=lambda one: one.town)
    assert (town.town, town.suspects, town.blocked, town.citizens, town.inflow) == (TOWN, 2, 1, 0, 0)
    assert (other.town, other.suspects, other.blocked, other.citizens, other.inflow) == (OTHER, 0, 0, 4, 1)
    _take(book, [], START_MS + 2 * DAY_MS)
    assert book.db.execute("SELECT count(*) FROM town_seen").fetchone() == (0,)
    assert sorted(reading.worst(book, DAY), key=lambda one: one.town) == [town, other]


def _weeks(book: Book, days: int, last: int, usual: int = 2) -> None:
    system = HotspotsSystem()
    for day in range(days + 1):
        lines = usual if day < days else last
        ts_ms = START_MS + day * DAY_MS
        _take(book, [_call(100 * day + n, ts_ms) for n in range(lines)], ts_ms + HOUR_MS, system)
    system.due(book, START_MS + (days + 1) * DAY_MS + HOUR_MS)


@pytest.mark.parametrize(("days", "last", "hot"), [(14, 8, True), (14, 7, False), (13, 9, False), (30, 8, True)])
def test_a_township_is_hot_from_eight_suspects_and_three_deviations_on(
    book: Book, days: int, last: int, hot: bool
) -> None:
    _weeks(book, days, last)
    [one] = [one for one in reading.worst(book, DAY + days) if one.town == TOWN]
    assert (one.suspects, one.mean, one.hot) == (last, pytest.approx(2.0), hot)
    assert reading.counts(book, START_MS, START_MS + (days + 2) * DAY_MS)["hot_towns"] == hot
    assert [entry.act for entry in book.audit.entries()].count("town.hot") == hot
    assert book.audit.verify() is None


def test_the_usual_many_are_not_hot(book: Book) -> None:
    _weeks(book, 20, 17, usual=9)
    assert not any(one.hot for one in reading.worst(book, DAY + 20))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=8))
def test_overlap(calls: list[tuple[int, int]]) -> None:
    spans = [(start, start + length) for start, length in calls]
    talking = [sum(start <= at < stop for start, stop in spans) for at in range(70)]
    some = sum(count >= 1 for count in talking)
    expected = sum(count >= 2 for count in talking) / some if some else 0.0
    assert dens.overlap(spans) == pytest.approx(expected)


def _sim(n: int, ts_ms: int, cell: int = 9, town: int = TOWN, imei: int = 0, **more: Any) -> Row:
    return _call(n, ts_ms, **{"imsi": 500 + n, "imei": imei or 800 + n, "cell": cell, "cell_town": town} | more)


def _turn(n: int, ts_ms: int, dur_s: int = 60, **more: Any) -> list[Row]:
    start = _sim(n, ts_ms, **more)
    return [start, start | {"kind": int(Kind.CALL_END), "ts_ms": ts_ms + dur_s * 1000, "dur_s": dur_s}]


def test_eight_suspect_sims_that_take_turns_in_a_cell_are_a_den(book: Book) -> None:
    seven = [part for n in range(7) for part in _turn(n, START_MS + n * MINUTE_MS)]
    _take(book, seven, START_MS + HOUR_MS)
    assert dens.listing(book.db) == []
    _take(book, _turn(7, START_MS + HOUR_MS), START_MS + 2 * HOUR_MS)
    [den] = dens.listing(book.db)
    assert (den.kind, den.sims, [place.town for place in den.places], den.moving) == ("cell", 8, [TOWN], False)
    assert [entry.act for entry in book.audit.entries("den:1")] == ["den.found"]


def test_those_who_talk_at_once_are_none_unless_a_rule_says_so(book: Book) -> None:
    crowd = [part for n in range(9) for part in _turn(n, START_MS + n * 1000)]
    _take(book, crowd, START_MS + HOUR_MS)
    assert dens.listing(book.db) == []
    _take(book, [_sim(1, START_MS + HOUR_MS, rules=["box-cell"])], START_MS + 2 * HOUR_MS)
    assert len(dens.listing(book.db)) == 1


def test_a_crowd_that_nothing_speaks_against_is_none(book: Book) -> None:
    _take(book, [part for n in range(30) for part in _turn(n, START_MS + n * MINUTE_MS, score=1.0)], START_MS + HOUR_MS)
    assert dens.listing(book.db) == []


def test_a_box_on_the_move_leaves_a_track(book: Book) -> None:
    system = HotspotsSystem()
    for hour, cell, town in ((0, 9, TOWN), (1, 10, TOWN), (2, 9, TOWN), (30, 20, OTHER), (100, 30, THIRD)):
        ts_ms = START_MS + hour * HOUR_MS
        rows = [_sim(n, ts_ms, cell=cell, town=town, imei=1 << 63, rules=["sim-box"]) for n in range(4)]
        _take(book, rows, ts_ms, system)
    new, den = dens.listing(book.db)
    assert [place.cell for place in den.places] == [9, 10, 20]
    assert [place.moved for place in den.places] == [False, False, True]
    assert (den.moving, new.moving, [place.cell for place in new.places]) == (True, False, [30])
    counts = reading.counts(book, START_MS, START_MS + 200 * HOUR_MS)
    assert counts == {"hot_towns": 0, "dens_found": 2, "dens_moved": 1, "dens_cleared": 0}


def test_half_of_its_sims_in_another_cell_are_the_same_den(book: Book) -> None:
    system = HotspotsSystem()
    for hour, cell, first in ((0, 9, 0), (20, 12, 4)):
        ts_ms = START_MS + hour * HOUR_MS
        rows = [
            part for n in range(first, first + 8) for part in _turn(n, ts_ms + n * MINUTE_MS, cell=cell, town=OTHER)
        ]
        _take(book, [one | {"imei": 900 + at + hour} for at, one in enumerate(rows)], ts_ms + HOUR_MS, system)
    [den] = dens.listing(book.db)
    assert (den.sims, [place.cell for place in den.places]) == (12, [9, 12])


def test_a_den_is_cleared_once(book: Book) -> None:
    _take(book, [_sim(1, START_MS, rules=["sim-box"])], START_MS)
    refused(book, "unknown", lambda: dens.clear(book, 7, by=OFFICER, at_ms=START_MS, why="x"))
    assert dens.clear(book, 1, by=OFFICER, at_ms=START_MS + 1, why="two boxes, 40 SIMs").state == "cleared"
    refused(book, "cleared-already", lambda: dens.clear(book, 1, by=OFFICER, at_ms=START_MS, why="x"))
    _take(book, [_sim(2, START_MS + HOUR_MS, rules=["sim-box"])], START_MS + HOUR_MS)
    assert len(dens.listing(book.db)) == 2


def test_what_was_counted_outlives_the_process_that_did(tmp_path: Path) -> None:
    for n in range(3):
        with book_in(tmp_path) as book:
            _take(book, [_call(n)], START_MS + HOUR_MS)
            assert reading.worst(book, DAY)[0].suspects == n + 1


def test_sightings_are_forgotten(book: Book) -> None:
    system = HotspotsSystem()
    _take(book, _turn(1, START_MS), START_MS, system)
    _take(book, [], START_MS + 3 * DAY_MS, system)
    counts = [book.db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("den_sims", "den_calls")]
    assert counts == [0, 0]


def test_the_map_has_a_place_for_every_township() -> None:
    places = [Place(town.code, town.name, town.county) for town in townships()]
    where = centres(places)
    assert len(set(where.values())) == len(where) == 95
    assert len(set(centres([*places, Place(999999001, "x", "y")]).values())) == 96


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_map_is_a_picture_whatever_the_names_are(form: str) -> None:
    hostile = '</svg><script>alert("x")</script>\x1b[31m\u202e$x^2$'
    places = [
        Place(TOWN, hostile, hostile, 5.0, 12, True),
        Place(OTHER, "", "乙", 0.0),
        Place(340499001, "丙", "丁", 2.0),
    ]
    spots = [Spot("1", TOWN, (OTHER,)), Spot(hostile, OTHER), Spot("3", 7)]
    made = picture(Map(hostile, hostile, places, spots), form)
    assert made == picture(Map(hostile, hostile, places, spots), form)
    if form == "png":
        assert made.startswith(b"\x89PNG")
        return
    tree = ET.fromstring(made)
    assert not [one for one in tree.iter() if one.tag.endswith("script")]
    text = made.decode()
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "prefers-color-scheme: dark" in text


def test_an_empty_map_is_drawn_too() -> None:
    assert picture(Map("x", "y", [], []), "svg").startswith(b"<?xml")


def test_commands(tmp_path: Path) -> None:
    command(tmp_path, "hotspots", "list", code=78)
    with centre_book(tmp_path):
        pass
    assert "nothing was seen" in command(tmp_path, "hotspots", "list", code=2)
    with centre_book(tmp_path) as book:
        box = [_sim(n, START_MS, imei=7, rules=["sim-box"]) for n in range(4)]
        _take(book, [_call(50, cell_town=OTHER), *box], START_MS + HOUR_MS)
    assert str(TOWN) in command(tmp_path, "hotspots", "list")
    found = command_json(tmp_path, "hotspots", "list", "--day", "2021-03-01")
    assert [(one["town"], one["suspects"]) for one in found["townships"]] == [(TOWN, 4), (OTHER, 1)]
    assert command_json(tmp_path, "hotspots", "list", "--day", "2021-02-01")["townships"] == []
    command(tmp_path, "hotspots", "list", "--day", "yesterday", code=2)
    assert "2021-03-01" in command(tmp_path, "hotspots", "town", str(TOWN))
    assert command_json(tmp_path, "hotspots", "town", str(TOWN))["days"][0]["suspects"] == 4
    command(tmp_path, "hotspots", "town", "5", code=2)
    assert "cell 9" in command(tmp_path, "hotspots", "dens")
    assert command_json(tmp_path, "hotspots", "dens")["dens"][0]["sims"] == 4
    for name in ("a.svg", "a.png"):
        assert "dens: 1" in command(tmp_path, "hotspots", "map", str(tmp_path / name))
        assert (tmp_path / name).stat().st_size > 10_000
    command(tmp_path, "hotspots", "map", str(tmp_path / "a.gif"), code=2)
    command(tmp_path, "hotspots", "map", str(tmp_path / "none" / "a.svg"), code=2)
    assert sorted(path.name for path in tmp_path.iterdir() if "a." in path.name) == ["a.png", "a.svg"]
    assert "cleared" in command(tmp_path, "hotspots", "clear", "1", "--why", "boxes taken", "--at", "2021-03-02T10:00")
    assert command_json(tmp_path, "hotspots", "dens")["dens"][0]["state"] == "cleared"
