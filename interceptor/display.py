"""What a person sees while a run goes on: a live view on a terminal, one plain line per simulated hour elsewhere.

Enters: Look, a glance at the run, asked for only when something is to be drawn. Leaves: text on standard error.
Invariant: nothing that came with the stream can steer the terminal: numbers are masked, texts lose all that isn't
printable, and neither is ever read as rich markup.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic, perf_counter
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from interceptor.decisions import Decisions
from interceptor.local_time import clock
from interceptor.masking import masked
from interceptor.schema import GATE_NAMES, GATES, Kind, Verdict
from simulator.scorecard import ScoreCard

REDRAW_S = 0.33
RECENT_MAX = 6
WIDTH_MAX = 100
_TEXT_CHARS_MAX = 120  # before cutting to cells: combining marks have none


@dataclass(frozen=True, slots=True)
class Gate:
    """One gate so far."""

    events: int
    intercepted: int


@dataclass(frozen=True, slots=True)
class Look:
    """The run at one moment. `recent`: interceptions since the last look, oldest first, in plain words."""

    events: int
    events_per_s: float
    gates: dict[Kind, Gate]
    campaigns_caught: int
    campaigns: int
    held_fen: int
    recent: Sequence[str]


class Glance:
    """Remembers what the last interceptions were until somebody looks."""

    def __init__(self, card: ScoreCard) -> None:
        self._card, self._began_s = card, perf_counter()
        self._last: deque[tuple[pa.RecordBatch, Decisions]] = deque(maxlen=RECENT_MAX)

    def at(self, frame: pa.RecordBatch, decisions: Decisions) -> None:
        if (decisions.verdict >= Verdict.HOLD).any():
            self._last.append((frame, decisions))

    def look(self) -> Look:
        card, scores = self._card, {kind: self._card.gate(kind) for kind in GATES}
        gates = {kind: Gate(score.events, score.intercepted) for kind, score in scores.items()}
        seconds = max(perf_counter() - self._began_s, 1e-3)
        return Look(card.events, card.events / seconds, gates, *card.met, card.held_fen, self._recent())

    def _recent(self) -> list[str]:
        """Of each slice one interception at each gate at most, the latest."""
        told = []
        for frame, decisions in self._last:
            caught = np.flatnonzero(decisions.verdict >= Verdict.HOLD)
            latest = {int(decisions.kind[row]): int(row) for row in caught}
            for row in sorted(latest.values()):
                event = frame.slice(row, 1).to_pylist()[0]
                told.append(interception(event, Verdict(decisions.verdict[row]), _why(decisions, row)))
        self._last.clear()
        return told[-RECENT_MAX:]


def _why(decisions: Decisions, row: int) -> str:
    """Title of the rule with the strongest say among the live ones that hit this event."""
    start, stop = np.searchsorted(decisions.hit_row, [row, row + 1])
    rules = [decisions.rule_set.rules[int(rule)] for rule in decisions.hit_rule[start:stop]]
    live = [rule for rule in rules if rule.mode == "live"]
    if not live:
        return "earlier evidence"
    return clean(max(live, key=lambda rule: (int(rule.actions), rule.score)).title)


class Display(Protocol):
    """Where a run's progress goes."""

    def say(self, words: str) -> None:
        """What is being done before and after the stream."""

    def tell(self, words: str, *, wrong: bool = False) -> None:
        """What happened during the stream: lines that stay."""

    def stand(self, words: str, *, wrong: bool = False) -> None:
        """How things stand from now on, in one line that stays in sight; what is wrong stays said wherever."""

    def tick(self, now_ms: int, look: Callable[[], Look]) -> None:
        """The stream has come to `now_ms` (event time)."""

    def close(self) -> None:
        """Leaves the terminal as it was found."""


def make_display(console: Console, title: str, start_ms: int, end_ms: int) -> Display:
    """Live on a terminal that can redraw, else plain. NO_COLOR asks for plain lines too."""
    if console.is_terminal and not console.is_dumb_terminal and not os.environ.get("NO_COLOR"):
        return LiveView(console, title, start_ms, end_ms)
    return PlainLines(console, title)


class PlainLines:
    """One line per simulated hour."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._hour: int | None = None
        self._wrong = ""
        self.say(title)

    def say(self, words: str) -> None:
        self._console.print(Text(words), soft_wrap=True)

    def tell(self, words: str, *, wrong: bool = False) -> None:  # noqa: ARG002 (the words say so)
        self.say(words)

    def stand(self, words: str, *, wrong: bool = False) -> None:
        self._wrong = f"  {words}" if wrong else ""

    def tick(self, now_ms: int, look: Callable[[], Look]) -> None:
        hour = now_ms // 3_600_000
        if hour != self._hour:
            if self._hour is not None:
                self.say(_plain_line(now_ms, look()) + self._wrong)
            self._hour = hour

    def close(self) -> None:
        pass


def _plain_line(now_ms: int, look: Look) -> str:
    gates = "  ".join(f"{GATE_NAMES[kind]} {look.gates[kind].intercepted:,}" for kind in GATES)
    return (
        f"{clock(now_ms):%Y-%m-%d %H:%M} {look.events:>11,} events {look.events_per_s:>8,.0f}/s  caught: {gates}"
        f"  held back {yuan(look.held_fen)}"
    )


class LiveView:
    """Redraws a few lines in place, at most every REDRAW_S seconds."""

    def __init__(self, console: Console, title: str, start_ms: int, end_ms: int) -> None:
        self._title, self._start_ms, self._end_ms = title, start_ms, end_ms
        self._recent: deque[str] = deque(maxlen=RECENT_MAX)
        self._standing: Text | None = None
        self._drawn_s = 0.0
        self._width = min(console.width, WIDTH_MAX)
        self._live = Live(Text(title), console=console, auto_refresh=False, transient=True)
        self._live.start(refresh=True)

    def say(self, words: str) -> None:
        self._live.update(Group(self._heading(), Text(words, style="dim")), refresh=True)

    def tell(self, words: str, *, wrong: bool = False) -> None:
        self._live.console.print(Text(words, style="red" if wrong else ""))  # above what is redrawn

    def stand(self, words: str, *, wrong: bool = False) -> None:
        self._standing = Text(fitted(words, self._width), style="bold red" if wrong else "dim")
        self._drawn_s = 0.0

    def tick(self, now_ms: int, look: Callable[[], Look]) -> None:
        now_s = monotonic()
        if now_s - self._drawn_s >= REDRAW_S:
            self._live.update(self._view(now_ms, look()), refresh=True)
            self._drawn_s = now_s

    def close(self) -> None:
        self._live.stop()

    def _heading(self) -> Text:
        return Text(self._title, style="bold", no_wrap=True, overflow="ellipsis")

    def _view(self, now_ms: int, look: Look) -> Group:
        self._recent.extend(look.recent)
        recent = [Text("  " + fitted(line, self._width - 2)) for line in self._recent]
        recent += [Text("")] * (RECENT_MAX - len(recent))
        standing = [self._standing] if self._standing else []
        return Group(
            self._heading(), *standing, self._progress(now_ms, look), Text(""), _gates(look), Text(""), _totals(look),
            Text(""), Text("Last interceptions", style="bold"), *recent,
        )  # fmt: skip

    def _progress(self, now_ms: int, look: Look) -> Table:
        row = Table.grid(padding=(0, 2))
        done = max(0, now_ms - self._start_ms)
        whole = max(1, self._end_ms - self._start_ms)
        row.add_row(
            Text(f"{clock(now_ms):%a %d %b %Y  %H:%M}"),
            ProgressBar(total=whole, completed=min(done, whole), width=24),
            Text(f"{min(done / whole, 1):>4.0%}"),
            Text(f"{look.events:,} events"),
            Text(f"{look.events_per_s:,.0f}/s", style="dim"),
        )
        return row


def _gates(look: Look) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("")
    for kind in GATES:
        table.add_column(GATE_NAMES[kind], justify="right", min_width=12)
    table.add_row("events", *(f"{look.gates[kind].events:,}" for kind in GATES), style="dim")
    table.add_row("intercepted", *(f"{look.gates[kind].intercepted:,}" for kind in GATES))
    return table


def _totals(look: Look) -> Text:
    words = Text("Held back so far ")
    words.append(yuan(look.held_fen), style="bold green")
    return words.append(f"     campaigns met with {look.campaigns_caught:,} of {look.campaigns:,}")


def interception(event: dict[str, Any], verdict: Verdict, why: str) -> str:
    """One intercepted event in plain words; `event` by column names, `why` the title of the rule behind it."""
    source, target = masked(event["source"]), masked(event["target"])
    done = "blocked" if verdict == Verdict.BLOCK else "held"
    match event["kind"]:
        case Kind.SMS:
            what = f"SMS from {source} {done}: “{fitted(clean(event['text']), 32)}”"
        case Kind.WEB:
            what = f"visit of {target} to {fitted(clean(event['host']), 34)} {done}"
        case Kind.TRANSFER:
            what = f"transfer of {yuan(event['amount_fen'])} by {target} {done}"
        case _:
            what = f"call from {source} to {target} {done}"
    return f"{clock(event['ts_ms']):%H:%M} {what} · {why}"


def yuan(fen: float) -> str:
    """Money for people: 850 yuan, 12.3 k yuan, 1.24 m yuan."""
    return f"{short(fen)} yuan"


def short(fen: float) -> str:
    """The same without the unit."""
    value = fen / 100
    for size, unit in ((1e9, "bn"), (1e6, "m"), (1e4, "k")):
        if abs(value) >= size * 0.9995:
            return f"{_three_digits(value / (1e3 if unit == 'k' else size))} {unit}"
    return f"{value:,.0f}"


def _three_digits(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 9.995 else f"{value:.1f}" if abs(value) < 99.95 else f"{value:,.0f}"


def clean(text: str) -> str:
    """Text of a stranger on one line, without control, direction and other invisible characters."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "�" for c in text[:_TEXT_CHARS_MAX])


def fitted(text: str, cells: int) -> str:
    """At most `cells` columns of a terminal; Chinese characters take two."""
    return text if cell_len(text) <= cells else set_cell_size(text, cells - 1).rstrip() + "…"
