"""`interceptor feed`: a simulated city, or a recording of one, into the cluster.

Enters: Options. Leaves: frames in `events`, or JSON events in a raw topic; what was sent, or a bulletin; an exit code.
Invariant: what it says was sent has arrived.

The events of a run are numbered under its name, so that after a break the same name and seed may be sent again from the
start: the cluster drops what it has.
"""

from __future__ import annotations

import itertools
import math
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor import run
from interceptor.commands.live_line import LiveLine
from interceptor.recording import RecordingError
from interceptor.rules import RulesError
from interceptor.rules.errors import printable
from interceptor.transport.clients import Away
from interceptor.transport.edge.awaiting import NoDecisions
from interceptor.transport.edge.json_writing import to_json_events
from interceptor.transport.edge.pacing import as_it_happened, at_rate, paced
from interceptor.transport.edge.raw_topics import BadTopic, check_not_ours, make_raw_topic
from interceptor.transport.edge.sending import FrameMail, Mail, Sent, rechunked
from interceptor.transport.settings import Settings, SettingsError, load_settings
from interceptor.transport.topics import EVENTS
from interceptor.tuning.tables import fail, print_json, say
from simulator.scenario import ScenarioError
from simulator.source import CitySource

EXIT_DONE, EXIT_USAGE, EXIT_TRY_LATER, EXIT_CONFIGURATION, EXIT_STOPPED = 0, 2, 75, 78, 130
JSON_WAITING_MAX = 50_000  # messages under way


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for; None = not said. `rate` in events a second, `real_time` in seconds of events a second."""

    scenario: str = "city_centre"
    people: int | None = None
    days: int | None = None
    seed: int | None = None
    observe: bool = False
    rate: float | None = None
    real_time: float | None = None
    frame_rows: int = 8_192
    flush_ms: int = 50
    closed_loop: bool = False
    events_max: int | None = None
    run: str | None = None
    json_to: str | None = None
    rules: Path | None = None
    json: bool = False


def main(options: Options, config: Path | None = None, **cluster: Any) -> int:
    """`cluster`: settings given as options. Turns what a person can mend into one clear message and an exit code."""
    try:
        _check(options)
        settings = load_settings(config, **cluster)
        check_not_ours(settings, [options.json_to] if options.json_to else [])
        source = run.source_of(_as_run(options))
        if options.closed_loop:
            from interceptor.commands.closed_loop import closed_loop

            return closed_loop(options, settings, source)
        return _feed(options, settings, source)
    except (run.UsageProblem, RecordingError, BadTopic) as problem:
        return fail(str(problem), EXIT_USAGE)
    except ScenarioError as problem:
        return fail(str(problem), EXIT_USAGE if problem.missing else EXIT_CONFIGURATION)
    except (RulesError, SettingsError) as problem:
        return fail(str(problem), EXIT_CONFIGURATION)
    except (Away, NoDecisions) as problem:
        return fail(str(problem), EXIT_TRY_LATER)


def _check(options: Options) -> None:
    """Raises UsageProblem for options that don't go together."""
    for name, speed in (("rate", options.rate), ("real-time", options.real_time)):
        if speed is not None and not math.isfinite(speed):
            raise run.UsageProblem(f"--{name} {speed}: a number, please")
    if options.rate is not None and options.real_time is not None:
        raise run.UsageProblem("--rate and --real-time: one of them says how fast")
    if options.run and options.seed is None and not options.scenario.endswith(".parquet"):
        raise run.UsageProblem("--run needs --seed: under one name only the same events can be sent again")
    for name, given in (("run", options.run), ("events-max", options.events_max), ("json-to", options.json_to)):
        if options.closed_loop and given is not None:
            raise run.UsageProblem(f"--{name} doesn't apply with --closed-loop")
    if options.json_to and options.run:
        raise run.UsageProblem("--run doesn't apply with --json-to: the bridge numbers what it reads")
    if options.closed_loop and options.observe:
        raise run.UsageProblem("--observe doesn't apply with --closed-loop: one of them says whether the city reacts")


def _as_run(options: Options) -> run.Options:
    return run.Options(
        options.scenario, options.people, options.days, options.seed, options.rules, (), None, False, options.json,
        observe=options.observe,
    )  # fmt: skip


def _feed(options: Options, settings: Settings, source: run.Source) -> int:
    """Nobody listens to what is decided: the city lives on as if nothing was."""
    name = options.run or secrets.token_hex(4)
    with LiveLine() as line, run.Stop() as stop:
        line.say(f"feeding {run.title_of(source, None)} · run {name} · {settings.kafka}")
        way = _JsonWay(settings, options.json_to) if options.json_to else _FrameWay(settings, name)
        if isinstance(source, CitySource):
            source.build()
        frames = _up_to(options.events_max, (taken.frame for taken in source.slices()))
        began_s = time.monotonic()
        try:
            for frame in _timed(options, itertools.takewhile(lambda _: not stop.asked, frames), stop):
                way.send(frame)
                line.tick(lambda: _progress(way.sent, time.monotonic() - began_s))
            way.flush()
        except Away as away:
            again = (
                ""
                if options.json_to
                else f"\n  hint: to go on, the same with --run {name} --seed {source.setting.seed}"
            )
            raise Away(f"{away}\n{way.sent.events:,} events had arrived{again}") from None
        seconds = time.monotonic() - began_s
    told = {
        "run": name, "seed": source.setting.seed, "topic": way.topic, "events": way.sent.events,
        "frames": way.sent.frames, "bytes": way.sent.bytes_, "seconds": round(seconds, 3),
        "events_per_s": round(way.sent.events / max(seconds, 1e-3)),
        "first_offset": way.sent.first_offset, "last_offset": way.sent.last_offset, "stopped": stop.asked,
    }  # fmt: skip
    if options.json:
        print_json(told)
    else:
        say(_words(told, "messages" if options.json_to else "frames"))
    return EXIT_STOPPED if stop.asked else EXIT_DONE


def _timed(options: Options, frames: Iterator[pa.RecordBatch], stop: run.Stop) -> Iterator[pa.RecordBatch]:
    if options.rate is None and options.real_time is None:
        return rechunked(frames, options.frame_rows)
    due = at_rate(options.rate) if options.rate is not None else as_it_happened(options.real_time or 1.0)
    return paced(frames, due, options.frame_rows, options.flush_ms / 1_000, stopped=lambda: stop.asked)


def _up_to(events_max: int | None, frames: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    left = events_max
    for frame in frames:
        yield frame if left is None else frame.slice(0, left)
        if left is not None:
            left -= min(left, frame.num_rows)
            if not left:
                return


class _FrameWay:
    """Frames to `events`."""

    def __init__(self, settings: Settings, name: str) -> None:
        """Raises Away."""
        self.topic = settings.topic(EVENTS)
        self._mail, self._producer, self._next = FrameMail(settings, "feed"), f"feed:{name}", 1
        self._mail.check()

    @property
    def sent(self) -> Sent:
        return self._mail.sent

    def send(self, frame: pa.RecordBatch) -> None:
        numbers = np.arange(self._next, self._next + frame.num_rows, dtype=np.uint64)
        self._mail.send(frame, self._producer, numbers)
        self._next += frame.num_rows

    def flush(self) -> None:
        self._mail.flush()


class _JsonWay:
    """JSON events to a raw topic, those of one source to one partition."""

    def __init__(self, settings: Settings, topic: str) -> None:
        """Raises Away."""
        self.topic, self.sent = topic, Sent()
        self._mail = Mail(settings, topic, "feed", JSON_WAITING_MAX, packs=True)
        if not self._mail.is_there():
            make_raw_topic(settings, topic)

    def send(self, frame: pa.RecordBatch) -> None:
        for source, value in zip(frame.column("source").to_pylist(), to_json_events(frame), strict=True):
            self._mail.send(value, {}, self._count(len(value)), key=str(source).encode())

    def flush(self) -> None:
        self._mail.flush()

    def _count(self, size: int) -> Any:
        def arrived(_: int) -> None:
            self.sent = Sent(self.sent.events + 1, self.sent.frames + 1, self.sent.bytes_ + size)

        return arrived


def _progress(sent: Sent, seconds: float) -> str:
    return f"{sent.events:,} events sent, {sent.events / max(seconds, 1e-3):,.0f}/s, {sent.bytes_ / 1e6:,.1f} MB"


def _words(told: dict[str, Any], messages: str) -> str:
    where = ""
    if told["first_offset"] >= 0:
        where = f", offsets {told['first_offset']:,} to {told['last_offset']:,}"
    return (
        f"{told['events']:,} events in {told['frames']:,} {messages} to {printable(told['topic'])}{where}\n"
        f"{told['bytes']:,} bytes, {told['seconds']:.1f} s, {told['events_per_s']:,} events a second\n"
        f"run {printable(told['run'])}, seed {told['seed']}" + (", stopped" if told["stopped"] else "")
    )
