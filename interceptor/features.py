"""All windows of one stage.

Enters: a chunk, with its conditions already answerable. Leaves: chunk.features, one column per feature. Invariant: the
windows of a key see its events in arrival order; events that are not OK are read only.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from interceptor.chunk import Chunk, Views, bits_of
from interceptor.config import Limits
from interceptor.distinct import DistinctWindow
from interceptor.instructions import Input
from interceptor.masks import MaskPlan
from interceptor.observer import Observer
from interceptor.reload import Key, Restored, events_of
from interceptor.rules.expressions import Expression
from interceptor.rules.ruleset import Feature, Step
from interceptor.schema import Kind
from interceptor.sequences import Sequence as SequenceWindow
from interceptor.sightings import SequentialRun, SinceFirst, SinceLast
from interceptor.state import State, StateMisfit, nested, read, within, written
from interceptor.tables import KeyTable
from interceptor.walker import ALWAYS, Group, Walked, Walker
from interceptor.window import Window
from interceptor.windows import CountWindow, RatioWindow, SumWindow

_NO_STEP = Step(frozenset(), None)  # the step of a sequence that no event is


class FeatureBank:
    """The features of one stage with their state."""

    def __init__(self, features: Sequence[Feature], limits: Limits) -> None:
        self._limits = limits
        self._fill(features, {}, frozenset())

    def reloaded(self, features: Sequence[Feature], kept: Collection[str]) -> FeatureBank:
        """The features of another rule set; those in `kept` take over the windows that they have here. Both share these
        from now on: go on with one of them."""
        bank = FeatureBank((), self._limits)
        bank._fill(features, self._groups, kept)
        return bank

    def _fill(self, features: Sequence[Feature], groups: Mapping[Key, _Group], kept: Collection[str]) -> None:
        self._plan = MaskPlan(features)
        alike: dict[Key, list[Feature]] = {}
        for feature in features:
            alike.setdefault(events_of(feature), []).append(feature)
        self._groups = {key: _Group(members, self._limits, groups.get(key), kept) for key, members in alike.items()}
        self._follow()

    def _follow(self) -> None:
        """Prepares the walk, after groups have got other tables."""
        groups = self._groups.values()
        names = {name: None for group in groups for name in group.columns}
        self._columns = list(names)
        numbers = {name: number for number, name in enumerate(names)}
        self._walker = Walker([group.described(numbers, self._plan) for group in groups])
        features = [feature for group in groups for feature in group.features]
        self._rows = {
            feature.name: (number, np.dtype(np.float64 if feature.window == "ratio" else np.int64))
            for number, feature in enumerate(features)
        }
        self._inputs = np.array([Input("feature", feature.name).number for feature in features], np.int64)
        self._needed = dict[int, tuple[list[int], tuple[str, ...]]]()

    def taken(self, digests: Mapping[str, str]) -> State:
        """The state of all windows. `digests` (of reload): at least for the features that are kept here."""
        state, about = State(), dict[str, tuple[int, str]]()
        for number, group in enumerate(self._groups.values()):
            about |= {name: (number, digests[name]) for name in group.names}
            state |= nested({f"keys/{number}": group.table.taken(), "windows": group.windows_taken()})
        return state | {"features": written(about)}

    def put_back(self, state: Mapping[str, np.ndarray], digests: Mapping[str, str]) -> Restored:
        """Goes on where another bank was, maybe of another rule set: features with equal digests take over the windows
        that it had, others begin empty. Raises StateMisfit; then this bank is of no use any more."""
        about = _about(state)
        mine = {name: digests[name] for group in self._groups.values() for name in group.names}
        restored = Restored.between({name: digest for name, (_, digest) in about.items()}, mine)
        for group in self._groups.values():
            kept = {name: about[name][0] for name in group.names if name in restored.kept}
            group.put_back(state, kept, self._limits)
        self._follow()
        return restored

    @property
    def evicted(self) -> int:
        """Keys and pairs that made room for others so far."""
        return sum(group.evicted for group in self._groups.values())

    def apply(self, chunk: Chunk, views: Views, observer: Observer) -> None:
        """Brings every feature up to date with the chunk and fills chunk.features; on rows that neither change it nor
        read it, a value is that of a window without events. Whoever isn't watched walks all groups at once; else the
        lap of a group goes by the name of its first feature."""
        masks = self._plan.answered(chunk, views)
        columns = np.zeros(len(self._columns), np.int64)
        needed, names = self._columns_needed(chunk.bits)
        columns[needed] = chunk.places(names)
        values, _ = self._walker.begin(chunk["kind"], chunk.ok, chunk["ts_ms"], columns, masks)
        chunk.bring_windows(self._rows, values, self._inputs, self._walker.located)
        watched = type(observer).lap is not Observer.lap
        for number, group in enumerate(self._groups.values()):
            if watched and group.bits & chunk.bits:
                self._walker.walk(number + 1)
                observer.lap("feature", group.names[0])
        self._walker.walk(len(self._groups))

    def _columns_needed(self, bits: int) -> tuple[list[int], tuple[str, ...]]:
        """The columns that a chunk with these kinds of event is asked for, by number and by name."""
        needed = self._needed.get(bits)
        if needed is None:
            names = {name for group in self._groups.values() if group.bits & bits for name in group.columns}
            numbers = [number for number, name in enumerate(self._columns) if name in names]
            needed = self._needed[bits] = numbers, tuple(self._columns[number] for number in numbers)
        return needed


class _Group:
    """Features that the same events update under the same key: they share a key table, which holds no other keys.

    Windows that are `kept` come from the group `before` a reload, with its key table. A new one beside them is empty:
    of each slot it has yet to see an epoch.
    """

    def __init__(
        self, features: Sequence[Feature], limits: Limits, before: _Group | None, kept: Collection[str]
    ) -> None:
        first = self._first = features[0]
        known = {feature.name: window for feature, window in before._windows if feature.name in kept} if before else {}
        self._windows: list[tuple[Feature, Window]] = [
            (feature, known.get(feature.name) or _window(feature, limits)) for feature in features
        ]
        self.table: KeyTable = before.table if before and known else KeyTable(limits.keys_max)
        self.bits = self._readers | bits_of(first.kinds)  # the kinds of event that concern it

    @property
    def _readers(self) -> int:
        # A sequence says no of all events that match none of its steps, whoever reads it.
        readers = frozenset[Kind]().union(*(feature.readers for feature, _ in self._windows))
        return 0 if self._first.window == "sequence" else bits_of(readers)

    @property
    def features(self) -> list[Feature]:
        return [feature for feature, _ in self._windows]

    @property
    def evicted(self) -> int:
        return self.table.evicted + sum(window.evicted for _, window in self._windows)

    @property
    def names(self) -> list[str]:
        return [feature.name for feature, _ in self._windows]

    @property
    def columns(self) -> set[str]:
        """What it needs of a chunk."""
        return {self._first.by, self._first.of} | {feature.value for feature in self.features if feature.value}

    @property
    def _steps(self) -> list[Step]:
        # The kernel looks for the bit behind those of all steps.
        never = self._first.window == "sequence" and self._first.unless is None
        return [*self._first.changed_by, *([_NO_STEP] if never else [])]

    def described(self, columns: Mapping[str, int], plan: MaskPlan) -> Group:
        """For the walk, with columns and conditions as numbers."""
        windows = [
            Walked(window, columns.get(feature.value, -1), _mask(plan, feature.kinds, feature.numerator))
            for feature, window in self._windows
        ]
        steps = [(bits_of(step.kinds), _mask(plan, step.kinds, step.where)) for step in self._steps]
        return Group(self.table, windows, self._readers, steps, columns[self._first.by], columns[self._first.of])

    def windows_taken(self) -> State:
        """The state of all windows, by the feature's name."""
        return nested({feature.name: window.taken(self.table.size) for feature, window in self._windows})

    def put_back(self, state: Mapping[str, np.ndarray], kept: Mapping[str, int], limits: Limits) -> None:
        """`kept`: the number that this group had, for each feature whose window goes on."""
        if len(set(kept.values())) > 1:
            raise StateMisfit(f"windows of one table of keys come from several: {', '.join(sorted(kept))}")
        self.table = KeyTable(limits.keys_max)
        for number in set(kept.values()):
            self.table.put_back(within(state, f"keys/{number}"))
        self._windows = [(feature, _window(feature, limits)) for feature, _ in self._windows]
        for feature, window in self._windows:
            if feature.name in kept:
                window.put_back(within(state, f"windows/{feature.name}"))


def _mask(plan: MaskPlan, kinds: frozenset[Kind], where: Expression | None) -> int:
    """The number of a condition. None of them reads a feature of the same stage: rules that do aren't compiled."""
    return ALWAYS if where is None else plan.number[bits_of(kinds), where.key]


def _about(state: Mapping[str, np.ndarray]) -> dict[str, tuple[int, str]]:
    """For each feature of a state, the number of its table of keys, and its digest."""
    try:
        return {str(name): (int(number), str(digest)) for name, (number, digest) in read(state, "features").items()}
    except (AttributeError, TypeError, ValueError):
        raise StateMisfit("features: not names with numbers and digests") from None


def _window(feature: Feature, limits: Limits) -> Window:
    match feature.window:
        case "count":
            return CountWindow(feature.within_ms)
        case "ratio":
            return RatioWindow(feature.within_ms)
        case "sum":
            return SumWindow(feature.within_ms)
        case "distinct":
            return DistinctWindow(feature.within_ms, limits.pairs_max)
        case "since_last":
            return SinceLast(feature.within_ms)
        case "since_first":
            return SinceFirst(feature.within_ms)
        case "sequential":
            return SequentialRun(feature.within_ms)
    return SequenceWindow(len(feature.steps), feature.within_ms)
