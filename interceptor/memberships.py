"""All look-ups of one kind of event, in two calls of kernels: one for lists of numbers, one for lists of domains.

Enters: a view, and the lists as they are. Leaves: yes or no for each of its rows and each look-up that rules ask for.
Invariant: the answer is what the lists' own `contains` say, any of them.

A call costs more than a small batch of look-ups, and rules ask some ten lists for each kind of event. A host is hashed
once for all lists of domains.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import carray, types

from interceptor.columns import load_words
from interceptor.folding import spans
from interceptor.kernels import (
    IN_I32,
    IN_I64,
    IN_U8,
    INT,
    Bools,
    Int32s,
    Int64s,
    Uint8s,
    helper,
    kernel,
    pointer,
    prefetch,
)
from interceptor.listbook import Unless
from interceptor.lists import DomainList, ExactList, PrefixList
from interceptor.lookups import (
    DOT,
    FNV_PRIME,
    FNV_START,
    begins_listed,
    found_at,
    found_by_hash,
    holds,
    home_of,
    is_taken_off,
    longest_of,
    passes,
    sieve_word,
)
from interceptor.schema import Kind
from interceptor.tables import mixed

if TYPE_CHECKING:
    from interceptor.chunk import KindView
    from interceptor.listbook import ListBook
    from interceptor.rules.side_lines import AnyList

BLOCK = 256
SIEVE_IN_CACHE = 2_048  # words of a sieve that need not be asked for
# Words of a job: the row of the answers, where sieve, keys and spans are, with their lengths, and the column.
_OUT, _SIEVE, _KEYS, _SPANS, _LENGTHS, _COLUMN, _WORDS = 0, 1, 3, 5, 7, 8, 9
_TAKES_OFF = -1  # instead of lengths of prefixes
_JOBS = types.Array(types.int64, 2, "C", readonly=True)
_ANSWERS = types.Array(types.uint8, 2, "C")

Question = tuple[str, str]  # a list, and the column that is looked up in it; "host" stands for text
Asked = dict[Kind, tuple[Question, ...]]


@dataclass(frozen=True, slots=True)
class _Jobs:
    """What to do for some questions, as long as the lists stay as they are: look-ups in lists of numbers, and how many
    of each column; in lists of domains; and, by their numbers, the questions to lists that can't be asked like that."""

    of_numbers: Int64s
    columns: tuple[str, ...]
    of_each: list[int]
    of_hosts: Int64s
    others: list[int]


def memberships(view: KindView, lists: ListBook, asked: tuple[Question, ...]) -> Bools:
    """bool[questions, rows of the view]."""
    jobs = lists.notes.get(asked)
    if jobs is None:
        jobs = lists.notes[asked] = _jobs(lists, asked)
    answers = np.zeros((len(asked), view.count), np.uint8)
    for number in jobs.others:
        answers[number] = view.member_of(*asked[number])
    times, size = int(view.chunk.places(("ts_ms",))[0]), view.chunk.count
    if len(jobs.of_numbers):
        jobs.of_numbers[:, _COLUMN] = np.repeat(view.chunk.places(jobs.columns), jobs.of_each)
        _answer(jobs.of_numbers, times, size, view.rows, answers)
    if len(jobs.of_hosts):
        hosts, rows = view.chunk.hosts(view.rows)
        starts, stops = spans(hosts, rows)
        _answer_hosts(jobs.of_hosts, hosts.data, starts, stops, times, size, view.rows, answers)
    return answers.view(np.bool_)


def _jobs(lists: ListBook, asked: tuple[Question, ...]) -> _Jobs:
    of_numbers = defaultdict[str, list[tuple[int, ...]]](
        list
    )  # by column: values are read and hashed once for all lists
    of_hosts, others = list[tuple[int, ...]](), list[int]()
    for number, (name, column) in enumerate(asked):
        parts = lists.parts(name)
        if column == "host":
            of_hosts += [(number, *_table(part)) for part in parts if isinstance(part, DomainList)]
        elif all(isinstance(part, ExactList | PrefixList | Unless) for part in parts):
            first = sorted(parts, key=lambda part: not isinstance(part, Unless))  # that takes off what is there so far
            of_numbers[column] += [(number, *table) for part in first for table in _tables(part)]
        else:
            others.append(number)
    return _Jobs(
        _table_of([job for jobs in of_numbers.values() for job in jobs]), tuple(of_numbers),
        list(map(len, of_numbers.values())), _table_of(of_hosts), others,
    )  # fmt: skip


def _table_of(jobs: Sequence[tuple[int, ...]]) -> Int64s:
    return np.array([(*job, 0) for job in jobs], np.int64).reshape(-1, _WORDS)


def _tables(part: AnyList | Unless) -> list[tuple[int, ...]]:
    if isinstance(part, Unless):
        return [_table(part.added), (*part.shared.table.located, _TAKES_OFF)]
    return [_table(part)]


def _table(part: AnyList) -> tuple[int, ...]:
    """The list's own memory: good until the list changes."""
    assert isinstance(part, ExactList | PrefixList | DomainList)
    return *part.table.located, part.lengths if isinstance(part, PrefixList) else 0


@helper
def _column(job: Int64s, first: int, words: int) -> Int64s:
    return carray(pointer(job[first]), (job[first + 1], words), np.int64)


@helper
def _spans(job: Int64s) -> Int64s:
    return carray(pointer(job[_SPANS]), (job[_SPANS + 1], 2), np.int64)


@kernel(_JOBS, INT, INT, IN_I32, _ANSWERS)
def _answer(jobs: Int64s, times: int, size: int, rows: Int32s, answers: Uint8s) -> None:
    """Each job over all rows, in blocks, whose places in the sieve are asked for before they are read."""
    values, hashes, ts_ms = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64), np.empty(BLOCK, np.int64)
    for start in range(0, len(rows), BLOCK):
        n = min(BLOCK, len(rows) - start)
        load_words(times, size, rows, start, ts_ms[:n])
        for number in range(len(jobs)):
            job = jobs[number]
            if number == 0 or job[_COLUMN] != jobs[number - 1, _COLUMN]:
                load_words(job[_COLUMN], size, rows, start, values[:n])
                for i in range(n):
                    hashes[i] = mixed(values[i])
            sieve, keys, answer = _column(job, _SIEVE, 1), _column(job, _KEYS, 1), answers[job[_OUT], start : start + n]
            lengths = job[_LENGTHS]
            if lengths == _TAKES_OFF:
                for i in range(n):
                    answer[i] &= not is_taken_off(found_by_hash(values[i], hashes[i], sieve, keys), _spans(job))
            elif lengths != 0:
                longest = longest_of(lengths)
                for i in range(n):
                    answer[i] |= begins_listed(values[i], ts_ms[i], lengths, longest, sieve, keys, _spans(job))
            else:
                _answer_block(values, hashes, ts_ms, sieve, keys, _spans(job), answer)


@helper
def _answer_block(
    values: Int64s, hashes: Int64s, ts_ms: Int64s, sieve: Int64s, keys: Int64s, held: Int64s, answer: Uint8s
) -> None:
    if len(sieve) > SIEVE_IN_CACHE:
        for i in range(len(answer)):
            prefetch(sieve, sieve_word(hashes[i], sieve))
        for i in range(len(answer)):
            if passes(hashes[i], sieve):  # few, unless there is an attack
                home = home_of(hashes[i], keys)
                prefetch(keys, home)
                prefetch(held, home)
    for i in range(len(answer)):
        answer[i] |= holds(found_by_hash(values[i], hashes[i], sieve, keys), ts_ms[i], held)


@kernel(_JOBS, IN_U8, IN_I64, IN_I64, INT, INT, IN_I32, _ANSWERS)
def _answer_hosts(
    jobs: Int64s, data: Uint8s, starts: Int64s, stops: Int64s, times: int, size: int, rows: Int32s, answers: Uint8s
) -> None:
    """Hashes each host from its end, and looks up in all lists what it has found wherever a label begins."""
    ts_ms = np.empty(len(rows), np.int64)
    load_words(times, size, rows, 0, ts_ms)
    for i in range(len(rows)):
        found: Any = FNV_START
        for at in range(stops[i] - 1, starts[i] - 1, -1):
            found = (found ^ np.uint64(data[at])) * FNV_PRIME
            if at != starts[i] and data[at - 1] != DOT:
                continue
            domain = np.int64(found) if found != 0 else 1
            for number in range(len(jobs)):
                job = jobs[number]
                place = found_at(domain, _column(job, _SIEVE, 1), _column(job, _KEYS, 1))
                answers[job[_OUT], i] |= holds(place, ts_ms[i], _spans(job))
