"""Java, and the jars of Apache Kafka: found, or fetched once through Maven into the user's cache folder.

Enters: what is installed. Leaves: a java, a class path. Invariants: the cache holds all jars, each with the content
that jars.sha256 states, or no folder at all, whenever a fetch is killed; two fetches at once don't meet.

jars.sha256 anew, after a change of pom.xml: fetch with `maven_command`, then `sha256sum *.jar` in that folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from interceptor.machine.problems import CONFIGURATION, MachineProblem
from interceptor.rules.errors import printable

KAFKA = "4.1.0"
JAVA_MIN = 17
FETCH_S = 900.0
HERE = Path(__file__).parent
MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
LIGHT_HINT = "or `interceptor cluster up --light`, which needs neither Java nor Maven"
_FETCHING = ".fetching-"


def java() -> Path:
    """The java to use: JAVA_HOME's, else the first on the PATH. Raises MachineProblem: none, or older than 17."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    version = _java_version(found) if found else None
    if found and version is not None and version >= JAVA_MIN:
        return Path(found)
    what = f"{printable(found)} is Java {version}" if found and version else "there is no java on this machine"
    raise MachineProblem(
        f"Kafka needs Java {JAVA_MIN} or newer: {what}\n"
        f"  hint: apt install default-jre-headless (macOS: brew install openjdk@17), {LIGHT_HINT}",
        CONFIGURATION,
    )


def _java_version(program: str) -> int | None:
    """The first number of its version; None where it doesn't run, as the stand-in of macOS."""
    shown = subprocess.run([program, "-version"], capture_output=True, text=True, errors="replace")
    found = re.search(r'version "(\d+)', shown.stderr + shown.stdout)
    return int(found[1]) if found and not shown.returncode else None


def cache_folder() -> Path:
    """Of this project, for this user."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return (Path(base) if os.path.isabs(base) else Path.home() / ".cache") / "interceptor"


def jars_folder() -> Path:
    """Where the jars are, or will be."""
    return cache_folder() / f"kafka-{KAFKA}"


def wanted_jars() -> dict[str, str]:
    """SHA-256 by file name."""
    lines = (HERE / "jars.sha256").read_text("ascii").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def have_jars() -> bool:
    """Are they there already?"""
    return all((jars_folder() / name).is_file() for name in wanted_jars())


def can_run_kafka() -> bool:
    """Is there what a real broker needs, or at least what is needed to fetch it?"""
    try:
        java()
    except MachineProblem:
        return False
    return have_jars() or shutil.which("mvn") is not None


def jars() -> Path:
    """The folder with all jars; fetches them where they are missing. Raises MachineProblem."""
    folder = jars_folder()
    if have_jars():
        return folder
    maven = shutil.which("mvn")
    if not maven:
        raise MachineProblem(
            f"Kafka {KAFKA} isn't in {printable(str(folder))}, and there is no mvn (Maven) to fetch it with\n"
            f"  hint: apt install maven (macOS: brew install maven), {LIGHT_HINT}",
            CONFIGURATION,
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    _sweep(folder.parent)
    with tempfile.TemporaryDirectory(prefix=_FETCHING, dir=folder.parent) as name:
        fetched = Path(name) / "jars"
        with _progress(folder):
            _fetch(maven, fetched)
        _check(fetched)
        _put(fetched, folder)
    return folder


def maven_command(maven: str, target: Path) -> list[str]:
    """Copies all jars to `target`; quiet, never asks, refuses what came damaged."""
    pom = str(HERE / "pom.xml")
    return [maven, "-q", "-B", "-C", "-f", pom, f"{MAVEN_PLUGIN}:copy-dependencies", f"-DoutputDirectory={target}"]


def _fetch(maven: str, target: Path) -> None:
    try:
        done = subprocess.run(
            maven_command(maven, target), capture_output=True, text=True, errors="replace", timeout=FETCH_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise MachineProblem(f"Kafka {KAFKA}: Maven wasn't done after {FETCH_S / 60:.0f} minutes; try again") from None
    if done.returncode:
        lines = [printable(line) for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        told = "\n    ".join(lines[:5])
        raise MachineProblem(f"Kafka {KAFKA}: Maven couldn't fetch it; the beginning of what it says:\n    {told}")


def _check(folder: Path) -> None:
    """Raises MachineProblem where a jar is missing or another one than it should be."""
    for name, digest in wanted_jars().items():
        path = folder / name
        if not path.is_file():
            raise MachineProblem(f"Kafka {KAFKA}: Maven fetched no {name}", CONFIGURATION)
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise MachineProblem(f"Kafka {KAFKA}: {name} isn't the file that it should be (SHA-256)", CONFIGURATION)


def _put(fetched: Path, folder: Path) -> None:
    """Moves all of it at once; another fetch may have been faster, and an old folder may lack files."""
    if folder.exists() and not have_jars():
        folder.rename(fetched.parent / "old")
    try:
        fetched.rename(folder)
    except OSError:
        if not have_jars():
            raise


def _sweep(parent: Path) -> None:
    """Removes what a killed fetch left. One that still goes on has written within the last hour."""
    for left in parent.glob(f"{_FETCHING}*"):
        if time.time() - left.stat().st_mtime > FETCH_S * 4:
            shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _progress(folder: Path) -> Iterator[None]:
    """A sign of life on a terminal, a line elsewhere; on standard error."""
    words = f"Fetching Apache Kafka {KAFKA} (43 MB) with Maven into {printable(str(folder))}, only this once"
    console = Console(stderr=True, highlight=False, markup=False)
    if not console.is_terminal:
        print(f"{words} …", file=sys.stderr, flush=True)
        yield
        return
    with console.status(words):
        yield
