"""Who watches the engine at work: profilers, and the tools that explain decisions.

Enters: what the engine does, as it does it. Leaves: nothing. Invariant: watching changes no decision; an engine that
nobody watches pays next to nothing for it.
"""

from __future__ import annotations

from interceptor.chunk import Chunk, Views
from interceptor.hits import Hits
from interceptor.scores import Points


class Observer:
    """Sees everything and does nothing; derive from it.

    `wants_points`: should the engine write down what each rule adds to each score? `wants_parts_apart`: should it
    evaluate each rule by itself, and read texts and hosts before the rules, so that the cost of each can be told?
    """

    wants_points = False
    wants_parts_apart = False

    def lap(self, section: str, name: str) -> None:
        """A piece of work is done: ("admission" | "text" | "feature" | "rule" | "score" | "verdict" | "list", name),
        or "outside": a batch came in. Where several rules share a value, the first that needs it works it out."""

    def saw(self, start: int, chunk: Chunk, views: Views, hits: Hits, source: Points, target: Points) -> None:
        """A chunk was decided; it began at row `start` of its batch. Rows of `hits` and points are the chunk's."""
