"""`interceptor run`: a simulated city, or a recording of one, through the engine.

Enters: Options. Leaves: progress on standard error, a bulletin on standard output, perhaps a recording; an exit code.
Invariant: simulator and engine meet here alone; neither learns anything of the other but the stream and the decisions.
"""

from __future__ import annotations

import secrets
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TextIO

import numpy as np
import pyarrow as pa
from rich.console import Console

from interceptor import __version__
from interceptor.bulletin import show
from interceptor.centre.book import BookBusy, BookError
from interceptor.commands.centre.beside import CentreBeside
from interceptor.decisions import Decisions
from interceptor.display import WIDTH_MAX, Display, Glance, clean, make_display
from interceptor.engine import Engine
from interceptor.local_time import clock
from interceptor.recording import (
    Recorder,
    Recording,
    RecordingError,
    WritingFailed,
    open_recording,
    truth_path,
)
from interceptor.rules import RulesError, RuleSet, default_rules_dir, load
from interceptor.schema import Kind
from interceptor.tuning.tables import fail, print_json
from interceptor.watching import Edits, RulesInForce
from simulator.city import Slice
from simulator.events import Pools, Rows, to_frame
from simulator.population import Habit
from simulator.report import Money, Report, RulesUsed, Stopwatch, Town, as_json
from simulator.scam_types import TYPES
from simulator.scenario import ScenarioError
from simulator.scenario import load as load_scenario
from simulator.scorecard import Score, ScoreCard
from simulator.source import CitySource
from simulator.towns import codes, town_name, weights
from simulator.without import Without, WithoutInterception

DRAWN_SEED_MAX = 1_000_000  # short enough to type again
WARM_UP_ROWS = 64  # of each kind
EXIT_DONE, EXIT_USAGE, EXIT_TRY_LATER, EXIT_CONFIGURATION, EXIT_STOPPED = 0, 2, 75, 78, 130


class UsageProblem(Exception):
    """An option that can't be followed; the message names it."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; None = not said."""

    scenario: str
    people: int | None
    days: int | None
    seed: int | None
    rules: Path | None
    lists: tuple[Path, ...]
    record: Path | None
    counterfactual: bool
    json: bool
    watch: bool = False
    observe: bool = False
    centre: Path | None = None


def main(options: Options) -> int:
    """Runs, and turns what a person can mend into one clear message and an exit code."""
    try:
        return _run(options)
    except (UsageProblem, RecordingError) as problem:
        return fail(str(problem), EXIT_TRY_LATER if isinstance(problem, WritingFailed) else EXIT_USAGE)
    except BookError as problem:
        return fail(str(problem), EXIT_TRY_LATER if isinstance(problem, BookBusy) else EXIT_CONFIGURATION)
    except ScenarioError as problem:
        return fail(str(problem), EXIT_USAGE if problem.missing else EXIT_CONFIGURATION)
    except RulesError as problem:
        return fail(str(problem), EXIT_CONFIGURATION)


def _run(options: Options) -> int:
    source, watch = source_of(options), Stopwatch()
    setting = source.setting
    with ExitStack() as stack:
        folder = options.rules or default_rules_dir()
        edits = stack.enter_context(closing(Edits(folder, options.lists))) if options.watch else None
        with watch("set_up"):
            rule_set = load(folder, options.lists)
        # Of a run that somebody may interfere with there is no second one.
        deciding = f"{rule_set.hash} {secrets.token_hex(8)}" if edits else rule_set.hash
        recorder = stack.enter_context(Recorder(options.record, setting, deciding)) if options.record else None
        compare = options.counterfactual and not options.observe  # what is observed is that run itself
        aside = stack.enter_context(source.without()) if compare else None
        title = title_of(source, None if edits else rule_set)
        display = make_display(console_on(sys.stderr), title, setting.start_ms, setting.end_ms)
        stack.callback(display.close)
        if recorder and recorder.path.exists():
            display.say(f"{recorder.path} exists and will be replaced when the run has ended")
        engine = _set_up(source, rule_set, watch, display)
        rules = RulesInForce(engine, edits, display, setting.start_ms)
        card, stop = ScoreCard(), stack.enter_context(Stop())
        centre = stack.enter_context(_centre(options.centre, engine, source)) if options.centre else None
        now_ms = _stream(source, engine, rules, card, recorder, centre, watch, display, stop)
        without = compared(aside, stop, display) if aside else None
        by = DecidedBy(
            engine.rule_set.hash, len(engine.rule_set.rules), rules.used, rules.gates_of_rule, engine.counters
        )
        report = report_of(source, by, card, watch, without, now_ms if stop.asked else None)
    if recorder:
        truth = truth_path(recorder.path)
        print(f"{recorder.path}: {recorder.events:,} events and decisions; the truth is in {truth}", file=sys.stderr)
    print_report(report, as_object=options.json)
    return EXIT_STOPPED if stop.asked else EXIT_DONE


def compared(aside: WithoutInterception, stop: Stop, display: Display) -> Without | None:
    """What the run without interception came to, once it has ended; None if it failed or nobody waits."""
    if not aside.is_done:
        display.say("Waiting for the same city without interception …")
    found = None if stop.asked else aside.result(lambda: stop.asked)
    if found is None and not stop.asked:
        display.say("The run without interception failed: there is nothing to compare the losses with.")
    return found


def title_of(source: Source, lasting: RuleSet | None) -> str:
    """What runs, in one line. `lasting`: the rules, unless they may change while the title stands there."""
    setting = source.setting
    what = f"{clean(setting.scenario)} · {setting.people:,} people · {setting.days} d · seed {setting.seed}"
    return f"Interceptor {__version__} · {what}" + (f" · rules {lasting.hash}" if lasting else "")


def _centre(path: Path, engine: Engine, source: Source) -> CentreBeside:
    """The centre's book must be a new one. Raises BookError, UsageProblem."""
    centre = CentreBeside(path, engine, source.city if isinstance(source, CitySource) else None)
    if not centre.is_new:
        centre.book.close()
        raise UsageProblem(f"--centre {path}: this book is of another run; name a new file")
    if not isinstance(source, CitySource) or source.setting.observed:
        centre.only_watches()
    if isinstance(source, CitySource) and source.scenario.reported:
        first, last = (clock(ms).date() for ms in (source.setting.start_ms, source.setting.end_ms - 1))
        centre.report(source.scenario.reported, f"scenario {source.scenario.scenario}", first, last)
    return centre


class RecordedSource:
    """A recording: what happened has happened, whatever is decided now."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        setting = recording.setting
        self.setting = replace(setting, scenario=f"{recording.path.name} ({setting.scenario})")
        self.has_truth = recording.has_truth
        self.type_of_campaign = recording.type_of_campaign

    def without(self) -> AbstractContextManager[WithoutInterception | None]:
        return nullcontext()

    def slices(self) -> Iterator[Slice]:
        return self._recording.slices()

    def feedback(self, decisions: Decisions) -> None:
        pass

    def residents(self) -> dict[int, int]:
        """As many as usually live there: a recording doesn't hold them."""
        return {int(code): round(weight * self.setting.people) for code, weight in zip(codes(), weights(), strict=True)}

    def money(self, score: Score, _: Without | None) -> tuple[Money, list[Money]]:
        """What passed the gate is lost: nobody knows what would have become of it."""
        by_type = [Money(type_.asked_fen, type_.passed_fen, None) for type_ in score.types]
        return Money(sum(m.attempted for m in by_type), sum(m.lost for m in by_type), None), by_type


Source = CitySource | RecordedSource


def source_of(options: Options) -> Source:
    """The city or recording that was asked for. Raises UsageProblem, ScenarioError or RecordingError."""
    if options.scenario.endswith(".parquet"):
        for name in ("people", "days", "seed", "observe"):
            if getattr(options, name) not in (None, False):
                raise UsageProblem(f"--{name} doesn't apply: the events of {options.scenario} are recorded")
        if options.record and options.record.resolve() == Path(options.scenario).resolve():
            raise UsageProblem(f"--record {options.record}: this is the recording to replay; name another file")
        return RecordedSource(open_recording(Path(options.scenario)))
    scenario = load_scenario(options.scenario)
    people, days = options.people or scenario.people, options.days or scenario.days
    seed = secrets.randbelow(DRAWN_SEED_MAX) if options.seed is None else options.seed
    return CitySource(scenario, people, days, seed, options.observe, centre=options.centre is not None)


class Stop:
    """Ctrl-C ends the stream after the slice at hand; a second one ends the process."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> Stop:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def _set_up(source: Source, rule_set: RuleSet, watch: Stopwatch, display: Display) -> Engine:
    """Whatever must be there before the first slice."""
    if isinstance(source, CitySource):
        display.say("Building the city …")
        with watch("set_up"):
            source.build()
    display.say("Getting the engine ready; the first time its kernels are compiled …")
    with watch("compile"):
        engine = Engine(rule_set)
        engine.decide(_one_of_each())
        engine.reload(rule_set.only(()))
    with watch("set_up"):
        return Engine(rule_set)


def _one_of_each() -> pa.RecordBatch:
    """A frame of all kinds, so that every kernel is compiled before seconds are counted as the engine's."""
    ts_ms = np.arange(WARM_UP_ROWS)
    given: dict[str, np.ndarray | int | bool] = {"source": ts_ms + 1, "target": ts_ms + 1, "town": 1, "amount_fen": 100}
    pools = Pools.empty()
    text, host = pools.text.add("http://a.example"), pools.host.add("a.example")
    shown: dict[Kind, dict[str, np.ndarray | int | bool]] = {
        Kind.SMS: {"text": text, "host": host},
        Kind.WEB: {"host": host},
    }
    return to_frame(Rows.merged(Rows.of(kind, ts_ms, **given, **shown.get(kind, {})) for kind in Kind), pools, 1)


def _stream(
    source: Source, engine: Engine, rules: RulesInForce, card: ScoreCard, recorder: Recorder | None,
    centre: CentreBeside | None, watch: Stopwatch, display: Display, stop: Stop,
) -> int:  # fmt: skip
    """Takes slices to the end, or until somebody stops it; gives the event time that was reached."""
    slices, now_ms, glance = source.slices(), source.setting.start_ms, Glance(card)
    while not stop.asked:
        with watch("simulator"):
            taken = next(slices, None)
        if taken is None:
            break
        with watch("engine"):
            rules.exchange(now_ms)
            decisions = engine.decide(taken.frame)
        rules.count(decisions.ruleset, len(decisions))
        with watch("simulator"):
            source.feedback(decisions)
        if centre:
            with watch("centre"):
                centre.take(taken, decisions)
        with watch("scoring"):
            card.add(taken, decisions)
        if recorder:
            recorder.add(taken.frame, decisions, taken, source.type_of_campaign)
        now_ms = taken.end_ms
        glance.at(taken.frame, decisions)
        display.tick(now_ms, glance.look)
    return now_ms


@dataclass(frozen=True, slots=True)
class DecidedBy:
    """What a report says of the rules: the hash and size of the set at the end, all sets, the gates of each rule, and
    what the engine counted."""

    ruleset: str
    rules: int
    rule_sets: Sequence[RulesUsed]
    gates_of_rule: dict[str, str]
    counters: dict[str, int]


def report_of(
    source: Source, by: DecidedBy, card: ScoreCard, watch: Stopwatch, without: Without | None, stopped_ms: int | None
) -> Report:
    """What the run was worth. `stopped_ms`: event time at which a person stopped it."""
    score = card.score(source.type_of_campaign, len(TYPES))
    money, money_of_type = source.money(score, without)
    towns = [
        Town(town_name(code), count, score.reached.get(code, 0), score.passed_fen.get(code, 0))
        for code, count in source.residents().items()
    ]
    return Report(
        setting=source.setting, ruleset=by.ruleset, rules=by.rules, version=__version__,
        score=score, rule_sets=by.rule_sets,
        types=[(type_.id, type_.chinese) for type_ in TYPES], money=money, money_of_type=money_of_type,
        towns=sorted(towns, key=lambda town: (-town.paid_each_fen, -town.reached_per_1000)),
        habits=[habit.name.lower() for habit in Habit], speed=watch.speed(without.seconds if without else None),
        gates_of_rule=by.gates_of_rule, counters=by.counters,
        stopped_ms=stopped_ms, truth=source.has_truth,
    )  # fmt: skip


def console_on(file: TextIO) -> Console:
    """At most WIDTH_MAX columns, also where there is no terminal to ask for its width."""
    console = Console(file=file, highlight=False)
    console.width = min(console.width, WIDTH_MAX) if console.is_terminal else WIDTH_MAX
    return console


def print_report(report: Report, *, as_object: bool) -> None:
    """The bulletin, on standard output."""
    if not as_object:
        console = console_on(sys.stdout)
        if console.is_terminal:
            show(report, console)
            return
        with console.capture() as shown:
            show(report, console)
        print("\n".join(line.rstrip() for line in shown.get().splitlines()), flush=True)
        return
    print_json(as_json(report))
