"""Which events change which windows: the conditions of all features of a bank, answered at once.

Enters: the features' conditions, then chunk by chunk the rows of each kind. Leaves: masks over the chunk. Invariant: a
condition reads no window of its own bank, since rules in which one does aren't compiled.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from interceptor.chunk import Chunk, Views, bits_of
from interceptor.evaluation import Programs
from interceptor.found import Found
from interceptor.instructions import Assembler, Program
from interceptor.kernels import Bools
from interceptor.lowering import Lowering
from interceptor.rules.expressions import Expression
from interceptor.rules.ruleset import Feature
from interceptor.schema import Kind

_Name = tuple[int, str]  # bits of the kinds, and the condition's key
_Asked = dict[_Name, tuple[frozenset[Kind], Expression]]


class MaskPlan:
    """The conditions as a program for each kind of event."""

    def __init__(self, features: Sequence[Feature]) -> None:
        asked: _Asked = {}
        for kinds, condition in (one for feature in features for one in feature.conditions):
            asked.setdefault((bits_of(kinds), condition.key), (kinds, condition))
        self.number = {name: number for number, name in enumerate(asked)}
        programs = [_program(asked, kind) for kind in Kind]
        self._programs, self._asking = Programs(programs), [len(one.code) > 0 for one in programs]
        self._none = Found()

    def answered(self, chunk: Chunk, views: Views) -> Bools:
        """bool[masks, count], by number."""
        masks = np.zeros((len(self.number), chunk.count), np.uint8)
        runs = [(number, view) for number, view in enumerate(views) if view is not None and self._asking[number]]
        self._programs.run(runs, masks, self._none)
        return masks.view(np.bool_)


def _program(asked: _Asked, kind: Kind) -> Program:
    assembler = Assembler()
    lowering = Lowering(assembler)
    for number, (kinds, condition) in enumerate(asked.values()):
        if kind in kinds:
            assembler.mask(lowering.steps(condition), number)
    return assembler.program()
