"""Peers side by side, on the same events in the same run: `python -m benchmarks.peers.run [NAME…]`.

Enters: names of peers (all, where none is given), how many events. Leaves: a table on standard output, peers.json.
Invariant: progress goes to standard error; a peer that can't run here is in the table with the reason.

Exit codes: 0 done; 1 a peer's hits differ from the reference's, or it broke; 2 wrong use.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.machine import machine, versions
from benchmarks.peers import environment, job
from benchmarks.peers.measuring import Measured, Measuring, with_ratios
from benchmarks.peers.registry import BY_KEY, ENTRIES
from benchmarks.peers.topics import Topics, broker
from interceptor.machine.problems import MachineProblem
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_FOUND, Column, fail, show_table

EVENTS = {"quick": 20_000, "default": 1_000_000, "full": 2_000_000}
BUDGET_S = {"quick": 3.0, "default": 20.0, "full": 60.0}
TO = Path("benchmarks/results/peers.json")


def main(
    names: Sequence[str] = (), size: str = "default", seed: int = 1, to: Path = TO, events: int | None = None,
    threads: Sequence[int] = (1, 2), budget_s: float | None = None, as_json: bool = False,
) -> int:  # fmt: skip
    """Runs, writes, shows; gives the exit code. `threads`: for peers that can make use of several."""
    unknown = [name for name in names if name not in BY_KEY]
    if unknown:
        return fail(f"no peer is called {', '.join(unknown)}; there are {', '.join(BY_KEY)}")
    entries = [entry for entry in ENTRIES if not names or entry.key in names]
    found = list[Measured]()
    with tempfile.TemporaryDirectory(prefix="peers-") as name, ExitStack() as stack:
        folder = Path(name)
        _tell("the job: events, blocklist, reference")
        work = job.make(folder, events or EVENTS[size], seed)
        topics: Topics | str = "no peer asked for it"
        if any(entry.peer().streams for entry in entries):
            try:
                topics = Topics(stack.enter_context(broker(folder)))
            except MachineProblem as error:
                topics = f"no Kafka: {str(error).splitlines()[0]}"
        measuring = Measuring(work, topics, budget_s or BUDGET_S[size], _tell)
        for one in measuring.all(entries, threads):
            found.append(one)
            _tell(f"  {_said(one)}")
    with_ratios(found)
    written = _written(found, seed, work.events)
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(json.dumps(written, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(json.dumps(written, ensure_ascii=False, indent=1)) if as_json else _show(found, to)
    return EXIT_FOUND if any(one.differing or one.failed for one in found) else EXIT_CLEAN


def _written(found: Sequence[Measured], seed: int, events: int) -> dict[str, object]:
    """What the result file holds. `ratios`: on one thread, by name, how many times our CPU an event."""
    ratios = {one.name: one.ratio for one in found if one.ratio is not None and one.threads == 1}
    return {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "seed": seed,
        "events": events,
        "machine": machine(),
        "versions": versions() | environment.versions(),
        "ratios": ratios,
        "runs": [asdict(one) for one in found],
    }


def _said(one: Measured) -> str:
    """One run in a line."""
    if one.missing or one.failed:
        return f"missing: {one.missing}" if one.missing else f"FAILED: {one.failed}"
    figures = f"{one.per_s:,.0f} events/s, {one.cpu_us:.2f} CPU µs an event (control {one.control_us:.2f})"
    return figures + f"; {_equal(one)}"


def _equal(one: Measured) -> str:
    if not one.differing:
        return "hits equal"
    return "HITS DIFFER: " + ", ".join(f"{rule} {got:,} of {want:,}" for rule, (got, want) in one.differing.items())


def _show(found: Sequence[Measured], to: Path) -> None:
    columns = [
        Column("Peer"), Column("Job"), Column("Threads", True), Column("Events", True), Column("Events/s", True),
        Column("CPU µs/event", True), Column("× ours", True), Column("Peak MB", True), Column("Hits", wraps=True),
        Column("Meaning", wraps=True),
    ]  # fmt: skip
    rows = []
    for one in found:
        if one.timed:
            ratio = "" if one.ratio is None else f"{one.ratio:.1f}" if one.ratio < 100 else f"{one.ratio:,.0f}"
            figures = [f"{one.given:,}", f"{one.per_s:,.0f}", f"{one.cpu_us:.2f}", ratio, f"{one.rss_peak_mb:,.0f}"]
            rows.append([one.name, one.job, str(one.threads), *figures, _equal(one), one.meaning])
        else:
            rows.append([one.name, one.job, str(one.threads), *[""] * 5, "", _said(one)])
    note = (
        "× ours: CPU an event, by that of this project's engine with the same job (stateless: frames against dicts; "
        "plain Python: frames against decoded events, JSON against JSON; peers on topics: a worker on a topic), each "
        f"divided by the control around it. Written to {to}."
    )
    show_table("Peers on the same events", columns, rows, note)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def command(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(BY_KEY)}; all if none.")] = None,
    events: Annotated[int | None, typer.Option(min=2_000, help="A million, with --quick 20,000.")] = None,
    seed: Annotated[int, typer.Option()] = 1,
    threads: Annotated[str, typer.Option(help="For peers that can make use of several.")] = "1,2",
    budget: Annotated[float | None, typer.Option(help="Seconds of CPU that a slow peer may take.")] = None,
    to: Annotated[Path, typer.Option(help="The result file.")] = TO,
    quick: Annotated[bool, typer.Option("--quick", help="Few events: does it work?")] = False,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Measure peers beside this project's engine."""
    try:
        numbers = [int(one) for one in threads.split(",")]
    except ValueError:
        raise typer.BadParameter("numbers with commas between, such as 1,2", param_hint="--threads") from None
    size = "quick" if quick else "default"
    sys.exit(main(names or (), size, seed, to, events, numbers, budget, as_json))


if __name__ == "__main__":
    typer.run(command)
