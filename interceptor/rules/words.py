"""The patterns of a rule set's texts: which can't be searched for, and all of them as one database.

Enters: definitions. Leaves: problems with the place of each pattern, a PatternDatabase. Invariant: what takes long to
compile is refused before it is compiled: each length that a repetition may have is a state of the machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from interceptor.patterns import PatternDatabase, PatternSet
from interceptor.rules.definitions import Definitions
from interceptor.rules.errors import Problem
from interceptor.rules.model import TextDef
from interceptor.rules.names import URL_IN_TEXT

URLS = PatternSet(URL_IN_TEXT, ("http://", "https://", "www."), (), of_host=False)  # the language's own
WEIGHT_MAX = 200  # of one expression: the sum of what its repetitions allow, those within each other multiplied
WEIGHTS_MAX = 3_000  # of a rule set …
HEAVY_MAX = 500  # … and of those in it that are heavy
HEAVY = 60  # from here on an expression may be too much for Hyperscan
CHARACTERS_MAX = 500
TOO_MUCH = (
    "the repetitions of all expressions together allow too many lengths",
    "shorter ones, or words as `patterns`",
)

_STAYS = re.compile("[a-z0-9\u4e00-\u9fff]")  # when a literal is folded
_REPETITION = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{(\d*)(?:,(\d*))?\}|[()]", re.DOTALL)


def check_words(definitions: Definitions, heavy: int | None = HEAVY) -> Iterator[Problem]:
    """Every pattern that can't be used, and every text without any. Expressions below the weight `heavy` are tried with
    shorter repetitions: the same in all but size, and sooner compiled. None: they aren't tried, only weighed."""
    weights = heavies = 0
    for name, text in definitions.texts.items():
        if not (text.patterns or text.regex):
            yield Problem(definitions.place("texts", name), "empty-text", f"{name} has neither patterns nor regex")
        for index, literal in enumerate(text.patterns):
            if not (_STAYS.search(literal) or _folded(text, literal)):
                message = f"nothing is left of {literal!r} once it is folded"
                yield Problem(definitions.place("texts", name, "patterns", index), "bad-pattern", message)
        for index, expression in enumerate(text.regex):
            weights += weight(expression)
            heavies += weight(expression) if weight(expression) >= HEAVY else 0
            too_much = weights > WEIGHTS_MAX or heavies > HEAVY_MAX
            why = TOO_MUCH if too_much else _why_refused(text, expression, heavy)
            if why:
                yield Problem(definitions.place("texts", name, "regex", index), "bad-pattern", *why)


def no_words() -> PatternDatabase:
    """For rule sets that are only looked at."""
    return PatternDatabase([])


def _folded(text: TextDef, literal: str) -> str:
    from interceptor.folding import fold_host, fold_one  # brings the kernels: seldom needed

    return fold_host(literal) if text.of == "host" else fold_one(literal)


def compile_words(definitions: Definitions, before: PatternDatabase | None = None) -> PatternDatabase:
    """All patterns of a rule set that was checked; `before` itself where it holds the same. Raises ValueError where
    they are too many together."""
    sets = (URLS, *pattern_sets(definitions.texts.values()))
    return before if before and before.sets == sets else PatternDatabase(sets)


def pattern_sets(texts: Iterable[TextDef]) -> list[PatternSet]:
    """The pattern sets that the texts of a rule set ask for."""
    return [PatternSet(text.text, tuple(text.patterns), tuple(text.regex), text.of == "host") for text in texts]


def weight(expression: str) -> int:
    """How many states its bounded repetitions make, roughly."""
    groups, last = [0], 0  # the weights of the groups that are open; of what a repetition may follow
    for found in _REPETITION.finditer(expression):
        sign = found[0]
        if sign == "(":
            groups.append(0)
            last = 0
        elif sign == ")" and len(groups) > 1:
            last = groups.pop()
            groups[-1] += last
        elif sign[0] == "{" and (found[1] or found[2]):
            times = int((found[2] or found[1])[:9])
            groups[-1] += times * max(1, last) - last
            last = 0
        else:
            last = 0
    return sum(groups)


def _why_refused(text: TextDef, expression: str, heavy: int | None) -> tuple[str, str] | None:
    """Message and hint."""
    if len(expression) > CHARACTERS_MAX:
        return f"an expression of {len(expression):,} characters, at most {CHARACTERS_MAX:,}", "make several of it"
    if weight(expression) > WEIGHT_MAX:
        message = f"its repetitions allow {weight(expression):,} lengths, at most {WEIGHT_MAX:,}"
        return message, "shorter ones: .{0,12} is a lot in a message"
    if heavy is None:
        return None
    tried = expression if weight(expression) >= heavy else _REPETITION.sub(_shortened, expression)
    why = _tried(PatternSet(text.text, (), (tried,), text.of == "host"))
    return (why.replace(repr(tried), repr(expression)), "") if why else None


@lru_cache(maxsize=1_000)
def _tried(expression: PatternSet) -> str:
    """Why it can't be searched for, or "". A reload doesn't try again what was tried at the last one."""
    try:
        PatternDatabase([expression])
    except ValueError as error:
        return str(error)
    return ""


def _shortened(found: re.Match[str]) -> str:
    """A repetition that may be as short as this one, and is longer than 1 where this one is."""
    if found[0][0] != "{" or not found[1]:
        return found[0]
    low = min(int(found[1][:9]), 2)
    return f"{{{low}}}" if found[2] is None else f"{{{low},{min(int(found[2][:9]), 3) if found[2] else ''}}}"
