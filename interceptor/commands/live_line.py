"""One line that says how far something is, while it goes on.

Enters: words. Leaves: standard error: a line that is redrawn on a terminal, a new line now and then elsewhere.
Invariant: nothing in the words can steer the terminal.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.text import Text

from interceptor.rules.errors import printable

REDRAW_S = 0.33
LINE_EVERY_S = 5.0


class LiveLine:
    """To be used in a `with`; call `tick` often."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        is_live = self._console.is_terminal and not self._console.is_dumb_terminal and not os.environ.get("NO_COLOR")
        self._live = Live("", console=self._console, auto_refresh=False, transient=True) if is_live else None
        self._told_s = time.monotonic()

    def __enter__(self) -> LiveLine:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def say(self, words: str) -> None:
        """A line that stays."""
        self._console.print(Text(printable(words)), soft_wrap=True)

    def tick(self, words: Callable[[], str]) -> None:
        """`words` are asked for only when it is time to show them."""
        now_s = time.monotonic()
        if now_s - self._told_s < (REDRAW_S if self._live else LINE_EVERY_S):
            return
        self._told_s = now_s
        if self._live:
            self._live.update(Text(printable(words()), no_wrap=True, overflow="ellipsis"), refresh=True)
        else:
            self.say(words())
