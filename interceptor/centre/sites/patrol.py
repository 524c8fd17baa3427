"""Patrol: looks at every host that passes the gates, remembers the odd ones, proposes those it would block.

Enters: what the gates saw. Leaves: rows of `sites`, proposals. Invariants: patrol blocks nothing; what it remembers
has a cap; an official host, or a service that everybody uses, is never remembered.

A visit concerns it where the site has no record at the ministry and is young, looks like an official one, offers an app
or asks for card and code; a message where its link goes to a young host, or where the gate held it back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interceptor.centre.book import Book
from interceptor.centre.seen import Seen
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
    signed,
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
    over = f"SELECT {COLUMNS} FROM sites WHERE state = 'confirmed' AND until_ms <= ?"
    for row in book.db.execute(over, (now_ms,)).fetchall():
        end(book, Site.of(row), at_ms=now_ms)


class SitesSystem:
    """S3 on duty."""

    def __init__(self, official: Official, terms: Terms = TERMS) -> None:
        self.official, self.terms = official, terms
        self._alike: dict[int, bool] = {}  # by the key of a host: whether its name is odd
        self._settled: np.ndarray | None = None  # u64, sorted: addresses of settled hosts
        self._known: np.ndarray | None = None  # u64, sorted: keys of the hosts that are remembered
        self._pruned_ms = 0

    def take(self, book: Book, seen: Seen, now_ms: int) -> None:
        kind = seen.column("kind")
        if not ((kind == Kind.WEB) | (kind == Kind.SMS) | (kind >= Kind.REPORT)).any():
            return
        with book.together():
            self._learn_addresses(book, seen, now_ms)
            if self._known is None:
                self._known = _column(book, "SELECT key FROM sites")
            touched = self._remember(book, self._sightings(seen))
            touched |= self._reports(book, seen, now_ms)
            for host in sorted(touched):
                self._consider(book, host, now_ms)

    def due(self, book: Book, now_ms: int) -> None:
        with book.together():
            ends(book, now_ms)
            if now_ms - self._pruned_ms >= HOUR_MS:
                self._pruned_ms = now_ms
                self._prune(book, now_ms)

    def _sightings(self, seen: Seen) -> dict[str, Sighting]:
        """The odd visits and messages, by host; many of a batch speak of the same one."""
        rows = np.sort(np.concatenate([self._odd_visits(seen), self._odd_messages(seen)]))
        if not len(rows):
            return {}
        hosts = seen.frame.column("host").take(pa.array(rows)).dictionary_encode()
        found: dict[str, Sighting] = {}
        of_row = hosts.indices.to_numpy()
        order = np.argsort(of_row, kind="stable")
        bounds = np.append(np.flatnonzero(np.diff(of_row[order], prepend=-1)), len(order))
        for place, text in enumerate(hosts.dictionary.to_pylist()):
            name = self._named(text)
            if name:
                one = self._sighting(seen, rows[order[bounds[place] : bounds[place + 1]]])
                found[name] = one.joined(found[name]) if name in found else one
        return found

    def _odd_visits(self, seen: Seen) -> np.ndarray:
        """Those without a record at the ministry that something is odd about, and all to hosts that are remembered."""
        rows = seen.of_kind(Kind.WEB)
        remembered = rows[_among(seen.column("source")[rows], self._known)]
        rows = rows[~seen.column("registered")[rows]]
        odd = seen.column("host_age_h")[rows] <= YOUNG_H
        odd |= seen.column("apk")[rows] | (seen.column("asks_card")[rows] & seen.column("asks_code")[rows])
        odd |= seen.verdict[rows] >= Verdict.HOLD
        for place in np.flatnonzero(~odd).tolist():
            odd[place] = self._looks_odd(seen, int(rows[place]))
        return np.union1d(rows[odd], remembered)

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

    def _sighting(self, seen: Seen, rows: np.ndarray) -> Sighting:
        """`rows`: of one host, in order."""
        ts_ms, sms = seen.column("ts_ms")[rows], seen.column("kind")[rows] == Kind.SMS
        held = seen.verdict[rows] >= Verdict.HOLD
        visits, traits = rows[~sms], NO_TRAIT
        for column, trait in (("apk", Trait.APK), ("asks_card", Trait.CARD), ("asks_code", Trait.CODE)):
            traits |= trait if seen.column(column)[visits].any() else NO_TRAIT
        traits |= Trait.STOPPED if held[~sms].any() else NO_TRAIT
        opened = visits[(seen.actions[visits] & np.uint32(Action.OPEN_CASE)) != 0]
        if any(NEIGHBOUR_RULE in seen.rules_of(row) for row in opened.tolist()):
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
        keys = np.array([hash_of_host(name) for name in found], np.uint64)
        if self._known is not None and not _among(keys, self._known).all():
            self._known = np.union1d(self._known, keys)
        return set(found)

    def _reports(self, book: Book, seen: Seen, now_ms: int) -> set[str]:
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

    def _learn_addresses(self, book: Book, seen: Seen, now_ms: int) -> None:
        """Where settled sites answer."""
        if self._settled is None:
            self._settled = _column(book, "SELECT address FROM site_addresses")
        rows = seen.of_kind(Kind.WEB)
        settled = seen.column("registered")[rows] | (seen.column("host_age_h")[rows] > SETTLED_H)
        addresses = seen.column("address")[rows[settled]]
        new = np.unique(addresses[~_among(addresses, self._settled) & (addresses != 0)])
        if len(new):
            book.db.executemany(
                "INSERT OR IGNORE INTO site_addresses VALUES (?, ?)",
                [(address, now_ms) for address in new.view(np.int64).tolist()],
            )
            self._settled = np.union1d(self._settled, new)

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


def _column(book: Book, query: str) -> np.ndarray:
    """u64, sorted, of a column of signed 64 bits."""
    rows = book.db.execute(query).fetchall()
    return np.sort(np.array([row[0] for row in rows], np.int64).view(np.uint64))


def _among(keys: np.ndarray, known: np.ndarray | None) -> np.ndarray:
    """bool[n]: which of the keys are in a sorted array."""
    if known is None or not len(known):
        return np.zeros(len(keys), bool)
    return np.asarray(known[np.minimum(np.searchsorted(known, keys), len(known) - 1)] == keys)
