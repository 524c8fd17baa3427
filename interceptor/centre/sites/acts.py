"""What is done about a site: proposed, confirmed, rejected, lifted.

Enters: a site, who, when. Leaves: its new state, an entry in site_acts, orders. Invariants: only an officer confirms;
an official domain is never confirmed, nor anything above or below it; a lift holds at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from interceptor.centre.book import Act, Book
from interceptor.centre.orders import Verb, order
from interceptor.centre.refusal import Refused, not_before, reason_given
from interceptor.centre.sites.likeness import Official, is_host
from interceptor.centre.sites.site import (
    DAY_MS,
    WEIGHTS,
    Site,
    State,
    Trait,
    Weights,
    at_address,
    evidence,
    found,
    known,
    score,
    signed,
    thing_of,
)
from interceptor.config import LATENESS_MAX_MS
from interceptor.rules.errors import shortened

PATROL = "patrol"
BLOCKED, OF_RULES = "blocked_sites", "scam_hosts"  # lists: what officers confirmed, what rules fill by themselves
REASON = "Police have confirmed this site as a scam site."
REMEDY = "Appeal to the anti-fraud centre (96110); the block is lifted at once if it was wrong."
PAPERS = "ICP filing, identity card of the owner, contract with the host"


@dataclass(frozen=True, slots=True)
class Terms:
    """For how long, and from how many on."""

    block_ms: int = 30 * DAY_MS  # D4 [A], "list 30 d"
    hosts_of_address: int = 3  # D4 W05 [A]: from so many hosts on, an address belongs to a gang
    watched_max: int = 20_000  # rows of hosts that nobody proposed
    addresses_max: int = 50_000
    watch_ms: int = 30 * DAY_MS  # a watched host not seen for so long is forgotten
    held_score: float = 4.0  # of a message: as rules/policy.yaml blocks from
    weights: Weights = WEIGHTS


TERMS = Terms()


def propose(
    book: Book, host: str, official: Official, *, by: str, at_ms: int, why: str = "", terms: Terms = TERMS
) -> Site:
    """Puts a host before the officers; by patrol on its evidence, or by an officer, who says why. Raises Refused:
    official, proposed-already, confirmed-already, no-evidence, no-site."""
    thing = thing_of(host)
    with book.act("site.propose", str(thing), by, at_ms) as act:
        _refuse_official(official, thing.shown)
        site = found(book, thing.shown) or _unseen(act, thing.shown, thing.key, at_ms)
        if site.state in (State.PROPOSED, State.CONFIRMED):
            raise Refused(f"{site.state}-already", f"{site.host} is {site.state} already, as number {site.id}")
        told = evidence(act.db, site, official, terms.weights)
        points = score(told, terms.weights)
        if not why and points < terms.weights.proposed:
            raise Refused("no-evidence", f"{site.host}: {points} points are too few", "say why, by --why")
        act.note(points=points, evidence=[one.words for one in told], **({"why": why} if why else {}))
        return _into(act, site, State.PROPOSED, by, at_ms, why or "; ".join(one.words for one in told))


def confirm(book: Book, what: str | int, official: Official, *, by: str, at_ms: int, terms: Terms = TERMS) -> Site:
    """An officer's word: blocked at the source for 30 days, with all below it; hosts at the same address are
    proposed. Raises Refused: unknown, not-proposed, confirmed-already, officer-needed, official, no-evidence."""
    with book.act("site.confirm", f"site:{what}", by, at_ms) as act:
        site = known(book, what)
        act.about = str(site.thing)
        if by == PATROL:
            raise Refused("officer-needed", "patrol proposes; an officer confirms", "name him by --by")
        _refuse_official(official, site.host)
        if site.state is State.CONFIRMED:
            raise Refused("confirmed-already", f"{site.host} is confirmed already")
        if site.state is not State.PROPOSED:
            raise Refused("not-proposed", f"{site.host} is {site.state}", "propose it first: sites propose HOST")
        _in_order(act, site, at_ms)
        told = evidence(act.db, site, official, terms.weights)
        if site.registered and not told:
            raise Refused("no-evidence", f"{site.host} has a record at the ministry, and nothing speaks against it")
        until_ms = at_ms + terms.block_ms
        act.note(until_ms=until_ms, evidence=[one.words for one in told])
        done = _into(act, site, State.CONFIRMED, by, at_ms, "; ".join(one.words for one in told), until_ms)
        order(
            act, Verb.PUT_ON_LIST, site.thing, at_ms, until_ms=until_ms, list=BLOCKED, reason=REASON, remedy=REMEDY,
            papers=PAPERS, ref=f"site:{site.id}",
        )  # fmt: skip
        _propose_neighbours(book, done, official, at_ms, terms)
        return done


def reject(book: Book, what: str | int, *, by: str, at_ms: int, why: str) -> Site:
    """An officer looked at a proposal and found nothing. Raises Refused: unknown, not-proposed, officer-needed."""
    with book.act("site.reject", f"site:{what}", by, at_ms) as act:
        site = known(book, what)
        act.about = str(site.thing)
        if by == PATROL:
            raise Refused("officer-needed", "what was proposed is for an officer to decide", "name him by --by")
        if site.state is not State.PROPOSED:
            raise Refused("not-proposed", f"{site.host} is {site.state}")
        act.note(why=why)
        reason_given(why, f"{site.host} is rejected")
        _in_order(act, site, at_ms)
        return _into(act, _cleared(act, site), State.REJECTED, by, at_ms, why)


def lift(book: Book, what: str | int, *, by: str, at_ms: int, why: str) -> Site:
    """An appeal was upheld: off the lists at once, those that rules fill among them. Raises Refused: unknown,
    not-blocked."""
    with book.act("site.lift", f"site:{what}", by, at_ms) as act:
        site = known(book, what)
        act.about = str(site.thing)
        if site.state is not State.CONFIRMED and Trait.STOPPED not in site.traits:
            raise Refused("not-blocked", f"{site.host} is {site.state}; nothing is to be lifted")
        act.note(why=why)
        reason_given(why, f"{site.host} is given back")
        _in_order(act, site, at_ms)
        reason, ref = f"Lifted: {why}", f"site:{site.id}"
        for name in (BLOCKED, OF_RULES) if site.state is State.CONFIRMED else (OF_RULES,):
            order(act, Verb.TAKE_OFF_LIST, site.thing, at_ms, list=name, reason=reason, ref=ref)
        order(act, Verb.LIFT, site.thing, at_ms, reason=reason, ref=ref)
        return _into(act, _cleared(act, site), State.LIFTED, by, at_ms, why)


def end(book: Book, site: Site, *, at_ms: int) -> Site:
    """A block's time is over."""
    with book.act("site.end", str(site.thing), PATROL, at_ms) as act:
        return _into(act, site, State.ENDED, PATROL, at_ms, "the block's time is over")


def _propose_neighbours(book: Book, site: Site, official: Official, at_ms: int, terms: Terms) -> None:
    """Hosts where a confirmed one answers, too, if they are many and nobody else is there."""
    others = at_address(book.db, site)
    if len(others) + 1 < terms.hosts_of_address:
        return
    for other in others:
        if other.state in (State.WATCHED, State.ENDED) and not official.owner(other.host):
            why = f"one of {len(others) + 1} hosts at the address of {site.host}"
            propose(book, other.host, official, by=PATROL, at_ms=at_ms, why=why, terms=terms)


def _in_order(act: Act, site: Site, at_ms: int) -> None:
    """After what was done about it last. Raises Refused."""
    last_ms = act.db.execute("SELECT max(at_ms) FROM site_acts WHERE site = ?", (site.id,)).fetchone()[0]
    not_before(at_ms, last_ms or 0, f"{site.host} became {site.state}", late_ms=LATENESS_MAX_MS)


def _refuse_official(official: Official, host: str) -> None:
    owner = official.owner(host) or official.below(host)
    if owner:
        raise Refused("official", f"{host} belongs to {owner}, or that to it: it is never blocked")
    if "." not in host:
        raise Refused("too-broad", f"{host}: a block would hit everybody below it")


def _unseen(act: Act, host: str, key: int, at_ms: int) -> Site:
    if not is_host(host):
        raise Refused("no-site", f"{shortened(host)!r}: no host of the internet can have this name")
    values = (host, signed(key), State.WATCHED, at_ms, at_ms)
    found = act.db.execute(
        "INSERT INTO sites VALUES (NULL, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, 0, 0, 0)", values
    )  # nothing is known of it but its name
    return Site(
        int(found.lastrowid or 0), host, values[1], State.WATCHED, at_ms, at_ms, 0, 0, False, Trait(0), *[0] * 5
    )


def _cleared(act: Act, site: Site) -> Site:
    traits = site.traits | Trait.CLEARED
    act.db.execute("UPDATE sites SET traits = ? WHERE id = ?", (int(traits), site.id))
    return replace(site, traits=traits)


def _into(act: Act, site: Site, state: State, by: str, at_ms: int, why: str, until_ms: int = 0) -> Site:
    act.db.execute("UPDATE sites SET state = ?, until_ms = ? WHERE id = ?", (state, until_ms, site.id))
    act.db.execute("INSERT INTO site_acts VALUES (NULL, ?, ?, ?, ?, ?)", (at_ms, site.id, state, by, why))
    return replace(site, state=state, until_ms=until_ms)
