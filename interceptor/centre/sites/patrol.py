"""Patrol: looks at every host that passes the gates, remembers the odd ones, proposes those it would block.

Enters: what the gates saw. Leaves: rows of `sites`, proposals. Invariants: patrol blocks nothing; what it remembers
has a cap; an official host, or a service that everybody uses, is never remembered.

A visit concerns it where the site has no record at the ministry and is young, looks like an official one, offers an app
or asks for card and code; a message where its link goes to a young host, or where the gate held it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from interceptor.centre.book import Book
from interceptor.centre.seen import Event, Seen
from interceptor.centre.signed import signed, unsigned
from interceptor.centre.sites.acts import PATROL, TERMS, Terms, end, lift, propose, reject
from interceptor.centre.sites.likeness import HOST_CHARS_MAX, Official
from interceptor.centre.sites.site import (
    COLUMNS,
    HOUR_MS,
    Site,
    State,
    Trait,
    by_key,
    evidence,
    score,
)
from interceptor.hosts import hash_of_host
from interceptor.rules.values import host as host_name
from interceptor.schema import Action, Kind, Outcome, Subject, Verdict

OFFICERS = "officers"  # who speaks by feedback in the stream
YOUNG_H = 720  # 30 days, as rules/web.yaml has it
SETTLED_H = 90 * 24  # as rules/places.yaml has it
NEIGHBOUR_RULE = "site-at-scam-address"  # W05
LOOKED_AT_MAX = 200_000  # names remembered as harmless to look at, in memory
_TRAIT_OF = {Outcome.CONFIRMED: Trait.FOUND, Outcome.FALSE_ALARM: Trait.CLEARED, Outcome.APPEAL_UPHELD: Trait.CLEARED}


NO_TRAIT = Trait(0)
_HOLD = int(Verdict.HOLD)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one batch says of one host. `scams`: messages with its link that the gates held back."""

    first_ms: int
    last_ms: int
    born_ms: int
    address: int
    registered: bool
    traits: Trait
    visits: int
    messages: int
    scams: int

    def joined(self, other: Sighting) -> Sighting:
        """Two spellings of one host."""
        return Sighting(
            min(self.first_ms, other.first_ms), max(self.last_ms, other.last_ms), min(self.born_ms, other.born_ms),
            self.address or other.address, self.registered or other.registered, self.traits | other.traits,
            self.visits + other.visits, self.messages + other.messages, self.scams + other.scams,
        )  # fmt: skip


def ends(book: Book, now_ms: int) -> None:
    """Blocks whose time is over."""
    over = f"SELECT {COLUMNS} FROM sites INDEXED BY sites_ending WHERE state = 'confirmed' AND until_ms <= ?"
    for row in book.db.execute(over, (now_ms,)).fetchall():
        end(book, Site.of(row), at_ms=now_ms)


class SitesSystem:
    """S3 on duty."""

    waits = "EXISTS (SELECT 1 FROM sites INDEXED BY sites_ending WHERE state = 'confirmed' AND until_ms <= :now)"

    def __init__(self, official: Official, terms: Terms = TERMS) -> None:
        self.official, self.terms = official, terms
        self._alike: dict[int, bool] = {}  # by the key of a host: whether its name is odd
        self._settled: set[int] | None = None  # addresses of settled hosts
        self._known: set[int] | None = None  # keys of the hosts that are remembered
        self.wakes_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        with book.together():
            visits = seen.of_kind(Kind.WEB)
            self._learn_addresses(book, seen, visits, now_ms)
            found = self._sightings(seen, sorted(self._odd_visits(book, seen, visits) + self._odd_messages(seen)))
            if found:
                self._remember(book, found)
            for host in sorted(self._reports(book, seen, now_ms).union(found)):
                self._consider(book, host, now_ms)

    def due(self, book: Book, now_ms: int) -> None:
        with book.together():
            ends(book, now_ms)
            if now_ms >= self.wakes_ms:
                self.wakes_ms = now_ms + HOUR_MS
                self._prune(book, now_ms)

    def _sightings(self, seen: Seen, rows: list[int]) -> dict[str, Sighting]:
        """The odd visits and messages, by host; many of a batch speak of the same one."""
        by_text: dict[str, list[int]] = {}
        for row, text in zip(rows, seen.texts("host", rows), strict=True):
            by_text.setdefault(text, []).append(row)
        found: dict[str, Sighting] = {}
        for text, of_host in by_text.items():
            if name := self._named(text):
                one = self._sighting(seen, np.array(of_host))
                found[name] = one.joined(found[name]) if name in found else one
        return found

    def _odd_visits(self, book: Book, seen: Seen, visits: np.ndarray) -> list[int]:
        """Those without a record at the ministry that something is odd about, and all to hosts that are remembered."""
        if self._known is None:
            self._known = _column(book, "SELECT key FROM sites")
        odd = seen.column("host_age_h")[visits] <= YOUNG_H
        odd |= seen.column("apk")[visits] | (seen.column("asks_card")[visits] & seen.column("asks_code")[visits])
        odd |= seen.verdict[visits] >= _HOLD
        columns = (seen.column("source")[visits], seen.column("registered")[visits], odd)
        return [
            row
            for row, key, recorded, is_odd in zip(visits.tolist(), *(one.tolist() for one in columns), strict=True)
            if key in self._known or (not recorded and (is_odd or self._looks_odd(seen, row, key)))
        ]

    def _looks_odd(self, seen: Seen, row: int, key: int) -> bool:
        odd = self._alike.get(key)
        if odd is None:
            if len(self._alike) >= LOOKED_AT_MAX:
                self._alike.clear()
            odd = self._alike[key] = self.official.imitated(seen.text("host", row)) is not None
        return odd

    @staticmethod
    def _odd_messages(seen: Seen) -> list[int]:
        rows = seen.of_kind(Kind.SMS)
        rows = rows[seen.is_written("host")[rows]]
        rows = rows[(seen.verdict[rows] >= _HOLD) | (seen.column("host_age_h")[rows] <= YOUNG_H)]
        found: list[int] = rows.tolist()
        return found

    def _named(self, text: str) -> str:
        """The host as a visit to it has it, in punycode. The stream's hosts are strangers' words: "" for what is
        none, or nobody's to block."""
        if not 0 < len(text) <= HOST_CHARS_MAX or "." not in text:
            return ""
        try:
            name = host_name(text)
        except ValueError:
            return ""
        return "" if self.official.owner(name) else name

    def _sighting(self, seen: Seen, rows: np.ndarray) -> Sighting:
        """`rows`: of one host, in order."""
        ts_ms, sms = seen.column("ts_ms")[rows], seen.column("kind")[rows] == int(Kind.SMS)
        held = seen.verdict[rows] >= _HOLD
        visits, traits = rows[~sms], NO_TRAIT
        for column, trait in (("apk", Trait.APK), ("asks_card", Trait.CARD), ("asks_code", Trait.CODE)):
            traits |= trait if seen.column(column)[visits].any() else NO_TRAIT
        traits |= Trait.STOPPED if held[~sms].any() else NO_TRAIT
        if any(event.row in rows for event in seen.events if _is_neighbour(event)):
            traits |= Trait.NEIGHBOUR
        addresses = seen.column("address")[visits]
        addresses = addresses[addresses != 0]
        return Sighting(
            first_ms=int(ts_ms.min()), last_ms=int(ts_ms.max()),
            born_ms=int((ts_ms - seen.column("host_age_h")[rows].astype(np.int64) * HOUR_MS).min()),
            address=int(addresses[-1]) if len(addresses) else 0,
            registered=bool(seen.column("registered")[visits].any()), traits=traits, visits=len(visits),
            messages=int(sms.sum()), scams=int((sms & held & (seen.score[rows] >= self.terms.held_score)).sum()),
        )  # fmt: skip

    def _remember(self, book: Book, found: dict[str, Sighting]) -> None:
        keys = {name: hash_of_host(name) for name in found}
        book.db.executemany(
            "INSERT INTO sites VALUES (NULL, ?, ?, 'watched', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)"
            " ON CONFLICT (host) DO UPDATE SET last_ms = max(last_ms, excluded.last_ms),"
            " born_ms = CASE born_ms WHEN 0 THEN excluded.born_ms ELSE min(born_ms, excluded.born_ms) END,"
            " address = CASE excluded.address WHEN 0 THEN address ELSE excluded.address END,"
            " registered = max(registered, excluded.registered), traits = traits | excluded.traits,"
            " visits = visits + excluded.visits, messages = messages + excluded.messages,"
            " scams = scams + excluded.scams",
            [
                (name, signed(keys[name]), one.first_ms, one.last_ms, one.born_ms, signed(one.address),
                 int(one.registered), int(one.traits), one.visits, one.messages, one.scams)
                for name, one in found.items()
            ],
        )  # fmt: skip
        if self._known is not None:
            self._known.update(keys.values())

    def _reports(self, book: Book, seen: Seen, now_ms: int) -> set[str]:
        """Citizens' reports and officers' findings about hosts that patrol knows by name."""
        touched = set()
        for event in seen.events:
            if event.kind not in (Kind.REPORT, Kind.FEEDBACK) or event.subject != Subject.SITE:
                continue
            site = by_key(book.db, event.source)
            if site is None:
                continue
            trait = _TRAIT_OF.get(Outcome(event.outcome), NO_TRAIT)
            book.db.execute(
                "UPDATE sites SET traits = traits | ?, reports = reports + ? WHERE id = ?",
                (int(trait), int(event.kind == Kind.REPORT), site.id),
            )
            touched.add(site.host)
            if trait is Trait.CLEARED:
                self._let_go(book, site, now_ms)
        return touched

    @staticmethod
    def _let_go(book: Book, site: Site, now_ms: int) -> None:
        """Officers found it honest, or upheld an appeal: that holds at once."""
        why = "officers looked into it and found nothing, or upheld an appeal"
        if site.state is State.PROPOSED:
            reject(book, site.id, by=OFFICERS, at_ms=now_ms, why=why)
        elif site.state is State.CONFIRMED:
            lift(book, site.id, by=OFFICERS, at_ms=now_ms, why=why)

    def _consider(self, book: Book, host: str, now_ms: int) -> None:
        row = book.db.execute(f"SELECT {COLUMNS} FROM sites WHERE host = ?", (host,)).fetchone()
        site = Site.of(row)
        if site.state not in (State.WATCHED, State.ENDED):
            return
        told = evidence(book.db, site, self.official, self.terms.weights)
        if score(told, self.terms.weights) >= self.terms.weights.proposed:
            propose(book, host, self.official, by=PATROL, at_ms=now_ms, terms=self.terms)

    def _learn_addresses(self, book: Book, seen: Seen, visits: np.ndarray, now_ms: int) -> None:
        """Where settled sites answer."""
        if self._settled is None:
            self._settled = _column(book, "SELECT address FROM site_addresses")
        settled = seen.column("registered")[visits] | (seen.column("host_age_h")[visits] > SETTLED_H)
        new = set(seen.column("address")[visits[settled]].tolist()) - self._settled - {0}
        if new:
            book.db.executemany(
                "INSERT OR IGNORE INTO site_addresses VALUES (?, ?)", [(signed(address), now_ms) for address in new]
            )
            self._settled |= new

    def _prune(self, book: Book, now_ms: int) -> None:
        db, terms = book.db, self.terms
        self._known = None
        db.execute("DELETE FROM sites WHERE state = 'watched' AND last_ms < ?", (now_ms - terms.watch_ms,))
        db.execute(
            "DELETE FROM sites WHERE id IN (SELECT id FROM sites WHERE state = 'watched'"
            " ORDER BY last_ms DESC LIMIT -1 OFFSET ?)",
            (terms.watched_max,),
        )
        gone = db.execute(
            "DELETE FROM site_addresses WHERE address IN (SELECT address FROM site_addresses"
            " ORDER BY last_ms DESC LIMIT -1 OFFSET ?)",
            (terms.addresses_max,),
        )
        if gone.rowcount:
            self._settled = None


def _is_neighbour(event: Event) -> bool:
    return event.kind == Kind.WEB and NEIGHBOUR_RULE in event.rules and bool(event.actions & Action.OPEN_CASE)


def _column(book: Book, query: str) -> set[int]:
    """Of a column of signed 64 bits."""
    return {unsigned(value) for (value,) in book.db.execute(query)}
