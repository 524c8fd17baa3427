"""The city's wall clock.

Enters: the time of an event. Leaves: the same as people there read it. Invariant: hours in rules and for people are
this zone's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

LOCAL_TIME = timezone(timedelta(hours=8))


def clock(ts_ms: int) -> datetime:
    """The city's wall clock at an event's time."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).astimezone(LOCAL_TIME)
