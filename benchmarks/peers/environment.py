"""The environment of the peers in Python, and the program of the one in Rust: made once in the user's cache folder.

Enters: requirements.txt, a version of rsigma. Leaves: a python and a program, or why there is none. Invariants: nothing
of it is in this project's own environment or lock; a folder's name says what it was made from, and it is there whole or
not at all.

`python -m benchmarks.peers.environment lock` writes requirements.txt anew from requirements.in.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from benchmarks import streams

HERE = Path(__file__).parent
ASKED, LOCK = HERE / "requirements.in", HERE / "requirements.txt"
RSIGMA = "0.23.0"
MAKE_S = 1800.0
TOLD_CHARS = 300


class NotMade(Exception):
    """The message says in one line why."""


@cache
def python() -> Path:
    """Of the environment. Makes it where it isn't there: a minute or two. Raises NotMade."""
    folder = streams.cache_folder() / f"peers-{sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not folder.is_dir():
        print(f"Making {folder} from {LOCK.name}: a minute or two, only this once", file=sys.stderr)
        # made in its place: an environment can't be moved
        try:
            _run([sys.executable, "-m", "venv", str(folder)])
            pip = [str(folder / "bin/python"), "-m", "pip", "--quiet", "--disable-pip-version-check"]
            _run([*pip, "install", "--require-hashes", "--only-binary", ":all:", "-r", str(LOCK)])
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    return folder / "bin/python"


@cache
def rsigma() -> Path:
    """The program. Builds it where it isn't there: some ten minutes. Raises NotMade."""
    folder = streams.cache_folder() / f"rsigma-{RSIGMA}"
    if not folder.is_dir():
        cargo = shutil.which("cargo") or shutil.which("cargo", path=str(Path.home() / ".cargo/bin"))
        if not cargo:
            raise NotMade("there is no cargo to build rsigma with")
        print(f"Building {folder} with cargo: some ten minutes, only this once", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as made:
            _run([cargo, "install", "rsigma", "--version", RSIGMA, "--locked", "--quiet", "--root", made])
            Path(made).rename(folder)
            Path(made).mkdir()  # for its end
    return folder / "bin/rsigma"


def versions() -> dict[str, str]:
    """Of the peers themselves, as they stand in the lock."""
    asked = {re.split(r"[\[ #]", line)[0] for line in ASKED.read_text("utf-8").splitlines()} - {""}
    pins = (line.split(" ")[0].split("==") for line in LOCK.read_text("utf-8").splitlines() if "==" in line)
    return {name: version for name, version in pins if name in asked} | {"rsigma": RSIGMA}


def lock() -> None:
    """Writes requirements.txt."""
    _run([
        str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--python-version", "3.11",
        "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command",
        "python -m benchmarks.peers.environment lock", str(ASKED), "--output-file", str(LOCK),
    ])  # fmt: skip


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=MAKE_S, env=dict(os.environ)
        )
    except subprocess.TimeoutExpired:
        raise NotMade(f"{Path(command[0]).name} wasn't done after {MAKE_S / 60:.0f} minutes") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "rror" in line] or done.stderr.splitlines() or ["?"]
        raise NotMade(f"{Path(command[0]).name} couldn't make it: {said[-1].strip()[:TOLD_CHARS]}")


if __name__ == "__main__":
    if sys.argv[1:] != ["lock"]:
        sys.exit(f"usage: {sys.executable} -m benchmarks.peers.environment lock")
    lock()
