"""What is wrong with the text of a condition, before it is understood.

Enters: text. Leaves: ConditionError, with the character that it is about and what to write instead. Invariant: nothing
is told about brackets and spellings that the author didn't write.
"""

from __future__ import annotations

import re

STRING = re.compile(r"'[^']*'|\"[^\"]*\"")
_BRACKET = re.compile(rf"{STRING.pattern}|[()\[\]{{}}#\"']")
_OTHER_LANGUAGE = re.compile(r"&&|\|\||<>|=>|=<|\bAND\b|\bOR\b|\bNOT\b|(?<![<>=!])=(?!=)|!(?!=)")
_OURS = {
    "&&": "and", "||": "or", "!": "not", "=": "==", "<>": "!=", "=>": ">=", "=<": "<=",
    "AND": "and", "OR": "or", "NOT": "not",
}  # fmt: skip


class ConditionError(ValueError):
    """What is wrong with a condition, and at which character of it, or of the macro that it uses. `name`: the name
    that isn't known."""

    def __init__(self, offset: int, code: str, message: str, hint: str = "", name: str = "") -> None:
        super().__init__(message)
        self.offset, self.code, self.message, self.hint, self.name = offset, code, message, hint, name
        self.macro = ""


def check_brackets(text: str) -> None:
    """Raises ConditionError for the bracket or quote that has no other half: Python would name one of its own."""
    opened: list[re.Match[str]] = []
    for found in _BRACKET.finditer(text):
        sign = found[0]
        if sign in "([{":
            opened.append(found)
        elif sign in ")]}" and (not opened or opened.pop()[0] + sign not in ("()", "[]", "{}")):
            raise ConditionError(found.start(), "syntax", f"this {sign} closes nothing that was opened")
        elif sign == "#":
            raise ConditionError(found.start(), "syntax", "no comments inside a condition", "write them above it")
        elif sign in ("'", '"'):
            raise ConditionError(found.start(), "syntax", "the quote that opens here is not closed")
    if opened:
        raise ConditionError(opened[-1].start(), "syntax", f"the bracket {opened[-1][0]} that opens here is not closed")


def unreadable(text: str, error: SyntaxError) -> ConditionError:
    """A syntax error of Python, at the right character (one bracket was put before the text) and with a hint."""
    message = str(error.msg).split(". ")[0]
    offset = min(max(0, (error.offset or 1) - 2), len(text.rstrip()))
    found = _OTHER_LANGUAGE.search(STRING.sub(lambda quoted: "_" * len(quoted[0]), text))
    if found:
        message, offset = f"{found[0]} isn't part of the language", found.start()
        return ConditionError(offset, "syntax", message, f"write {_OURS[found[0]]}")
    said = "this can't be read" + ("" if message == "invalid syntax" else f": {message}")
    hint = "" if text.isascii() else "write operators and brackets in ASCII: >= <= != ( ) ,"
    return ConditionError(offset, "syntax", said, hint)
