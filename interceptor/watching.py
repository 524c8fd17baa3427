"""The rules of a run while people edit them: `interceptor run --watch`.

Enters: a folder of rules, files of lists. Leaves: rule sets for the engine, between two slices; words on the display.
Invariants: files are read when none of them has changed for QUIET_S, and what was read counts only if none changed
meanwhile; what can't be used never reaches the engine, and is on the display until it is mended.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import monotonic

from interceptor.display import Display
from interceptor.engine import Engine
from interceptor.local_time import clock
from interceptor.reload import Reloaded
from interceptor.rules import Problem, RulesError, RuleSet, load
from interceptor.rules.errors import Place, printable
from interceptor.schema import kinds_named
from simulator.report import RulesUsed

POLL_S = 0.25  # real time between two looks at the files …
POLL_SHARE = 0.02  # … and longer where a look takes more than this share of it …
POLL_MAX_S = 1.0  # … but no longer than that: a look may have been slow by chance
QUIET_S = 1.0
NAMES_SHOWN = 6
SUFFIXES = (".yaml", ".csv", ".txt")

Print = tuple[int, ...]  # tells one state of a file from another


class Edits:
    """Follows the files of a rule set, and reads them in a thread when they have changed."""

    def __init__(self, folder: Path, lists: Sequence[Path]) -> None:
        """To be made before the files are read for the first time."""
        self.folder, self._lists = folder, lists
        self._seen = self._read = self._prints()
        self._seen_s = self._look_s = monotonic()
        self._reading: Future[RuleSet | RulesError] | None = None
        self._thread = ThreadPoolExecutor(1, "rules")

    def take(self, previous: RuleSet) -> RuleSet | RulesError | None:
        """What came of an edit, once; None = there is nothing new. Never waits. `previous` is the rule set in force:
        what is the same there and takes long to compile isn't compiled again."""
        now_s = monotonic()
        if now_s < self._look_s:
            return None
        prints = self._prints()
        self._look_s = now_s + min(max(POLL_S, (monotonic() - now_s) / POLL_SHARE), POLL_MAX_S)
        if prints != self._seen:
            self._seen, self._seen_s = prints, now_s
        if self._reading is not None and self._reading.done():
            found, self._reading = self._reading.result(), None
            if self._seen == self._read:
                return found
        if self._reading is None and self._seen != self._read and now_s - self._seen_s >= QUIET_S:
            self._read = self._seen
            self._reading = self._thread.submit(self._load, previous)
        return None

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _load(self, previous: RuleSet) -> RuleSet | RulesError:
        try:
            return load(self.folder, self._lists, previous)
        except RulesError as error:
            return error
        except Exception as error:  # whatever is wrong with an edit, the stream goes on
            what = f"the rules can't be read: {type(error).__name__}: {error}"
            return RulesError([Problem(Place(str(self.folder), 1, 1), "unreadable", what)])

    def _prints(self) -> dict[Path, Print]:
        prints: dict[Path, Print] = {}
        try:
            paths = list(self._paths())
        except OSError:  # folders come and go under our eyes: there will be another look
            return prints
        for path in paths:
            try:
                about = path.stat()
            except OSError:  # gone: that is a change, too
                continue
            prints[path] = (about.st_mtime_ns, about.st_ctime_ns, about.st_size, about.st_ino)
        return prints

    def _paths(self) -> Iterator[Path]:
        if self.folder.is_dir():
            yield from (path for path in self.folder.rglob("*") if path.suffix in SUFFIXES)
        else:
            yield self.folder
        yield from self._lists


class RulesInForce:
    """Which rule set decides, which have decided what, and what is wrong with the newest edit."""

    def __init__(self, engine: Engine, edits: Edits | None, display: Display, start_ms: int) -> None:
        self._engine, self._edits, self._display = engine, edits, display
        self._used: dict[str, RulesUsed] = {}
        self.gates_of_rule: dict[str, str] = {}
        self._is_wrong = False
        self._begin(start_ms)
        if edits:
            told = f"Watching {printable(str(edits.folder))}: edits are read {QUIET_S:g} s after the last change"
            display.tell(told)
            self._stand()

    @property
    def used(self) -> Sequence[RulesUsed]:
        """The rule sets that decided anything, in order of their first events."""
        return [used for used in self._used.values() if used.events]

    def exchange(self, now_ms: int) -> None:
        """To be called between two slices: takes what came of an edit. `now_ms`: event time, to tell when it was."""
        found = self._edits.take(self._engine.rule_set) if self._edits else None
        if isinstance(found, RulesError):
            self._refuse(found, now_ms)
        elif found is not None:
            self._follow(found, now_ms)

    def count(self, ruleset: str, events: int) -> None:
        """So many events were decided."""
        used = self._used[ruleset]
        self._used[ruleset] = replace(used, events=used.events + events)

    def _begin(self, now_ms: int) -> None:
        rule_set = self._engine.rule_set
        self._used.setdefault(rule_set.hash, RulesUsed(rule_set.hash, len(rule_set.rules), 0, now_ms))
        self.gates_of_rule |= {rule.name: kinds_named(rule.kinds) for rule in rule_set.rules}

    def _follow(self, rule_set: RuleSet, now_ms: int) -> None:
        before = self._engine.rule_set
        change = self._engine.reload(rule_set)
        if rule_set.hash != before.hash:
            self._begin(now_ms)
            self._display.tell(f"{clock(now_ms):%Y-%m-%d %H:%M} {told(change)}")
        elif self._is_wrong:
            self._display.tell(f"{clock(now_ms):%Y-%m-%d %H:%M} rules mended: {before.hash} goes on")
        self._is_wrong = False
        self._stand()

    def _refuse(self, error: RulesError, now_ms: int) -> None:
        self._is_wrong = True
        count, old = _errors(error), self._engine.rule_set.hash
        lines = [f"{clock(now_ms):%Y-%m-%d %H:%M} rules not reloaded: the edit has {count}, {old} goes on"]
        lines += [f"  {line}" for line in str(error.problems[0]).splitlines()]
        if error.problems[1:]:
            lines.append(f"  and {len(error.problems) - 1:,} more")
        self._display.tell("\n".join(lines), wrong=True)
        self._display.stand(f"rules: old set {old}, edit has {count}: {error.problems[0].where}", wrong=True)

    def _stand(self) -> None:
        rules = len(self._engine.rule_set.rules)
        self._display.stand(f"rules: {self._engine.rule_set.hash}, {rules:,} rules, edits are watched")


def told(change: Reloaded) -> str:
    """A reload in words, three lines."""
    rules = _parts(("changed", change.rules_changed), ("new", change.rules_added), ("gone", change.rules_removed))
    dropped = tuple(sorted((*change.removed, *change.unread)))
    windows = _parts(("begun anew", change.reset), ("new", change.added), ("dropped", dropped))
    same = "the same" if windows else "the same; lists, words, policies or the half-life changed"
    kept = f"{len(change.kept):,} kept" if len(change.kept) > NAMES_SHOWN else f"kept {_names(change.kept) or 'none'}"
    return (
        f"rules reloaded: {change.before} → {change.after}\n"
        f"  rules: {'; '.join(rules) or same}\n"
        f"  windows: {'; '.join([kept, *windows])}"
    )


def _parts(*parts: tuple[str, Sequence[str]]) -> list[str]:
    return [f"{what} {_names(names)}" for what, names in parts if names]


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(names[:NAMES_SHOWN])
    return f"{shown} and {len(names) - NAMES_SHOWN:,} more" if len(names) > NAMES_SHOWN else shown


def _errors(error: RulesError) -> str:
    count = len(error.problems)
    return "1 error" if count == 1 else f"{count:,} errors"
