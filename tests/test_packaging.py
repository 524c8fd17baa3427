"""What a person gets who installs the wheel, and what the lock files promise.

Enters: the project's folder. Leaves: a wheel in a temporary folder, unpacked and run away from the sources. Invariant:
a wheel works in any folder, with the default rules, scenarios and data in it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest

import interceptor

ROOT = Path(__file__).resolve().parent.parent

# One worker makes the wheel once for all tests here.
pytestmark = pytest.mark.xdist_group("wheel")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the sources as they are."""
    folder = tmp_path_factory.mktemp("wheel")
    _run("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=ROOT)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but what the wheel installs."""
    folder = tmp_path_factory.mktemp("installed")
    _run("-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(folder), str(wheel), cwd=folder)
    return folder


def test_wheel_is_named_after_the_version(wheel: Path) -> None:
    assert wheel.name == f"interceptor-{interceptor.__version__}-py3-none-any.whl"


@pytest.mark.parametrize(
    ("source", "place", "pattern"),
    [
        ("interceptor", "interceptor", "*.py"),
        ("simulator", "simulator", "*.py"),
        ("rules", "interceptor/default_rules", "*.yaml"),
        ("simulator/scenarios", "simulator/scenarios", "*.yaml"),
        ("simulator/data", "simulator/data", "*.csv"),
    ],
)
def test_wheel_carries(wheel: Path, source: str, place: str, pattern: str) -> None:
    expected = {f"{place}/{path.relative_to(ROOT / source).as_posix()}" for path in (ROOT / source).rglob(pattern)}
    assert expected, f"no {pattern} in {source}/"
    assert expected <= _names(wheel)


def test_wheel_carries_nothing_else(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in _names(wheel)}
    assert tops == {"interceptor", "simulator", f"interceptor-{interceptor.__version__}.dist-info"}
    assert [name for name in _names(wheel) if "__pycache__" in name] == []


def test_version_is_told_by_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    said = _run("-m", "interceptor", "--version", cwd=tmp_path, path=installed)
    assert interceptor.__version__ in said


def test_installed_wheel_is_what_runs(installed: Path, tmp_path: Path) -> None:
    """Else the test above would pass on the sources."""
    said = _run("-c", "import interceptor, simulator; print(interceptor.__file__)", cwd=tmp_path, path=installed)
    assert Path(said.strip()).is_relative_to(installed)


def test_installed_wheel_finds_and_compiles_its_default_rules(installed: Path, tmp_path: Path) -> None:
    code = "from interceptor import rules; place = rules.default_rules_dir(); rules.load(place); print(place)"
    said = _run("-c", code, cwd=tmp_path, path=installed)
    assert Path(said.strip()) == installed / "interceptor" / "default_rules"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_lock_is_versions_and_hashes_and_no_address(name: str) -> None:
    lines = [line for line in (ROOT / name).read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    pin = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.+]* \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?")
    assert [line for line in lines if not pin.fullmatch(line)] == []
    unhashed = [line for line, after in pairwise(lines) if "==" in line and "--hash" not in after]
    assert unhashed == []


def test_locks_agree_with_the_project_and_each_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    runtime, development = _pins("requirements.lock"), _pins("requirements-dev.lock")
    groups = project["dependency-groups"]
    assert {_package(line) for line in project["project"]["dependencies"] + groups["build"]} <= set(runtime)
    assert {_package(line) for line in groups["dev"]} <= set(development)
    assert runtime.items() <= development.items()


def _run(*arguments: str, cwd: Path, path: Path | None = None) -> str:
    """Runs this Python, with `path` before all else it imports; gives what it printed."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    if path:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run([sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(arguments)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def _names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _package(requirement: str) -> str:
    """`typing_extensions>=4` and `typing-extensions==4.16.0` are one package."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text("utf-8").splitlines()
    pins = (line.removesuffix("\\").strip().split("==") for line in lines if line[:1].isalnum())
    return {_package(package): version for package, version in pins}
