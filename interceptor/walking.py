"""One walk over a chunk that brings all windows of a bank up to date.

Enters: groups of windows, and of a chunk its kinds, times, columns and masks. Leaves: the value of each window on each
row that changes or reads it, on others that of a window without events. Invariants: the windows of a key see its events
in arrival order, each of them as the one before left it; what an event gets doesn't depend on how the stream was cut
into chunks and blocks.

Most keys that windows are read by have none: a sieve for each group says so of nearly all of them. A group goes through
the other rows in blocks: it looks up the slots until it has a block of rows whose key has one; it asks for the memory
of its windows there, and by the time when the windows are walked, that has come. All of it is one call, since calls are
what small chunks spend their time on. Where a table is full, the kernel comes back to Python, and goes on from there
afterwards.
"""

from __future__ import annotations

import numpy as np
from numba import carray, types

from interceptor.columns import load_words
from interceptor.distinct import distinct
from interceptor.kernels import (
    AHEAD,
    IN_BOOL,
    IN_I64,
    IN_U8,
    INT,
    OUT_I32,
    OUT_I64,
    OUT_U8,
    TABLE,
    TABLE_I32,
    Bools,
    Float64s,
    Int32s,
    Int64s,
    Uint8s,
    choose_kinds,
    fetch,
    helper,
    inlined,
    kernel,
    pointer,
)
from interceptor.sequences import sequence
from interceptor.sieve import BYTES_AT_HAND, ask, fill, mark, passes
from interceptor.sightings import sequential, since_first, since_last
from interceptor.tables import NO_ROOM, find, mixed, placed, slot_of
from interceptor.windows import count, ratio, sum_up

BLOCK = 256  # rows with a slot between looking them up and walking the windows

# A group: which events change it (its steps) and which read it, its columns of keys, its windows; how many rows of the
# chunk it has, and on how many it has written values; its table of keys, and the sieve, with how many bits are set.
(READERS, ROWS, STEPS, STEPS_END, BY, OF, WINDOWS, WINDOWS_END, CHOSEN, WRITTEN, INDEX, INDEX_ROWS, KEYS, EPOCHS,
 TOUCHED, CAPACITY, KEYS_MAX, COUNTS, SIEVE, SIEVE_BYTES, MARKED, GROUP_FIELDS) = range(22)  # fmt: skip
UNKNOWN = 2**62  # MARKED of a sieve that is yet to be filled

# A window: what it is, how long, its rows of words, where its values go to and what it is without events; some have a
# column, a mask or pairs.
(SORT, LENGTH_MS, WORDS, WORDS_ROWS, ROW_WORDS, OUT, NOTHING, VALUE, MASK, PAIRS, PAIRS_ROWS, PAIR_COUNTS, NEWEST,
 WINDOW_FIELDS) = range(14)  # fmt: skip
SORTS = ("count", "sum", "ratio", "distinct", "since_last", "since_first", "sequential", "sequence")
_COUNT, _SUM, _RATIO, _DISTINCT, _SINCE_LAST, _SINCE_FIRST, _SEQUENTIAL = range(7)

# Where the walk is: in which group, in which block of its rows with a slot, and there in which window at which row; and
# the next row whose slot is to be looked up.
GROUP, START, STOP, WINDOW, AT, NEXT, POSITIONS = range(7)
UNBEGUN = -1  # STOP of a group of which no row was looked at yet

COLUMN, COLUMN_ROWS = 0, 1  # words of a column of keys: its number, and the rows of which kinds have keys

# Rows of scratch memory
_PLACE, _READ, _VALUE, _PAIR_HASH, SCRATCH = range(5)
_MASKS = types.Array(types.boolean, 2, "C", readonly=True)
_REALS = types.Array(types.float64, 2, "C")


@helper
def _words_at(address: int, rows: int, words: int) -> Int64s:
    return carray(pointer(address), (rows, words), np.int64)


@helper
def _mix_keys(column: int, size: int, candidates: Int32s, scratch: Int64s, keys: Int64s) -> None:
    """The keys of some rows, mixed."""
    load_words(column, size, candidates, 0, scratch[: len(candidates)])
    for i in range(len(candidates)):
        keys[candidates[i]] = mixed(scratch[i])


@helper
def _choose(
    group: Int64s, steps: Int64s, kinds: Uint8s, ok: Bools, masks: Bools, candidates: Int32s, by: Int64s, of: Int64s,
    rows: Int32s, matches: Int32s, changes: Uint8s,
) -> int:  # fmt: skip
    """Rows that change the group, and those that read it, unless there is nothing to read: a change before passes the
    sieve already. Which of its steps each matches, as bits, and whether it changes it."""
    first, last, readers = group[STEPS], group[STEPS_END], group[READERS]
    sieve = carray(pointer(group[SIEVE]), (group[SIEVE_BYTES],), np.uint8)
    found, far = 0, len(sieve) > BYTES_AT_HAND
    for i, row in enumerate(candidates):
        if far and i + AHEAD < len(candidates):
            ask(sieve, of[candidates[i + AHEAD]])
            if group[BY] != group[OF]:
                ask(sieve, by[candidates[i + AHEAD]])
        at, bits = np.uint64(np.uint32(row)), 0  # what can't be negative needn't be looked at for that
        for step in range(first, last):
            mask = steps[step, 1]
            hit = np.int64(masks[mask, at]) if mask >= 0 else steps[step, 0] >> kinds[at] & 1
            bits |= hit << (step - first)
        change = bits != 0 and ok[at]
        if change:
            group[MARKED] += mark(sieve, by[at])
        rows[found] = row
        matches[found] = bits
        changes[found] = change
        found += bits != 0 or (readers >> kinds[at] & 1 != 0 and passes(sieve, of[at]))
    return found


@helper
def _begin(
    group: Int64s, windows: Int64s, steps: Int64s, kinds: Uint8s, ok: Bools, masks: Bools, keys: Int64s,
    candidates: Int32s, rows: Int32s, matches: Int32s, changes: Uint8s, outs: Int64s,
) -> None:  # fmt: skip
    """Takes back what was written for the chunk before, and chooses the rows."""
    for window in range(group[WINDOWS], group[WINDOWS_END]):
        out, nothing = outs[windows[window, OUT]], windows[window, NOTHING]
        for i in range(group[WRITTEN]):
            out[rows[i]] = nothing
    if group[MARKED] > 4 * group[SIEVE_BYTES]:  # more than every other bit
        sieve = carray(pointer(group[SIEVE]), (group[SIEVE_BYTES],), np.uint8)
        held = carray(pointer(group[KEYS]), (group[CAPACITY],), np.int64)
        group[MARKED] = fill(sieve, held, carray(pointer(group[COUNTS]), (3,), np.int64)[0])
    group[WRITTEN] = 0
    group[CHOSEN] = _choose(
        group, steps, kinds, ok, masks, candidates, keys[group[BY]], keys[group[OF]], rows, matches, changes
    )  # fmt: skip


@inlined
def _fetch_windows(group: Int64s, windows: Int64s, place: int) -> None:
    for window in range(group[WINDOWS], group[WINDOWS_END]):
        fetch(windows[window, WORDS] + 8 * windows[window, ROW_WORDS] * slot_of(place))


@helper
def _find_places(
    group: Int64s, windows: Int64s, position: Int64s, by: Int64s, of: Int64s, rows: Int32s, matches: Int32s,
    changes: Uint8s, scratch: Int64s,
) -> None:  # fmt: skip
    """Epochs and slots of the next rows, as far as the table has room, until a block of them has any. These move up,
    behind those of the blocks before."""
    index = _words_at(group[INDEX], group[INDEX_ROWS], 2)
    capacity, mask, two, chosen = group[CAPACITY], group[INDEX_ROWS] - 1, group[OF] != group[BY], group[CHOSEN]
    key_of_slot = carray(pointer(group[KEYS]), (capacity,), np.int64)
    epoch_of_slot = carray(pointer(group[EPOCHS]), (capacity,), np.int32)
    touched = carray(pointer(group[TOUCHED]), (capacity,), np.uint8)
    counts = carray(pointer(group[COUNTS]), (3,), np.int64)
    i, to = position[NEXT], position[STOP]
    block_end = to + BLOCK
    while i < chosen and to < block_end:
        if i + AHEAD < chosen:
            fetch(group[INDEX] + 16 * (by[rows[i + AHEAD]] & mask))
            if two:
                fetch(group[INDEX] + 16 * (of[rows[i + AHEAD]] & mask))
        place = read = placed(
            by[rows[i]], changes[i] != 0, group[KEYS_MAX], index, key_of_slot, epoch_of_slot, touched, counts
        )  # fmt: skip
        if place == NO_ROOM:
            break
        if place >= 0:
            _fetch_windows(group, windows, place)
        if two:
            read = find(index, of[rows[i]])
            if read >= 0:
                _fetch_windows(group, windows, read)
        rows[to], matches[to], changes[to] = rows[i], matches[i], changes[i]
        scratch[_PLACE, to], scratch[_READ, to] = place, read
        to += place >= 0 or read >= 0
        i += 1
    position[NEXT], position[START], position[STOP] = i, position[STOP], to
    group[WRITTEN] = to


@helper
def _walk_window(
    window: Int64s, at: int, stop: int, rows: Int32s, matches: Int32s, changes: Uint8s, scratch: Int64s, ts_ms: Int64s,
    ok: Bools, columns: Int64s, masks: Bools, outs: Int64s, reals: Float64s,
) -> int:  # fmt: skip
    """Rows at … stop - 1 of one window; gives the first that can't be done before pairs are forgotten, else `stop`."""
    sort, length_ms = window[SORT], window[LENGTH_MS]
    words, out = _words_at(window[WORDS], window[WORDS_ROWS], window[ROW_WORDS]), outs[window[OUT]]
    cells = carray(pointer(window[WORDS]), (window[WORDS_ROWS], 2 * window[ROW_WORDS]), np.int32)
    places, reads, values = scratch[_PLACE], scratch[_READ], scratch[_VALUE]
    if window[VALUE] >= 0:
        load_words(columns[window[VALUE]], len(ts_ms), rows, at, values[at:stop])
    if sort == _COUNT:
        count(at, stop, rows, places, reads, changes, ts_ms, length_ms, words, cells, out)
    elif sort == _DISTINCT:
        pair_words = _words_at(window[PAIRS], window[PAIRS_ROWS], 3)
        state = carray(pointer(window[PAIR_COUNTS]), (4,), np.int64)
        newest_ms = carray(pointer(window[NEWEST]), (1,), np.int64)
        return distinct(
            at, stop, rows, places, reads, changes, ts_ms, values, length_ms, words, cells, pair_words, state,
            newest_ms, scratch[_PAIR_HASH], out,
        )  # fmt: skip
    elif sort == _SUM:
        sum_up(at, stop, rows, places, reads, changes, ts_ms, values, length_ms, words, out)
    elif sort == _RATIO:
        halves = carray(pointer(window[WORDS]), (window[WORDS_ROWS], 4 * window[ROW_WORDS]), np.uint16)
        numerator = masks[max(window[MASK], 0)]
        every = window[MASK] < 0
        ratio(at, stop, rows, places, reads, changes, ts_ms, numerator, every, length_ms, words, halves,
              reals[window[OUT]])  # fmt: skip
    elif sort == _SINCE_LAST:
        since_last(at, stop, rows, places, reads, changes, ts_ms, length_ms, words, out)
    elif sort == _SINCE_FIRST:
        since_first(at, stop, rows, places, reads, changes, ts_ms, length_ms, words, out)
    elif sort == _SEQUENTIAL:
        sequential(at, stop, rows, places, reads, changes, ts_ms, values, length_ms, words, out)
    else:
        sequence(at, stop, rows, places, matches, ok, ts_ms, length_ms, words, out)
    return stop


@helper
def _walk_group(
    group: Int64s, windows: Int64s, position: Int64s, keys: Int64s, rows: Int32s, matches: Int32s, changes: Uint8s,
    scratch: Int64s, ts_ms: Int64s, ok: Bools, columns: Int64s, masks: Bools, outs: Int64s, reals: Float64s,
) -> bool:  # fmt: skip
    """From `position` on, block by block; False where Python must make room first."""
    while True:
        for window in range(position[WINDOW], group[WINDOWS_END]):
            done = _walk_window(
                windows[window], position[AT], position[STOP], rows, matches, changes, scratch, ts_ms, ok, columns,
                masks, outs, reals,
            )  # fmt: skip
            position[AT] = done
            if done < position[STOP]:
                position[WINDOW] = window
                return False
            position[AT] = position[START]
        position[WINDOW], before = group[WINDOWS_END], position[NEXT]
        if before == group[CHOSEN]:
            return True
        _find_places(
            group, windows, position, keys[group[BY]], keys[group[OF]], rows, matches, changes, scratch
        )  # fmt: skip
        if position[NEXT] == before:
            return False
        position[AT], position[WINDOW] = position[START], group[WINDOWS]


@kernel(
    INT, IN_I64, TABLE, TABLE, TABLE, TABLE, OUT_I64, IN_U8, IN_BOOL, IN_I64, IN_I64, _MASKS, TABLE, TABLE_I32,
    TABLE_I32, OUT_I64, OUT_I32, OUT_U8, TABLE, TABLE, _REALS,
)  # fmt: skip
def walk(
    last: int,
    bits_of_rows: Int64s,
    key_columns: Int64s,
    groups: Int64s,
    windows: Int64s,
    steps: Int64s,
    position: Int64s,
    kinds: Uint8s,
    ok: Bools,
    ts_ms: Int64s,
    columns: Int64s,
    masks: Bools,
    keys: Int64s,
    candidates: Int32s,
    rows: Int32s,
    candidate_counts: Int64s,
    matches: Int32s,
    changes: Uint8s,
    scratch: Int64s,
    outs: Int64s,
    reals: Float64s,
) -> bool:
    """Walks the groups from `position` on up to `last`; False where Python must make room for keys or pairs first.

    `candidates` int32[k, n]: rows of the kinds bits_of_rows[k], and `keys` int64[key columns, n], mixed: found by the
    first call for a chunk. `rows` int32[groups, n]: those that the chunk before had, and then those of this one. `outs`
    and `reals` are one memory.
    """
    if candidate_counts[0] < 0:
        for number in range(len(bits_of_rows)):
            candidate_counts[number] = choose_kinds(kinds, bits_of_rows[number], candidates[number])
        for number in range(len(key_columns)):
            which = key_columns[number, COLUMN_ROWS]
            mine = candidates[which, : candidate_counts[which]]
            _mix_keys(columns[key_columns[number, COLUMN]], len(kinds), mine, scratch[_VALUE], keys[number])
    for number in range(position[GROUP], last):
        group = groups[number]
        position[GROUP] = number
        if position[STOP] == UNBEGUN:
            mine = candidates[group[ROWS], : candidate_counts[group[ROWS]]]
            _begin(group, windows, steps, kinds, ok, masks, keys, mine, rows[number], matches, changes, outs)
            position[START] = position[STOP] = position[AT] = position[NEXT] = 0
            position[WINDOW] = group[WINDOWS_END]
        if not _walk_group(
            group,
            windows,
            position,
            keys,
            rows[number],
            matches,
            changes,
            scratch,
            ts_ms,
            ok,
            columns,
            masks,
            outs,
            reals,
        ):
            return False
        position[STOP] = UNBEGUN
    position[GROUP] = last
    return True
