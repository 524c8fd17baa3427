"""What is learned about rules: who is often wrong watches only.

Enters: outcomes of cases, and what officers and appeals say in the stream. Leaves: judgements of the last days, orders
that put a rule to shadow. Invariants: of a rule and a thing the latest judgement counts, once, whichever way it came; a
rule that was put to shadow is judged anew from then on.

X06 speaks of a rule's rate of false positives, so what is counted are things (lines, accounts, sites), each once by
what was found of it last: of one that officers look into, whose owner appeals, and whose case ends, three findings are
heard. The rule rule-often-wrong at the gates can but count findings, each of them, as its windows hold events; so it
may come to its bounds sooner, and what it asks for then (TO_SHADOW) is done here, too.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from interceptor.centre import orders
from interceptor.centre.book import Book
from interceptor.centre.cases.opening import open_or_join
from interceptor.centre.cases.terms import TERMS, CaseKind, CaseTerms, Party
from interceptor.centre.signed import signed
from interceptor.schema import rule_key


@dataclass(frozen=True, slots=True)
class Standing:
    """How a rule stands: of the last days, `judged` things and `wrong` among them; `appeals` upheld within a day.
    `shadowed_ms`: when it was last put to shadow, None = never, and `why`."""

    rule: str
    judged: int
    wrong: int
    appeals: int
    shadowed_ms: int | None
    why: str

    @property
    def share(self) -> float | None:
        return self.wrong / self.judged if self.judged else None


def judge(
    book: Book, rule: int, thing: int, *, wrong: bool, appeal: bool = False, terms: CaseTerms = TERMS, by: str,
    at_ms: int,
) -> None:  # fmt: skip
    """A rule (as rule_key gives it) was right or wrong about a thing (its key). Above the bounds of X06 it is put to
    shadow, which is an act."""
    with book.together():
        book.db.execute(
            "INSERT INTO judgements VALUES (?, ?, ?, ?, ?) ON CONFLICT (rule, thing) DO UPDATE SET"
            " at_ms = excluded.at_ms, wrong = excluded.wrong, appeal = excluded.appeal WHERE excluded.at_ms >= at_ms",
            (rule, signed(thing), at_ms, wrong, wrong and appeal),
        )
        if wrong:
            why = _too_often(standing(book.db, rule, at_ms, terms), terms)
            if why:
                to_shadow(book, rule, why, terms=terms, by=by, at_ms=at_ms)


def to_shadow(book: Book, rule: int, why: str, *, terms: CaseTerms = TERMS, by: str, at_ms: int) -> bool:
    """The rule is to watch only, and a case is opened about it. False = it was put to shadow within the window
    already, and nothing was done."""
    last = _last_shadowed(book.db, rule)
    if last and last[0] > at_ms - terms.judged_within_ms:
        return False
    name = name_of(book.db, rule)
    with book.act("rule.to_shadow", f"rule:{name}", by, at_ms) as act:
        act.note(why=why)
        case_id = open_or_join(
            book, CaseKind.RULE, (), f"{name} is put to shadow: {why}", ref=f"rule {name}", party=Party.CENTRE,
            terms=terms, by=by, at_ms=at_ms,
        )  # fmt: skip
        act.db.execute("INSERT INTO shadowed VALUES (NULL, ?, ?, ?, ?)", (rule, at_ms, why, case_id))
        orders.order(
            act, orders.Verb.TO_SHADOW, None, at_ms, reason=why, ref=f"rule {name}",
            remedy="What it did to somebody is lifted; if anything still is limited, ring 96110.",
        )  # fmt: skip
    return True


def standing(db: sqlite3.Connection, rule: int, at_ms: int, terms: CaseTerms = TERMS) -> Standing:
    """Of one rule, as of a time."""
    last = _last_shadowed(db, rule)
    since = max(at_ms - terms.judged_within_ms, last[0] if last else 0)
    judged, wrong, appeals = db.execute(
        "SELECT count(*), total(wrong), total(appeal AND at_ms > ?) FROM judgements WHERE rule = ? AND at_ms > ?",
        (at_ms - terms.appeals_within_ms, rule, since),
    ).fetchone()
    shadowed_ms, why = last or (None, "")
    return Standing(name_of(db, rule), judged, int(wrong), int(appeals), shadowed_ms, why)


def standings(db: sqlite3.Connection, at_ms: int, terms: CaseTerms = TERMS) -> list[Standing]:
    """Of all rules that were judged within the window or put to shadow ever, the worst first."""
    keys = db.execute(
        "SELECT rule FROM judgements WHERE at_ms > ? UNION SELECT rule FROM shadowed", (at_ms - terms.judged_within_ms,)
    )
    found = [standing(db, rule, at_ms, terms) for (rule,) in keys.fetchall()]
    return sorted(found, key=lambda rule: (-(rule.share or 0), -rule.wrong, rule.rule))


def forget(db: sqlite3.Connection, at_ms: int, terms: CaseTerms = TERMS) -> None:
    """Judgements that are out of every window."""
    db.execute("DELETE FROM judgements WHERE at_ms <= ?", (at_ms - terms.judged_within_ms,))


def shadowed_by(book: Book, after: int) -> list[str]:
    """Rules that were put to shadow by acts after that entry of the log."""
    found = book.db.execute(
        "SELECT about FROM audit WHERE seq > ? AND act = 'rule.to_shadow' AND outcome = 'done' ORDER BY seq", (after,)
    )
    return [str(about).removeprefix("rule:") for (about,) in found]


def learn_name(db: sqlite3.Connection, name: str) -> int:
    """The key of a rule, whose name is remembered."""
    key = rule_key(name)
    db.execute("INSERT OR IGNORE INTO rule_names VALUES (?, ?)", (key, name))
    return key


def name_of(db: sqlite3.Connection, rule: int) -> str:
    found = db.execute("SELECT name FROM rule_names WHERE rule = ?", (rule,)).fetchone()
    return str(found[0]) if found else f"0x{rule:014x}"


def _last_shadowed(db: sqlite3.Connection, rule: int) -> tuple[int, str] | None:
    found: tuple[int, str] | None = db.execute(
        "SELECT at_ms, why FROM shadowed WHERE rule = ? ORDER BY at_ms DESC LIMIT 1", (rule,)
    ).fetchone()
    return found


def _too_often(now: Standing, terms: CaseTerms) -> str:
    """Why a rule has to step back; "" = it needn't."""
    if now.judged >= terms.judged_min and now.wrong / now.judged > terms.wrong_share_max:
        return (
            f"{now.wrong} of {now.judged} things were wrong, {now.wrong / now.judged:.1%} where"
            f" {terms.wrong_share_max:.0%} is the bound"
        )
    if now.appeals >= terms.appeals:
        return f"{now.appeals} appeals were upheld within {terms.appeals_within_ms // 3_600_000} hours"
    return ""
