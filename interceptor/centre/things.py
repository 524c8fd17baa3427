"""What the centre acts on: a number, an account, a site, a text or a person.

Enters: what a person typed, or a key of the stream. Leaves: a Thing, its key, and how it is shown. Invariant: the key
of a thing is the one that the engine has for it, so that what the centre says of it and what a rule looks up are the
same.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from interceptor.centre.refusal import Refused
from interceptor.hosts import hash_of_host
from interceptor.masking import masked, masked_key
from interceptor.rules.values import account, host, number
from interceptor.schema import Subject, rule_key

_NO_ACCOUNT = re.compile(r"0x|0+$|-\d+$", re.IGNORECASE)
_WORDS = {subject.name.lower(): subject for subject in Subject if subject is not Subject.NONE}

_WORD_OF = {subject: subject.name.lower() for subject in Subject}


@dataclass(frozen=True, slots=True)
class Thing:
    """`key`: as in the stream's columns; `shown`: the host of a site, else "" where only the key is known."""

    subject: Subject
    key: int
    shown: str = ""

    def __str__(self) -> str:
        """As the log and the tables of the book have it, in full: number:8613905541234, account:0x…, site:a.example."""
        return f"{_WORD_OF[self.subject]}:{self.value}"

    @property
    def value(self) -> str:
        if self.subject is Subject.NUMBER:
            return str(self.key)
        return self.shown or f"0x{self.key:016x}"

    @property
    def masked(self) -> str:
        """For people: what may be somebody's own has its middle hidden."""
        if self.subject is Subject.NUMBER:
            return masked(self.key)
        if self.subject is Subject.SITE and self.shown:
            return self.shown
        return masked_key(self.key)


def parse(text: str, subject: Subject | None = None) -> Thing:
    """number:+86 139 0554 1234, account:0x1f…, site:a.example, person:NAME OR KEY, text:KEY; without the word before
    the colon what `subject` says. Raises Refused."""
    word, colon, rest = text.partition(":")
    if colon and word.lower() in _WORDS:
        found = _WORDS[word.lower()]
        if subject not in (None, found):
            raise Refused("wrong-subject", f"{text!r} is a {found.name.lower()}; wanted is a {_word(subject)}")
        subject, text = found, rest
    if subject is None:
        raise Refused(
            "no-subject",
            f"{text!r}: a number, an account or a site?",
            f"write {', '.join(f'{word}:…' for word in _WORDS)}",
        )
    try:
        return _read(subject, text.strip())
    except ValueError as error:
        raise Refused(f"no-{subject.name.lower()}", str(error)) from None


def _read(subject: Subject, text: str) -> Thing:
    if subject is Subject.NUMBER:
        return Thing(subject, number(text))
    if subject is Subject.SITE:
        name = host(text)
        return Thing(subject, hash_of_host(name), name)
    try:
        return Thing(subject, account(text))
    except ValueError:
        if not text or (subject is Subject.ACCOUNT and _NO_ACCOUNT.match(text)):
            raise
    return Thing(subject, rule_key(text))  # any other word has the key that it has at the edge


def _word(subject: Subject | None) -> str:
    return subject.name.lower() if subject else "thing"
