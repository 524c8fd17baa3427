"""What is in messages and hosts, read once for each text as long as it is remembered.

Enters: rows of a UTF-8 column. Leaves: for each a reading: what folding says of it, which pattern sets occur in it,
what it is like. Invariants: a reading is a function of the text's bytes, so what is remembered changes nothing but the
time; memory is fixed.

Waves, notices and adverts say the same to many, so most messages were read before, byte for byte. What somebody has
asked for once (sets of words, sketches) is read of each text from then on.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from interceptor.batch import Strings
from interceptor.folding import fold_spans, spans
from interceptor.instructions import Input
from interceptor.kernels import Bools, Int32s, Int64s, Uint8s, Uint64s
from interceptor.lookups import hash_hosts
from interceptor.patterns import PatternDatabase
from interceptor.remembering import Memory
from interceptor.simhash import SKETCH_WORDS, sketches

TEXT_BYTES, HOST_BYTES = 240, 64  # longer ones aren't remembered
_DISGUISED, _SHAPE, _SKETCH = 0, 1, 2  # words of a message's reading; its sets follow
_LINK = 0  # of a host's
_HOST_WORDS = 1
_SHARE_OF_HOSTS = 8  # of the memory


class Aspect(IntEnum):
    """What is read of texts beside their looks; bits of a mask."""

    LOOKS = 0  # of messages: disguised characters, shape; of hosts: their hash
    SETS = 1
    LIKENESS = 2


class Reading:
    """What was read of m texts."""

    def __init__(self, found: Int64s, aspects: int, words: PatternDatabase, of_host: bool) -> None:
        self.aspects = aspects
        self._found, self._words, self._of_host = found, words, of_host
        self._sets: Bools | None = None

    @property
    def disguised(self) -> Int64s:
        """int64[m]: how many characters of a message were disguised."""
        return self._found[:, _DISGUISED]

    @property
    def shape(self) -> Uint64s:
        """uint64[m]: hash of a message without its ASCII."""
        return self._found[:, _SHAPE].view(np.uint64)

    @property
    def link(self) -> Uint64s:
        """uint64[m]: hash of a host, 0 for the empty one."""
        return self._found[:, _LINK].view(np.uint64)

    @property
    def sketches(self) -> Int64s:
        """int64[m, SKETCH_WORDS]: what messages are like."""
        return np.ascontiguousarray(self._found[:, _SKETCH : _SKETCH + SKETCH_WORDS])

    @property
    def sets(self) -> Bools:
        """bool[sets, m]: in which of them each set occurs."""
        if self._sets is None:
            bits = np.ascontiguousarray(self._found[:, _first_of_sets(self._of_host) :])
            self._sets = self._words.apart(bits, self._of_host)
        return self._sets

    def has(self, name: str) -> Bools:
        """bool[m]: in which of them a set occurs."""
        return self.sets[self._words.numbers(self._of_host)[name]]


class Reader:
    """Reads messages, or hosts. `bytes_max`: memory for what is remembered."""

    def __init__(self, words: PatternDatabase, of_host: bool, bytes_max: int) -> None:
        self._words, self._of_host, self._bytes_max = words, of_host, bytes_max
        self._first_of_sets, self._set_words = _first_of_sets(of_host), words.row_words(of_host)
        self._width = self._first_of_sets + self._set_words
        self._aspects: int = Aspect.LOOKS
        self._memory = self._empty()

    def read(self, strings: Strings, rows: Int32s, aspects: int) -> Reading:
        """Rows int32[m] of a column. IndexError for one that isn't there."""
        if aspects & ~self._aspects:
            self._aspects |= aspects
            self._memory = self._empty()
        data, (starts, stops) = strings.data, spans(strings, rows)
        found = np.empty((len(rows), self._width), np.int64)
        unread = self._memory.recall(data, starts, stops, found)
        if len(unread):
            self._memory.keep(self._read(data, starts[unread], stops[unread]), found)
        return Reading(found, self._aspects, self._words, self._of_host)

    def _empty(self) -> Memory:
        return Memory(HOST_BYTES if self._of_host else TEXT_BYTES, self._width, self._bytes_max)

    def _read(self, data: Uint8s, starts: Int64s, stops: Int64s) -> Int64s:
        found = np.zeros((len(starts), self._width), np.int64)
        if self._of_host:
            hashes = np.zeros(len(starts), np.int64)
            hash_hosts(data, starts, stops, hashes)
            found[:, _LINK] = hashes
            if not self._aspects:
                return found
        folded = fold_spans(data, starts, stops, self._of_host)
        if not self._of_host:
            found[:, _DISGUISED], found[:, _SHAPE] = folded.disguised, folded.shape.view(np.int64)
        if self._aspects & Aspect.LIKENESS:
            found[:, _SKETCH : _SKETCH + SKETCH_WORDS] = sketches(folded)
        if self._aspects & Aspect.SETS:
            found[:, self._first_of_sets :] = self._words.bits(folded, self._of_host)[:, : self._set_words]
        return found


class Readers:
    """A reader of messages and one of hosts, of one rule set's words. `inputs`: the numbers of the sets as
    Inputs, in their order."""

    def __init__(self, words: PatternDatabase, bytes_max: int) -> None:
        self.words = words
        self._of = {False: Reader(words, False, bytes_max), True: Reader(words, True, bytes_max // _SHARE_OF_HOSTS)}
        self.inputs = {
            of_host: np.array([Input("text", name).number for name in words.numbers(of_host)], np.int64)
            for of_host in self._of
        }

    def read(self, of_host: bool, strings: Strings, rows: Int32s, aspects: int) -> Reading:
        """Messages or hosts (Reader.read)."""
        return self._of[of_host].read(strings, rows, aspects)


def _first_of_sets(of_host: bool) -> int:
    return _HOST_WORDS if of_host else _SKETCH + SKETCH_WORDS
