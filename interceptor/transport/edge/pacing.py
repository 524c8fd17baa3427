"""When events are due: so many a second, or as they happened.

Enters: frames, and a rule that says when each event is due. Leaves: frames, each at its time. Invariant: order and
number of events stay; an event waits no longer than FLUSH_S for others to share its frame.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pyarrow as pa

FLUSH_S = 0.05
SLEEP_MAX_S = 0.25  # somebody may have asked to stop

# Seconds after the first event at which each event of a frame is due, ascending float64[rows]; the second argument is
# how many events came before the frame.
Due = Callable[[pa.RecordBatch, int], np.ndarray]


def at_rate(events_per_s: float) -> Due:
    """Evenly."""
    return lambda frame, before: np.arange(before, before + frame.num_rows) / events_per_s


def as_it_happened(speed: float) -> Due:
    """By event time; `speed` 60: an hour of events in a minute. What comes out of order comes with those before it."""
    start_ms: list[int] = []

    def due(frame: pa.RecordBatch, _: int) -> np.ndarray:
        ts_ms = frame.column("ts_ms").to_numpy()
        if len(ts_ms) and not start_ms:
            start_ms.append(int(ts_ms[0]))
        return np.maximum.accumulate((ts_ms - (start_ms or [0])[0]) / (1_000 * speed))

    return due


def paced(
    frames: Iterable[pa.RecordBatch],
    due: Due,
    frame_rows: int,
    flush_s: float = FLUSH_S,
    *,
    stopped: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[pa.RecordBatch]:
    """Frames of at most `frame_rows`, each holding what is due. Who takes them slowly gets what is late at once.
    `stopped`: whether to end instead of waiting."""
    began_s, before = clock(), 0
    for frame in frames:
        due_s, at = due(frame, before), 0
        before += frame.num_rows
        while at < frame.num_rows:
            now_s = clock() - began_s
            ready = int(np.searchsorted(due_s, now_s, "right")) - at
            wanted = min(frame_rows, frame.num_rows - at)
            # What comes within flush_s of the first shares its frame.
            wait_s = min(due_s[at + wanted - 1], due_s[at] + flush_s) - now_s
            if ready < wanted and wait_s > 0:
                if stopped():
                    return
                sleep(min(wait_s, SLEEP_MAX_S))
                continue
            yield frame.slice(at, min(max(ready, 1), wanted))
            at += min(max(ready, 1), wanted)
