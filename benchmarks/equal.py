"""Do workers decide as one engine does? `python -m benchmarks.equal`: a million events, cut in several ways.

Enters: how many events, sizes of frames, numbers of workers. Leaves: for each pair what is lost, there twice, or
decided otherwise. Invariant: exit code 0 only where all of that is nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmarks import rig as rigs
from benchmarks.rig import Rig, Stream
from interceptor.rules import default_rules_dir, load

WAYS = ((8_192, 2), (1_000, 3), (65_536, 1))  # rows of a frame, workers
IDLE_S = 120.0


def main(
    events: Annotated[int, typer.Option(help="Of a city.")] = 1_000_000,
    partitions: Annotated[int, typer.Option(help="Of the topics between the stages.")] = 8,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Compare the ledger with one engine, real Kafka and real workers between."""
    rule_set = load(default_rules_dir()).with_static_lists()
    wanted = rigs.expected(rule_set, rigs.city_frames(events, seed, 16_384))
    good = True
    with rigs.folder() as folder, Rig(Path(folder)) as rig:
        for rows, workers in WAYS:
            frames = rigs.city_frames(events, seed, rows)
            with Stream(rig.folder, rig.settings(partitions), frames, rate=None) as stream:
                started = [stream.worker() for _ in range(workers)]
                for worker in started:
                    worker.wait_ready()
                stream.begin()
                stream.wait(IDLE_S)
                for worker in started:
                    worker.stop()
                found = rigs.verdict_of(stream, wanted)
            good = good and not any(found.values()) and not stream.watched.differing
            said = ", ".join(f"{name} {count:,}" for name, count in found.items())
            print(
                f"{events:,} events, frames of {rows:,}, {workers} workers, {partitions} partitions: {said}", flush=True
            )
    raise typer.Exit(0 if good else 1)


if __name__ == "__main__":
    typer.run(main)
