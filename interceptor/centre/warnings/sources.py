"""The suspect of an event, as the centre writes it.

Enters: an event that the gates saw. Leaves: a Thing. Invariant: a site is named where its
name is known.
"""

from __future__ import annotations

from interceptor.centre.seen import Event, Seen
from interceptor.centre.things import Thing
from interceptor.schema import Kind, Subject

_SUBJECTS: dict[int, Subject] = {
    Kind.CALL: Subject.NUMBER,
    Kind.CALL_END: Subject.NUMBER,
    Kind.SMS: Subject.NUMBER,
    Kind.WEB: Subject.SITE,
    Kind.TRANSFER: Subject.ACCOUNT,
}


def thing_of(seen: Seen, event: Event) -> Thing | None:
    """The source of an event; a text stands for the number that wrote it. None where there is none."""
    subject = _SUBJECTS.get(event.kind) or Subject(event.subject)
    if subject is Subject.TEXT:
        subject = Subject.NUMBER
    if not event.source or subject is Subject.NONE:
        return None
    return Thing(subject, event.source, seen.text("host", event.row) if event.kind == Kind.WEB else "")


def source_of(seen: Seen, event: Event) -> str:
    thing = thing_of(seen, event)
    return str(thing) if thing else ""
