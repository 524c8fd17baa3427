"""What a run ran on: the machine, the versions, the rules.

Enters: nothing. Leaves: plain data for a result file. Invariant: no name of the machine or of a person is in it.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "numba", "pyarrow", "hyperscan", "msgspec", "confluent-kafka", "faust-streaming")
ROOT = Path(__file__).resolve().parent.parent


def machine() -> dict[str, Any]:
    """CPU, cores that this process may use, memory in GB, kernel."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Of Python, of what the figures depend on, and the commit; one that was changed since has a + behind it."""
    found = {"python": sys.version.split()[0]} | {name: version(name) for name in PACKAGES}
    return found | {"interceptor": version("interceptor"), "commit": _commit()}


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    pairs = (line.split(":", 1) for line in lines if ":" in line)
    facts = {name.strip(): value.strip() for name, value in pairs}
    numbers = ", ".join(f"{word} {facts[word]}" for word in ("cpu family", "model", "stepping") if word in facts)
    return f"{facts.get('model name', platform.machine())} ({numbers})"


def _commit() -> str:
    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "--short=12", "HEAD") + ("+" if git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return ""
