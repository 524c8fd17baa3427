"""What the centre says no to.

Enters: a code and words. Leaves: an exception that a command shows as they are. Invariant: whoever raises it has
changed nothing; the refusal itself goes into the audit log, once.
"""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A wrong request. `code`: one word with hyphens, for machines; the message says what is wrong, `hint` what to
    do; `act`: name, about and notes of the act that was refused, where it came to one."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint
        self.act: tuple[str, str, dict[str, Any]] | None = None

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


def reason_given(why: str, what: str) -> None:
    """Whatever is done to somebody is done for a reason. Raises Refused."""
    if not why.strip():
        raise Refused("no-reason", f"{what}: why?", "say it by --why")


def not_before(at_ms: int, earlier_ms: int, what: str, *, late_ms: int = 0) -> None:
    """Nothing is done before what it follows. `what`: that, as in "stop 3 was asked for"; `late_ms`: where that may
    have been noted at the end of a portion of events, that something is done so long before. Raises Refused."""
    if at_ms + late_ms < earlier_ms:
        raise Refused("out-of-order", f"{what} later than that", "see --at")
