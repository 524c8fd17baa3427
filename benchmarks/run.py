"""`interceptor bench`: runs cases, writes what they found, compares with an earlier run.

Enters: names of cases, how large. Leaves: results.json, pictures and README.md in a folder; a table on standard output.
Invariant: progress and errors go to standard error.

Exit codes: 0 done, 1 something became slower than the bound or a case failed, 2 wrong use.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from benchmarks import results as files
from benchmarks import running
from benchmarks.case import SIZES, Case, Setting, Size
from benchmarks.machine import machine, versions
from benchmarks.registry import CASES, SERVERS, UnknownCase, chosen
from benchmarks.results import BadResults, Measured, Results
from interceptor.rules import default_rules_dir, load
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_FOUND, fail, print_json

PEERS, PEERS_FILE = "peers", "peers.json"
FOLDER = Path("benchmarks/results")


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. `bound`: how many percent slower is too slow. `date`: what the result file says."""

    cases: tuple[str, ...]
    size: Size
    seed: int
    to: Path
    compare: Path | None
    bound: float
    date: str
    as_json: bool
    list_cases: bool


def main(options: Options) -> int:
    """Runs, writes, shows; gives the exit code."""
    if options.list_cases:
        return _show_cases(options.as_json)
    if PEERS in options.cases:
        return _peers(options)
    try:
        wanted = chosen(options.cases, options.size)
        old = files.read(options.compare) if options.compare else None
    except (UnknownCase, BadResults) as error:
        return fail(f"interceptor bench: {error}")
    results = _run(wanted, options)
    _write(results, options.to)
    from benchmarks.tables import show

    for what in ("size", "seed", "machine", "ruleset") if old else ():
        if getattr(old, what) != getattr(results, what):
            _say(f"compared with a run of another {what}: {getattr(old, what)}")
    compared = files.changes(old, results) if old else []
    if options.as_json:
        print_json({"results": asdict(results), "changes": [asdict(one) for one in compared]})
    else:
        show(results, options.to, compared, options.bound)
    slower = [one for one in compared if one.ratio > 1 + options.bound / 100]
    failed = [case for case in results.cases if case.missing]
    return EXIT_FOUND if slower or failed else EXIT_CLEAN


def _run(wanted: Sequence[Case], options: Options) -> Results:
    setting, found = Setting(options.size, options.seed), list[Measured]()
    with _Progress() as progress:
        began_s = time.monotonic()
        progress.tell("streams: made once, then kept on the disk")
        wrong = running.make_streams(wanted, setting)
        _say(f"streams: {wrong or f'{time.monotonic() - began_s:.1f} s'}")

        def run_group(group: list[Case]) -> list[Measured]:
            return running.run(group, setting, progress.tell)

        # What says nothing of speed may share the machine.
        with ThreadPoolExecutor(2 if options.size == "quick" else 1) as pool:
            for measured in pool.map(run_group, running.grouped(wanted, options.size)):
                found += measured
                for one in measured:
                    took = f"{len(one.figures)} figures" + (f", {one.process['wall_s']:.1f} s" if one.process else "")
                    _say(f"{one.name}: {one.missing or took}")
    found.sort(key=lambda one: list(CASES).index(one.name))
    ruleset = load(default_rules_dir()).hash
    return Results(options.date, options.size, options.seed, ruleset, machine(), versions(), found)


def _write(results: Results, folder: Path) -> None:
    from benchmarks.pictures import draw_all
    from benchmarks.tables import page

    folder.mkdir(parents=True, exist_ok=True)
    files.write(results, folder / "results.json")
    pictures = draw_all(results, folder)
    (folder / "README.md").write_text(page(results, pictures, folder / PEERS_FILE), "utf-8")


def _peers(options: Options) -> int:
    """The peers' own runner, where it is there."""
    try:
        runner = importlib.import_module("benchmarks.peers.run")
    except ModuleNotFoundError as error:
        return fail(f"interceptor bench: the peers can't be run here: {error}", EXIT_FOUND)
    names = [name for name in options.cases if name != PEERS]
    to = options.to / PEERS_FILE
    found = runner.main(names=names, size=options.size, seed=options.seed, to=to, as_json=options.as_json)
    return int(found or 0)


def _show_cases(as_json: bool) -> int:
    if as_json:
        about = [{"name": one.name, "what": one.what, "unit": one.unit, "axis": one.axis} for one in CASES.values()]
        print(json.dumps(about, ensure_ascii=False, indent=2))
        return EXIT_CLEAN
    width = max(map(len, CASES))
    for one in CASES.values():
        print(f"{one.name:<{width}}  {one.what}{' (starts Kafka and Redis)' if one.name in SERVERS else ''}")
    print(f"{PEERS:<{width}}  what else a user could run, on the same events")
    return EXIT_CLEAN


class _Progress:
    """A line that says what is going on, on a terminal only."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._status = console.status("") if console.is_terminal else None

    def __enter__(self) -> _Progress:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def tell(self, what: str) -> None:
        if self._status:
            self._status.update(what)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def today() -> str:
    """Now, as a result file says it."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


def size_of(quick: bool, full: bool) -> Size:
    """Raises ValueError where both are asked for."""
    if quick and full:
        raise ValueError("--quick and --full: one of them")
    return SIZES[0] if quick else SIZES[2] if full else SIZES[1]


def options_of(
    cases: Sequence[str] = (), *, quick: bool = False, full: bool = False, seed: int = 1, to: Path = FOLDER,
    compare: Path | None = None, bound: float = 15.0, date: str | None = None, as_json: bool = False,
    list_cases: bool = False,
) -> Options:  # fmt: skip
    return Options(
        tuple(cases), size_of(quick, full), seed, to, compare, bound, date or today(), as_json, list_cases
    )  # fmt: skip
