"""The lines of all campaigns: which is in which place, and what happens when one is taken away.

Enters: decks and uses, blocks and limits. Leaves: columns for events of a place. Invariant: a place always holds the
next unused line of its campaign's deck, or none once the deck is used up; a line never comes back.

A limited line is silent until it is replaced; a blocked one is dialled on, in vain, until its user notices.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np

from simulator.chance import draw
from simulator.clock import HOUR_MS, MINUTE_MS
from simulator.scams.manners import Use, empty_use
from simulator.scams.outfits import Deck, empty_deck
from simulator.scenario import Rotation

DEVICE_HOURS = 4  # a line moves to another of its devices every so many hours [A]


@dataclass(frozen=True, slots=True)
class Crew:
    """Places start … stop - 1, which share a deck."""

    index: int
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def places(self) -> slice:
        return slice(self.start, self.stop)


@dataclass(slots=True)
class FraudLines:
    """Arrays over places, and the decks that fill them."""

    seed: int
    rotation: Rotation
    use: Use = field(default_factory=empty_use)
    deck: Deck = field(default_factory=empty_deck)
    campaign: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    crew: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    turn: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # position within the crew
    line: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))  # row of the deck, -1 = none left
    silent: np.ndarray = field(default_factory=lambda: np.zeros(0, bool))
    replaced: int = 0
    _added: list[tuple[Crew, int, Use, Deck]] = field(default_factory=list)  # with their campaigns, not yet in place
    _places: int = 0  # those of crews just added included, here and below
    _lines: int = 0
    _swaps: list[tuple[int, int]] = field(default_factory=list)  # (ts_ms, place) to come, soonest first
    _swapping: set[int] = field(default_factory=set)  # places among them
    _spare: list[list[int]] = field(default_factory=list)  # next and end, by crew
    _place_of: dict[int, int] = field(default_factory=dict)  # of each number in use

    def add(self, campaign: int, use: Use, deck: Deck) -> Crew:
        """A crew of as many places as `use` has; the deck has at least as many lines. It's in place after `settle`."""
        places, first_line = len(use), self._lines
        crew = Crew(len(self._spare), self._places, self._places + places)
        self._spare.append([first_line + places, first_line + len(deck)])
        self._place_of.update(zip(deck.number[:places].tolist(), range(crew.start, crew.stop), strict=True))
        self._added.append((crew, campaign, use, deck))
        self._places, self._lines = crew.stop, first_line + len(deck)
        return crew

    def settle(self) -> None:
        """All crews added so far are in place now; at once, as all arrays are copied for it."""
        if not self._added:
            return
        crews, campaigns, uses, decks = zip(*self._added, strict=True)
        sizes = [len(crew) for crew in crews]
        first_lines = [self._spare[crew.index][0] - len(crew) for crew in crews]
        turn = np.concatenate([np.arange(size) for size in sizes])
        self.use = Use.joined([self.use, *uses])
        self.deck = Deck.joined([self.deck, *decks])
        self.campaign = np.append(self.campaign, np.repeat(np.array(campaigns, np.int32), sizes))
        self.crew = np.append(self.crew, np.repeat([crew.index for crew in crews], sizes))
        self.turn = np.append(self.turn, turn)
        self.line = np.append(self.line, np.repeat(first_lines, sizes) + turn)
        self.silent = np.append(self.silent, np.zeros(len(turn), bool))
        self._added.clear()

    def usable(self, places: np.ndarray) -> np.ndarray:
        """bool[n]: can be dialled from now."""
        return (self.line[places] >= 0) & ~self.silent[places]

    def columns(self, places: np.ndarray, ts_ms: np.ndarray) -> dict[str, np.ndarray]:
        """What the events of these places show of their lines."""
        deck, line = self.deck, self.line[places]
        phase = (ts_ms // (DEVICE_HOURS * HOUR_MS) + line) % deck.imei_count[line]
        names = ("display", "trunk", "line_kind", "registered", "tenure_days", "idle_days", "cell", "imsi")
        shown = {name: getattr(deck, name)[line] for name in names}
        return shown | {"source": deck.number[line], "imei": deck.imei[line, phase]}

    def take_away(self, number: int, ts_ms: int, *, silenced: bool) -> None:
        """A number was blocked, or limited (`silenced`). Unknown numbers are nobody's loss."""
        place = self._place_of.get(number)
        if place is None:
            return
        self.silent[place] |= silenced
        if place not in self._swapping:
            low, high = self.rotation.minutes
            luck = draw(self.seed, "rotation", place, int(self.line[place]))
            heapq.heappush(self._swaps, (ts_ms + int((low + luck * (high - low)) * MINUTE_MS), place))
            self._swapping.add(place)

    def swap(self, now_ms: int) -> None:
        """Put the next line of the deck into each place whose time has come."""
        due = []
        while self._swaps and self._swaps[0][0] <= now_ms:
            due.append(heapq.heappop(self._swaps)[1])
        for place in sorted(due):  # of one crew, the first place gets the first spare line
            spare = self._spare[self.crew[place]]
            self._place_of.pop(int(self.deck.number[self.line[place]]), None)
            self._swapping.discard(place)
            self.silent[place] = False
            self.line[place] = spare[0] if spare[0] < spare[1] else -1
            if spare[0] < spare[1]:
                self._place_of[int(self.deck.number[spare[0]])] = place
                spare[0] += 1
                self.replaced += 1

    def any_usable(self, crew: Crew, luck: float) -> int | None:
        """Some place of a crew that can be dialled from."""
        places = np.arange(crew.start, crew.stop)
        places = places[self.usable(places)]
        return int(places[int(luck * len(places))]) if len(places) else None
