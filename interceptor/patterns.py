r"""All words and expressions of a rule set, found in one pass over folded text.

Enters: named sets of patterns, and Folded rows. Leaves: for each set, in which rows any of its patterns occurs.
Invariant: a row's hits depend on that row alone, although all rows are scanned as one buffer.

Literals are folded like the text. Regular expressions are not, they see folded text: lower case, simplified, without
white space. Their syntax is Hyperscan's: no look-around, `\w`, `\d` and `\b` know ASCII only, `^` and `$` are the ends
of a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import hyperscan
import numpy as np

from interceptor.needed import ENDS, TOKEN
from interceptor.regexes import FLAGS, Expressions, compiled
from interceptor.spelling import apart, spelled_out

if TYPE_CHECKING:
    from interceptor.folding import Folded
    from interceptor.kernels import Bools, Int64s
    from interceptor.literals import Literals

_WHOLE_BUFFER = {r"\A": "^", r"\z": "$", r"\Z": "$"}
_NOTHING = "(?:)"
_WORD_BITS = 64


@dataclass(frozen=True, slots=True)
class PatternSet:
    """Patterns with one name. `of_host`: searched in host skeletons instead of messages."""

    name: str
    literals: tuple[str, ...]
    regexes: tuple[str, ...]
    of_host: bool


class PatternDatabase:
    """Compiled pattern sets. Raises ValueError for a pattern that can't be used, with set and pattern."""

    def __init__(self, sets: Sequence[PatternSet]) -> None:
        self.sets = tuple(sets)
        names = [pattern_set.name for pattern_set in sets]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"{name}: two pattern sets have this name")
        self._of_host = {pattern_set.name: pattern_set.of_host for pattern_set in sets}
        self._texts = _Scanner([pattern_set for pattern_set in sets if not pattern_set.of_host])
        self._hosts = _Scanner([pattern_set for pattern_set in sets if pattern_set.of_host])

    def is_of_host(self, name: str) -> bool:
        """Whether the set is searched in hosts. Raises KeyError."""
        return self._of_host[name]

    def scan(self, folded: Folded, of_host: bool) -> dict[str, Bools]:
        """For each set of texts (or of hosts): bool[m], the rows where one of its patterns occurs."""
        found = self.apart(self.bits(folded, of_host), of_host)
        return {name: found[number] for name, number in self.numbers(of_host).items()}

    def bits(self, folded: Folded, of_host: bool) -> Int64s:
        """The same, a bit for each set, and whatever else follows these: int64[m, words]."""
        return (self._hosts if of_host else self._texts).bits(folded)

    def row_words(self, of_host: bool) -> int:
        """How many words of a row of `bits` tell of sets."""
        return (self._hosts if of_host else self._texts).row_words

    def numbers(self, of_host: bool) -> Mapping[str, int]:
        """The number of each set of texts (or of hosts)."""
        return (self._hosts if of_host else self._texts).numbers

    def apart(self, bits: Int64s, of_host: bool) -> Bools:
        """Rows of bits as bool[sets, m], by the sets' numbers."""
        return (self._hosts if of_host else self._texts).apart(bits)


class _Scanner:
    """Sets that are searched in the same rows, their words by `literals`, their expressions by Hyperscan.

    Bits of a row: first those of the sets, then those of what expressions need.
    """

    def __init__(self, sets: Sequence[PatternSet]) -> None:
        self.numbers = {pattern_set.name: number for number, pattern_set in enumerate(sets)}
        self.row_words = max(1, -(-len(sets) // _WORD_BITS))
        literals: dict[tuple[str, int], None] = {}
        expressions: dict[tuple[str, int], None] = {}
        for number, pattern_set in enumerate(sets):
            for literal in pattern_set.literals:
                literals[_literal(pattern_set, literal), number] = None
            for expression in pattern_set.regexes:
                _check(pattern_set, expression)
                words = _words_of(pattern_set, expression)
                literals |= dict.fromkeys((word, number) for word in words)
                expressions |= dict.fromkeys((one, number) for one in (() if words else apart(expression)))
        try:
            bare = {regex: _ends_removed(regex) for one in sets for regex in one.regexes}
            compiled({(without.encode(), 0): FLAGS for regex, without in bare.items() if without != regex})
            self._expressions = Expressions(list(expressions), self.row_words)
        except hyperscan.error as error:
            _try(sets)
            raise ValueError(f"the patterns can't be compiled together: {error}") from None
        words_needed = [*literals, *self._expressions.words]
        runs_needed = self._expressions.runs
        self._literals = _searched(words_needed, runs_needed) if words_needed or runs_needed else None

    def bits(self, folded: Folded) -> Int64s:
        found = np.empty((len(folded), len(self._expressions.begin)), np.int64)
        found[:] = self._expressions.begin
        if self._literals is not None:
            self._literals.mark(folded, found)
        self._expressions.mark(folded, found)
        return found

    def apart(self, bits: Int64s) -> Bools:
        found = np.zeros((len(self.numbers), len(bits)), bool)
        if self.numbers:
            from interceptor.row_bits import spread

            spread(bits, self.row_words, found.view(np.uint8))
        return found


def _literal(pattern_set: PatternSet, literal: str) -> str:
    from interceptor.folding import fold_host, fold_one  # brings the kernels: not for a set without literals

    folded = (fold_host if pattern_set.of_host else fold_one)(literal)
    if not folded:
        raise ValueError(f"{pattern_set.name}: nothing is left of the pattern {literal!r} once it is folded")
    return folded


def _searched(words: list[tuple[str, int]], runs: list[tuple[int, int]]) -> Literals:
    from interceptor.literals import Literals  # brings the kernels, too

    return Literals(words, runs)


def _words_of(pattern_set: PatternSet, expression: str) -> list[str]:
    """The words that an expression is short for; none where it is more, or folding would change them."""
    from interceptor.folding import fold_host, fold_one

    fold = fold_host if pattern_set.of_host else fold_one
    words = spelled_out(expression) or []
    return words if all(fold(word) == word for word in words) else []


def _check(pattern_set: PatternSet, expression: str) -> None:
    """Raises ValueError where Hyperscan would do something else than what is meant."""
    for token in TOKEN.findall(expression):
        if token in _WHOLE_BUFFER:
            raise _refused(pattern_set, expression, f"write {_WHOLE_BUFFER[token]} for an end of the text, not {token}")
        if token in (r"\Q", r"\E"):
            raise _refused(pattern_set, expression, f"{token} isn't supported here, put a backslash before each sign")
        if token.startswith("(?") and set(token) & set("mxu-"):
            raise _refused(pattern_set, expression, f"only the flags i and s can be set, not {token[2:]}")


def _ends_removed(expression: str) -> str:
    """The expression without what matches between characters. Hyperscan refuses `a*`, which may match nothing, but not
    `^`, of which the same is true: it has to be shown the rest."""
    return "".join(_NOTHING if token in ENDS else token for token in TOKEN.findall(expression))


def _try(sets: Sequence[PatternSet]) -> None:
    """Raises ValueError for the first expression that Hyperscan refuses by itself."""
    for pattern_set in sets:
        for expression in pattern_set.regexes:
            for candidate in (expression, _ends_removed(expression)):
                try:
                    compiled({(candidate.encode(), 0): FLAGS})
                except hyperscan.error as error:
                    raise _refused(pattern_set, expression, str(error)) from None


def _refused(pattern_set: PatternSet, expression: str, why: str) -> ValueError:
    if "empty buffer" in why:
        why = f"it matches the empty text (Hyperscan: {why})"
    return ValueError(f"{pattern_set.name}: the expression {expression!r} can't be used: {why}")
