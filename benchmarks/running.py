"""Runs cases, each in a process that ends with it.

Enters: cases and a setting. Leaves: Measured. Invariants: each case has a process of its own, so that what another one
left in memory doesn't matter (but in a smoke run, where all kernels share one, and all ends); CPU time and memory are
those of the process and of all that it started and waited for; a case that fails is reported with one line that says
why, and the others go on.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.case import Case, Figure, Setting, Size
from benchmarks.memory import rss_mb
from benchmarks.results import Measured

SAYS = "measured: "
ROOT = Path(__file__).resolve().parent.parent
NS = 1e9
Tell = Callable[[str], None]


def grouped(cases: Sequence[Case], size: Size) -> list[list[Case]]:
    """Cases that share a process: each by itself, but in a smoke run all kernels, and all others."""
    if size != "quick":
        return [[case] for case in cases]
    groups = [[case for case in cases if case.way == way] for way in ("kernel", "end")]
    return [group for group in groups if group]


def make_streams(cases: Sequence[Case], setting: Setting) -> str:
    """Makes what the cases need, in a process of its own so that no case pays for it; "" or what went wrong."""
    names = ["mixed", "call-only", "SMS-heavy"] if any(case.name == "engine" for case in cases) else ["mixed"]
    command = [sys.executable, "-m", "benchmarks.world", setting.size, str(setting.seed), *names]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    return done.stderr.strip().splitlines()[-1] if done.returncode else ""


def run(cases: Sequence[Case], setting: Setting, tell: Tell) -> list[Measured]:
    """Some cases of one way, in one process. `tell` hears of each point."""
    with tempfile.TemporaryDirectory(prefix="interceptor-bench-") as folder:
        to, log = Path(folder) / "found.json", Path(folder) / "log"
        command, environment = (_kernels if cases[0].way == "kernel" else _ends)(cases, setting, to)
        with log.open("wb") as errors:
            process, code = _watched(command, environment, errors, tell)
        found = json.loads(to.read_text("utf-8")) if to.is_file() and to.stat().st_size else {}
        why = _last_line(log) or f"its process ended with {code}"
    by_case = _of_pytest(found) if "benchmarks" in found else found
    process = process if len(cases) == 1 else {}
    measured = []
    for case in cases:
        figures = by_case.get(case.name, why)
        if isinstance(figures, list) and figures:
            some = [figure if isinstance(figure, Figure) else Figure(**figure) for figure in figures]
            missing = why if code and len(cases) == 1 else ""  # some of its points
            measured.append(Measured(case.name, case.what, case.unit, case.axis, some, process, missing))
        else:
            said = figures if isinstance(figures, str) else "it gave no figures"
            measured.append(Measured(case.name, case.what, case.unit, case.axis, [], process, said))
    return measured


def _kernels(cases: Sequence[Case], setting: Setting, to: Path) -> tuple[list[str], dict[str, str]]:
    asked = json.dumps({"cases": [case.name for case in cases], "size": setting.size, "seed": setting.seed})
    command = [
        sys.executable, "-m", "pytest", str(ROOT / "benchmarks/test_cases.py"), "-q", "-s", "-p", "no:cacheprovider",
        "--benchmark-timer=time.process_time", "--benchmark-columns=min", f"--benchmark-json={to}",
        "--rootdir", str(ROOT),
    ]  # fmt: skip
    return command, {**os.environ, "INTERCEPTOR_BENCH": asked}


def _ends(cases: Sequence[Case], setting: Setting, to: Path) -> tuple[list[str], dict[str, str]]:
    names = [case.name for case in cases]
    return [sys.executable, "-m", "benchmarks.one", setting.size, str(setting.seed), str(to), *names], dict(os.environ)


def _watched(command: list[str], environment: dict[str, str], log: Any, tell: Tell) -> tuple[dict[str, float], int]:
    """Runs it to its end; what it took, and its exit code."""
    began_s = time.monotonic()
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                log.write(line.encode())
                log.flush()
                if line.startswith(SAYS):
                    tell(line.removeprefix(SAYS).strip())
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    wall_s, cpu_s = time.monotonic() - began_s, usage.ru_utime + usage.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "cores": cpu_s / wall_s, "rss_mb": rss_mb(usage)}, process.returncode


def _of_pytest(found: dict[str, Any]) -> dict[str, list[Figure]]:
    figures: dict[str, list[Figure]] = {}
    for one in found["benchmarks"]:
        about, stats = one["extra_info"], one["stats"]
        scale = NS / about["count"]
        more = about["more"] | {"least": stats["min"] * scale, "rounds": float(stats["rounds"])}
        figure = Figure(about["series"], about["x"], stats["median"] * scale, about["unit"], about["control"], more)
        figures.setdefault(about["case"], []).append(figure)
    return figures


def _last_line(log: Path) -> str:
    """What went wrong, as far as one line says it."""
    lines = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith("E  ")] or lines
    return telling[-1].removeprefix("E").strip()[:300] if telling else ""
