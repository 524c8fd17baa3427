"""A city as a source of slices.

Enters: a scenario, how many people and days, a seed. Leaves: slices, and at the end what they were worth. Invariant:
two sources of the same setting that get the same decisions are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import numpy as np

from simulator.ahead import Ahead, pays
from simulator.city import City, Decided, Slice
from simulator.clock import day_start_ms
from simulator.report import OBSERVED, Money, Setting
from simulator.scam_types import TYPES
from simulator.scenario import Scenario
from simulator.scorecard import Score
from simulator.without import Without, WithoutInterception


class CitySource:
    """A city that lives, and reacts to what is decided; `observed`: it doesn't, everything passes."""

    has_truth = True

    def __init__(self, scenario: Scenario, people: int, days: int, seed: int, observed: bool = False, *,
                 centre: bool = False, ahead: bool | None = None) -> None:  # fmt: skip
        """`centre`: somebody asks for what banks and citizens answer (City). `ahead`: ordinary life is made in a
        process of its own; None: where that pays."""
        self.scenario, self._observed, self._centre = scenario, observed, centre
        self._ahead = pays(people, days) if ahead is None else ahead
        name = scenario.scenario + OBSERVED if observed else scenario.scenario
        self.setting = Setting(name, people, days, seed, day_start_ms(0), day_start_ms(days))

    def without(self) -> AbstractContextManager[WithoutInterception | None]:
        """The run without interception, begun."""
        return WithoutInterception(self.scenario, self.setting.people, self.setting.days, self.setting.seed)

    def build(self) -> None:
        """Makes the city: seconds. Nothing below can be asked before."""
        scenario, setting = self.scenario, self.setting
        people, days, seed = setting.people, setting.days, setting.seed
        ahead = Ahead(scenario.ordinary, people, days, seed) if self._ahead else None
        self._city = City(scenario, people, days, seed, centre=self._centre, ahead=ahead)

    @property
    def city(self) -> City:
        return self._city

    def slices(self) -> Iterator[Slice]:
        return self._city.slices()

    def feedback(self, decisions: Decided) -> None:
        if not self._observed:
            self._city.feedback(decisions)

    @property
    def type_of_campaign(self) -> np.ndarray:
        return self._city.type_of_campaign

    def residents(self) -> dict[int, int]:
        towns, counts = np.unique(self._city.population.town[: self.setting.people], return_counts=True)
        return dict(zip(towns.tolist(), counts.tolist(), strict=True))

    def money(self, _: Score, without: Without | None) -> tuple[Money, list[Money]]:
        """Of all, and by scam type, where what was stopped in the layers isn't told apart."""
        losses, campaigns = self._city.losses, self._city.campaigns
        lost_without = without.lost_fen if without else None
        total = Money(losses.attempted_fen, losses.lost_fen, lost_without, losses.recovered_fen)
        attempted, paid = [0] * len(TYPES), [0] * len(TYPES)
        for campaign in campaigns:
            attempted[campaign.type] += campaign.attempted_fen
            paid[campaign.type] += campaign.paid_fen
        others: Sequence[int | None] = without.paid_fen if without else [None] * len(TYPES)
        return total, [Money(*sums) for sums in zip(attempted, paid, others, strict=True)]
