"""One decision in full, as the person concerned or an officer reads it.

Enters: what Decisions knows of one row. Leaves: a Notice, and its text. Invariant: everything that led to the decision
is named, with the values that were compared; and whoever is limited is told why and what can be done about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from interceptor.lists import FOREVER_MS, Entry
from interceptor.rules.names import Type, event_symbols
from interceptor.schema import Action, Kind, Status, Verdict

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000))


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule behind a decision, with the values that it compared and the list entries that it found, if any."""

    rule: str
    title: str
    version: int
    shadow: bool
    values: dict[str, float]
    entries: dict[str, Entry]


@dataclass(frozen=True, slots=True)
class Notice:
    """A decision, with the reason and the remedy that the law asks for. Scores are those right after the event."""

    event_id: int
    gate: Kind
    status: Status
    verdict: Verdict
    actions: Action
    score: float
    target_score: float
    findings: tuple[Finding, ...]
    reason: str
    remedy: str
    ruleset: str

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        actions = ", ".join(action.name.lower() for action in self.actions if action.name)
        yield f"{self.gate.name.lower()} {self.event_id}: {self.verdict.name.lower()} ({actions or 'nothing else'})"
        if self.status is not Status.OK:
            yield f"  {self.status.name.lower()}: leaves no trace in windows, scores and lists"
        if self.reason:
            yield f"  why    {self.reason}"
        if self.remedy:
            yield f"  remedy {self.remedy}"
        for finding in self.findings:
            yield f"  {'watched by' if finding.shadow else 'rule'} {finding.rule} v{finding.version}: {finding.title}"
            for term, value in finding.values.items():
                yield f"    {term} = {_shown(self.gate, term, value)}"
            for term, entry in finding.entries.items():
                yield f"    {term}: {entry.value}, {until(entry)}, from {entry.source or 'the rules'}"
        yield f"  score of the source {self.score:.2f}, of the citizen {self.target_score:.2f}, rule set {self.ruleset}"


def _shown(gate: Kind, term: str, value: float) -> str:
    """A compared value as its rule would write it."""
    symbol = event_symbols(gate).get(term)
    if symbol is not None and symbol.words is not None:
        return symbol.words(int(value)).name.lower()
    if symbol is not None and symbol.type is Type.DURATION:
        unit, length_ms = next(((unit, ms) for unit, ms in _UNITS if value >= ms), ("s", 1_000))
        return f"{value / length_ms:g}{unit}"
    return f"{value:,.6g}"


def until(entry: Entry) -> str:
    """Until when an entry holds, in words."""
    if entry.expires_ms >= FOREVER_MS:
        return "for good"
    return f"until {datetime.fromtimestamp(entry.expires_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
