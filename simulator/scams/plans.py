"""Plans of an hour: whom campaigns will call and write to, and the luck of everyone they reach.

Enters: works, lines, an hour. Leaves: Plan, arrays in order of time. Invariant: a pure function of seed and hour;
which line is in a place plays no part.

Columns: id (of the hook), ts_ms, campaign, place, party, own (one of the line owner's own people), hook (chance),
keep_open, ring_s, dur_s and the lucks u_pass, u_answer, u_hook, u_report, u_text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.chance import generator, mix
from simulator.clock import HOUR_MS, hour_start_ms
from simulator.lines import hourly_profile
from simulator.population import Population
from simulator.scams.campaign import Work
from simulator.scams.chains import Look
from simulator.scams.lines import FraudLines
from simulator.scams.manners import BOX_CALLS_PER_HOUR_MAX, BOX_IN_TURN, Manner
from simulator.scenario import Volleys

SEEN_THROUGH_S = (21.5, 2.2)  # P: people see through a scam call after 18–25 s
RING_S = (3.0, 24.0)  # until answered [A]
OWN_PEOPLE = 12  # of a camouflaged line's owner [A]
DUR_MAX_S = 3_600.0
HOUR_IDS = 1 << 24  # ids of one hour; more rows than that never come within one


@dataclass(frozen=True, slots=True)
class Plan:
    """Columns of equal length."""

    columns: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.columns["ts_ms"])

    def __getitem__(self, name: str) -> np.ndarray:
        return self.columns[name]

    def take(self, rows: np.ndarray) -> Plan:
        return Plan({name: column[rows] for name, column in self.columns.items()})

    def between(self, start_ms: int, end_ms: int) -> Plan:
        """Rows from `start_ms` to before `end_ms`, as views."""
        start, stop = np.searchsorted(self.columns["ts_ms"], [start_ms, end_ms])
        if start == stop:
            return NOTHING
        return Plan({name: column[start:stop] for name, column in self.columns.items()})


NOTHING = Plan({"ts_ms": np.zeros(0, np.int64)})


def plan_calls(works: Sequence[Work], lines: FraudLines, population: Population, volleys: Volleys, seed: int,
               hour: int) -> Plan:  # fmt: skip
    """Calls that all campaigns' lines will set up."""
    return _joined([_calls(w, lines, population, volleys, seed, hour) for w in _at_work(works, Look.CALL, hour)], hour)


def plan_received(works: Sequence[Work], lines: FraudLines, population: Population, seed: int, hour: int) -> Plan:
    """Calls that camouflaged lines will get from their owners' people."""
    works = [w for w in _at_work(works, Look.CALL, hour) if w.crew and lines.use.received_per_day[w.crew.places].any()]
    return _joined([_received(w, lines, population, seed, hour) for w in works], hour)


def plan_sent(look: Look, works: Sequence[Work], seed: int, hour: int) -> Plan:
    """Messages or advertised visits."""
    return _joined([_sent(w, seed, hour) for w in _at_work(works, look, hour)], hour)


def _at_work(works: Sequence[Work], look: Look, hour: int) -> list[Work]:
    start_ms = hour_start_ms(hour)
    return [w for w in works if w.lure.look is look and w.from_ms < start_ms + HOUR_MS and w.to_ms > start_ms]


def _calls(work: Work, lines: FraudLines, population: Population, volleys: Volleys, seed: int, hour: int) -> Plan:
    assert work.crew is not None, "a dial list without lines"
    use, places = lines.use, np.arange(work.crew.start, work.crew.stop)
    rng = generator(seed, "dial list", work.campaign.index, work.crew.index, hour)
    counts = rng.poisson(use.calls_per_day[places] * _hour_share(work, lines, places, hour))
    counts = np.where(use.manner[places] == Manner.BOX, np.minimum(counts, BOX_CALLS_PER_HOUR_MAX), counts)
    place = np.repeat(places, counts)
    n = len(place)
    if not n:
        return NOTHING
    ts_ms = _times(work, rng, n, hour)
    order = np.lexsort((ts_ms, place))
    place, ts_ms = place[order], ts_ms[order]
    people = population.people
    party = rng.integers(0, people, n)
    away = (rng.random(n) < volleys.stranger_elsewhere) & (use.manner[place] != Manner.TRUNK)
    party = np.where(away, rng.integers(people, population.parties, n), party)
    if work.campaign.chain.corporate:
        party = _companies(party, work.campaign.chain.corporate, population, rng)
    party = _repeated(party, counts, rng.random(n) < use.repeated[place], rng)
    own = rng.random(n) < use.own_people[place]
    party = np.where(own, _own_people(place, population, rng), party)
    own_dur = np.exp(use.dur_ln[place] + use.dur_sigma[place] * rng.standard_normal(n))
    seen = (rng.random(n) < use.seen_through[place]) & ~own
    dur_s = np.where(seen, rng.normal(*SEEN_THROUGH_S, n).clip(15), own_dur).clip(2, DUR_MAX_S)
    return Plan(
        _base(work, ts_ms, party, rng)
        | {
            "place": place, "own": own, "hook": np.where(own, 0.0, work.lure.hook), "dur_s": dur_s,
            "ring_s": rng.uniform(*RING_S, n), "keep_open": np.full(n, work.lure.keep_open),
        }
    )  # fmt: skip


def _received(work: Work, lines: FraudLines, population: Population, seed: int, hour: int) -> Plan:
    assert work.crew is not None, "a dial list without lines"
    use, places = lines.use, np.arange(work.crew.start, work.crew.stop)
    rng = generator(seed, "received", work.campaign.index, work.crew.index, hour)
    place = np.repeat(places, rng.poisson(use.received_per_day[places] * _hour_share(work, lines, places, hour)))
    n = len(place)
    dur_s = np.exp(use.dur_ln[place] + use.dur_sigma[place] * rng.standard_normal(n)).clip(2, DUR_MAX_S)
    party = _own_people(place, population, rng)
    base = _base(work, _times(work, rng, n, hour), party, rng)
    return Plan(base | {"place": place, "dur_s": dur_s, "ring_s": rng.uniform(*RING_S, n)})


def _sent(work: Work, seed: int, hour: int) -> Plan:
    rng = generator(seed, "sent", work.campaign.index, hour, work.from_ms)
    start_ms = hour_start_ms(hour)
    overlap = min(work.to_ms, start_ms + HOUR_MS) - max(work.from_ms, start_ms)
    n = int(rng.poisson(work.count * overlap / (work.to_ms - work.from_ms)))
    if not n:
        return NOTHING
    ts_ms = max(work.from_ms, start_ms) + (rng.random(n) * overlap).astype(np.int64)
    party = rng.integers(*work.targets, n)
    places = {"place": np.zeros(n, np.int64)}
    if work.crew is not None:
        places["place"] = work.crew.start + rng.integers(0, len(work.crew), n)
    flags = {"own": np.zeros(n, bool), "keep_open": np.zeros(n, bool), "hook": np.full(n, work.lure.hook)}
    return Plan(_base(work, ts_ms, party, rng) | places | flags)


def _base(work: Work, ts_ms: np.ndarray, party: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    lucks = {f"u_{name}": rng.random(len(ts_ms)) for name in ("pass", "answer", "hook", "report", "text")}
    return {"ts_ms": ts_ms, "party": party, "campaign": np.full(len(ts_ms), work.campaign.index, np.int64)} | lucks


def _joined(parts: list[Plan], hour: int) -> Plan:
    """All parts in order of time, with ids."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return NOTHING
    names = parts[0].columns
    columns = {name: np.concatenate([part[name] for part in parts]) for name in names}
    order = np.argsort(columns["ts_ms"], kind="stable")
    joined = {name: column[order] for name, column in columns.items()}
    return Plan(joined | {"id": hour * HOUR_IDS + np.arange(len(order))})


def _times(work: Work, rng: np.random.Generator, count: int, hour: int) -> np.ndarray:
    """ts_ms within the hour and the work."""
    start_ms = max(hour_start_ms(hour), work.from_ms)
    stop_ms = min(hour_start_ms(hour) + HOUR_MS, work.to_ms)
    return start_ms + (rng.random(count) * (stop_ms - start_ms)).astype(np.int64)


def _hour_share(work: Work, lines: FraudLines, places: np.ndarray, hour: int) -> np.ndarray:
    """Share of each place's day that falls into this hour; for SIMs in boxes, of this hour, if it is their turn."""
    use, of_day, hours = lines.use, hour % 24, np.arange(24)
    starts_ms = hour_start_ms(hour - of_day) + hours * HOUR_MS
    overlap_ms = np.minimum(work.to_ms, starts_ms + HOUR_MS) - np.maximum(work.from_ms, starts_ms)
    at_work = np.clip(overlap_ms, 0, None) / HOUR_MS
    awake = (use.waking[places, None] >> hours.astype(np.uint32) & np.uint32(1)) * at_work
    awake[~awake.any(axis=1)] = at_work
    weight = hourly_profile("fraud") * awake
    share = weight[:, of_day] / weight.sum(axis=1)
    turn = (lines.turn[places] + hour) % BOX_IN_TURN == 0
    return np.where(use.manner[places] == Manner.BOX, turn * at_work[of_day], share)


def _repeated(party: np.ndarray, counts: np.ndarray, again: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Where `again`, the party of an earlier call of the same place; rows are sorted by place and time."""
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    nth = np.arange(len(party)) - starts
    earlier = starts + (rng.random(len(party)) * nth).astype(np.int64)
    return np.where(again & (nth > 0), party[earlier], party)


def _companies(party: np.ndarray, share: float, population: Population, rng: np.random.Generator) -> np.ndarray:
    """Some of the calls go to companies' accountants, whose numbers were bought."""
    companies = np.flatnonzero(population.corporate[: population.people])
    if not len(companies):
        return party
    return np.where(rng.random(len(party)) < share, rng.choice(companies, len(party)), party)


def _own_people(place: np.ndarray, population: Population, rng: np.random.Generator) -> np.ndarray:
    """One of the few parties that belong to the owner of the line in a place."""
    which = place * OWN_PEOPLE + rng.integers(0, OWN_PEOPLE, len(place))
    return (mix(which.astype(np.uint64)) % np.uint64(population.parties)).astype(np.int64)
