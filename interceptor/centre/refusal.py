"""What the centre says no to.

Enters: a code and words. Leaves: an exception that a command shows as they are. Invariant: whoever raises it has
changed nothing; the book writes the refusal itself into the audit log.
"""

from __future__ import annotations


class Refused(Exception):
    """A wrong request. `code`: one word with hyphens, for machines; the message says what is wrong, `hint` what to
    do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message
