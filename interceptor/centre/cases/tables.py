"""The tables of cases.

Enters: nothing. Leaves: migrations, oldest first; what was released is never edited. Invariant: see each statement.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = ()
