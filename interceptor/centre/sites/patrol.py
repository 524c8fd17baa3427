"""Patrol: looks at every host that passes the gates, remembers the odd ones, proposes those it would block.

Enters: what the gates saw. Leaves: rows of `sites`, proposals. Invariants: patrol blocks nothing; what it remembers
has a cap; an official host, or a service that everybody uses, is never remembered.

A visit concerns it where the site has no record at the ministry and is young, looks like an official one, offers an app
or asks for card and code; a message where its link goes to a young host, or where the gate held it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from interceptor.centre.book import Book
from interceptor.centre.seen import Seen
from interceptor.centre.sites.acts import PATROL, TERMS, Terms, end, propose
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
    signed,
)
from interceptor.hosts import hash_of_host
from interceptor.rules.values import host as host_name
from interceptor.schema import Action, Kind, Outcome, Subject, Verdict

YOUNG_H = 720  # 30 days, as rules/web.yaml has it
SETTLED_H = 90 * 24  # as rules/places.yaml has it
NEIGHBOUR_RULE = "site-at-scam-address"  # W05
LOOKED_AT_MAX = 200_000  # names remembered as harmless to look at, in memory
_TRAIT_OF = {Outcome.CONFIRMED: Trait.FOUND, Outcome.FALSE_ALARM: Trait.CLEARED, Outcome.APPEAL_UPHELD: Trait.CLEARED}


NO_TRAIT = Trait(0)


@dataclass(slots=True)
class Sighting:
    """What one batch says of one host."""

    first_ms: int
    last_ms: int
    born_ms: int = 0
    address: int = 0
    registered: bool = False
    traits: Trait = NO_TRAIT
    visits: int = 0
    messages: int = 0
    scams: int = 0


def ends(book: Book, now_ms: int) -> None:
    """Blocks whose time is over."""
    over = f"SELECT {COLUMNS} FROM sites WHERE state = 'confirmed' AND until_ms <= ?"
    for row in book.db.execute(over, (now_ms,)).fetchall():
        end(book, Site.of(row), at_ms=now_ms)


class SitesSystem:
    """S3 on duty."""

    def __init__(self, official: Official, terms: Terms = TERMS) -> None:
        self.official, self.terms = official, terms
        self._alike: dict[int, bool] = {}  # by the key of a host: whether its name is odd
        self._settled: np.ndarray | None = None  # u64, sorted: addresses of settled hosts
        self._pruned_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        with book.together():
            self._learn_addresses(book, seen, now_ms)
            touched = self._remember(book, self._sightings(seen))
            touched |= self._reports(book, seen)
            for host in sorted(touched):
                self._consider(book, host, now_ms)

    def due(self, book: Book, now_ms: int) -> None:
        with book.together():
            ends(book, now_ms)
            if now_ms - self._pruned_ms >= HOUR_MS:
                self._pruned_ms = now_ms
                self._prune(book, now_ms)

    def _sightings(self, seen: Seen) -> dict[str, Sighting]:
        found: dict[str, Sighting] = {}
        for row in (*self._odd_visits(seen).tolist(), *self._odd_messages(seen).tolist()):
            name = self._named(seen.text("host", row))
            if name:
                self._add(found, name, seen, row)
        return found

    def _odd_visits(self, seen: Seen) -> np.ndarray:
        rows = seen.of_kind(Kind.WEB)
        rows = rows[~seen.column("registered")[rows]]
        odd = seen.column("host_age_h")[rows] <= YOUNG_H
        odd |= seen.column("apk")[rows] | (seen.column("asks_card")[rows] & seen.column("asks_code")[rows])
        odd |= seen.verdict[rows] >= Verdict.HOLD
        for place in np.flatnonzero(~odd).tolist():
            odd[place] = self._looks_odd(seen, int(rows[place]))
        return rows[odd]

    def _looks_odd(self, seen: Seen, row: int) -> bool:
        key = int(seen.column("source")[row])
        odd = self._alike.get(key)
        if odd is None:
            if len(self._alike) >= LOOKED_AT_MAX:
                self._alike.clear()
            odd = self._alike[key] = self.official.imitated(seen.text("host", row)) is not None
        return odd

    def _odd_messages(self, seen: Seen) -> np.ndarray:
        rows = seen.of_kind(Kind.SMS)
        rows = rows[pc.binary_length(seen.frame.column("host")).to_numpy(zero_copy_only=False)[rows] > 0]
        held = seen.verdict[rows] >= Verdict.HOLD
        return rows[held | (seen.column("host_age_h")[rows] <= YOUNG_H)]

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

    def _add(self, found: dict[str, Sighting], name: str, seen: Seen, row: int) -> None:
        ts_ms = int(seen.column("ts_ms")[row])
        one = found.setdefault(name, Sighting(ts_ms, ts_ms))
        one.last_ms = max(one.last_ms, ts_ms)
        one.born_ms = ts_ms - int(seen.column("host_age_h")[row]) * HOUR_MS
        if seen.column("kind")[row] == Kind.SMS:
            one.messages += 1
            one.scams += int(seen.verdict[row] >= Verdict.HOLD and seen.score[row] >= self.terms.held_score)
            return
        one.visits += 1
        one.address = int(seen.column("address")[row]) or one.address
        one.registered = bool(seen.column("registered")[row])
        for column, trait in (("apk", Trait.APK), ("asks_card", Trait.CARD), ("asks_code", Trait.CODE)):
            one.traits |= trait if seen.column(column)[row] else NO_TRAIT
        if seen.verdict[row] >= Verdict.HOLD:
            one.traits |= Trait.STOPPED
        if seen.actions[row] & np.uint32(Action.OPEN_CASE) and NEIGHBOUR_RULE in seen.rules_of(row):
            one.traits |= Trait.NEIGHBOUR

    def _remember(self, book: Book, found: dict[str, Sighting]) -> set[str]:
        book.db.executemany(
            "INSERT INTO sites VALUES (NULL, ?, ?, 'watched', ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0)"
            " ON CONFLICT (host) DO UPDATE SET last_ms = max(last_ms, excluded.last_ms),"
            " born_ms = CASE born_ms WHEN 0 THEN excluded.born_ms ELSE min(born_ms, excluded.born_ms) END,"
            " address = CASE excluded.address WHEN 0 THEN address ELSE excluded.address END,"
            " registered = max(registered, excluded.registered), traits = traits | excluded.traits,"
            " visits = visits + excluded.visits, messages = messages + excluded.messages,"
            " scams = scams + excluded.scams",
            [
                (name, signed(hash_of_host(name)), one.first_ms, one.last_ms, one.born_ms, signed(one.address),
                 int(one.registered), int(one.traits), one.visits, one.messages, one.scams)
                for name, one in found.items()
            ],
        )  # fmt: skip
        return set(found)

    def _reports(self, book: Book, seen: Seen) -> set[str]:
        """Citizens' reports and officers' findings about hosts that patrol knows by name."""
        rows = seen.of_kind(Kind.REPORT, Kind.FEEDBACK)
        rows = rows[seen.column("subject")[rows] == Subject.SITE]
        touched = set()
        for row in rows.tolist():
            site = by_key(book.db, signed(int(seen.column("source")[row])))
            if site is None:
                continue
            trait = _TRAIT_OF.get(Outcome(int(seen.column("outcome")[row])), NO_TRAIT)
            report = int(seen.column("kind")[row] == Kind.REPORT)
            book.db.execute(
                "UPDATE sites SET traits = traits | ?, reports = reports + ? WHERE id = ?",
                (int(trait), report, site.id),
            )
            touched.add(site.host)
        return touched

    def _consider(self, book: Book, host: str, now_ms: int) -> None:
        row = book.db.execute(f"SELECT {COLUMNS} FROM sites WHERE host = ?", (host,)).fetchone()
        site = Site.of(row)
        if site.state not in (State.WATCHED, State.ENDED):
            return
        told = evidence(book.db, site, self.official, self.terms.weights)
        if score(told, self.terms.weights) >= self.terms.weights.proposed:
            propose(book, host, self.official, by=PATROL, at_ms=now_ms, terms=self.terms)

    def _learn_addresses(self, book: Book, seen: Seen, now_ms: int) -> None:
        """Where settled sites answer."""
        if self._settled is None:
            kept = book.db.execute("SELECT address FROM site_addresses").fetchall()
            self._settled = np.sort(np.array([one[0] for one in kept], np.int64).view(np.uint64))
        rows = seen.of_kind(Kind.WEB)
        settled = seen.column("registered")[rows] | (seen.column("host_age_h")[rows] > SETTLED_H)
        addresses = seen.column("address")[rows[settled]]
        place = np.searchsorted(self._settled, addresses)
        known = np.append(self._settled, np.uint64(0))[place] == addresses
        new = np.unique(addresses[~known & (addresses != 0)])
        if len(new):
            book.db.executemany(
                "INSERT OR IGNORE INTO site_addresses VALUES (?, ?)",
                [(address, now_ms) for address in new.view(np.int64).tolist()],
            )
            self._settled = np.union1d(self._settled, new)

    def _prune(self, book: Book, now_ms: int) -> None:
        db, terms = book.db, self.terms
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
