"""`interceptor feed --closed-loop`: a city that reacts to what the cluster decides.

Enters: Options, a source. Leaves: a bulletin like that of `interceptor run`; an exit code. Invariant: the next three
minutes of the city are made only when all decisions on the last have come.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from interceptor import run
from interceptor.commands.live_line import LiveLine
from interceptor.local_time import clock
from interceptor.rules import RuleSet, default_rules_dir, load
from interceptor.schema import kinds_named
from interceptor.transport.edge.awaiting import DecisionReader, Gathered, places_of
from interceptor.transport.edge.sending import FrameMail
from interceptor.transport.settings import Settings
from simulator.report import RulesUsed, Stopwatch
from simulator.scorecard import ScoreCard
from simulator.source import CitySource
from simulator.without import Without, WithoutInterception

if TYPE_CHECKING:
    from interceptor.commands.feed import Options

EXIT_DONE, EXIT_STOPPED = 0, 130


def closed_loop(options: Options, settings: Settings, source: run.Source) -> int:
    """Raises RulesError, Away, NoDecisions."""
    watch, card = Stopwatch(), ScoreCard()
    with ExitStack() as stack:
        line = stack.enter_context(LiveLine())
        line.say(f"feeding {run.title_of(source, None)} · {settings.kafka}, closed loop")
        with watch("set_up"):
            known = _Known(load(options.rules or settings.rules or default_rules_dir()))
            loop = stack.enter_context(closing(_Loop(settings, known, options.frame_rows)))
            if isinstance(source, CitySource):
                source.build()
        aside = stack.enter_context(source.without())
        stop = stack.enter_context(run.Stop())
        now_ms = _stream(source, loop, card, watch, line, stop)
        without = _compared(aside, stop, line)
    print_as = run.report_of(source, known.decided_by(), card, watch, without, now_ms if stop.asked else None)
    run.print_report(print_as, as_object=options.json)
    return EXIT_STOPPED if stop.asked else EXIT_DONE


def _stream(source: run.Source, loop: _Loop, card: ScoreCard, watch: Stopwatch, line: LiveLine, stop: run.Stop) -> int:
    """To the end, or until somebody stops it; gives the event time that was reached."""
    slices, now_ms, began_s = source.slices(), source.setting.start_ms, time.monotonic()
    while not stop.asked:
        with watch("simulator"):
            taken = next(slices, None)
        if taken is None:
            break
        with watch("engine"):
            decisions = loop.decide(taken.frame, stop)
        if decisions is None:
            break
        with watch("simulator"):
            if isinstance(source, CitySource):
                source.feedback(decisions)
        with watch("scoring"):
            card.add(taken, decisions)
        loop.known.count(decisions, now_ms, line)
        now_ms = taken.end_ms
        seconds = max(time.monotonic() - began_s, 1e-3)
        line.tick(lambda: f"{clock(now_ms):%Y-%m-%d %H:%M} {card.events:,} events, {card.events / seconds:,.0f}/s")  # noqa: B023
    return now_ms


def _compared(aside: WithoutInterception | None, stop: run.Stop, line: LiveLine) -> Without | None:
    if aside is None or stop.asked:
        return None
    if not aside.is_done:
        line.say("Waiting for the same city without interception …")
    return aside.result(lambda: stop.asked)


class _Loop:
    """Frames out, decisions back."""

    def __init__(self, settings: Settings, known: _Known, frame_rows: int) -> None:
        self.known, self._frame_rows = known, frame_rows
        self._reader = DecisionReader(settings, known.only_watches)
        self._mail = FrameMail(settings, "feed")
        self._mail.check()

    def close(self) -> None:
        self._reader.close()

    def decide(self, frame: pa.RecordBatch, stop: run.Stop) -> Gathered | None:
        """In the order of the frame; None if somebody doesn't want to wait."""
        messages: list[tuple[int, int]] = []
        for start in range(0, frame.num_rows, self._frame_rows):
            self._mail.send(
                frame.slice(start, self._frame_rows), done=lambda offset, rows: messages.append((offset, rows))
            )
        self._mail.flush()
        return self._reader.gather(places_of(messages), lambda: stop.asked)


@dataclass(slots=True)
class _Known:
    """The rules as far as they are known here, and which rule sets decided. Decisions name rules, no more: which of
    them only watch, and at which gates, is taken from `rule_set`."""

    rule_set: RuleSet
    used: dict[str, RulesUsed] = field(default_factory=dict)

    def only_watches(self, _: str, name: str) -> bool:
        """A name that stands for a live and a watching rule, as in a roll-out, counts as live."""
        modes = {rule.mode for rule in self.rule_set.rules if rule.name == name}
        return modes == {"shadow"}

    def count(self, decisions: Gathered, now_ms: int, line: LiveLine) -> None:
        for ruleset, events in decisions.rulesets.items():
            if ruleset not in self.used:
                self.used[ruleset] = RulesUsed(ruleset, self._size(ruleset), 0, now_ms)
                if ruleset != self.rule_set.hash:
                    line.say(
                        f"the cluster decides by rule set {ruleset}; known here is {self.rule_set.hash}, from which is "
                        "taken what only watches (another one: --rules FOLDER)"
                    )
            self.used[ruleset] = replace(self.used[ruleset], events=self.used[ruleset].events + events)

    def _size(self, ruleset: str) -> int:
        return len(self.rule_set.rules) if ruleset == self.rule_set.hash else 0

    def decided_by(self) -> run.DecidedBy:
        gates = {rule.name: kinds_named(rule.kinds) for rule in self.rule_set.rules}
        last = next(reversed(self.used), "unknown")
        return run.DecidedBy(last, self._size(last), list(self.used.values()), gates, {})
