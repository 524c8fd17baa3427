"""`interceptor run`: city, engine, officers and bulletin in one process.

Enters: how many people. Leaves: ns of CPU an event. Invariant: it is the command as people type it, without the
comparison with a city that isn't protected.
"""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout

from benchmarks.case import Case, Figure, Setting
from benchmarks.control import timed
from interceptor.run import Options, main


def measure(setting: Setting) -> list[Figure]:
    people = setting.pick(500, 100_000)
    options = Options("city_centre", people, 1, setting.seed, None, (), None, False, True, False, False)
    said = io.StringIO()
    with timed() as around, redirect_stdout(said):
        code = main(options)
    if code:
        raise RuntimeError(f"`interceptor run` ended with {code}")
    events = _events(json.loads(said.getvalue()))
    return [
        Figure(
            "",
            people,
            around.cpu_s / events * 1e9,
            "ns/event",
            around.control,
            {"wall_ns": around.wall_s / events * 1e9},
        )
    ]


def _events(bulletin: dict[str, object]) -> int:
    found = bulletin["events"]
    return int(found if isinstance(found, int) else sum(found.values()))  # type: ignore[attr-defined]


CASES = [Case("embedded", "`interceptor run` for one simulated day", "ns/event", "people", measure=measure)]
