"""`interceptor centre audit …`: read the log, check it, note its head.

Enters: what a person typed. Leaves: tables or JSON. Invariant: nothing here writes to the book.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from interceptor.centre.audit import Entry, Head
from interceptor.commands.centre.desk import BOOK, BookOption, Json, UsageError, done, opened, run
from interceptor.local_time import clock
from interceptor.tuning.tables import EXIT_FOUND, Column, print_json, progress_bar, show_table

app = typer.Typer(
    help="Who did what, when: the log of all acts and refusals.", no_args_is_help=True, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip
SHOWN = 20


@app.command()
def verify(
    book: BookOption = BOOK,
    head: Annotated[
        str | None, typer.Option("--head", metavar="COUNT:HASH", help="One noted earlier by `audit head`.")
    ] = None,
    json: Json = False,
) -> None:
    """Is the log as it was written, from its first entry to its last? Exit code 1 = it isn't."""

    def command() -> int:
        try:
            kept = Head.parse(head) if head is not None else None
        except ValueError as error:
            raise UsageError(f"--head: {error}") from None
        with opened(book, read_only=True) as centre, progress_bar() as bar:
            total = centre.db.execute("SELECT max(seq) FROM audit").fetchone()[0] or 0
            task = bar.add_task("Entries", total=total)
            fault = centre.audit.verify(kept, lambda seq: bar.update(task, completed=seq))
            last = centre.audit.head()
        if fault is None:
            told = {"intact": True, "entries": last.entries, "head": str(last)}
            return done(told, f"Intact: {last.entries:,} entries, head {last}", as_json=json)
        told = {"intact": False, "seq": fault.seq, "fault": fault.what}
        done(told, f"NOT intact: {fault.what}", as_json=json)
        return EXIT_FOUND

    run(command)


@app.command()
def head(book: BookOption = BOOK, json: Json = False) -> None:
    """Count and hash of the log's last entry: keep it elsewhere, and give it to `verify` later."""

    def command() -> int:
        with opened(book, read_only=True) as centre:
            last = centre.audit.head()
        return done({"head": str(last)}, str(last), as_json=json)

    run(command)


@app.command()
def show(
    about: Annotated[
        str | None, typer.Argument(metavar="[THING]", help="As number:…, account:…, site:…, stop:…")
    ] = None,
    book: BookOption = BOOK,
    last: Annotated[int, typer.Option("--last", metavar="N", min=1, help="So many entries at most.")] = SHOWN,
    json: Json = False,
) -> None:
    """The last entries, or those about one thing."""

    def command() -> int:
        from interceptor.commands.centre.telling import noted, thing

        with opened(book, read_only=True) as centre:
            entries = list(centre.audit.entries(_whole(about), last))
        if json:
            print_json({"entries": [_as_object(entry) for entry in entries]})
            return 0
        columns = [Column("entry", right=True), *map(Column, ("when", "who", "act", "about", "outcome"))]
        columns.append(Column("what", wraps=True))
        rows = [
            [str(entry.seq), f"{clock(entry.at_ms):%Y-%m-%d %H:%M:%S}", entry.by, entry.act, thing(entry.about),
             entry.outcome, "; ".join(noted(*item) for item in entry.details.items())]
            for entry in entries
        ]  # fmt: skip
        show_table("Audit log", columns, rows, "" if rows else "Nothing was written yet.")
        return 0

    run(command)


def _whole(about: str | None) -> str | None:
    """As the log has it: number:+86 139 0554 1234 → number:8613905541234; stop:3 stays as it is."""
    from interceptor.centre.refusal import Refused
    from interceptor.centre.things import parse

    try:
        return str(parse(about)) if about else about
    except Refused:
        return about


def _as_object(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq, "at_ms": entry.at_ms, "by": entry.by, "act": entry.act, "about": entry.about,
        "outcome": entry.outcome, "told": entry.details, "hash": entry.hash.hex(),
    }  # fmt: skip
