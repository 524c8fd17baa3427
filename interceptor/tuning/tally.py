"""Counts for every cut-off of a threshold at once.

Enters: events that a rule hits at some cut-off, in any order. Leaves: a Curve for whichever cut-offs are asked for.
Invariant: a count is what it would be with the threshold set to that number; memory grows with distinct values, sources
and days, not with events. Values and cut-offs are oriented (threshold.Threshold): higher is stricter.

From DISTINCT_MAX distinct values on, values are kept to 11 bits behind the leading one: rounded so that counts are
still exact at every cut-off that is itself of that form, and at the one that is in force.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from interceptor.sightings import NEVER

DISTINCT_MAX = 100_000
_LOW_BITS = np.int64((1 << (52 - 11)) - 1)
_PENDING_MIN = 1 << 16


class Folded:
    """Rows by key; rows of one key are folded into one, by `fold`. Keys come out in order."""

    def __init__(self, keys: type, rows: type, columns: int, fold: np.ufunc) -> None:
        self._fold = fold
        self._keys: np.ndarray = np.zeros(0, keys)
        self._rows: np.ndarray = np.zeros((0, columns), rows)
        self._pending: list[tuple[np.ndarray, np.ndarray]] = []
        self._waiting = 0

    def add(self, keys: np.ndarray, rows: np.ndarray) -> None:
        """keys [m], rows [m, columns]."""
        self._pending.append((keys, rows))
        self._waiting += len(keys)
        if self._waiting > max(_PENDING_MIN, len(self._keys)):
            self._settle()

    def _settle(self) -> None:
        keys = np.concatenate([self._keys, *(keys for keys, _ in self._pending)])
        rows = np.concatenate([self._rows, *(rows for _, rows in self._pending)])
        self._pending, self._waiting = [], 0
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1])) if len(keys) else np.zeros(0, np.int64)
        self._keys = keys[starts]
        self._rows = self._fold.reduceat(rows[order], starts, axis=0) if len(keys) else rows

    @property
    def settled(self) -> int:
        """How many keys there are at least."""
        return len(self._keys)

    @property
    def keys(self) -> np.ndarray:
        if self._pending:
            self._settle()
        return self._keys

    @property
    def rows(self) -> np.ndarray:
        if self._pending:
            self._settle()
        return self._rows

    def remade(self, key: Callable[[np.ndarray], np.ndarray]) -> None:
        """Changes all keys, and folds again."""
        keys, rows = self.keys, self.rows
        self._keys, self._rows = keys[:0], rows[:0]
        self.add(key(keys), rows)


@dataclass(slots=True)
class Grid:
    """Which values are told apart: all of them until there are too many. Shared by tallies that are compared."""

    strict: bool
    current: float
    coarse: bool = False

    def snapped(self, values: np.ndarray) -> np.ndarray:
        """Each value on the grid: down to it, or up where the threshold itself is outside."""
        if not self.coarse:
            return values
        bits = np.abs(values).view(np.int64)
        near, far = bits & ~_LOW_BITS, (bits + _LOW_BITS) & ~_LOW_BITS
        outwards = (values >= 0) == self.strict
        found = np.copysign(np.where(outwards, far, near).view(np.float64), values)
        if self.strict:
            return np.where((values <= self.current) & (found > self.current), self.current, found)
        return np.where((values >= self.current) & (found < self.current), self.current, found)

    def below(self, ordered: np.ndarray, cuts: np.ndarray) -> np.ndarray:
        """For how many of the ordered values the comparison fails at each cut-off."""
        return np.searchsorted(ordered, cuts, side="right" if self.strict else "left")


@dataclass(frozen=True, slots=True)
class Found:
    """m events that hit at some cut-off. holds, fails bool[m]: do they hit where the comparison holds, and where it
    fails? value float64[m], oriented; source uint64[m]; day int64[m], local; campaign int32[m], -1 = none;
    fen int64[m]: what a victim pays; id uint64[m]; other bool[m]: another live rule hits, too."""

    value: np.ndarray
    holds: np.ndarray
    fails: np.ndarray
    source: np.ndarray
    day: np.ndarray
    campaign: np.ndarray
    fen: np.ndarray
    id: np.ndarray
    other: np.ndarray

    def of(self, chosen: np.ndarray) -> Found:
        """Some of them: bool[m]."""
        return Found(*(getattr(self, name)[chosen] for name in Found.__slots__))

    def hits_at(self, cut: float, strict: bool) -> np.ndarray:
        """bool[m]"""
        return np.where(self.value > cut if strict else self.value >= cut, self.holds, self.fails)


@dataclass(frozen=True, slots=True)
class Curve:
    """Counts int64[k] at k cut-offs (float64[k], oriented). An alert is one source on one local day; it is true if any
    of its hits is. `fen`: victims' payments hit. Of all: `scam` events and `campaigns` that could be hit; `days`."""

    cuts: np.ndarray
    hits: np.ndarray
    true_hits: np.ndarray
    fen: np.ndarray
    alerts: np.ndarray
    true_alerts: np.ndarray
    met: np.ndarray
    scam: int
    campaigns: int
    days: float

    def __len__(self) -> int:
        return len(self.cuts)

    @property
    def alerts_a_day(self) -> np.ndarray:
        return self.alerts / self.days

    @property
    def precision(self) -> np.ndarray:
        """float64[k], NaN where nothing is hit."""
        return _share(self.true_hits, self.hits)

    @property
    def recall(self) -> np.ndarray:
        """float64[k], of scam events, NaN where there are none."""
        return _share(self.true_hits, np.full(len(self), self.scam))

    @property
    def recall_of_campaigns(self) -> np.ndarray:
        return _share(self.met, np.full(len(self), self.campaigns))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole != 0)


@dataclass(frozen=True, slots=True)
class Spans:
    """Of m groups of events, where each is hit: at cut-offs that `high` reaches, and at those beyond `far`."""

    high: np.ndarray
    far: np.ndarray

    @classmethod
    def of(cls, bounds: np.ndarray) -> Spans:
        """bounds float64[m, 2]: the highest value of events hit where the comparison holds, and minus the lowest of
        those hit where it fails."""
        return cls(bounds[:, 0], np.maximum(bounds[:, 0], -bounds[:, 1]))

    def hit(self, cuts: np.ndarray, grid: Grid) -> np.ndarray:
        """int64[k]: how many groups are hit at each cut-off."""
        high, far = np.sort(self.high), np.sort(self.far)
        return len(high) - grid.below(high, cuts) + grid.below(far, cuts)


@dataclass(slots=True)
class Tally:
    """One period. `days`: its length."""

    grid: Grid
    days: float
    scam: int = 0
    _always: np.ndarray = field(default_factory=lambda: np.zeros(3, np.int64))
    _events: Folded = field(default_factory=lambda: Folded(np.float64, np.int64, 6, np.add))
    _alerts: dict[int, Folded] = field(default_factory=dict)
    _campaigns: Folded = field(default_factory=lambda: Folded(np.int64, np.float64, 2, np.maximum))
    _snapped: bool = False

    def add_all(self, campaign: np.ndarray) -> None:
        """Scam events of the rule's kinds, whether it hits them or not: int32[s]."""
        self.scam += len(campaign)
        self._campaigns.add(campaign.astype(np.int64), np.full((len(campaign), 2), -np.inf))

    def add(self, found: Found) -> None:
        """Events that hit at some cut-off."""
        self._snap()
        value, scam = found.value, found.campaign >= 0
        always, holds, fails = found.holds & found.fails, found.holds & ~found.fails, found.fails & ~found.holds
        each = np.column_stack([np.ones(len(value), np.int64), scam, found.fen])
        self._always += each[always].sum(axis=0)
        varied = ~always
        columns = np.column_stack([each * holds[:, None], each * fails[:, None]])
        self._events.add(self.grid.snapped(value[varied]), columns[varied])
        bounds = np.column_stack([np.where(always, np.inf, np.where(holds, value, -np.inf)),
                                  np.where(fails, -value, -np.inf)])  # fmt: skip
        self._campaigns.add(found.campaign[scam].astype(np.int64), bounds[scam])
        both = np.column_stack([bounds, np.where(scam[:, None], bounds, -np.inf)])
        for day in np.unique(found.day).tolist():
            of_day = self._alerts.get(day)
            if of_day is None:
                of_day = self._alerts[day] = Folded(np.uint64, np.float64, 4, np.maximum)
            today = found.day == day
            of_day.add(found.source[today], both[today])
        self.grid.coarse |= self._events.settled > DISTINCT_MAX

    def _snap(self) -> None:
        """Takes what was counted before the grid became coarse onto it."""
        if self._snapped or not self.grid.coarse:
            return
        self._snapped = True
        self._events.remade(self.grid.snapped)

    @property
    def values(self) -> np.ndarray:
        """float64[k]: the distinct values of events whose fate hangs on the threshold, in order."""
        self._snap()
        found = self._events.keys
        return found[np.abs(found) < NEVER]

    def alerts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of all alerts: source uint64[a], day int64[a], bounds float64[a, 4] (of all hits, and of the true ones)."""
        if not self._alerts:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros((0, 4))
        days = np.repeat(list(self._alerts), [len(folded.keys) for folded in self._alerts.values()])
        sources = np.concatenate([folded.keys for folded in self._alerts.values()])
        return sources, days, np.concatenate([folded.rows for folded in self._alerts.values()])

    def curve(self, cuts: np.ndarray) -> Curve:
        """Counts at these cut-offs (float64[k], oriented, in any order)."""
        self._snap()
        _, _, bounds = self.alerts()
        at = self.grid.below(self._events.keys, cuts)
        sums = np.vstack([np.zeros(6, np.int64), np.cumsum(self._events.rows, axis=0)])
        events = self._always + (sums[-1, :3] - sums[at, :3]) + sums[at, 3:]
        return Curve(
            cuts, events[:, 0], events[:, 1], events[:, 2],
            alerts=Spans.of(bounds[:, :2]).hit(cuts, self.grid),
            true_alerts=Spans.of(bounds[:, 2:]).hit(cuts, self.grid),
            met=Spans.of(self._campaigns.rows).hit(cuts, self.grid),
            scam=self.scam, campaigns=len(self._campaigns.keys), days=self.days,
        )  # fmt: skip
