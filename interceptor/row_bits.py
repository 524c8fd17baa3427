"""Bits of rows: which sets occur in a text, a bit for each.

Enters: int64[m, words], the bits of m rows; bit n is bit n % 64 of word n // 64. Leaves: the same in other forms.
Invariant: every row by itself.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from interceptor.kernels import IN_I32, IN_I64, INT, OUT_I64, OUT_U8_2D, TABLE, Int32s, Int64s, Uint8s, kernel
from interceptor.simhash import set_bits

ID_BITS = 24  # of a match: where it ends << ID_BITS | its id


@kernel(TABLE, INT, OUT_U8_2D)
def spread(bits: Int64s, words: int, found: Uint8s) -> None:
    """found[set, row] = 1, uint8[sets, m], for each bit that is set in the first words of a row."""
    for row in range(len(bits)):
        for word in range(words):
            left: Any = bits[row, word]
            while left != 0:
                lowest = left & -left
                found[word << 6 | set_bits(lowest - 1), row] = 1
                left ^= lowest


@kernel(TABLE, INT, INT, OUT_I64)
def complete(bits: Int64s, first: int, words: int, rows: Int64s) -> int:
    """Rows in which some bit is set in each layer of `words` words that follows the `first` ones; gives how many."""
    found = 0
    for row in range(len(bits)):
        some: Any = np.int64(0)
        for word in range(words):
            every: Any = np.int64(-1)
            for at in range(first + word, bits.shape[1], words):
                every &= bits[row, at]
            some |= every
        rows[found] = row
        found += some != 0
    return found


@kernel(IN_I64, IN_I32, IN_I64, TABLE, OUT_I64)
def note(matches: Int64s, offsets: Int32s, rows: Int64s, bits: Int64s, unsure: Int64s) -> int:
    """Sets the bits of matches in a buffer whose row i, offsets[i] … offsets[i + 1], is rows[i] of `bits`. An even id
    is twice the number of a bit. Those of odd ids aren't certain: gives how many rows have any, and which (i)."""
    count = 0
    for match in matches:
        end, low, high = match >> ID_BITS, 0, len(rows)
        while low < high:
            middle = (low + high) >> 1
            if offsets[middle + 1] < end:
                low = middle + 1
            else:
                high = middle
        number = (match & (1 << ID_BITS) - 1) >> 1
        if match & 1 == 0:
            bits[rows[low], number >> 6] |= np.int64(1) << (number & 63)
        elif count == 0 or unsure[count - 1] != low:
            unsure[count] = low
            count += 1
    return count
