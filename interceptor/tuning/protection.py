"""What a rule finds today and must go on finding.

Enters: ids that were asked for, events that the rule finds, its tests. Leaves: what another cut-off would lose.
Invariant: an event is protected if its id was asked for, or if it is scam and no other live rule hits it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from interceptor.rules.errors import printable
from interceptor.rules.ruleset import Rule, RuleSet
from interceptor.tuning.probe import Seen
from interceptor.tuning.tables import UsageProblem
from interceptor.tuning.tally import Found, Grid
from interceptor.tuning.threshold import Threshold, with_number
from interceptor.tuning.trial import Outcome, try_rule

FILE_BYTES_MAX = 50_000_000
NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that must stay found and wouldn't: events by id, or tests by name."""

    what: str
    names: tuple[str, ...]


def ids_in(path: Path | None) -> np.ndarray:
    """uint64[p], in order: the ids in a file, one a line; what follows a # is let be. Raises UsageProblem."""
    if path is None:
        return np.zeros(0, np.uint64)
    name = printable(str(path))
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise UsageProblem(f"--protect {name}: larger than {FILE_BYTES_MAX:,} bytes")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageProblem(f"--protect {name}: can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageProblem(f"--protect {name}: not a text file in UTF-8") from error
    found = set()
    for number, line in enumerate(lines, 1):
        word = line.split("#")[0].strip()
        if word and not (word.isascii() and word.isdigit() and len(word) <= 20 and int(word) < 1 << 64):
            message = f"{name}:{number}: {printable(word[:40])} is no id of an event"
            raise UsageProblem(f"{message}\n  hint: one number a line")
        if word:
            found.add(int(word))
    return np.array(sorted(found), np.uint64)


@dataclass(slots=True)
class Protection:
    """The protected events; `now`: the cut-off in force, oriented."""

    grid: Grid
    now: float
    ids: np.ndarray
    events: list[tuple[Found, np.ndarray]] = field(default_factory=list)  # and whether they were asked for
    there: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.there = np.zeros(len(self.ids), bool)

    def add(self, seen: Seen) -> None:
        """Takes what is to be protected from a frame."""
        found = seen.found
        asked = np.isin(found.id, self.ids)
        if len(self.ids):
            self.there |= np.isin(self.ids, seen.frame_ids)
        only = (found.campaign >= 0) & ~found.other
        kept = (asked | only) & found.hits_at(self.now, self.grid.strict)
        if kept.any():
            self.events.append((found.of(kept), asked[kept]))

    def check(self) -> str:
        """Which ids the rule doesn't find anyway, or "". Raises UsageProblem for those that aren't in the recording."""
        if not self.there.all():
            missing = self.ids[~self.there]
            raise UsageProblem(f"--protect: {len(missing):,} ids aren't in the recording: {_some(missing)}")
        asked = [events.id[chosen] for events, chosen in self.events]
        missed = np.setdiff1d(self.ids, np.concatenate([np.zeros(0, np.uint64), *asked]))
        words = f"{len(missed):,} of the ids to protect aren't found by this rule today: {_some(missed)}"
        return words if len(missed) else ""

    @property
    def counts(self) -> dict[str, int]:
        alone = sum(int(np.count_nonzero((one.campaign >= 0) & ~one.other)) for one, _ in self.events)
        return {"found_by_this_rule_alone": alone, "asked_for": sum(int(asked.sum()) for _, asked in self.events)}

    def losses(self, cut: float) -> list[Loss]:
        """What wouldn't be found any more at a cut-off (oriented)."""
        lost: dict[str, list[str]] = {"asked for by --protect": [], "scam events that no other live rule finds": []}
        for events, asked in self.events:
            gone = ~events.hits_at(cut, self.grid.strict)
            for what, chosen in zip(lost, (asked, ~asked), strict=True):
                lost[what] += map(str, events.id[gone & chosen].tolist())
        return [Loss(what, tuple(names)) for what, names in lost.items() if names]

    def kept(self, cuts: np.ndarray) -> np.ndarray:
        """bool[k]: the cut-offs (oriented) that lose none of it."""
        lowest, highest = np.inf, -np.inf
        for events, _ in self.events:
            lowest = min(lowest, float(events.value[events.holds & ~events.fails].min(initial=np.inf)))
            highest = max(highest, float(events.value[events.fails & ~events.holds].max(initial=-np.inf)))
        below = self.grid.below
        return (below(np.array([lowest]), cuts) == 0) & (below(np.array([highest]), cuts) == 1)


class Tests:
    """A rule's own tests under other cut-offs."""

    def __init__(self, rule_set: RuleSet, rule: Rule, threshold: Threshold) -> None:
        self._rule_set, self._rule, self._threshold = rule_set, rule, threshold
        self._known: dict[float, Sequence[Outcome]] = {}

    def at(self, number: float) -> Sequence[Outcome]:
        """What they show with the threshold set so."""
        if number not in self._known:
            changed = with_number(self._rule_set, self._rule, self._threshold, number)
            self._known[number] = try_rule(changed, self._rule.name).outcomes
        return self._known[number]

    def lost(self, number: float) -> list[str]:
        """Tests that see hits today and would see none. Not those that the next stricter cut-off fails already: they
        say where the cut-off is, and move with it."""
        oriented, now = self._threshold.oriented, self._threshold.number
        next_ = oriented(oriented(now) + self._threshold.step())
        tests = zip(self.at(now), self.at(number), self.at(next_), strict=True)
        return [old.case.name for old, new, near in tests if old.passed and old.hits and near.hits and not new.hits]

    def changed(self, number: float) -> list[str]:
        """Tests that pass today, and would not, but for those that are lost."""
        tests, lost = zip(self.at(self._threshold.number), self.at(number), strict=True), self.lost(number)
        names = [old.case.name for old, new in tests if old.passed and not new.passed]
        return [name for name in names if name not in lost]


def _some(ids: np.ndarray) -> str:
    return ", ".join(map(str, ids[:NAMED_MAX].tolist())) + (" …" if len(ids) > NAMED_MAX else "")
