"""`interceptor feed` and `interceptor bridge`: events into the cluster.

Enters: what a person typed. Leaves: calls of interceptor.commands.feed and interceptor.commands.bridge_tools.
Invariant: a module that does work is imported only by the command that needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

PEOPLE_MIN, PEOPLE_MAX, DAYS_MAX, SEED_MAX, ROWS_MAX = 500, 2_000_000, 366, 2**63 - 1, 1 << 16

Json = Annotated[bool, typer.Option("--json", help="One JSON object, for machines.")]
Config = Annotated[Path | None, typer.Option("--config", metavar="FILE.toml", help="Settings of the cluster.")]
Kafka = Annotated[str | None, typer.Option("--kafka", metavar="HOST:PORT", help="Brokers.  [default: 127.0.0.1:9092]")]
Name = Annotated[
    str | None, typer.Option("--app", metavar="NAME", help="What the topics' names begin with.  [default: interceptor]")
]
FrameRows = Annotated[
    int, typer.Option("--frame-rows", metavar="N", min=1, max=ROWS_MAX, help="Events of a frame at most.")
]
FlushMs = Annotated[
    int, typer.Option("--flush-ms", metavar="MS", min=1, max=60_000, help="An event waits no longer for its frame.")
]

FEED_EXAMPLES = """\b
Examples:
  interceptor feed --seed 7
  interceptor feed --seed 7 --closed-loop
  interceptor feed --scenario day.parquet --rate 20000
  interceptor feed --real-time 60 --json-to gateway.sms"""
BRIDGE_EXAMPLES = """\b
Examples:
  interceptor bridge --from gateway.calls --from gateway.sms"""


def feed(
    scenario: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE",
            help="city_centre, carrier_edge, festival, burst, huainan_2021, a scenario's .yaml, or a recording's"
            " .parquet.",
        ),
    ] = "city_centre",
    people: Annotated[int | None, typer.Option(metavar="N", min=PEOPLE_MIN, max=PEOPLE_MAX, help="Residents.")] = None,
    days: Annotated[int | None, typer.Option(metavar="N", min=1, max=DAYS_MAX, help="Simulated days.")] = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", min=0, max=SEED_MAX, help="The same number, the same events.")
    ] = None,
    observe: Annotated[
        bool, typer.Option("--observe", help="As in `run`: nothing that is decided changes the city.")
    ] = False,
    closed_loop: Annotated[
        bool,
        typer.Option(
            "--closed-loop", help="The city waits for the cluster's decisions and reacts; ends with a bulletin."
        ),
    ] = False,
    rate: Annotated[
        float | None, typer.Option(metavar="N", min=0.001, help="Events a second.  [default: as fast as it goes]")
    ] = None,
    real_time: Annotated[
        float | None, typer.Option("--real-time", metavar="X", min=0.001, help="As it happened, X times as fast.")
    ] = None,
    events_max: Annotated[
        int | None, typer.Option("--events-max", metavar="N", min=1, help="Stop after N events.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            "--run",
            metavar="NAME",
            help="Name of the run. The same name and seed again go on after a break: the cluster drops what it has.",
        ),
    ] = None,
    json_to: Annotated[
        str | None, typer.Option("--json-to", metavar="TOPIC", help="JSON events, one a message, as a gateway would.")
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="With --closed-loop: the cluster's rules, to know which only watch."),
    ] = None,
    frame_rows: FrameRows = 8_192,
    flush_ms: FlushMs = 50,
    config: Config = None,
    kafka: Kafka = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """Send a simulated city, or a recording, into the cluster."""
    from interceptor.commands.feed import Options, main

    options = Options(
        scenario, people, days, seed, observe, rate, real_time, frame_rows, flush_ms, closed_loop, events_max, run,
        json_to, rules, json,
    )  # fmt: skip
    raise typer.Exit(main(options, config, kafka=kafka, app=name))


def bridge(
    topics: Annotated[
        list[str], typer.Option("--from", metavar="TOPIC", help="A raw topic; may be given several times.")
    ],
    group: Annotated[str, typer.Option("--group", metavar="NAME", help="Consumer group.  [default: APP.bridge]")] = "",
    frame_rows: FrameRows = 8_192,
    flush_ms: FlushMs = 50,
    config: Config = None,
    kafka: Kafka = None,
    name: Name = None,
    json: Json = False,
) -> None:
    """Turn topics with one JSON event a message into frames, until stopped; what is no event becomes a dead letter."""
    from interceptor.commands.bridge_tools import main

    raise typer.Exit(main(topics, group, frame_rows, flush_ms, config, as_json=json, kafka=kafka, app=name))


def add_to(app: typer.Typer) -> None:
    """Both commands."""
    app.command(epilog=FEED_EXAMPLES)(feed)
    app.command(epilog=BRIDGE_EXAMPLES)(bridge)
