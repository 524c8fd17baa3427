"""Dens: boxes of SIMs that take turns in a device or a cell, and their way from cell to cell.

Enters: suspect calls and messages of what the gates saw. Leaves: dens, the places where they were. Invariants: only
SIMs that something speaks against are looked at, so a campus or a repairer is no den; a den that turns up elsewhere
within two days is the same den.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any

from interceptor.centre.book import Act, Book
from interceptor.centre.hotspots.towns import BOUNDS, DAY_MS, PATROL, Bounds
from interceptor.centre.refusal import Refused, not_before, reason_given
from interceptor.centre.seen import Event
from interceptor.centre.signed import signed
from interceptor.schema import Kind

DEVICE, CELL = "device", "cell"
# What rules decide at the gate (C09, X04): many SIMs in one device, all calling strangers; a dense cell.
DEVICE_RULES = frozenset(["sim-box", "moving-den", "box-in-two-towns"])
CELL_RULES = frozenset(["box-cell"])
SIM, IMEI = "sim", "imei"
_DENS = "id, kind, state, sims, first_ms, last_ms, cleared_ms"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a den was, from when on; `moved`: in another township than before."""

    cell: int
    town: int
    at_ms: int
    moved: bool


@dataclass(frozen=True, slots=True)
class Den:
    """kind: device (many SIMs in one device) or cell (many suspect SIMs that take turns in one); state: found
    or cleared."""

    id: int
    kind: str
    state: str
    sims: int
    first_ms: int
    last_ms: int
    cleared_ms: int
    places: tuple[Place, ...]

    @property
    def moving(self) -> bool:
        return any(place.moved for place in self.places)


@dataclass(frozen=True, slots=True)
class _Sighting:
    """What looks like a den: where it is now, its devices and SIMs (signed)."""

    kind: str
    cell: int
    town: int
    imeis: frozenset[int]
    sims: frozenset[int]


def watch(book: Book, events: Sequence[Event], now_ms: int, bounds: Bounds = BOUNDS) -> None:
    """Looks at devices of which a rule says that they are boxes, and at cells where a suspect SIM is new."""
    new = _note(book.db, [one for one in events if one.score >= bounds.den_score and one.cell and one.imsi])
    # Where each device and cell was last
    hit = [event for event in events if event.cell and event.rules]
    boxes = {signed(one.imei): (one.cell, one.cell_town) for one in hit if one.imei and _is_by(one, DEVICE_RULES)}
    dense = {one.cell: (one.cell, one.cell_town) for one in hit if _is_by(one, CELL_RULES)}
    for imei, (cell, town) in sorted(boxes.items()):
        if _here(book.db, cell, now_ms, bounds, imei) is None:
            _found(book, _in_device(book.db, imei, cell, town, now_ms, bounds), now_ms, bounds)
    for cell, town in sorted({*new, *dense.values()}):
        den, come = _here(book.db, cell, now_ms, bounds), new.get((cell, town), set())
        if den is None:
            found = _in_cell(book.db, cell, town, now_ms, bounds, by_rule=cell in dense)
            if found:
                _found(book, found, now_ms, bounds)
        elif come:
            _join(book.db, den, {imei for imei, _ in come if imei}, {imsi for _, imsi in come}, now_ms)


def forget(book: Book, now_ms: int, bounds: Bounds = BOUNDS) -> None:
    """Once an hour: which dens are still at work; sightings that are too old to count go."""
    since_ms = now_ms - bounds.move_ms
    latest = (
        "SELECT ifnull(max(s.last_ms), 0) FROM den_members AS m JOIN den_sims AS s ON s.imsi = m.key"
        " WHERE m.what = 'sim' AND m.den = dens.id"
    )
    book.db.execute(
        f"UPDATE dens SET last_ms = max(last_ms, ({latest})) WHERE state = 'found' AND last_ms >= ?", (since_ms,)
    )
    book.db.execute("DELETE FROM den_members WHERE den IN (SELECT id FROM dens WHERE last_ms < ?)", (since_ms,))
    book.db.execute("DELETE FROM den_sims WHERE last_ms < ?", (since_ms,))
    book.db.execute("DELETE FROM den_calls WHERE to_ms < ?", (now_ms - DAY_MS,))


def clear(book: Book, den: int, *, by: str, at_ms: int, why: str) -> Den:
    """Officers have been there. Raises Refused: unknown, cleared-already."""
    with book.act("den.clear", f"den:{den}", by, at_ms) as act:
        found = one(book.db, den)
        if found.state == "cleared":
            raise Refused("cleared-already", f"den {den} was cleared already")
        act.note(why=why)
        reason_given(why, f"den {den} is cleared")
        not_before(at_ms, found.first_ms, f"den {den} was found")
        act.db.execute("UPDATE dens SET state = 'cleared', cleared_ms = ? WHERE id = ?", (at_ms, den))
        return one(book.db, den)


def one(db: sqlite3.Connection, den: int) -> Den:
    """Raises Refused: unknown."""
    row = db.execute(f"SELECT {_DENS} FROM dens WHERE id = ?", (den,)).fetchone()
    if row is None:
        raise Refused("unknown", f"there is no den {den}", "`interceptor centre hotspots dens` has them")
    return _den(db, row)


def listing(db: sqlite3.Connection, from_ms: int = 0, to_ms: int = 1 << 62) -> list[Den]:
    """Dens seen in a span of time, the latest first."""
    rows = db.execute(
        f"SELECT {_DENS} FROM dens WHERE last_ms >= ? AND first_ms < ? ORDER BY last_ms DESC, id", (from_ms, to_ms)
    )
    return [_den(db, row) for row in rows.fetchall()]


def overlap(calls: list[tuple[int, int]]) -> float:
    """Share of the time with a call in which there is more than one; 0 without calls."""
    steps = sorted([(start, 1) for start, _ in calls] + [(stop, -1) for _, stop in calls])
    open_calls, last_ms, some_ms, many_ms = 0, 0, 0, 0
    for at_ms, step in steps:
        some_ms += (at_ms - last_ms) * (open_calls >= 1)
        many_ms += (at_ms - last_ms) * (open_calls >= 2)
        open_calls, last_ms = open_calls + step, at_ms
    return many_ms / some_ms if some_ms else 0.0


def _is_by(event: Event, names: frozenset[str]) -> bool:
    return not names.isdisjoint(event.rules)


def _here(db: sqlite3.Connection, cell: int, now_ms: int, bounds: Bounds, imei: int = 0) -> int | None:
    """The den that is in this cell, or was a short while ago; one with this device, if it is named."""
    member = "AND EXISTS (SELECT 1 FROM den_members AS m WHERE m.den = d.id AND m.what = 'imei' AND m.key = ?)"
    row = db.execute(
        "SELECT d.id FROM den_places AS p JOIN dens AS d ON d.id = p.den WHERE p.cell = ? AND d.state = 'found'"
        " AND d.last_ms >= ? AND (p.at_ms >= ? OR p.id = (SELECT max(id) FROM den_places WHERE den = d.id))"
        f" {member if imei else ''} ORDER BY d.id LIMIT 1",
        (cell, now_ms - bounds.move_ms, now_ms - bounds.return_ms, *([imei] if imei else [])),
    ).fetchone()
    return int(row[0]) if row else None


def _note(db: sqlite3.Connection, suspects: Sequence[Event]) -> dict[tuple[int, int], set[tuple[int, int]]]:
    """Writes suspect SIMs and their calls down; gives the cells (and their townships) in which some are new,
    with these and their devices."""
    new: dict[tuple[int, int], set[tuple[int, int]]] = {}
    last = {(event.cell, signed(event.imei), signed(event.imsi)): event for event in suspects}
    for (cell, imei, imsi), event in last.items():
        town, ts_ms = event.cell_town, event.ts_ms
        known = db.execute(
            "UPDATE den_sims SET last_ms = max(last_ms, ?) WHERE cell = ? AND imei = ? AND imsi = ?",
            (ts_ms, cell, imei, imsi),
        )
        if not known.rowcount:
            db.execute("INSERT INTO den_sims VALUES (?, ?, ?, ?, ?)", (cell, imei, imsi, town, ts_ms))
            new.setdefault((cell, town), set()).add((imei, imsi))
    db.executemany(
        "INSERT INTO den_calls VALUES (?, ?, ?, ?)",
        [
            (event.cell, signed(event.imsi), event.ts_ms - event.dur_s * 1000, event.ts_ms)
            for event in suspects
            if event.kind == Kind.CALL_END
        ],
    )
    return new


def _in_device(db: sqlite3.Connection, imei: int, cell: int, town: int, now_ms: int, bounds: Bounds) -> _Sighting:
    since_ms = now_ms - bounds.device_ms
    rows = db.execute("SELECT imsi FROM den_sims WHERE imei = ? AND last_ms >= ?", (imei, since_ms))
    return _Sighting(DEVICE, cell, town, frozenset([imei]), frozenset(imsi for (imsi,) in rows))


def _in_cell(
    db: sqlite3.Connection, cell: int, town: int, now_ms: int, bounds: Bounds, *, by_rule: bool
) -> _Sighting | None:
    """Many suspect SIMs in a cell, who take turns, or of whom a rule says that they are of one box."""
    since_ms = now_ms - bounds.device_ms
    rows = db.execute("SELECT imei, imsi FROM den_sims WHERE cell = ? AND last_ms >= ?", (cell, since_ms)).fetchall()
    sims = frozenset(imsi for _, imsi in rows)
    if len(sims) < bounds.sims_of_cell:
        return None
    if not by_rule:
        calls = db.execute("SELECT from_ms, to_ms FROM den_calls WHERE cell = ? AND to_ms >= ?", (cell, since_ms))
        if overlap(calls.fetchall()) > bounds.overlap:
            return None
    return _Sighting(CELL, cell, town, frozenset(imei for imei, _ in rows if imei), sims)


def _found(book: Book, sighting: _Sighting, now_ms: int, bounds: Bounds) -> None:
    """A den that wasn't known to be here: one that has moved, or a new one."""
    den = _here(book.db, sighting.cell, now_ms, bounds)
    if den is None:
        den = _akin(book.db, sighting, now_ms, bounds)
        if den is None:
            den = _new(book, sighting, now_ms)
        else:
            before = one(book.db, den).places[-1]
            with book.act("den.move", f"den:{den}", PATROL, now_ms) as act:
                act.note(cell=sighting.cell, town=sighting.town, before=before.cell)
                _stand(act, den, sighting, now_ms, moved=before.town != sighting.town)
    _join(book.db, den, sighting.imeis, sighting.sims, now_ms)


def _new(book: Book, sighting: _Sighting, now_ms: int) -> int:
    with book.act("den.found", f"cell:{sighting.cell}", PATROL, now_ms) as act:
        made = act.db.execute("INSERT INTO dens VALUES (NULL, ?, 'found', 0, ?, ?, 0)", (sighting.kind, now_ms, now_ms))
        den = int(made.lastrowid or 0)
        act.about = f"den:{den}"
        act.note(kind=sighting.kind, cell=sighting.cell, town=sighting.town, sims=len(sighting.sims))
        _stand(act, den, sighting, now_ms, moved=False)
        return den


def _join(db: sqlite3.Connection, den: int, imeis: Set[int], sims: Set[int], now_ms: int) -> None:
    """These devices and SIMs are of the den."""
    for what, keys in ((SIM, sims), (IMEI, imeis)):
        db.executemany("INSERT OR IGNORE INTO den_members VALUES (?, ?, ?)", [(den, what, key) for key in sorted(keys)])
    count = "SELECT count(*) FROM den_members WHERE den = dens.id AND what = 'sim'"
    db.execute(f"UPDATE dens SET last_ms = ?, sims = ({count}) WHERE id = ?", (now_ms, den))


def _stand(act: Act, den: int, sighting: _Sighting, now_ms: int, *, moved: bool) -> None:
    act.db.execute(
        "INSERT INTO den_places VALUES (NULL, ?, ?, ?, ?, ?)", (den, sighting.cell, sighting.town, now_ms, int(moved))
    )


def _akin(db: sqlite3.Connection, sighting: _Sighting, now_ms: int, bounds: Bounds) -> int | None:
    """The den elsewhere of which this has a device, or half of its SIMs."""
    shared: dict[int, int] = {}
    for what, keys in ((IMEI, sighting.imeis), (SIM, sighting.sims)):
        for key in sorted(keys):
            rows = db.execute(
                "SELECT m.den FROM den_members AS m JOIN dens AS d ON d.id = m.den WHERE m.what = ? AND m.key = ?"
                " AND d.state = 'found' AND d.last_ms >= ?",
                (what, key, now_ms - bounds.move_ms),
            )
            for (den,) in rows:
                shared[den] = shared.get(den, 0) + (len(sighting.sims) if what == IMEI else 1)
    wanted = max(1.0, bounds.shared_sims * len(sighting.sims))
    same = [den for den, count in shared.items() if count >= wanted]
    return max(same, key=lambda den: (shared[den], -den)) if same else None


def _den(db: sqlite3.Connection, row: tuple[Any, ...]) -> Den:
    places = db.execute("SELECT cell, town, at_ms, moved FROM den_places WHERE den = ? ORDER BY id", (row[0],))
    id_, kind, state, *rest = row
    track = tuple(Place(cell, town, at_ms, bool(moved)) for cell, town, at_ms, moved in places)
    sims, first_ms, last_ms, cleared_ms = rest
    return Den(id_, kind, state, sims, first_ms, last_ms, cleared_ms, track)
