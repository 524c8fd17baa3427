"""What a peer is, what it is given, and what it leaves.

Enters: nothing; modules of the standard library only, since peers run in an environment of their own. Leaves: Peer,
Work, Outcome, Meter. Invariant: Work is the same for all peers of a run, and says all that the job is.

The job is one of two. *stateless*: conditions on the fields of one event, each on some kinds of event; a field that an
event doesn't have has a value that stands for it. *screening*: the same, and the source is on the blocklist (`listed`),
the text of a message contains one of the keywords (`keyword`), and two windows of an hour over the calls of a source
are reached (`many_calls`: how many, `many_callees`: to how many different targets; `job.Calls` says what they mean).
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, Protocol

Value = bool | int | str
JobName = Literal["stateless", "screening"]
LISTED, KEYWORD, MANY_CALLS, MANY_CALLEES = "listed", "keyword", "many_calls", "many_callees"
LINES, FRAME, BLOCKLIST = "events.ndjson", "events.arrow", "blocklist.txt"


@dataclass(frozen=True, slots=True)
class Test:
    """One field of an event against a value: operator ==, !=, <, <=, > or >=. Words and yes/no only == and !=."""

    field: str
    operator: str
    value: Value


@dataclass(frozen=True, slots=True)
class Condition:
    """A stateless rule: an event of one of these kinds hits it where all tests hold."""

    name: str
    kinds: tuple[str, ...]
    tests: tuple[Test, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """The job and its events.

    `folder` holds the events as JSON, one a line in the form that `interceptor bridge` takes (LINES), the same events
    as an Arrow file of one batch (FRAME), and the blocklist, one number a line (BLOCKLIST). `events`: the first so many
    are to be done. `absent`: what stands for a field that an event doesn't have. For peers on streams, `kafka` is a
    broker's address, `topic` holds just these events, one JSON event a message, keyed by source, on two partitions (one
    for this project's own entry), and `output`, empty and of this run alone, gets {"event_id", "rules"} for each event
    with hits.
    """

    folder: Path
    events: int
    conditions: tuple[Condition, ...]
    absent: Mapping[str, Value]
    keywords: tuple[str, ...]
    many_calls: int
    many_callees: int
    kafka: str = ""
    topic: str = ""
    output: str = ""

    @property
    def blocklist(self) -> Path:
        return self.folder / BLOCKLIST

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of event that any condition is about."""
        return tuple(dict.fromkeys(kind for one in self.conditions for kind in one.kinds))

    def conditions_on(self, kind: str) -> list[Condition]:
        return [one for one in self.conditions if kind in one.kinds]

    def fields_of(self, kind: str) -> list[str]:
        """Fields that the conditions on a kind of event read."""
        tests = [test for one in self.conditions_on(kind) for test in one.tests]
        return list(dict.fromkeys(test.field for test in tests))

    def lines(self) -> list[bytes]:
        with (self.folder / LINES).open("rb") as file:
            return [line.rstrip(b"\n") for line in islice(file, self.events)]

    def dicts(self) -> Iterator[dict[str, Any]]:
        """Events with every field that the conditions on their kind read."""
        complete = {kind: {field: self.absent[field] for field in self.fields_of(kind)} for kind in self.kinds}
        with (self.folder / LINES).open("rb") as file:
            for line in islice(file, self.events):
                event = json.loads(line)
                yield complete[event["kind"]] | event

    def listed(self) -> set[int]:
        return set(map(int, self.blocklist.read_bytes().split()))

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(replace(self, folder=str(self.folder)))), "utf-8")  # type: ignore[arg-type]

    @classmethod
    def load(cls, path: Path) -> Work:
        """What `save` wrote."""
        said = json.loads(path.read_text("utf-8"))
        conditions = tuple(
            Condition(one["name"], tuple(one["kinds"]), tuple(Test(**test) for test in one["tests"]))
            for one in said["conditions"]
        )
        parts = {"folder": Path(said["folder"]), "conditions": conditions, "keywords": tuple(said["keywords"])}
        return cls(**said | parts)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run took, start-up and loading left out, and how many events hit each rule (those with any).

    `events`: that were timed. `hits` are of all that were given; a peer that needs long to get going (a JVM) may time
    their second half alone. `wall_s`, `cpu_s`: of all processes that do the job, a broker's apart. `rss_peak_mb`: the
    highest of the process, or their sum; events that were in memory before are in it.
    """

    events: int
    wall_s: float
    cpu_s: float
    rss_peak_mb: float
    hits: dict[str, int]


class Peer(Protocol):
    """`meaning`: how its job differs from the one above, in a sentence or two. `most_threads`: that it can make use of.
    `streams`: it reads a topic. `folds`: it folds texts before it looks for keywords."""

    name: str
    job: JobName
    meaning: str
    most_threads: int
    streams: bool
    folds: bool

    def missing(self) -> str | None:
        """Why it can't run here, in one line."""

    def run(self, work: Work, threads: int) -> Outcome: ...


class Meter:
    """Wall and CPU time of this process from `begin` (or when it was made) on."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def outcome(self, events: int, hits: Mapping[str, int]) -> Outcome:
        wall_s, cpu_s = time.perf_counter() - self._wall_s, time.process_time() - self._cpu_s
        return Outcome(events, wall_s, cpu_s, rss_peak_mb(), {name: count for name, count in hits.items() if count})


def rss_peak_mb() -> float:
    """Of this process so far. Linux counts what was there before its program began in `ru_maxrss`, too."""
    status = Path("/proc/self/status")
    if status.is_file():
        lines = status.read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024 / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def lacking(*modules: str) -> str | None:
    """Which of these modules can't be imported here."""
    from importlib.util import find_spec

    absent: Sequence[str] = [name for name in modules if find_spec(name) is None]
    return f"not installed: {', '.join(absent)}" if absent else None
