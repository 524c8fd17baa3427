"""`interceptor rules diff`: what changes on a recording when one rule set takes another's place.

Enters: a recording, rules A and B, bounds. Leaves: tables, JSON or a page; exit code 1 where B is worse than the bounds
allow. Invariant: numbers of people are masked, texts cleaned of what could steer a terminal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from interceptor.display import clean, fitted, yuan
from interceptor.local_time import clock
from interceptor.masking import masked
from interceptor.recording import RecordingError
from interceptor.schema import GATE_NAMES, Kind, Verdict
from interceptor.tuning.compare import Bounds, Comparison, Moved, compare
from interceptor.tuning.pair import outcomes
from interceptor.tuning.replay import guarded, rules_at
from interceptor.tuning.tables import (
    EXIT_CLEAN,
    EXIT_FOUND,
    EXIT_USAGE,
    Column,
    Table,
    check_page_path,
    fail,
    print_json,
    say,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
__all__ = ["Bounds", "main"]

_EVENT_COLUMNS = ["event_id", "ts_ms", "kind", "source", "target", "amount_fen", "host", "text"]
_TEXT_CELLS = 44
NO_TRUTH = "no truth file beside it: changes are shown, but no bound can be checked"


@guarded
def main(before: Path, after: Path, on: Path, bounds: Bounds, *, as_json: bool, html: Path | None) -> int:
    """Exit code 0 = within the bounds, 1 = worse, 2 = no such recording, or none with truth, 78 = broken rules."""
    check_page_path(html)
    rule_sets = (rules_at(before), rules_at(after))
    a, b = outcomes(on, (before, after), rule_sets)
    found = compare(a, b, *rule_sets)
    told = Told(on, (a.ruleset, b.ruleset), found, bounds)
    if html:
        from interceptor.tuning.page import Figure, Words, write_page

        picture = Figure("Interceptions that change", told.draw_changes)
        words = [Words(line) for line in [*told.sums(), *told.verdict_on_bounds()]]
        write_page(html, told.title, [*words, picture, *told.tables()])
    if as_json:
        print_json(told.as_object())
    else:
        told.show()
    if not found.has_truth:
        return fail(f"{on}: {NO_TRUTH}", EXIT_USAGE)
    return EXIT_CLEAN if all(value <= most for _, value, most in found.judged(bounds)) else EXIT_FOUND


@dataclass(frozen=True, slots=True)
class Example:
    """A Moved event as people may see it."""

    event_id: int
    gate: Kind
    when: str
    what: str
    moved: Moved


class Told:
    """A comparison in words, numbers and a picture."""

    def __init__(self, on: Path, rulesets: tuple[str, str], found: Comparison, bounds: Bounds) -> None:
        self.name, self.rulesets, self.found, self.bounds = on.name, rulesets, found, bounds
        self.title = f"From rules {rulesets[0]} (A) to {rulesets[1]} (B) on {on.name}: {found.events:,} events"
        events = events_at(on, [moved.row for moved in found.examples])
        self.examples = [_example(moved, events[moved.row]) for moved in found.examples]

    def show(self) -> None:
        """Everything, on standard output."""
        say(self.title, bold=True)
        for line in self.sums():
            say(line)
        for table in self.tables():
            say("")
            table.show()
        say("")
        for line in self.verdict_on_bounds():
            say(line)

    def sums(self) -> Iterator[str]:
        """Lines at the top."""
        found = self.found
        for section, changes in found.definitions.items():
            for how, names in changes.items():
                if names:
                    yield f"{section} {how}: {', '.join(names)}"
        if not found.definitions:
            yield "The two decide by the same definitions."
        if found.has_truth:
            yield f"Scam events stopped: {_step(found.caught)}. Ordinary events stopped: {_step(found.wrong)}."
            money, less = found.stopped_fen, found.stopped_fen[1] - found.stopped_fen[0]
            change = f"{less / 100:+,.0f} yuan" if less else "the same"
            yield f"Victims' payments stopped: {yuan(money[0])} → {yuan(money[1])} ({change})."
        else:
            yield f"Events stopped: {_step(found.wrong)}."

    def verdict_on_bounds(self) -> Iterator[str]:
        if not self.found.has_truth:
            return
        for what, value, most in self.found.judged(self.bounds):
            shown = [f"{number / 100:,.0f} yuan" if "fen" in what else f"{number:,}" for number in (value, most)]
            name = what.removesuffix(", fen")
            yield f"{'ok   ' if value <= most else 'WORSE'} {name}: {shown[0]}, allowed {shown[1]}"

    def tables(self) -> Iterator[Table]:
        yield self._gates()
        names = [verdict.name.lower() for verdict in Verdict]
        rows = [
            [name, *(f"{count:,}" for count in row)]
            for name, row in zip(names, self.found.matrix.tolist(), strict=True)
        ]
        columns = [Column("A \\ B"), *(Column(name, right=True) for name in names)]
        yield Table("Verdicts: rows by A, columns by B", columns, rows)
        changed = self._rules()
        if changed.rows:
            yield changed
        if self.examples:
            yield self._examples()

    def _gates(self) -> Table:
        truth = self.found.has_truth
        names = ["new: scam", "ordinary", "lost: scam", "ordinary"] if truth else ["new", "lost"]
        rows = []
        for kind, change in self.found.gates.items():
            counts = [change.new_scam, change.new_ordinary, change.lost_scam, change.lost_ordinary]
            shown = counts if truth else [change.new_ordinary, change.lost_ordinary]
            rows.append([GATE_NAMES[kind], *(f"{count:,}" for count in shown)])
        return Table("Interceptions", [Column("Gate"), *(Column(name, right=True) for name in names)], rows)

    def _rules(self) -> Table:
        truth = self.found.has_truth
        names = ["hits by A", "by B", "gained", "of it scam", "lost", "of it scam"]
        rows = []
        for one in self.found.rules:
            if one.gained or one.lost or None in one.hits:
                hits = ["–" if count is None else f"{count:,}" for count in one.hits]
                counts = (one.gained, one.gained_scam, one.lost, one.lost_scam)
                rows.append([one.name, *hits, *(f"{count:,}" for count in counts)])
        kept = [place for place, name in enumerate(names, 1) if truth or name != "of it scam"]
        columns = [Column("rule", wraps=True), *(Column(names[place - 1], right=True) for place in kept)]
        return Table("Rules that hit otherwise", columns, [[row[0], *(row[place] for place in kept)] for row in rows])

    def _examples(self) -> Table:
        columns = [Column("change"), Column("event", right=True), Column("when"), Column("what", wraps=True)]
        columns += [Column("A → B"), Column("rules of A", wraps=True), Column("rules of B", wraps=True)]
        rows = [
            [
                _change(one.moved, self.found.has_truth), str(one.event_id), one.when, one.what,
                " → ".join(verdict.name.lower() for verdict in one.moved.verdicts),
                *(", ".join(rules) or "–" for rules in one.moved.rules),
            ]
            for one in self.examples
        ]  # fmt: skip
        return Table("Examples", columns, rows, "(In brackets): no rule hit the event itself, its score is of these.")

    def draw_changes(self, axes: Axes) -> None:
        """New interceptions to the right, lost ones to the left."""
        from interceptor.tuning.page import BLUE, ORANGE

        gates = list(self.found.gates.items())[::-1]
        names = [GATE_NAMES[kind] for kind, _ in gates]
        for scam, height, colour in ((True, 0.2, BLUE), (False, -0.2, ORANGE)):
            new = [change.new_scam if scam else change.new_ordinary for _, change in gates]
            lost = [-(change.lost_scam if scam else change.lost_ordinary) for _, change in gates]
            places = [place + height for place in range(len(gates))]
            axes.barh(places, new, 0.36, color=colour, label="scam" if scam else "ordinary")
            axes.barh(places, lost, 0.36, color=colour)
        axes.set_yticks(range(len(gates)), names)
        axes.axvline(0, color="gray", linewidth=0.8)
        axes.set_xlabel("events: lost ← → new")
        axes.legend()

    def as_object(self) -> dict[str, Any]:
        """For JSON; pairs are [A, B]."""
        found = self.found
        return {
            "recording": {"file": self.name, "events": found.events, "truth": found.has_truth},
            "rulesets": self.rulesets,
            "definitions": found.definitions,
            "gates": {kind.name.lower(): asdict(change) for kind, change in found.gates.items()},
            "verdicts": {"names": [one.name.lower() for one in Verdict], "matrix": found.matrix.tolist()},
            "scam_events_stopped": found.caught, "ordinary_events_stopped": found.wrong,
            "money_stopped_fen": found.stopped_fen,
            "rules": [asdict(one) for one in found.rules],
            "examples": [
                {
                    "event_id": one.event_id, "gate": one.gate.name.lower(), "when": one.when, "what": one.what,
                    "change": "new" if one.moved.new else "lost",
                    "scam": one.moved.scam if found.has_truth else None,
                    "verdicts": [verdict.name.lower() for verdict in one.moved.verdicts], "rules": one.moved.rules,
                }
                for one in self.examples
            ],
            "bounds": [
                {"what": what, "value": value, "allowed": most, "ok": value <= most}
                for what, value, most in found.judged(self.bounds)
            ] if found.has_truth else None,
        }  # fmt: skip


def events_at(path: Path, rows: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Some events of a recording by row; only the row groups that hold them are read. Raises RecordingError."""
    found: dict[int, dict[str, Any]] = {}
    try:
        with pq.ParquetFile(path) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.metadata.num_row_groups)]
            ends = np.cumsum(sizes)
            group_of = np.searchsorted(ends, rows, side="right")
            for group in np.unique(group_of):
                here = [row for row, of in zip(rows, group_of, strict=True) if of == group]
                table = file.read_row_group(int(group), columns=_EVENT_COLUMNS)
                first = int(ends[group]) - sizes[group]
                found |= dict(zip(here, table.take([row - first for row in here]).to_pylist(), strict=True))
    except (OSError, pa.ArrowException) as error:
        raise RecordingError(f"{path}: its events can't be read again: {error}") from error
    return found


def _example(moved: Moved, event: dict[str, Any]) -> Example:
    kind, source, target = Kind(event["kind"]), masked(event["source"]), masked(event["target"])
    match kind:
        case Kind.SMS:
            what = f"{source} → {target}: “{fitted(clean(event['text']), _TEXT_CELLS)}”"
        case Kind.WEB:
            what = f"{target} visits {fitted(clean(event['host']), _TEXT_CELLS)}"
        case Kind.TRANSFER:
            what = f"{target} pays {yuan(event['amount_fen'])}"
        case _:
            what = f"{source} → {target}"
    return Example(event["event_id"], kind, f"{clock(event['ts_ms']):%m-%d %H:%M}", what, moved)


def _change(moved: Moved, truth: bool) -> str:
    how = "new" if moved.new else "lost"
    return f"{how}, {'scam' if moved.scam else 'ordinary'}" if truth else how


def _step(pair: tuple[int, int]) -> str:
    return f"{pair[0]:,} → {pair[1]:,} ({pair[1] - pair[0]:+,})"
