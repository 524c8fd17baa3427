"""Days, weeks, months and years to date, in the city's own time.

Enters: a day and the word for a period. Leaves: Periods. Invariant: the period before ends where this one begins;
that of the year before has the same dates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from interceptor.local_time import LOCAL_TIME

EPOCH = date(1970, 1, 1)
_DAY = timedelta(days=1)


def day_number(when: date) -> int:
    """Days since 1970."""
    return (when - EPOCH).days


def day_of(ts_ms: int) -> date:
    """The local day of a time."""
    return datetime.fromtimestamp(ts_ms / 1000, LOCAL_TIME).date()


@dataclass(frozen=True, slots=True)
class Period:
    """From `first` to `last`, both included. `word`: day, week, month or to date."""

    word: str
    first: date
    last: date

    @property
    def from_ms(self) -> int:
        return _ms(self.first)

    @property
    def to_ms(self) -> int:
        """Where the next begins."""
        return _ms(self.last + _DAY)

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def before(self) -> Period:
        """The one that a reader compares with: the day, week or month before; to date, as many days before."""
        if self.word == "month":
            last = self.first - _DAY
            return Period("month", last.replace(day=1), last)
        return Period(self.word, self.first - timedelta(days=self.days), self.first - _DAY)

    def year_before(self) -> Period:
        return Period(self.word, _a_year_before(self.first), _a_year_before(self.last))

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first} – {self.last}"


def _day(when: date) -> Period:
    return Period("day", when, when)


def _week(when: date) -> Period:
    monday = when - timedelta(days=when.weekday())
    return Period("week", monday, monday + 6 * _DAY)


def _month(when: date) -> Period:
    following = (when.replace(day=28) + 4 * _DAY).replace(day=1)
    return Period("month", when.replace(day=1), following - _DAY)


def _to_date(when: date) -> Period:
    return Period("to date", when.replace(month=1, day=1), when)


PERIODS: dict[str, Callable[[date], Period]] = {"day": _day, "week": _week, "month": _month, "to-date": _to_date}


def _ms(when: date) -> int:
    return round(datetime.combine(when, time(), LOCAL_TIME).timestamp() * 1000)


def _a_year_before(when: date) -> date:
    try:
        return when.replace(year=when.year - 1)
    except ValueError:  # 29 February
        return when.replace(year=when.year - 1, day=28)
