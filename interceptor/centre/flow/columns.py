"""Columns of a labelled file, as numbers, with the line of the first value that can't be one.

Enters: an Arrow column, of text or typed, and where it stands. Leaves: numpy arrays. Invariant: nothing is guessed:
what can't be read is a FileProblem with line, column and value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from interceptor.centre.flow.transfers import AMOUNT_FEN_MAX, FileProblem
from interceptor.rules.errors import printable

SHOWN_CHARS = 40
EPOCH_S_MIN, EPOCH_MS_MIN = 10**8, 10**11  # whole numbers from here on are clock times, below them steps
TIME_MS_MAX = 4_102_444_800_000  # 2100
TRUE, FALSE = pa.array(["true", "1", "yes", "t", "y"]), pa.array(["false", "0", "no", "f", "n"])


@dataclass(frozen=True, slots=True)
class Column:
    """`values`: one chunk; `line_of`: the line of a row in its file."""

    name: str
    values: pa.Array
    line_of: Callable[[int], str]

    @property
    def is_text(self) -> bool:
        return bool(pa.types.is_string(self.values.type) or pa.types.is_large_string(self.values.type))

    def text(self) -> pa.Array:
        """Trimmed text. A missing value is refused."""
        self.complete()
        values = self.values if self.is_text else self._cast(pa.string())
        return pc.utf8_trim_whitespace(values.cast(pa.string()))

    def complete(self) -> None:
        """Raises FileProblem for a row without a value."""
        if self.values.null_count:
            raise self.wrong(int(pc.index(self.values.is_null(), True).as_py()), "has no value")

    def names(self) -> pa.Array:
        """Names of accounts: text that isn't empty."""
        text = self.text()
        empty = pc.index(pc.equal(text, ""), True).as_py()
        if empty >= 0:
            raise self.wrong(int(empty), "names no account")
        return text

    def fen(self, per_unit: int) -> np.ndarray:
        """int64: sums, from 0 to AMOUNT_FEN_MAX, rounded to the nearest fen."""
        values = self._floats() * per_unit
        bad = ~((values >= 0) & (values <= AMOUNT_FEN_MAX))
        if bad.any():
            raise self.wrong(int(bad.argmax()), f"is no sum from 0 to {AMOUNT_FEN_MAX // per_unit:,}")
        return np.rint(values).astype(np.int64)

    def flags(self) -> np.ndarray:
        """bool: true, 1, yes, and their opposites."""
        if pa.types.is_boolean(self.values.type):
            self.complete()
            return np.asarray(self.values.to_numpy(zero_copy_only=False), bool)
        text = pc.utf8_lower(self.text())
        yes = pc.is_in(text, TRUE)
        known = pc.or_(yes, pc.is_in(text, FALSE))
        bad = pc.index(known, False).as_py()
        if bad >= 0:
            raise self.wrong(int(bad), "is neither true nor false")
        return np.asarray(yes.to_numpy(zero_copy_only=False), bool)

    def moments(self, step_ms: int, date: Column | None = None) -> tuple[np.ndarray, bool]:
        """(int64 ms since 1970 UTC, whether they are clock times): whole numbers are steps of step_ms, or seconds or
        milliseconds since 1970 where they are that large; else year-month-day, and the time of day."""
        if pa.types.is_timestamp(self.values.type):
            self.complete()
            return self.values.cast(pa.timestamp("ms")).cast(pa.int64()).to_numpy(), True
        numbers = self._whole_numbers()
        if numbers is not None:
            return self._steps(numbers, step_ms)
        text = self.text() if date is None else pc.binary_join_element_wise(date.text(), self.text(), " ")
        try:
            parsed = text.cast(pa.timestamp("ms"))
        except pa.ArrowException:  # not the plainest way of writing, or wrong
            text = pc.replace_substring_regex(pc.replace_substring(text, "/", "-"), r"(Z|\+00:?00)$", "")
            parsed = self._parsed(text, pa.timestamp("ms"), "is no time such as 2022-09-01 00:20")
        return parsed.cast(pa.int64()).to_numpy(), True

    def wrong(self, row: int, what: str) -> FileProblem:
        value = self.values[row].as_py()
        shown = "" if value is None else f" {printable(str(value))[:SHOWN_CHARS]!r}"
        return FileProblem(f"{self.line_of(row)}: {self.name}{shown} {what}\n  hint: mend that line, or take it out")

    def _steps(self, numbers: np.ndarray, step_ms: int) -> tuple[np.ndarray, bool]:
        top = int(numbers.max(initial=0))
        stamped = step_ms == 1 or top >= EPOCH_S_MIN
        factor = 1 if step_ms == 1 or top >= EPOCH_MS_MIN else 1000 if stamped else step_ms
        bad = (numbers < 0) | (numbers > TIME_MS_MAX // factor)
        if bad.any():
            raise self.wrong(int(bad.argmax()), "is no time from 1970 to 2100")
        return numbers * factor, stamped

    def _whole_numbers(self) -> np.ndarray | None:
        if pa.types.is_integer(self.values.type):
            self.complete()
            return np.asarray(self.values.cast(pa.int64()).to_numpy())
        if not self.is_text:
            return None
        text = self.text()
        if not len(text) or not pc.all(pc.match_substring_regex(text.slice(0, 1), r"^-?[0-9]+$")).as_py():
            return None
        return np.asarray(self._parsed(text, pa.int64(), "is no whole number, as the times before it are").to_numpy())

    def _floats(self) -> np.ndarray:
        if not self.is_text:
            self.complete()
            return np.asarray(self._cast(pa.float64()).to_numpy())
        return np.asarray(self._parsed(self.text(), pa.float64(), "is no number").to_numpy())

    def _cast(self, to: pa.DataType) -> pa.Array:
        try:
            return self.values.cast(to)
        except pa.ArrowException as error:
            raise FileProblem(f"{self.line_of(0)}: {self.name}: {self.values.type} is the wrong type") from error

    def _parsed(self, text: pa.Array, to: pa.DataType, what: str) -> pa.Array:
        try:
            return text.cast(to)
        except pa.ArrowException as error:
            raise self.wrong(_first_bad(text, to), what) from error


def _first_bad(text: pa.Array, to: pa.DataType) -> int:
    """The first row that can't be cast, by halves."""
    low, high = 0, len(text)
    while high - low > 1:
        middle = (low + high) // 2
        try:
            text.slice(low, middle - low).cast(to)
            low = middle
        except pa.ArrowException:
            high = middle
    return low


def integers_of(text: pa.Array) -> pa.Array | None:
    """uint64 where all of the text is whole numbers written the short way, else None: 007 must stay 007."""
    padded = pc.and_(pc.starts_with(text, "0"), pc.greater(pc.binary_length(text), 1))
    if pc.any(padded).as_py():
        return None
    try:
        return text.cast(pa.uint64())
    except pa.ArrowException:
        return None
