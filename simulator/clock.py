"""The city's clock.

Enters: numbers of hours or days since the start, or ts_ms. Leaves: ts_ms (UTC) and the local calendar. Invariant: day 0
is 2021-03-01, and every hour and day starts at a full hour of UTC+8, the city's time.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TypeVar

import numpy as np

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
UTC_OFFSET_MS = 8 * HOUR_MS
DAY_0 = date(2021, 3, 1)  # a Monday, first day of the 243 days that the 2021 report counts
DAY_0_MS = 1_614_556_800_000 - UTC_OFFSET_MS

_Time = TypeVar("_Time", int, np.ndarray)


def hour_start_ms(hour: int) -> int:
    """ts_ms at which hour 0, 1, 2 … since the start begins."""
    return DAY_0_MS + hour * HOUR_MS


def day_start_ms(day: int) -> int:
    """ts_ms of local midnight."""
    return DAY_0_MS + day * DAY_MS


def at_ms(day: int, hour: int = 0, minute: int = 0) -> int:
    """ts_ms of a local time of day, e.g. at_ms(2, 9, 30)."""
    return DAY_0_MS + day * DAY_MS + hour * HOUR_MS + minute * MINUTE_MS


def hour_index(ts_ms: _Time) -> _Time:
    """Hours since the start."""
    return (ts_ms - DAY_0_MS) // HOUR_MS


def day_index(ts_ms: _Time) -> _Time:
    """Days since the start."""
    return (ts_ms - DAY_0_MS) // DAY_MS


def hour_of_day(ts_ms: _Time) -> _Time:
    """0 … 23, local time."""
    return (ts_ms - DAY_0_MS) // HOUR_MS % 24


def calendar(day: int) -> date:
    """The local date of a day."""
    return DAY_0 + timedelta(days=day)


def weekday(day: int) -> int:
    """0 = Monday … 6 = Sunday."""
    return day % 7
