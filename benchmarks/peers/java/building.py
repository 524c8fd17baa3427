"""The peers in Java, built once with Maven into the user's cache folder.

Enters: pom.xml and the sources. Leaves: a class path, or why there is none. Invariants: the folder's name holds a hash
of all that it is built from, so that it is never stale; it is there whole or not at all.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from hashlib import sha256
from pathlib import Path

from interceptor.machine.java import MAVEN_PLUGIN, cache_folder, java
from interceptor.machine.problems import MachineProblem

HERE = Path(__file__).parent
BUILD_S = 600.0
LINES_TOLD = 2


class NotBuilt(Exception):
    """The message says in one line why."""


@cache
def missing() -> str | None:
    """Why they can't run here, in one line; builds them where that wasn't done."""
    try:
        class_path()
    except (NotBuilt, MachineProblem) as error:
        return str(error).splitlines()[0]
    return None


@cache
def class_path() -> str:
    """For java -cp. Raises NotBuilt, or MachineProblem where there is no java."""
    program = java()
    folder = cache_folder() / f"java-peers-{_hash()}"
    if not folder.is_dir():
        if not (program.resolve().with_name("javac").exists() or shutil.which("javac")):
            raise NotBuilt("there is java, but no javac (a JDK) to build the peers with")
        maven = shutil.which("mvn")
        if not maven:
            raise NotBuilt("there is no mvn (Maven) to build the peers with")
        _build(maven, folder)
    return f"{folder}/classes{os.pathsep}{folder}/jars/*"


def _hash() -> str:
    """Of the project file and all sources."""
    found = sha256()
    for path in sorted([HERE / "pom.xml", *HERE.glob("src/**/*.java")]):
        found.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return found.hexdigest()[:12]


def _build(maven: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=folder.parent) as name:
        made = Path(name) / "made"
        goals = ["compile", f"{MAVEN_PLUGIN}:copy-dependencies", f"-DoutputDirectory={made / 'jars'}"]
        command = [maven, "-q", "-B", "-C", "-f", str(HERE / "pom.xml"), f"-Dpeers.build={made}", *goals]
        try:
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=BUILD_S)
        except subprocess.TimeoutExpired:
            raise NotBuilt(f"Maven wasn't done after {BUILD_S / 60:.0f} minutes") from None
        if done.returncode:
            said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
            raise NotBuilt(f"Maven couldn't build the peers: {' '.join(said[:LINES_TOLD])}")
        try:
            made.rename(folder)
        except OSError:  # another build was faster
            if not folder.is_dir():
                raise
