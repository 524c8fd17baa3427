"""What the commands about citizens share: whose number, which township, which class of scam, who is official.

Enters: options. Leaves: values, or one clear message. Invariant: no command shows who reported.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interceptor.commands.centre.desk import UsageError
from interceptor.local_time import clock
from interceptor.rules.errors import RulesError

if TYPE_CHECKING:
    from interceptor.centre.citizens.terms import Official
    from interceptor.centre.warnings.classes import Scam

ThingArgument = Annotated[
    str, typer.Argument(metavar="THING", help="As number:+86…, site:a.example, account:0x…, text:KEY.")
]
RulesOption = Annotated[
    Path | None,
    typer.Option(
        "--rules", metavar="FOLDER", help="Whose lists say what is official.  [default: those of the package]"
    ),
]


def official(folder: Path | None) -> Official:
    """Numbers and hosts that nobody can have blocked. Raises UsageError."""
    from interceptor.centre.citizens.terms import Official
    from interceptor.rules import default_rules_dir
    from interceptor.rules.definitions import read

    folder = folder or default_rules_dir()
    lists = folder / "lists"
    try:
        return Official.of(read(lists if lists.is_dir() else folder).lists)
    except RulesError as error:
        raise UsageError(f"--rules: {error}") from None


def scam_of(word: str | None) -> Scam | None:
    """Raises UsageError."""
    from interceptor.centre.warnings.classes import SCAMS

    if word is None:
        return None
    if word.lower() not in SCAMS:
        raise UsageError(f"--type {word!r}: one of {', '.join(SCAMS)}")
    return SCAMS[word.lower()]


def citizen(text: str) -> int:
    """A phone number. Raises Refused."""
    from interceptor.centre.things import parse
    from interceptor.schema import Subject

    return parse(text, Subject.NUMBER).key


def time_of(ms: int) -> str:
    """For tables."""
    return f"{clock(ms):%Y-%m-%d %H:%M}" if ms else "–"
