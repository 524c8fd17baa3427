"""What was promised, and whether it is kept: each target beside what this run measured.

Enters: results, and the peers' results where there are some. Leaves: rows. Invariant: a target that wasn't measured
says so; nothing is assumed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.case import Figure
from benchmarks.results import Results

NS, WINDOWS = 1e9, ("count", "sum", "distinct", "ratio", "since_last", "since_first", "sequential", "sequence")
Peers = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """A row: `met` is None where nothing was measured."""

    target: str
    wanted: str
    measured: str
    met: bool | None


@dataclass(frozen=True, slots=True)
class Target:
    """`value` finds what was measured; it must be at least `low` or at most `high`."""

    name: str
    unit: str
    value: Callable[[Results, Peers], float | None]
    low: float | None = None
    high: float | None = None

    def kept(self, results: Results, peers: Peers) -> Kept:
        bound = self.low if self.low is not None else self.high
        wanted = f"{'≥' if self.low is not None else '≤'} {shown(bound or 0.0)} {self.unit}".strip()
        value = self.value(results, peers)
        if value is None:
            return Kept(self.name, wanted, "not measured", None)
        met = value >= self.low if self.low is not None else value <= (self.high or 0.0)
        return Kept(self.name, wanted, f"{shown(value)} {self.unit}".strip(), met)


def shown(value: float) -> str:
    """Three digits that count, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def rate(figure: Figure | None) -> float | None:
    """Events a second on one core, of ns an event."""
    return NS / figure.value if figure else None


def ratio(one: Figure | None, other: Figure | None) -> float | None:
    """How many times as much; drift between the two is taken out by their controls."""
    if not one or not other:
        return None
    drift = one.control / other.control if one.control and other.control else 1.0
    return one.value / other.value / drift


def _of_floor(results: Results) -> float | None:
    whole = results.figure("budget", "whole engine")
    return whole.value / whole.more["floor"] if whole and whole.more.get("floor") else None


def _json_share(results: Results) -> float | None:
    """Rate from JSON to decisions, of the rate of the quicker of the two decoders alone."""
    bare = [one for one in (results.figure("ndjson", way) for way in ("msgspec alone", "into frames")) if one]
    found = [ratio(one, results.figure("ndjson", "into decisions")) for one in bare]
    return min((one for one in found if one is not None), default=None)


def _growth(results: Results) -> float | None:
    """The worst window's cost at 10^7 keys, of that at 10^4."""
    found = [
        ratio(results.figure("windows", f"{one} even", 1e7), results.figure("windows", f"{one} even", 1e4))
        for one in WINDOWS
    ]
    return max((one for one in found if one is not None), default=None)


def _of_rules(results: Results) -> float | None:
    return ratio(results.figure("rules", "", 2_000), results.figure("rules", "", 50))


def _window_bytes(results: Results) -> float | None:
    case = results.case("window-memory")
    return max((one.value for one in case.figures), default=None) if case and case.figures else None


def _list_mb(results: Results) -> float | None:
    found = results.figure("lists", "exact", 1e7)
    return found.more["mb"] if found else None


def _more(results: Results, case: str, name: str) -> float | None:
    found = results.figure(case)
    return found.more[name] if found else None


def _value(results: Results, case: str, series: str, x: float | None = None) -> float | None:
    found = results.figure(case, series, x)
    return found.value if found else None


def _kafka(results: Results, way: str) -> float | None:
    """What was measured once, or twice: before and after others."""
    found = [one for one in (_value(results, "kafka", name) for name in (way, f"{way} again")) if one]
    return sum(found) / len(found) if found else None


def _peer(name: str) -> Callable[[Results, Peers], float | None]:
    """How many times the CPU an event that ours needs a peer needs, for the same job in the same run: the least of its
    `ratios` in the peers' file, {name: times}, where a variant is written behind a comma."""

    def value(_: Results, peers: Peers) -> float | None:
        found = {one: float(times) for one, times in peers.get("ratios", {}).items()}
        return min((times for one, times in found.items() if one.split(",")[0] == name), default=None)

    return value


TARGETS = (
    Target("engine on Arrow frames, mixed stream", "events/s", lambda r, _: rate(r.figure("engine", "mixed")), low=1e6),
    Target("engine, times its floor", "×", lambda r, _: _of_floor(r), high=2.5),
    Target(
        "attack stream, ledger of all decisions included", "interceptions/s",
        lambda r, _: _value(r, "attack", "ledger of all decisions"), low=200_000,
    ),
    Target("from NDJSON, of the bare decode rate", "", lambda r, _: _json_share(r), low=0.5),
    Target("times zen-engine", "×", _peer("zen-engine"), low=30),
    Target("times rule-engine", "×", _peer("rule-engine"), low=100),
    Target("times plain Python", "×", _peer("plain Python"), low=5),
    Target("Kafka, frames, in one piece", "events/s", lambda r, _: _kafka(r, "frames, one piece"), low=500_000),
    Target("Kafka, frames, spread over stages", "events/s", lambda r, _: _kafka(r, "frames, spread"), low=500_000),
    Target("Kafka, one JSON event a message", "events/s", lambda r, _: _kafka(r, "JSON, one piece"), low=300_000),
    Target("Flink's CPU an event, of ours", "×", _peer("Flink"), low=1),
    Target("2,000 rules, of 50", "×", lambda r, _: _of_rules(r), high=5),
    Target("10⁷ live keys, of 10⁴, engine with one window, worst", "×", lambda r, _: _growth(r), high=2.5),
    Target("bytes a key, largest window (distinct: with one pair)", "B", lambda r, _: _window_bytes(r), high=64),
    Target("a list of 10 M entries", "MB", lambda r, _: _list_mb(r), high=300),
    Target("1,000 keys beyond a cap: evicted", "keys", lambda r, _: _more(r, "caps", "evicted"), low=1_000),
    Target("1,000 keys beyond a cap: grown by", "bytes", lambda r, _: _more(r, "caps", "grown_bytes"), high=0),
    Target("micro-batch of 256 events, p99", "ms", lambda r, _: _value(r, "micro-batch", "p99", 256), high=2),
)  # fmt: skip


def kept(results: Results, peers: Peers) -> list[Kept]:
    """All targets."""
    return [target.kept(results, peers) for target in TARGETS]


def peers_of(path: Path) -> Peers:
    """What the peers' runner wrote; nothing where it didn't."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
