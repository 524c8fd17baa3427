"""What a person must know when a server can't be started, asked or stopped.

Enters: words. Leaves: MachineProblem. Invariant: the message says what, where, and what to do about it; `code` is the
exit code of a command that ends by it.
"""

from __future__ import annotations

USAGE, TRY_LATER, CONFIGURATION = 2, 75, 78


class MachineProblem(Exception):
    """A server of this machine's cluster can't be had; `code` is the command's exit code."""

    def __init__(self, message: str, code: int = TRY_LATER) -> None:
        super().__init__(message)
        self.code = code
