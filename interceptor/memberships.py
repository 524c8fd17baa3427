"""All look-ups of one kind of event in lists of numbers, in one call of a kernel.

Enters: a view, and the lists as they are. Leaves: yes or no for each of its rows and each look-up that rules ask for.
Invariant: the answer is what the lists' own `contains` say, any of them.

A call costs more than a small batch of look-ups, and rules ask some ten lists for each kind of event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numba import carray, types

from interceptor.columns import load_words
from interceptor.kernels import IN_I32, IN_I64, Bools, Int32s, Int64s, Uint8s, helper, kernel, pointer, prefetch
from interceptor.lists import ExactList, PrefixList
from interceptor.lookups import begins_listed, found_at, holds, sieve_word
from interceptor.schema import Kind
from interceptor.tables import mixed

if TYPE_CHECKING:
    from interceptor.chunk import KindView
    from interceptor.listbook import ListBook

BLOCK = 256
# Words of a job: the row of the answers, the column (3), and where sieve, keys and spans are, with their lengths.
_OUT, _COLUMN, _SIEVE, _KEYS, _SPANS, _LENGTHS = 0, 1, 4, 6, 8, 9


Question = tuple[str, str]  # a list, and the column that is looked up in it; "host" stands for text
Asked = dict[Kind, tuple[Question, ...]]


def memberships(view: KindView, lists: ListBook, asked: Sequence[Question]) -> dict[Question, Bools]:
    """For each question bool[rows of the view]."""
    answers = np.zeros((len(asked), view.count), np.uint8)
    jobs: list[tuple[int, ...]] = []
    for number, (name, column) in enumerate(asked):
        parts = lists.parts(name)
        plain = [part for part in parts if isinstance(part, ExactList | PrefixList)]
        if len(plain) < len(parts):
            answers[number] = view.member_of(name, column)
        else:
            jobs += [(number, *view.located_column(column), *_table(part)) for part in plain]
    if jobs:
        times = np.array([view.located_column("ts_ms")], np.int64)
        _answer(np.array(jobs, np.int64), times[0], view.chunk.count, view.rows, answers)
    found = answers.view(np.bool_)
    return {question: found[number] for number, question in enumerate(asked)}


def _table(part: ExactList | PrefixList) -> tuple[int, ...]:
    """The list's own memory: good until something is added to the list, which nobody does while a chunk is decided."""
    table = part.table
    lengths = part.lengths if isinstance(part, PrefixList) else 0
    sieve, keys, spans = (pa.py_buffer(column).address for column in (table.sieve, table.keys, table.spans))
    return sieve, len(table.sieve), keys, len(table.keys), spans, lengths


@helper
def _column(job: Int64s, first: int, words: int) -> Int64s:
    return carray(pointer(job[first]), (job[first + 1], words), np.int64)


@kernel(types.Array(types.int64, 2, "C", readonly=True), IN_I64, types.int64, IN_I32, types.Array(types.uint8, 2, "C"))
def _answer(jobs: Int64s, times: Int64s, size: int, rows: Int32s, answers: Uint8s) -> None:
    """Each job over all rows, in blocks, whose places in the sieve are asked for before they are read."""
    values, ts_ms = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    for start in range(0, len(rows), BLOCK):
        n = min(BLOCK, len(rows) - start)
        load_words(times, size, rows, start, ts_ms[:n])
        for number in range(len(jobs)):
            job = jobs[number]
            load_words(job[_COLUMN:], size, rows, start, values[:n])
            sieve, keys = _column(job, _SIEVE, 1), _column(job, _KEYS, 1)
            spans = carray(pointer(job[_SPANS]), (len(keys), 2), np.int64)
            _answer_block(job, values[:n], ts_ms, sieve, keys, spans, answers[job[_OUT], start : start + n])


@helper
def _answer_block(
    job: Int64s, values: Int64s, ts_ms: Int64s, sieve: Int64s, keys: Int64s, spans: Int64s, answers: Uint8s
) -> None:
    if job[_LENGTHS] != 0:
        for i in range(len(values)):
            answers[i] |= begins_listed(values[i], ts_ms[i], job[_LENGTHS], sieve, keys, spans)
        return
    for i in range(len(values)):
        prefetch(sieve, sieve_word(mixed(values[i]), sieve))
    for i in range(len(values)):
        answers[i] |= holds(found_at(values[i], sieve, keys), ts_ms[i], spans)
