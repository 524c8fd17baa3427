"""The suspect of an event, as the centre writes it.

Enters: a row of what the gates saw. Leaves: a Thing. Invariant: a site is named where its
name is known.
"""

from __future__ import annotations

from interceptor.centre.seen import Seen
from interceptor.centre.things import Thing
from interceptor.schema import Kind, Subject

_SUBJECTS = {
    Kind.CALL: Subject.NUMBER,
    Kind.CALL_END: Subject.NUMBER,
    Kind.SMS: Subject.NUMBER,
    Kind.WEB: Subject.SITE,
    Kind.TRANSFER: Subject.ACCOUNT,
}


def thing_of(seen: Seen, row: int) -> Thing | None:
    """The source of an event; a text stands for the number that wrote it. None where there is none."""
    kind, key = int(seen.column("kind")[row]), int(seen.column("source")[row])
    subject = _SUBJECTS.get(Kind(kind)) or Subject(int(seen.column("subject")[row]))
    if subject is Subject.TEXT:
        subject = Subject.NUMBER
    if not key or subject is Subject.NONE:
        return None
    return Thing(subject, key, seen.text("host", row) if kind == Kind.WEB else "")


def source_of(seen: Seen, row: int) -> str:
    thing = thing_of(seen, row)
    return str(thing) if thing else ""
