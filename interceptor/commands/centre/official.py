"""Whose domains are official, from the rules.

Enters: a folder of rules. Leaves: Official. Invariant: what patrol takes for official is what the rules do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from interceptor.centre.sites.likeness import Official
from interceptor.commands.centre.desk import UsageError

if TYPE_CHECKING:
    from interceptor.rules.model import ListDef

RulesOption = Annotated[
    Path | None, typer.Option("--rules", metavar="DIR", help="Rules with the official hosts.  [default: those shipped]")
]
OFFICIAL, SERVICES = "official_hosts", ("short_link_hosts", "remote_hosts", "app_stores")


def official(rules: Path | None = None) -> Official:
    """Of the rules in a folder. Raises UsageError where they can't be read or name no official hosts."""
    from interceptor.rules import RulesError, default_rules_dir
    from interceptor.rules.definitions import read

    folder = rules or default_rules_dir()
    try:
        lists = read(folder).lists
    except RulesError as error:
        raise UsageError(f"--rules {folder}: {error}") from None
    if OFFICIAL not in lists:
        raise UsageError(f"--rules {folder}: there is no list {OFFICIAL}")
    return official_of(lists)


def official_of(lists: Mapping[str, ListDef]) -> Official:
    """From the lists of a rule set that has been read."""
    return Official.of(_hosts(lists, (OFFICIAL,)), _hosts(lists, SERVICES))


def _hosts(lists: Mapping[str, ListDef], names: Iterable[str]) -> list[str]:
    return [item.value for name in names if name in lists for item in lists[name].items]
