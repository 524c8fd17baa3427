"""Things as the tables of citizens have them.

Enters: a Thing. Leaves: subject and signed key, and the way back. Invariant: a site that was once seen by its name is
found by its key alone, too.
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from interceptor.centre.sites.site import by_key
from interceptor.centre.things import Thing
from interceptor.schema import Subject

_SIGN, _WORD = 1 << 63, 1 << 64


def signed(key: int) -> int:
    """An unsigned 64-bit key as SQLite keeps it."""
    return key - _WORD if key >= _SIGN else key


def pair(thing: Thing) -> tuple[int, int]:
    """For WHERE subject = ? AND key = ?"""
    return int(thing.subject), signed(thing.key)


def triple(thing: Thing) -> tuple[int, int, str]:
    """For INSERT: subject, key, shown."""
    return (*pair(thing), thing.shown)


def thing_of(subject: int, key: int, shown: str) -> Thing:
    return Thing(Subject(subject), key % _WORD, shown)


def named(db: sqlite3.Connection, thing: Thing) -> Thing:
    """The same with the site's name, where that is known."""
    if thing.subject is not Subject.SITE or thing.shown:
        return thing
    for table in ("acted", "votes"):
        wanted = f"SELECT shown FROM {table} WHERE subject = ? AND key = ? AND shown <> '' LIMIT 1"
        if row := db.execute(wanted, pair(thing)).fetchone():
            return replace(thing, shown=row[0])
    site = by_key(db, thing.key)
    return replace(thing, shown=site.host) if site else thing
