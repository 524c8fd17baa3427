"""What a text must have for an expression to match in it: words, or digits in a row.

Enters: an expression. Leaves: needs: a text in which it matches has all of them. Invariant: what isn't certain to be
needed is left out; so there may be none, and then the expression has to be tried on every text.

A need is a set of words of which one must occur, or a number of digits with nothing between them. The expression
`[您你]的?.{0,10}(银行卡|信用卡)` needs 您 or 你, and one of the cards; `1[3-9][0-9]{9}` needs eleven digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|\[:\^?\w+:\]|[^\]\\])*\]|\(\?[a-zA-Z-]*|.", re.DOTALL)
ENDS = ("^", "$", r"\b", r"\B")
WORDS_MAX = 128  # of one need
NEEDS_MAX = 3  # of one expression
DIGITS_MIN = 4  # fewer in a row tell nothing
_DIGITS = frozenset("0123456789")
_NOTHING = frozenset([""])
_REPETITION = re.compile(r"([*+?])|\{(\d{1,4})(,(\d{1,4})?)?\}")
_UNLIMITED = 10_000
_SPECIAL = ("", "*", "+", "?", "{", "}", "[", "\\")
_IN_CLASS = re.compile(r"(.)-(.)|(.)", re.DOTALL)
_ANY = (".", r"\D", r"\w", r"\W", r"\s", r"\S")


@dataclass(frozen=True, slots=True)
class Need:
    """One of these words (lower case), or at least so many ASCII digits in a row."""

    words: frozenset[str] = frozenset()
    digits: int = 0


@dataclass(frozen=True, slots=True)
class _Part:
    """What is known of a part of an expression. `exact`: all texts that it matches, None if they aren't known or too
    many. `digits`: it matches nothing but so many digits or more; -1 if it may match something else."""

    exact: frozenset[str] | None = None
    needs: tuple[Need, ...] = ()
    digits: int = -1


class _Unknown(Exception):
    """Syntax of which this module knows nothing."""


def needs(expression: str) -> tuple[Need, ...]:
    """The NEEDS_MAX needs of an expression that tell most; none where nothing is certain."""
    reading = _Reading(TOKEN.findall(expression))
    try:
        found = reading.choice()
    except _Unknown:
        return ()
    if not reading.is_at_end():
        return ()
    each = dict.fromkeys(map(_shortest, _needs_of(found)))
    telling = [need for need in each if not any(map(_is_common, need.words))]
    return tuple(sorted(telling or each, key=_tells, reverse=True)[:NEEDS_MAX])


def _shortest(need: Need) -> Need:
    """Without words in which another one occurs."""
    words = frozenset(word for word in need.words if not any(other in word for other in need.words if other != word))
    return Need(words, need.digits)


def _is_common(word: str) -> bool:
    """Digits are in most texts."""
    return len(word) < DIGITS_MIN - 1 and word.isdigit()


def _tells(need: Need) -> tuple[int, int]:
    """Long words tell more than short ones, few more than many."""
    shortest = min(map(len, need.words), default=need.digits)
    return min(shortest, 3), -len(need.words)


def _needs_of(part: _Part) -> tuple[Need, ...]:
    if part.digits >= DIGITS_MIN:
        return (Need(digits=part.digits),)
    return part.needs if part.exact is None else _need_of(part.exact)


def _need_of(words: frozenset[str]) -> tuple[Need, ...]:
    """That one of these occurs; no need where one is empty."""
    return (Need(words),) if all(words) else ()


class _Reading:
    """Goes over the tokens of an expression once."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens, self._at = tokens, 0

    def is_at_end(self) -> bool:
        return self._at == len(self._tokens)

    def choice(self) -> _Part:
        parts = [self._sequence()]
        while self._next() == "|":
            self._at += 1
            parts.append(self._sequence())
        if len(parts) == 1:
            return parts[0]
        digits = min(part.digits for part in parts)
        exact = _united(part.exact for part in parts)
        if exact is not None:
            return _Part(exact, (), digits)
        # Of each branch one need: a text has the one or the other.
        each = [max((need for need in _needs_of(part) if need.words), key=_tells, default=Need()) for part in parts]
        words = _united(need.words or None for need in each)
        return _Part(None, (Need(words),) if words else (), digits)

    def _sequence(self) -> _Part:
        parts = list[_Part]()
        while not self.is_at_end() and self._next() not in ("|", ")"):
            parts.append(self._repeated(self._atom()))
        return _one_after_other(parts)

    def _atom(self) -> _Part:
        token = self._next()
        self._at += 1
        if token == "(" or (token == "(?" and self._next() == ":"):
            self._at += token == "(?"
            inner = self.choice()
            if self._next() != ")":
                raise _Unknown
            self._at += 1
            return inner
        if token in ENDS:
            return _Part(_NOTHING, (), 0)
        if token in _ANY:
            return _Part()
        if token == r"\d":
            return _of_characters(_DIGITS)
        if token[0] == "[" and len(token) > 1:
            return _of_characters(_class(token[1:-1]))
        escaped = token[1:] if token.startswith("\\") else ""
        if token in _SPECIAL or token.startswith("(?") or escaped.isalnum():
            raise _Unknown
        return _of_characters(_small([token[-1]]))

    def _repeated(self, part: _Part) -> _Part:
        rest = "".join(self._tokens[self._at : self._at + 12])
        found = _REPETITION.match(rest)
        if found is None:
            if rest.startswith("{"):
                raise _Unknown
            return part
        self._at += len(found[0])
        if self._next() == "?":  # as few as possible: matches in the same texts
            self._at += 1
        if self._next() in ("*", "+", "?", "{"):
            raise _Unknown
        sign, least, more, most = found.groups()
        if sign:
            return _times(part, int(sign == "+"), 1 if sign == "?" else _UNLIMITED)
        return _times(part, int(least), int(most or _UNLIMITED) if more else int(least))

    def _next(self) -> str:
        return "" if self.is_at_end() else self._tokens[self._at]


def _one_after_other(parts: list[_Part]) -> _Part:
    """Exact parts that stand together make words of several characters, digits a longer row."""
    run, found, is_exact = _NOTHING, list[Need](), True
    for part in parts:
        together = None if part.exact is None else _product(run, part.exact)
        if together is not None:
            run = together
        else:
            found += [*_need_of(run), *part.needs]
            run, is_exact = part.exact or _NOTHING, False
    rows = _digits_in_a_row(parts)
    digits = rows[0] if len(rows) == 1 else -1
    if is_exact:
        return _Part(run, (), digits)
    return _Part(None, (*found, *_need_of(run), *(Need(digits=row) for row in rows if row >= DIGITS_MIN)), digits)


def _digits_in_a_row(parts: list[_Part]) -> list[int]:
    """How many digits at least stand before, between and after parts that may be something else."""
    rows = [0]
    for part in parts:
        if part.digits < 0:
            rows.append(0)
        else:
            rows[-1] += part.digits
    return rows


def _times(part: _Part, least: int, most: int) -> _Part:
    digits = part.digits * least if part.digits >= 0 else -1
    if least == 0:
        exact = part.exact | _NOTHING if part.exact is not None and most == 1 else None
        return _Part(exact, (), digits)
    if part.exact is None:
        return _Part(None, part.needs, digits)
    power, count = part.exact, 1
    while count < least and (longer := _product(power, part.exact)) is not None:
        power, count = longer, count + 1
    if count == least == most:
        return _Part(power, (), digits)
    return _Part(None, _need_of(power), digits)


def _of_characters(characters: frozenset[str] | None) -> _Part:
    """One of these characters."""
    only_digits = characters is not None and characters <= _DIGITS
    return _Part(characters, (), 1 if only_digits else -1)


def _class(inner: str) -> frozenset[str] | None:
    """The characters of a class, None where they aren't simply listed."""
    if inner.startswith("^") or "\\" in inner or "[" in inner:
        return None
    found = list[str]()
    for first, last, single in _IN_CLASS.findall(inner):
        if not first:
            found.append(single)
        elif 0 <= ord(last) - ord(first) < WORDS_MAX:
            found += map(chr, range(ord(first), ord(last) + 1))
        else:
            return None
    return _small(found)


def _small(characters: Iterable[str]) -> frozenset[str] | None:
    """In lower case, as they are in folded text. None where one has two forms beyond ASCII: it matches both."""
    lower = frozenset(character.lower() for character in characters)
    plain = all(one.isascii() or (len(one) == 1 and one.upper() == one) for one in lower)
    return lower if plain and "\n" not in lower else None


def _product(one: frozenset[str], other: frozenset[str]) -> frozenset[str] | None:
    if len(one) * len(other) > WORDS_MAX:
        return None
    return frozenset(first + second for first in one for second in other)


def _united(each: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    """All of them together, if each is known and they aren't too many."""
    found = frozenset[str]()
    for words in each:
        if words is None:
            return None
        found |= words
    return found if len(found) <= WORDS_MAX else None
