"""Where things are: addresses of hosts, townships of cells, people behind SIMs and accounts."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np

from interceptor.schema import Kind, Subject
from simulator.chance import generator
from simulator.city import City
from simulator.clock import DAY_0_MS
from simulator.events import Rows
from simulator.hosts import SHARED_ADDRESSES, addresses
from simulator.scams.mules import COLLECTORS, Roster
from simulator.towns import cells_of_towns, codes, town_of_cell
from tests.test_city import CROWDED, PEOPLE, SEED, people, run

COLUMNS = ("kind", "source", "target", "cell", "cell_town", "address", "person", "subject", "registered", "known")


@cache
def day() -> dict[str, np.ndarray]:
    """Columns of a crowded day, and the truth."""
    parts = [(taken.frame, taken.campaign) for taken in City(CROWDED, PEOPLE, 1, SEED, people()).slices()]
    found = {
        name: np.concatenate([frame.column(name).to_numpy(zero_copy_only=False) for frame, _ in parts])
        for name in COLUMNS
    }
    return found | {"campaign": np.concatenate([campaign for _, campaign in parts])}


@cache
def scams() -> Rows:
    """All that the scams of a day with very many campaigns do."""
    many = CROWDED.model_copy(update={"campaigns": CROWDED.campaigns.model_copy(update={"per_100k_people": 6_000.0})})
    return Rows.merged(run(None, many)[1])


def test_a_cell_stands_in_one_township() -> None:
    rng = generator(1, "places")
    first, count = cells_of_towns(generator(1, "places"))
    towns = town_of_cell(rng)
    assert towns[0] == 0
    assert len(towns) == count.sum() + 1
    assert (towns[first] == codes()).all()
    assert (towns[first + count - 1] == codes()).all()


def test_events_show_the_township_of_their_cell() -> None:
    found = day()
    towns = town_of_cell(generator(SEED, "places"))
    assert (found["cell_town"] == towns[found["cell"]]).all()
    assert ((found["cell_town"] != 0) == (found["cell"] != 0)).all()
    assert np.count_nonzero(found["cell_town"]) > 1_000
    # Who lives somewhere calls from there more often than not: work is elsewhere.
    home = dict(zip(people().number[:PEOPLE].tolist(), people().town[:PEOPLE].tolist(), strict=True))
    calls = np.flatnonzero((found["kind"] == Kind.CALL) & (found["campaign"] < 0) & (found["cell"] != 0))
    at_home = [home.get(int(found["source"][row]), 0) == found["cell_town"][row] for row in calls]
    assert np.mean(at_home) > 0.6


def test_a_host_answers_at_one_address() -> None:
    found = day()
    visits = found["kind"] == Kind.WEB
    pairs = {(int(s), int(a)) for s, a in zip(found["source"][visits], found["address"][visits], strict=True)}
    assert len(pairs) == len({source for source, _ in pairs})
    assert all(address for _, address in pairs)
    assert not found["address"][~visits].any()


def test_shared_addresses_are_few_and_own_ones_are_not_shared() -> None:
    hosts = np.arange(1, 4_001, dtype=np.uint64)
    assert len(np.unique(addresses(hosts, 1.0))) == SHARED_ADDRESSES
    assert len(np.unique(addresses(hosts, 0.0))) == len(hosts)
    own = addresses(hosts, 0.0)
    assert 0.4 < np.mean(addresses(hosts, 0.5) == own) < 0.6


def test_sites_of_a_gang_share_addresses() -> None:
    found, rows = day(), scams()
    visits = (rows.column("kind") == Kind.WEB) & ~rows.column("registered")
    hosts, places = (np.unique(rows.column(name)[visits]) for name in ("source", "address"))
    assert len(hosts) >= 40
    assert len(places) < 0.8 * len(hosts)
    others = np.unique(found["address"][(found["kind"] == Kind.WEB) & (found["campaign"] < 0)])
    assert 0 < np.isin(places, others).sum() < len(places)  # some hide behind what everybody uses


def test_everything_is_opened_in_somebodys_name() -> None:
    found, rows = day(), scams()
    opened = rows.column("kind") == Kind.REGISTRATION
    persons, subjects = (rows.column(name)[opened] for name in ("person", "subject"))
    assert (persons != 0).all()
    assert np.unique(persons[subjects == Subject.NUMBER], return_counts=True)[1].max() == 3  # straw men
    honest = (found["kind"] == Kind.REGISTRATION) & (found["campaign"] < 0)
    assert (found["person"][honest] != 0).all()
    assert np.unique(found["person"][honest], return_counts=True)[1].max() <= 3


def test_some_new_accounts_stand_behind_a_collectors_phone() -> None:
    plan = {"fresh": 1.0, "dormant": 0.0, "on_duty": (60, 60, 60)}
    for share, shared in ((plan, True), (plan | {"fresh": 0.0}, False)):
        roster = Roster(CROWDED.laundering.model_copy(update=share), people(), SEED)
        roster.open(3, DAY_0_MS)
        mules = [mule for layer in (1, 2, 3) for mule in roster.on_duty(3, layer)]
        assert len({mule.person for mule in mules}) == len(mules) == 180
        several = [count for count in Counter(mule.phone for mule in mules).values() if count > 1]
        assert len(several) == (COLLECTORS if shared else 0)
        assert 0.2 <= sum(several) / 180 <= 0.4 if shared else not several


def test_who_reports_had_to_do_with_it() -> None:
    found = day()
    assert found["known"][found["kind"] == Kind.REPORT].all()
