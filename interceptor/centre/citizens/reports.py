"""What citizens report: one vote a person and thing, that can be taken back and fades.

Enters: who reports what, from where. Leaves: votes, and a provisional block where many do so at once. Invariants: who
reported is told to nobody; a person counts once; official and protected things are blocked by no crowd.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from interceptor.centre.book import Act, Book
from interceptor.centre.citizens.keys import named, pair, thing_of, triple
from interceptor.centre.citizens.terms import DAY_MS, HOUR_MS, PROVISIONAL, Official, Terms
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused, not_before
from interceptor.centre.sites.likeness import is_host
from interceptor.centre.things import Thing
from interceptor.centre.warnings.classes import Scam
from interceptor.rules.errors import shortened
from interceptor.schema import Subject

TERMS = Terms()
NOBODY_OFFICIAL = Official()
REPORTED = (Subject.NUMBER, Subject.TEXT, Subject.SITE, Subject.ACCOUNT)
BLOCK_REASON = "Many citizens of several townships reported this within the hour."
BLOCK_REMEDY = "The block ends after two hours; appeal at the anti-fraud centre to end it at once."
BLOCK_PAPERS = "identity card; firms bring the contract for the line, the ICP filing, or proof of the deals"
TEXT_MAX = 500


@dataclass(frozen=True, slots=True)
class Vote:
    """One that counts. `burst`: what became of many at once: blocked, gate, alert, or "" = there weren't."""

    id: int
    thing: Thing
    weight: float
    burst: str = ""


def add(
    book: Book, thing: Thing, reporter: int, town: int, *, by: str, at_ms: int, scam: Scam = Scam.UNCLEAR,
    text: str = "", terms: Terms = TERMS, official: Official = NOBODY_OFFICIAL,
) -> Vote:  # fmt: skip
    """`reporter`: the phone number of who reports; `text`: what the person says of it. Raises Refused."""
    with book.act("report.add", str(thing), by, at_ms) as act:
        act.note(town=town, scam=scam.word)  # not who: the log is read by many
        _check(act.db, thing, reporter, at_ms, terms)
        found = act.db.execute(
            "INSERT INTO votes (subject, key, shown, reporter, town, at_ms, scam, text)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*triple(thing), reporter, town, at_ms, scam, text[:TEXT_MAX]),
        )
        vote = int(found.lastrowid or 0)
        burst = _burst(book, named(act.db, thing), at_ms, terms, official)
        act.note(vote=vote, burst=burst)
        return Vote(vote, thing, _record(act.db, reporter, terms), burst)


def _check(db: sqlite3.Connection, thing: Thing, reporter: int, at_ms: int, terms: Terms) -> None:
    if thing.subject not in REPORTED:
        raise Refused("not-reportable", f"{thing}: citizens report numbers, texts, sites and accounts")
    if thing.shown and not is_host(thing.shown):
        raise Refused("no-site", f"{shortened(thing.shown)!r}: no host of the internet can have this name")
    if not reporter:
        raise Refused("no-reporter", "a vote is somebody's: whose phone number is it?")
    if _vote_of(db, thing, reporter, at_ms, terms) is not None:
        raise Refused(
            "voted-already", f"this person has reported {thing.masked} already, and is counted once",
            "a report can be withdrawn; then a new one counts",
        )  # fmt: skip
    today = "SELECT count(*) FROM votes WHERE reporter = ? AND at_ms BETWEEN ? AND ?"
    if db.execute(today, (reporter, at_ms - DAY_MS + 1, at_ms)).fetchone()[0] >= terms.votes_a_day:
        raise Refused(
            "too-many", f"this person has made {terms.votes_a_day} reports within a day",
            "come back tomorrow, or bring them to the centre together",
        )  # fmt: skip


def _vote_of(db: sqlite3.Connection, thing: Thing, reporter: int, at_ms: int, terms: Terms) -> int | None:
    """The vote of a person that counts."""
    row = db.execute(
        "SELECT id FROM votes WHERE subject = ? AND key = ? AND at_ms > ? AND reporter = ? AND withdrawn_ms = 0"
        " AND judged >= 0",
        (*pair(thing), at_ms - terms.expires_days * DAY_MS, reporter),
    ).fetchone()
    return row[0] if row else None


def withdraw(book: Book, thing: Thing, reporter: int, *, by: str, at_ms: int, terms: Terms = TERMS) -> int:
    """The person takes the report back; gives the vote's id. Raises Refused."""
    with book.act("report.withdraw", str(thing), by, at_ms) as act:
        vote = _vote_of(act.db, thing, reporter, at_ms, terms)
        if vote is None:
            raise Refused("no-vote", f"this person has no report of {thing.masked} that counts")
        cast_ms = act.db.execute("SELECT at_ms FROM votes WHERE id = ?", (vote,)).fetchone()[0]
        not_before(at_ms, cast_ms, "it was made")
        act.db.execute("UPDATE votes SET withdrawn_ms = ? WHERE id = ?", (at_ms, vote))
        act.note(vote=vote)
        return vote


@dataclass(frozen=True, slots=True)
class Tally:
    """Votes that count, of how many people, and what they weigh together."""

    people: int
    weight: float


def tally(db: sqlite3.Connection, thing: Thing, at_ms: int, terms: Terms = TERMS) -> Tally:
    """Each vote weighs what its person's record gives, and fades."""
    wanted = (
        "SELECT reporter, at_ms FROM votes WHERE subject = ? AND key = ? AND at_ms > ? AND at_ms <= ?"
        " AND withdrawn_ms = 0 AND judged >= 0"
    )
    votes = db.execute(wanted, (*pair(thing), at_ms - terms.expires_days * DAY_MS, at_ms)).fetchall()
    weight = sum(_record(db, reporter, terms) * terms.decayed(at_ms - cast_ms) for reporter, cast_ms in votes)
    return Tally(len(votes), round(weight, 3))


def _record(db: sqlite3.Connection, reporter: int, terms: Terms) -> float:
    row = db.execute("SELECT rights, wrongs FROM reporters WHERE number = ?", (reporter,)).fetchone()
    return terms.of_record(*(row or (0, 0)))


def judge(act: Act, thing: Thing, *, right: bool) -> int:
    """It came out whether the reports were right: everybody's record remembers; wrong ones count no more. Part of the
    act in which it came out; gives how many votes that were."""
    of_thing = "subject = ? AND key = ? AND judged = 0 AND withdrawn_ms = 0"
    column = "rights" if right else "wrongs"
    act.db.execute(
        f"INSERT INTO reporters SELECT reporter, ?, ? FROM votes WHERE {of_thing} GROUP BY reporter"
        f" ON CONFLICT DO UPDATE SET {column} = {column} + 1",
        (int(right), int(not right), *pair(thing)),
    )
    done = act.db.execute(f"UPDATE votes SET judged = ? WHERE {of_thing}", (1 if right else -1, *pair(thing)))
    return done.rowcount


def waits_for_judgement(db: sqlite3.Connection, thing: Thing) -> bool:
    """Are there votes of which nobody knows yet whether they were right?"""
    wanted = "SELECT 1 FROM votes WHERE subject = ? AND key = ? AND judged = 0 AND withdrawn_ms = 0 LIMIT 1"
    return db.execute(wanted, pair(thing)).fetchone() is not None


# --- many at once ---


def _burst(book: Book, thing: Thing, at_ms: int, terms: Terms, official: Official) -> str:
    since_ms = at_ms - terms.burst_hours * HOUR_MS
    wanted = (
        "SELECT reporter, town FROM votes WHERE subject = ? AND key = ? AND at_ms > ? AND at_ms <= ?"
        " AND withdrawn_ms = 0 AND judged >= 0"
    )
    votes = book.db.execute(wanted, (*pair(thing), since_ms, at_ms)).fetchall()
    if len(votes) < terms.burst_reporters or _burst_lately(book.db, thing, at_ms):
        return ""
    counted = [(who, town) for who, town in votes if _record(book.db, who, terms) >= terms.burst_weight]
    people, towns = len({who for who, _ in counted}), len({town for _, town in counted if town})
    if people < terms.burst_reporters or towns < terms.burst_towns:
        return ""
    spared = thing in official or is_protected(book.db, thing)
    outcome = "alert" if spared or thing.subject not in PROVISIONAL else "blocked"
    hours = terms.block_hours if outcome == "blocked" else terms.burst_hours
    burst(book, thing, outcome, at_ms, at_ms + hours * HOUR_MS, people=people, towns=towns)
    return outcome


def _burst_lately(db: sqlite3.Connection, thing: Thing, at_ms: int) -> bool:
    wanted = "SELECT 1 FROM bursts WHERE subject = ? AND key = ? AND until_ms > ? LIMIT 1"
    return db.execute(wanted, (*pair(thing), at_ms)).fetchone() is not None


def burst(book: Book, thing: Thing, outcome: str, at_ms: int, until_ms: int, *, people: int, towns: int) -> None:
    """`outcome` blocked: the centre puts it on a list; gate: a rule there did; alert: somebody has to look."""
    with book.act("report.burst", str(thing), "centre", at_ms) as act:
        if _burst_lately(act.db, thing, at_ms):
            return
        found = act.db.execute(
            "INSERT INTO bursts (subject, key, shown, at_ms, reporters, towns, until_ms, outcome)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*triple(thing), at_ms, people, towns, until_ms, outcome),
        )
        act.note(outcome=outcome, reporters=people, towns=towns)
        if outcome == "blocked":
            order(
                act, Verb.PUT_ON_LIST, thing, at_ms, until_ms=until_ms, list=PROVISIONAL[thing.subject],
                reason=BLOCK_REASON, remedy=BLOCK_REMEDY, papers=BLOCK_PAPERS, ref=f"burst:{found.lastrowid}",
            )  # fmt: skip


def is_protected(db: sqlite3.Connection, thing: Thing) -> bool:
    """Is it a number that its owner had protected?"""
    if thing.subject is not Subject.NUMBER:
        return False
    wanted = "SELECT 1 FROM protected WHERE number = ? AND ended_ms = 0"
    return db.execute(wanted, (thing.key,)).fetchone() is not None


@dataclass(frozen=True, slots=True)
class Burst:
    """Many reports of one thing within the hour."""

    id: int
    thing: Thing
    at_ms: int
    people: int
    towns: int
    until_ms: int
    outcome: str

    def as_object(self) -> dict[str, Any]:
        names = ("id", "at_ms", "people", "towns", "until_ms", "outcome")
        return {"thing": str(self.thing)} | {name: getattr(self, name) for name in names}


def bursts(db: sqlite3.Connection, last: int = 20) -> list[Burst]:
    """Newest first."""
    names = "id, subject, key, shown, at_ms, reporters, towns, until_ms, outcome"
    wanted = f"SELECT {names} FROM bursts ORDER BY id DESC LIMIT ?"
    return [Burst(row[0], thing_of(*row[1:4]), *row[4:]) for row in db.execute(wanted, (last,))]


def heaviest(db: sqlite3.Connection, at_ms: int, last: int = 20, terms: Terms = TERMS) -> list[tuple[Thing, Tally]]:
    """What is reported, by what its votes weigh."""
    wanted = (
        "SELECT subject, key, max(shown) FROM votes WHERE at_ms > ? AND at_ms <= ? AND withdrawn_ms = 0"
        " AND judged >= 0 GROUP BY subject, key"
    )
    things = [thing_of(*row) for row in db.execute(wanted, (at_ms - terms.expires_days * DAY_MS, at_ms))]
    found = [(thing, tally(db, thing, at_ms, terms)) for thing in things]
    return sorted(found, key=lambda one: (-one[1].weight, str(one[0])))[:last]
