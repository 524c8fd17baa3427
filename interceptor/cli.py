"""The command line: options in, exit code out.

Enters: what a person typed. Leaves: calls of the commands' own modules. Invariant: a module that does work is imported
only by the command that needs it, so that --help and completion answer at once. Results go to standard output,
everything else to standard error.

Exit codes: 0 done, 1 found something or the reader of the output left, 2 wrong use, 75 try again later, 78 wrong
configuration, 130 stopped from the keyboard.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from interceptor import __version__, rules_cli
from interceptor.commands import (
    bench_cli,
    centre_cli,
    cluster_cli,
    decide_cli,
    feed_cli,
    ledger_cli,
    letters_cli,
    lists_cli,
    publish_cli,
)

EXIT_BROKEN_PIPE = 1
EXIT_TRY_LATER = 75
EXIT_STOPPED = 130

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
PEOPLE_MIN, PEOPLE_MAX = 500, 2_000_000  # fewer make no city, more have no mobile numbers left
DAYS_MAX = 366
SEED_MAX = 2**63 - 1

# Plain help and errors: what stands in [brackets] is text, and a pipe gets no frames.
app = typer.Typer(
    help="Intercepts scam calls, SMS, site visits and transfers as they stream by.",
    epilog="Start with: interceptor run",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.add_typer(rules_cli.app, name="rules")
app.add_typer(centre_cli.app, name="centre")
app.add_typer(cluster_cli.app, name="cluster")
app.add_typer(ledger_cli.app, name="ledger")
app.add_typer(lists_cli.app, name="lists")
app.add_typer(letters_cli.app, name="dead-letters")
decide_cli.add_to(app)
feed_cli.add_to(app)
bench_cli.add_to(app)
publish_cli.add_to(rules_cli.app)

RUN_EXAMPLES = """\b
Examples:
  interceptor run --seed 7 --record day.parquet
  interceptor run --scenario day.parquet --rules my_rules
  interceptor run --rules my_rules --watch --days 30
  interceptor run --people 300000 --json > bulletin.json"""

WORKER_EXAMPLES = """\b
Examples:
  INTERCEPTOR_CONFIG=.cluster/cluster.toml interceptor worker
  interceptor worker --kafka 127.0.0.1:9092 --redis redis://127.0.0.1:6379/0 --metrics-port 9100"""


def _tell_version(asked: bool) -> None:
    if asked:
        typer.echo(f"interceptor {__version__}")
        raise typer.Exit


def _from(low: int, high: int) -> Callable[[int | None], int | None]:
    """Checks a whole number, and says the limits together with what was given."""

    def check(value: int | None) -> int | None:
        if value is not None and not low <= value <= high:
            raise typer.BadParameter(f"{value:,} isn't from {low:,} to {high:,}")
        return value

    return check


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Its options come before a command's name."""


@app.command(epilog=RUN_EXAMPLES)
def run(
    scenario: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="city_centre, carrier_edge, festival, burst, huainan_2021, a scenario's .yaml, or a recording's"
            " .parquet to replay.",
        ),
    ] = "city_centre",
    people: Annotated[
        int | None,
        typer.Option(
            metavar="N", callback=_from(PEOPLE_MIN, PEOPLE_MAX), help="Residents.  [default: the scenario's, 100000]"
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option(metavar="N", callback=_from(1, DAYS_MAX), help="Simulated days.  [default: the scenario's, 1]"),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", callback=_from(0, SEED_MAX), help="The same number, the same run.  [default: drawn, printed]"
        ),
    ] = None,
    rules: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Rules to use.  [default: those that came with it]")
    ] = None,
    lists: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A file with more lists; may be given several times.")
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE.parquet", help="Keep events and decisions; the truth goes into a file beside it."),
    ] = None,
    observe: Annotated[
        bool, typer.Option("--observe", help="Decide, but stop nothing: for recordings to tune rules on.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Follow the rules' files: edits take effect while the run goes on.")
    ] = False,
    centre: Annotated[
        Path | None,
        typer.Option("--centre", metavar="FILE.sqlite", help="Put a centre on duty; its book is a new file."),
    ] = None,
    no_counterfactual: Annotated[
        bool, typer.Option("--no-counterfactual", help="Don't work out what would be lost without interception.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="The bulletin as one JSON object.")] = False,
) -> None:
    """Run a simulated city through the interceptor, and read what it saved and what harm it did."""
    from interceptor.run import Options, main

    compare = not no_counterfactual
    options = Options(
        scenario, people, days, seed, rules, tuple(lists or ()), record, compare, json, watch, observe, centre
    )
    raise typer.Exit(main(options))


@app.command(epilog=WORKER_EXAMPLES)
def worker(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.toml", help="Settings.  [default: the file in INTERCEPTOR_CONFIG]")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Rules for as long as none are published.  [default: those that came]"),
    ] = None,
    kafka: Annotated[str | None, typer.Option(metavar="HOST:PORT,…", help="Brokers.")] = None,
    redis: Annotated[str | None, typer.Option(metavar="URL", help='Redis; "" for none.')] = None,
    from_json: Annotated[
        str | None,
        typer.Option(metavar="TOPIC", help="One JSON event a message, one partition: read it without a bridge."),
    ] = None,
    snapshots: Annotated[
        str | None, typer.Option(metavar="redis|FOLDER", help="Where states are kept; a folder must be shared by all.")
    ] = None,
    static_lists: Annotated[
        bool, typer.Option("--static-lists", help="Verdicts put nothing on lists: decisions as of a recording.")
    ] = False,
    metrics_port: Annotated[
        int | None, typer.Option(metavar="PORT", help="Prometheus page on loopback.  [default: none]")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="What Faust and its client have to say as well.")] = False,
) -> None:
    """Decide what comes in over Kafka; start as many of these as there are cores for it."""
    from interceptor.commands.worker import main

    options = {
        "rules": rules, "kafka": kafka, "redis": redis, "from_json": from_json, "snapshots": snapshots,
        "metrics_port": metrics_port,
    }  # fmt: skip
    raise typer.Exit(main(config, verbose, **options, static_lists=static_lists or None))


def main() -> None:
    """Ends the process with the command's exit code, without a traceback for what a person did on purpose."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that can't show a name gets ?, not an exception
    try:
        app(prog_name="interceptor")
    except BrokenPipeError:
        _close_quietly()
        sys.exit(EXIT_BROKEN_PIPE)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        sys.stderr.write(f"interceptor: the output could not be written: {error.strerror}\n")
        _close_quietly()
        sys.exit(EXIT_TRY_LATER)
    except KeyboardInterrupt:
        sys.exit(EXIT_STOPPED)


def _close_quietly() -> None:
    """The interpreter flushes both streams at its end: what nobody reads must go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
