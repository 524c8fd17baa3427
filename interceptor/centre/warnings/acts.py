"""What is done with warnings: opened or joined, sent, heard or not, raised, closed; the hold that goes with a visit.

Enters: a book, Means, what somebody says of a try. Leaves: acts, and orders for carriers, officers and banks.
Invariants: a citizen has one open warning at most; a warning only goes up; a try that ended is counted once, whoever
says so; everything that begins by itself begins at the time of the event behind it, not when somebody looked.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre.book import Act, Book
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused, not_before
from interceptor.centre.warnings import rows, texts
from interceptor.centre.warnings.classes import Scam
from interceptor.centre.warnings.means import (
    MACHINE,
    MINUTE_MS,
    OFFICER,
    REACHED,
    SENDER,
    SMS,
    TIER_NAMES,
    VISIT,
    Means,
    following,
)
from interceptor.centre.warnings.rows import Warning
from interceptor.schema import Outcome

MEANS = Means()
PROGRAM = "centre"  # who does what nobody in person does
HELD = "held_payers"  # list of the engine: citizens whose own payments to strangers wait
SAID = (Outcome.NONE, Outcome.PERSUADED, Outcome.CONFIRMED, Outcome.FALSE_ALARM, Outcome.UNREACHED, Outcome.REFUSED)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody is to be warned: what is suspected, of whom, by which rules, how sure and how much."""

    tier: int
    scam: Scam = Scam.UNCLEAR
    source: str = ""
    rules: str = ""
    score: float = 0.0
    stake_fen: int = 0


def warn(
    book: Book, citizen: int, town: int, reason: Reason, *, by: str, at_ms: int, means: Means = MEANS
) -> Warning | None:
    """A new warning, or what is new to the open one; None where the citizen was warned so within the hour, or nothing
    is new."""
    advance(book, at_ms, means)
    open_one = rows.open_of(book.db, citizen)
    if open_one is None:
        if _warned_lately(book.db, citizen, reason, at_ms, means):
            return None
        found = _opened(book, citizen, town, reason, by, at_ms, means)
    else:
        found = _joined(book, open_one, reason, by, at_ms, means)
    serve(book, at_ms, means)
    return rows.found(book.db, found) if found else None


def _warned_lately(db: sqlite3.Connection, citizen: int, reason: Reason, at_ms: int, means: Means) -> bool:
    """By this tier or a higher one within the hour; or within the day, found a false alarm of the same rules."""
    hour_ms, day_ms = (at_ms - minutes * MINUTE_MS for minutes in (means.again_after, means.false_alarm_rests))
    lately = "SELECT closed_ms, result, rules FROM warnings WHERE citizen = ? AND closed_ms > ? AND tier >= ?"
    return any(
        closed_ms > hour_ms
        or (
            closed_ms > day_ms
            and result == REACHED[Outcome.FALSE_ALARM]
            and {*reason.rules.split()} <= {*rules.split()}
        )
        for closed_ms, result, rules in db.execute(lately, (citizen, min(hour_ms, day_ms), reason.tier))
    )


def _opened(book: Book, citizen: int, town: int, reason: Reason, by: str, at_ms: int, means: Means) -> int:
    risk = means.risk(reason.score, reason.stake_fen)
    with book.act("warning.open", f"number:{citizen}", by, at_ms) as act:
        found = act.db.execute(
            "INSERT INTO warnings (citizen, town, opened_ms, tier, state, scam, risk, stake_fen, source, rules,"
            " queued_ms, urgency_ms, next_ms) VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?)",
            (citizen, town, at_ms, reason.tier, reason.scam, risk, reason.stake_fen, reason.source, reason.rules,
             at_ms, at_ms - risk * MINUTE_MS, means.more_room_ms(reason.tier, at_ms)),
        )  # fmt: skip
        warning = int(found.lastrowid or 0)
        act.note(warning=warning, tier=reason.tier, scam=reason.scam.word, risk=risk, source=reason.source)
        if reason.tier == VISIT:
            _hold(act, rows.found(act.db, warning), at_ms, means)
    return warning


def _joined(book: Book, warning: Warning, reason: Reason, by: str, at_ms: int, means: Means) -> int:
    """Its id if anything changed, else 0."""
    risk = max(warning.risk, means.risk(reason.score, reason.stake_fen))
    scam = warning.scam or reason.scam
    stake_fen = max(warning.stake_fen, reason.stake_fen)
    higher = reason.tier > warning.tier
    if not higher and (risk, scam, stake_fen) == (warning.risk, warning.scam, warning.stake_fen):
        return 0
    with book.act("warning.join", warning.ref, by, at_ms) as act:
        act.db.execute(
            "UPDATE warnings SET risk = ?, scam = ?, stake_fen = ?, source = ?, rules = ?,"
            " urgency_ms = queued_ms - ? WHERE id = ?",
            (risk, scam, stake_fen, *_more_telling(warning, reason, higher), risk * MINUTE_MS, warning.id),
        )
        act.note(risk=risk, scam=Scam(scam).word, tier=reason.tier, source=reason.source)
        if higher:
            _raise(act, rows.found(act.db, warning.id), reason.tier, "decided", at_ms, means)
    return warning.id


def _more_telling(warning: Warning, reason: Reason, higher: bool) -> tuple[str, str]:
    return (reason.source, reason.rules) if higher else (warning.source, warning.rules)


def outcome(book: Book, warning: int, said: Outcome, *, by: str, at_ms: int, means: Means = MEANS) -> Warning:
    """What came of the message, call or visit that is under way. Raises Refused."""
    advance(book, at_ms, means)
    with book.act("warning.outcome", f"warning:{warning}", by, at_ms) as act:
        if said not in SAID:
            raise Refused("wrong-outcome", f"{said.name.lower()} says nothing of a warning", _one_of(SAID))
        act.note(outcome=said.name.lower())
        found = rows.found(act.db, warning)
        if not found.under_way:
            raise Refused(
                "not-under-way",
                f"warning {warning} is {found.state}: nobody is sending, calling or visiting",
                "`interceptor centre warnings list` shows what is under way",
            )
        act.note(tier=found.tier)
        if at_ms < rows.started_ms(act.db, warning):
            raise Refused("before-start", f"warning {warning}: what is under way began later than that", "see --at")
        _ended(act, found, said, by, at_ms, means)
    serve(book, at_ms, means)
    return rows.found(book.db, warning)


def _one_of(outcomes: tuple[Outcome, ...]) -> str:
    return "one of " + ", ".join(outcome.name.lower() for outcome in outcomes)


def end_hold(book: Book, warning: int, *, by: str, at_ms: int) -> Warning:
    """The citizen wants to pay: the hold ends at once, whatever anybody thinks. Raises Refused."""
    with book.act("warning.end-hold", f"warning:{warning}", by, at_ms) as act:
        found = rows.found(act.db, warning)
        if found.hold_ms <= at_ms:
            raise Refused("no-hold", f"warning {warning}: no hold is in force")
        _end_hold(act, found, at_ms, "the citizen asked for it")
    return rows.found(book.db, warning)


def withdraw(book: Book, warning: int, why: str, *, by: str, at_ms: int, means: Means = MEANS) -> Warning:
    """It isn't needed: closed, its hold ended. Raises Refused."""
    with book.act("warning.withdraw", f"warning:{warning}", by, at_ms) as act:
        act.note(reason=why)
        found = rows.found(act.db, warning)
        if found.closed_ms:
            raise Refused("closed-already", f"warning {warning} is closed: {found.result}")
        if not why.strip():
            raise Refused("no-reason", "a warning is withdrawn for a reason", "say why by --why")
        not_before(at_ms, found.opened_ms, f"warning {warning} was opened")
        _end_try(act, found, Outcome.NONE, by, at_ms)
        _close(act, found, "withdrawn", at_ms)
    serve(book, at_ms, means)
    return rows.found(book.db, warning)


# --- what happens by itself ---


def advance(book: Book, now_ms: int, means: Means = MEANS) -> None:
    """Everything that happens by itself up to now_ms, in order of time."""
    while True:
        at_ms = book.db.execute("SELECT min(next_ms) FROM warnings WHERE next_ms > 0").fetchone()[0]
        if at_ms is None or at_ms > now_ms:
            return
        with book.together():
            for warning in list(rows.where(book.db, "next_ms > 0 AND next_ms <= ? ORDER BY next_ms, id", at_ms)):
                _turn(book, warning, at_ms, means)
            serve(book, at_ms, means)


def _turn(book: Book, warning: Warning, at_ms: int, means: Means) -> None:
    if warning.state == rows.QUEUED:  # another minute, another shift
        book.db.execute(
            "UPDATE warnings SET next_ms = ? WHERE id = ?", (means.more_room_ms(warning.tier, at_ms), warning.id)
        )
    elif warning.state == rows.WAITING:
        with book.act("warning.again", warning.ref, PROGRAM, at_ms) as act:
            act.note(tier=warning.tier, tries=warning.tries)
            _queue(act, warning, warning.tier, at_ms, means)
    else:  # nobody said what came of it
        said = Outcome.NONE if warning.tier <= MACHINE else Outcome.UNREACHED
        with book.act("warning.timeout", warning.ref, PROGRAM, at_ms) as act:
            act.note(tier=warning.tier, outcome=said.name.lower())
            _ended(act, warning, said, PROGRAM, at_ms, means)


def serve(book: Book, at_ms: int, means: Means = MEANS) -> None:
    """Whoever is next is sent a message, called or visited, as long as somebody is free."""
    waiting = "SELECT DISTINCT tier FROM warnings WHERE state = 'queued' ORDER BY tier"
    for (tier,) in book.db.execute(waiting).fetchall():
        if tier == VISIT:
            towns = "SELECT DISTINCT town / 1000 FROM warnings WHERE state = 'queued' AND tier = ? ORDER BY 1"
            for (district,) in book.db.execute(towns, (tier,)).fetchall():
                _serve(book, tier, district, at_ms, means)
        else:
            _serve(book, tier, -1, at_ms, means)


def _serve(book: Book, tier: int, district: int, at_ms: int, means: Means) -> None:
    free = means.room(tier, at_ms) - _busy(book.db, tier, district, at_ms)
    if tier == VISIT and not district:
        free = 1 << 30  # another city's officers go: nobody here is busy with it
    there = "" if district < 0 else f" AND town / 1000 = {district}"
    condition = f"state = 'queued' AND tier = ?{there} ORDER BY urgency_ms, id LIMIT ?"
    for warning in list(rows.where(book.db, condition, tier, max(free, 0))):
        _start(book, warning, at_ms, means)


def _busy(db: sqlite3.Connection, tier: int, district: int, at_ms: int) -> int:
    if tier == SMS:
        minute_ms = at_ms // MINUTE_MS * MINUTE_MS
        sent = "SELECT count(*) FROM tries WHERE started_ms BETWEEN ? AND ? AND tier = ?"
        return int(db.execute(sent, (minute_ms, minute_ms + MINUTE_MS - 1, SMS)).fetchone()[0])
    there = "" if district < 0 else f" AND district = {district}"
    return int(db.execute(f"SELECT count(*) FROM tries WHERE ended_ms = 0 AND tier = ?{there}", (tier,)).fetchone()[0])


def _start(book: Book, warning: Warning, at_ms: int, means: Means) -> None:
    abroad = warning.tier == VISIT and not warning.district
    with book.act("warning.start", warning.ref, PROGRAM, at_ms) as act:
        act.note(tier=warning.tier, by=TIER_NAMES[warning.tier], waited_ms=at_ms - warning.queued_ms)
        text = texts.warning(Scam(warning.scam), warning.tier).zh
        remedy = texts.SHOWN if warning.tier < VISIT else texts.HOLD_REMEDY
        order(
            act, Verb.WARN, warning.who, at_ms, tier=warning.tier, reason=text, remedy=remedy, ref=warning.ref,
            list=str(SENDER) if warning.tier < VISIT else "",
        )  # fmt: skip
        ended_ms = at_ms if warning.tier == SMS or abroad else 0
        act.db.execute(
            "INSERT INTO tries (warning, tier, district, queued_ms, started_ms, ended_ms, outcome, by)"
            " VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
            (warning.id, warning.tier, warning.district, warning.queued_ms, at_ms, ended_ms, PROGRAM),
        )
        if abroad:
            _close(act, warning, "handed over", at_ms, keep_hold=True)
            return
        act.db.execute(
            "UPDATE warnings SET state = ?, next_ms = ?, tries = tries + 1 WHERE id = ?",
            (rows.UNDER_WAY[warning.tier], at_ms + means.takes_ms(warning.tier), warning.id),
        )


# --- parts of acts ---


def _ended(act: Act, warning: Warning, said: Outcome, by: str, at_ms: int, means: Means) -> None:
    """A try is over: close, once more, or up."""
    _end_try(act, warning, said, by, at_ms)
    if warning.tier >= OFFICER and said is Outcome.NONE:
        said = Outcome.UNREACHED
    refusals = warning.refusals + (said is Outcome.REFUSED and warning.tier > SMS)
    missed_ms = warning.missed_ms or (at_ms if said is Outcome.UNREACHED else 0)
    act.db.execute(
        "UPDATE warnings SET refusals = ?, missed_ms = ?, reached_ms = ? WHERE id = ?",
        (refusals, missed_ms, at_ms if said in REACHED else 0, warning.id),
    )
    step = following(
        means, warning.tier, said, tries=warning.tries, refusals=refusals, missed_ms=missed_ms, at_ms=at_ms
    )
    if step.closed:
        _close(act, warning, step.closed, at_ms, keep_hold=said not in (Outcome.PERSUADED, Outcome.FALSE_ALARM))
    elif step.up:
        _raise(act, warning, warning.tier + 1, step.up, at_ms, means)
    else:
        next_ms = at_ms + means.pause_ms(warning.tier)
        act.db.execute("UPDATE warnings SET state = 'waiting', next_ms = ? WHERE id = ?", (next_ms, warning.id))
        act.note(again_ms=next_ms)


def _end_try(act: Act, warning: Warning, said: Outcome, by: str, at_ms: int) -> None:
    act.db.execute(
        "UPDATE tries SET ended_ms = CASE ended_ms WHEN 0 THEN ? ELSE ended_ms END, outcome = ?, by = ?"
        " WHERE id = (SELECT max(id) FROM tries WHERE warning = ?) AND (ended_ms = 0 OR tier = 1)",
        (at_ms, said, by, warning.id),
    )


def _raise(act: Act, warning: Warning, tier: int, why: str, at_ms: int, means: Means) -> None:
    _end_open_try(act, warning, at_ms)
    act.db.execute("INSERT INTO raises VALUES (?, ?, ?, ?)", (warning.id, at_ms, tier, why))
    act.db.execute("UPDATE warnings SET tries = 0, missed_ms = 0 WHERE id = ?", (warning.id,))
    act.note(raised_to=tier, why=why)
    _queue(act, warning, tier, at_ms, means)
    if tier == VISIT:
        _hold(act, warning, at_ms, means)


def _end_open_try(act: Act, warning: Warning, at_ms: int) -> None:
    """A call that is under way is broken off for one of a higher tier."""
    act.db.execute("UPDATE tries SET ended_ms = ? WHERE warning = ? AND ended_ms = 0", (at_ms, warning.id))


def _queue(act: Act, warning: Warning, tier: int, at_ms: int, means: Means) -> None:
    act.db.execute(
        "UPDATE warnings SET tier = ?, state = 'queued', queued_ms = ?, urgency_ms = ? - risk * ?, next_ms = ?"
        " WHERE id = ?",
        (tier, at_ms, at_ms, MINUTE_MS, means.more_room_ms(tier, at_ms), warning.id),
    )


def _close(act: Act, warning: Warning, result: str, at_ms: int, *, keep_hold: bool = False) -> None:
    act.db.execute(
        "UPDATE warnings SET state = 'closed', next_ms = 0, closed_ms = ?, result = ? WHERE id = ?",
        (at_ms, result, warning.id),
    )
    act.note(closed=result)
    if warning.hold_ms > at_ms and not keep_hold:
        _end_hold(act, warning, at_ms, result)


def _hold(act: Act, warning: Warning, at_ms: int, means: Means) -> None:
    """The citizen's own payments to strangers wait until officers have been there; once a warning."""
    if warning.hold_ms:
        return
    until_ms = at_ms + means.hold * MINUTE_MS
    act.db.execute("UPDATE warnings SET hold_ms = ? WHERE id = ?", (until_ms, warning.id))
    order(
        act, Verb.PUT_ON_LIST, warning.who, at_ms, until_ms=until_ms, list=HELD, reason=texts.HOLD.zh,
        remedy=texts.HOLD_REMEDY, papers=texts.HOLD_PAPERS, ref=warning.ref,
    )  # fmt: skip
    act.note(held_until_ms=until_ms)


def _end_hold(act: Act, warning: Warning, at_ms: int, why: str) -> None:
    act.db.execute("UPDATE warnings SET hold_ms = ? WHERE id = ?", (at_ms, warning.id))
    order(act, Verb.TAKE_OFF_LIST, warning.who, at_ms, list=HELD, reason=why, ref=warning.ref)
    act.note(hold_ended=why)
