"""The state of the engine's parts as plain arrays: what a snapshot is made of.

Enters: the tables of a part, or a State that was taken from one. Leaves: a State, or tables as they were. Invariants:
what is taken shares no memory with the part, so later batches don't change it; a part that a state was put back into
decides as the part it was taken from would have done, to the last bit; only what is used is copied, so that pages that
nobody wrote to take no memory in the snapshot nor after it.

Taking stops the stream: it is copying and nothing else. Putting back checks that the arrays can be what they are said
to be, since kernels look at no bounds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from interceptor.kernels import (
    INT,
    OUT_I32,
    OUT_I64,
    TABLE,
    TABLE_I32,
    Int32s,
    Int64s,
    Uint8s,
    helper,
    kernel,
    table,
)

State = dict[str, np.ndarray]  # by names like windows/keys/3/epochs

# One higher whenever the meaning of any array changes: then a snapshot of before can't be used any more, and says so.
LAYOUT = 4

_Dtype = type[np.int64] | type[np.int32] | type[np.uint8]


class StateMisfit(Exception):
    """A state that can't be put back here: it is of another kind of part, or larger than the limits."""


class Rows:
    """What windows have in common: a row of `_words` for each slot of a table of keys."""

    _words: Int64s

    def taken(self, used: int) -> State:
        """Rows of the slots below `used`, as far as there are any."""
        return {"words": self._words[:used].copy()}

    def put_back(self, state: Mapping[str, np.ndarray]) -> None:
        """Raises StateMisfit."""
        self._words = aligned(array_of(state, "words", np.int64, self._words.shape[1]))


def nested(parts: Mapping[str, State]) -> State:
    """The states of parts as one, each under its name."""
    return {f"{part}/{name}": array for part, state in parts.items() for name, array in state.items()}


def within(state: Mapping[str, np.ndarray], part: str) -> State:
    """The state of one part."""
    return {name[len(part) + 1 :]: array for name, array in state.items() if name.startswith(f"{part}/")}


def written(data: Any) -> Uint8s:
    """Names and the like (whatever JSON can hold) as an array."""
    return np.frombuffer(json.dumps(data, separators=(",", ":")).encode(), np.uint8)


def read(state: Mapping[str, np.ndarray], name: str) -> Any:
    """What was `written`. Raises StateMisfit."""
    try:
        return json.loads(array_of(state, name, np.uint8).tobytes())
    except (ValueError, RecursionError):
        raise StateMisfit(f"{name}: not what was written there") from None


def array_of(
    state: Mapping[str, np.ndarray], name: str, dtype: _Dtype, columns: int = 0, rows: int | None = None
) -> np.ndarray:
    """An array of a state: [rows], or [rows, columns] where that isn't 0. Raises StateMisfit where it is another."""
    found = state.get(name)
    if found is None:
        raise StateMisfit(f"{name} is missing")
    shape = found.shape[1:] == ((columns,) if columns else ()) and found.ndim > 0
    if found.dtype != dtype or not shape or (rows is not None and len(found) != rows):
        expected = f"{np.dtype(dtype)}[{'n' if rows is None else rows}{f', {columns}' if columns else ''}]"
        raise StateMisfit(f"{name} is {found.dtype}{list(found.shape)}, not {expected}")
    return np.require(found, None, ["C", "W"])


def checked(holds: bool, what: str) -> None:
    """Raises StateMisfit where it doesn't."""
    if not holds:
        raise StateMisfit(what)


def aligned(rows: Int64s) -> Int64s:
    """int64[n, words] as a table for kernels, with memory of its own."""
    copy = table(*rows.shape)
    copy[:] = rows
    return copy


def rows_taken(words: Int64s) -> State:
    """Rows of a table that is mostly empty: those whose first word isn't 0."""
    at = np.empty(len(words) + 1, np.int32)  # of which only as much is touched as there are rows
    at = at[: _find_used(words, at)].copy()
    rows = np.empty((len(at), words.shape[1]), np.int64)
    _gather(at, words, rows)
    return {"size": np.array([len(words)], np.int64), "at": at, "rows": rows}


def rows_put_back(state: Mapping[str, np.ndarray], columns: int) -> Int64s:
    """The table, with nothing written where no rows are. Raises StateMisfit."""
    at = array_of(state, "at", np.int32)
    rows = array_of(state, "rows", np.int64, columns, len(at))
    size = int(array_of(state, "size", np.int64, rows=1)[0])
    checked(size > 0 and size & size - 1 == 0, f"a table of {size} rows")
    checked(not len(at) or (at.min() >= 0 and at.max() < size), f"rows outside of a table of {size}")
    words = table(size, columns)
    _scatter(at, rows, words)
    return words


def not_zero(values: Int64s, count: int) -> Int64s:
    """int64[count]: the values that aren't 0, of which there are `count`."""
    out = np.empty(count + 1, np.int64)
    found = _compact(values, count, out)
    assert found == count, f"{found} values where {count} were counted"
    return out[:count]


def begun_taken(times: Int64s, words: Int32s, used: int, head: int) -> State:
    """Two tables with rows that are full from the left: of the rows below `used` times[row, :n] and words[row, :n],
    where n is words[row, head + 1]; words[row, head] is taken, too."""
    heads = words[:used, head : head + 2].copy()
    entries = int(heads[:, 1].sum())
    taken_words, taken_times = np.empty(entries, np.int32), np.empty(entries, np.int64)
    _gather_begun(times, words, heads, taken_words, taken_times)
    return {"heads": heads, "words": taken_words, "times": taken_times}


def begun_put_back(state: Mapping[str, np.ndarray], times: Int64s, words: Int32s, head: int) -> None:
    """Into new tables with as many rows as `heads`. Raises StateMisfit."""
    heads = array_of(state, "heads", np.int32, 2, len(words))
    checked(not len(heads) or (heads[:, 1].min() >= 0 and heads[:, 1].max() <= head), "rows longer than there is room")
    entries = int(heads[:, 1].sum())
    one, other = array_of(state, "words", np.int32, rows=entries), array_of(state, "times", np.int64, rows=entries)
    _scatter_begun(heads, one, other, head, times, words)


@helper
def _copy(source: Int64s, row: int, target: Int64s, to: int) -> None:
    for word in range(source.shape[1]):
        target[to, word] = source[row, word]


@kernel(TABLE, OUT_I32)
def _find_used(words: Int64s, at: Int32s) -> int:
    """Writes without asking, and counts if it was worth it: there is no branch to guess wrong."""
    found = 0
    for row in range(len(words)):
        at[found] = row
        found += words[row, 0] != 0
    return found


@kernel(OUT_I32, TABLE, TABLE)
def _gather(at: Int32s, words: Int64s, rows: Int64s) -> None:
    for i in range(len(at)):
        _copy(words, at[i], rows, i)


@kernel(OUT_I32, TABLE, TABLE)
def _scatter(at: Int32s, rows: Int64s, words: Int64s) -> None:
    for i in range(len(at)):
        _copy(rows, i, words, at[i])


@kernel(OUT_I64, INT, OUT_I64)
def _compact(values: Int64s, count: int, out: Int64s) -> int:
    """Without a branch, as above."""
    found = 0
    for value in values:
        out[min(found, count)] = value
        found += value != 0
    return found


@kernel(TABLE, TABLE_I32, TABLE_I32, OUT_I32, OUT_I64)
def _gather_begun(times: Int64s, words: Int32s, heads: Int32s, out_words: Int32s, out_times: Int64s) -> None:
    used = 0
    for row in range(len(heads)):
        for place in range(heads[row, 1]):
            out_words[used], out_times[used] = words[row, place], times[row, place]
            used += 1


@kernel(TABLE_I32, OUT_I32, OUT_I64, INT, TABLE, TABLE_I32)
def _scatter_begun(heads: Int32s, in_words: Int32s, in_times: Int64s, head: int, times: Int64s, words: Int32s) -> None:
    used = 0
    for row in range(len(heads)):
        words[row, head], words[row, head + 1] = heads[row, 0], heads[row, 1]
        for place in range(heads[row, 1]):
            words[row, place], times[row, place] = in_words[used], in_times[used]
            used += 1
