"""Campaigns: how often they are, how they look, and that each type goes its own way.

Enters: whole days of small and large cities. Leaves: nothing. Invariant: nothing here is decided; everything passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from interceptor.schema import Channel, Kind, LineKind, Subject, Trunk
from simulator.chance import generator
from simulator.city import SLICE_MS, City
from simulator.clock import DAY_0_MS, DAY_MS, MINUTE_MS, hour_of_day
from simulator.events import Pools, Rows
from simulator.institutions import official_hosts, official_numbers
from simulator.lines import quantiles
from simulator.population import Habit, Population, build
from simulator.scam_types import CHINESE_NAMES, MULE_NETWORK, SCAM_TYPES, TYPES
from simulator.scams.chains import CHAINS, Look, Step
from simulator.scams.handles import FAMILY_SIZE, JOURNEYS
from simulator.scams.hosts import homoglyph, host_name
from simulator.scams.lures import VARIANTS, variants
from simulator.scams.manners import BOX_CALLS_PER_HOUR_MAX, Manner, Outfit, use
from simulator.scams.operation import Operation
from simulator.scams.outfits import NumberBook, Place, deck
from simulator.scams.templates import BANKS, TEMPLATES
from simulator.scams.victims import planned_payments
from simulator.scenario import Rotation, Scenario, load

CITY = load("city_centre")


@cache
def people() -> Population:
    return build(3_000, 4)


def crowded(per_100k: float) -> Scenario:
    """Many campaigns for few people, of every type alike."""
    weights = {type_.id: 1 / type_.weight_percent for type_ in TYPES if type_.weight_percent}
    campaigns = CITY.campaigns.model_copy(update={"per_100k_people": per_100k, "weights": weights})
    return CITY.model_copy(update={"campaigns": campaigns})


class Day:
    """One day of scams; `of` gives the rows of a type, kind and step."""

    def __init__(self, scenario: Scenario, population: Population, seed: int) -> None:
        self.operation = Operation(scenario, population, Pools.empty(), seed)
        taken = []
        for start_ms in range(DAY_0_MS, DAY_0_MS + DAY_MS, SLICE_MS):
            taken.append(self.operation.rows(start_ms, start_ms + SLICE_MS))
        self.operation.passed()
        self.rows = Rows.merged(taken)
        types = np.array([campaign.type for campaign in self.operation.campaigns] + [-1])
        self.type = types[self.rows.column("campaign")]

    def of(self, scam_type: str | None = None, step: Step | None = None, kind: Kind | None = None) -> Rows:
        chosen = np.ones(self.rows.count, bool)
        if scam_type is not None:
            chosen &= self.type == SCAM_TYPES.index(scam_type)
        if step is not None:
            chosen &= self.rows.column("step") == step
        if kind is not None:
            chosen &= self.rows.column("kind") == kind
        return self.rows.take(chosen)


@cache
def day() -> Day:
    return Day(crowded(2_500), people(), 6)


def pairs(rows: Rows, name: str) -> Iterator[tuple[int, int]]:
    """(value of a column, ts_ms) of each row."""
    return zip(rows.column(name).tolist(), rows.column("ts_ms").tolist(), strict=True)


def first_times(rows: Rows) -> dict[int, int]:
    """When each source came first; rows are in order of time."""
    return dict(reversed(list(pairs(rows, "source"))))


def test_every_type_has_a_chain_texts_and_a_name() -> None:
    assert set(CHAINS) == set(TEMPLATES) == set(CHINESE_NAMES) == set(SCAM_TYPES)
    assert len(SCAM_TYPES) == 12
    assert sum(type_.weight_percent for type_ in TYPES) == pytest.approx(99, abs=1)
    for name in SCAM_TYPES[:MULE_NETWORK]:
        looks = [link.look for link in CHAINS[name].links]
        assert looks[-1] is Look.PAYMENT, "the last link is the money's"
        assert looks.count(Look.PAYMENT) == 1


# — how often —


@pytest.fixture(scope="module")
def counts() -> dict[str, np.ndarray]:
    """Events of a whole default day by kind, all and scam, lines of scam calls, adverts, for 100,000 people."""
    city = City(CITY, 100_000, 1, 7)
    every, scam = np.zeros((2, len(Kind)), np.int64)
    lines: list[np.ndarray] = []
    adverts = 0
    for taken in city.slices():
        kind, source = (taken.frame.column(name).to_numpy() for name in ("kind", "source"))
        of_scam = taken.campaign >= 0
        every += np.bincount(kind, minlength=len(Kind))
        scam += np.bincount(kind[of_scam], minlength=len(Kind))
        lines.append(source[of_scam & (kind == Kind.CALL)])
        adverts += np.count_nonzero((taken.habit == Habit.ADVERTISER) & (kind == Kind.SMS))
    return {
        "every": every, "scam": scam, "lines": np.unique(np.concatenate(lines)),
        "parties": np.array([city.population.parties]), "types": city.type_of_campaign,
        "adverts": np.array([adverts]),
    }  # fmt: skip


@pytest.mark.xdist_group("large city")
def test_prevalence_is_that_of_life(counts: dict[str, np.ndarray]) -> None:
    """SOURCES.md D5; scam messages as a share of spam, which is mostly advertising."""
    share = counts["scam"] / np.maximum(counts["every"], 1)
    assert 0.005 <= share[Kind.CALL] <= 0.02
    assert share[Kind.WEB] <= 0.001
    assert share[Kind.TRANSFER] <= 0.002
    spam = counts["scam"][Kind.SMS] / (counts["scam"][Kind.SMS] + counts["adverts"][0])
    assert 0.01 <= spam <= 0.03
    assert len(counts["lines"]) <= counts["parties"][0] / 1_000
    assert counts["every"].sum() >= 2_000_000


@pytest.mark.xdist_group("large city")
def test_every_type_has_a_campaign_in_a_large_city(counts: dict[str, np.ndarray]) -> None:
    found = np.bincount(counts["types"], minlength=len(SCAM_TYPES))
    assert (found >= 1).all()
    wanted = np.array([CITY.weight(name) * CITY.campaigns.per_100k_people for name in SCAM_TYPES])
    assert (np.abs(found - wanted)[:MULE_NETWORK] <= 1).all()


def test_a_small_city_has_few_campaigns() -> None:
    operation = Operation(CITY, people(), Pools.empty(), 1)
    operation.rows(DAY_0_MS, DAY_0_MS + SLICE_MS)
    assert 2 <= len(operation.campaigns) <= 5  # one network among them


# — lines —


def test_single_sims_behave_like_real_fraud_lines() -> None:
    places = use(Outfit.SIMS, 4_000, generator(1, "test"))
    hidden = places.manner == Manner.CAMOUFLAGED
    assert hidden.mean() == pytest.approx(27 / 79, abs=0.03)
    out_share = places.calls_per_day / (places.calls_per_day + places.received_per_day)
    assert np.median(out_share[hidden]) == pytest.approx(0.65, abs=0.12)  # D: .59
    assert np.median(places.own_people[hidden]) > 0.5  # D: dispersion .25
    assert np.median(1 - places.repeated[~hidden]) > 0.85  # D: dispersion .89
    shares, values = quantiles("dur_median_s", "fraud")
    told = np.quantile(np.exp(places.dur_ln), shares[2:-2])
    assert told == pytest.approx(values[2:-2], rel=0.12)
    callees = places.calls_per_day[~hidden] * (1 - places.repeated[~hidden])
    assert 30 <= np.median(callees) <= 70


def test_decks_are_what_their_outfit_says() -> None:
    book, place = NumberBook(4), Place(people().cell[:3000], people().town[:3000])
    rotation, numbers = Rotation(), []
    for outfit in Outfit:
        rng = generator(2, outfit.value)
        made = deck(outfit, use(outfit, 20, rng), 40, BANKS[0], place, book, rotation, rng)
        assert len(made) == 60
        numbers += made.number.tolist()
        if outfit is Outfit.TRUNK:
            assert (made.trunk == Trunk.INTERNATIONAL).all()
            assert set(made.display[made.display > 0].tolist()) <= set(official_numbers())
            assert 0 < (made.line_kind == LineKind.MOBILE).mean() < 0.6, "some show a national-looking number"
        if outfit is Outfit.FAKE_STATION:
            assert made.lac_jump.all()
            assert set(made.display.tolist()) == {8695588}
        if outfit is Outfit.PORT:
            assert (made.line_kind == LineKind.SMS_PORT).all()
            assert not made.registered.any()
    assert len(set(numbers)) == len(numbers)
    assert not np.isin(np.array(numbers, np.uint64), people().number).any()


def test_burst_sims_are_fresh_and_boxes_share_cells_and_devices() -> None:
    book, place = NumberBook(4), Place(people().cell[:3000], people().town[:3000])
    for seed in range(12):
        rng = generator(seed, "box")
        box = deck(Outfit.BOX, use(Outfit.BOX, 30, rng), 0, "", place, book, Rotation(local=1.0), rng)
        assert len(np.unique(box.cell)) == 1
        if box.cell[0]:
            devices = np.unique(box.imei[:, 0])
            assert len(devices) <= 4 or (np.diff(devices) == 10).all()
    rng = generator(1, "sims")
    places = use(Outfit.SIMS, 200, rng)
    sims = deck(Outfit.SIMS, places, 0, "", place, book, Rotation(), rng)
    assert sims.tenure_days[places.manner == Manner.BURST].max() <= 7
    assert sims.tenure_days[places.manner == Manner.CAMOUFLAGED].min() >= 90
    assert (sims.cell > 0).mean() == pytest.approx(0.6, abs=0.15)


def test_box_sims_take_turns_below_the_limit() -> None:
    calls = day().of(step=Step.LURE_CALL, kind=Kind.CALL)
    lines, found = day().operation.lines, 0
    hour = hour_of_day(calls.column("ts_ms"))
    for place in np.flatnonzero(lines.use.manner == Manner.BOX).tolist():
        mine = hour[calls.column("source") == lines.deck.number[lines.line[place]]]
        if len(mine):
            counted = np.bincount(mine, minlength=24)
            assert counted.max() <= BOX_CALLS_PER_HOUR_MAX
            busy = np.flatnonzero(counted)
            assert (np.diff(busy) % 4 == 0).all(), "a turn every four hours"
            found += 1
    assert found


def test_most_people_see_through_within_half_a_minute() -> None:
    ends = day().of(step=Step.LURE_CALL, kind=Kind.CALL_END)
    quick = (ends.column("dur_s") >= 15) & (ends.column("dur_s") <= 28)
    assert 0.35 <= quick.mean() <= 0.75
    calls = day().of(step=Step.LURE_CALL, kind=Kind.CALL)
    assert ends.count / calls.count == pytest.approx(0.45, abs=0.05)
    assert not calls.column("known").any()


def test_some_who_saw_through_report_later() -> None:
    reports = day().of(kind=Kind.REPORT)
    assert set(reports.column("subject").tolist()) >= {Subject.NUMBER, Subject.ACCOUNT}
    numbers = reports.take(reports.column("subject") == Subject.NUMBER)
    calls = day().of(kind=Kind.CALL)
    first = first_times(calls)
    assert min(ts_ms - first[source] for source, ts_ms in pairs(numbers, "source")) > 0


# — texts and sites —


def test_texts_are_many_filled_and_dressed_up() -> None:
    assert sum(len(templates) for templates in TEMPLATES.values()) >= 40
    every: list[str] = []
    for name in SCAM_TYPES:
        made = variants(
            name, BANKS[1] if name == "phishing_sms" else "", generator(1, name), "a.example/x", linked=False
        )
        assert len(made.texts) == VARIANTS
        assert [("a.example/x" in text) for text in made.texts] == list(made.linked)
        every += made.texts
    assert not any("{" in text or "}" in text for text in every)
    joined = "".join(every)
    assert any(invisible in joined for invisible in "\u200b\u200c\u2060\ufeff")
    assert any(form in joined for form in ("➕", "薇", "扣扣", "①", "vx"))
    phishing = variants("phishing_sms", BANKS[1], generator(2, "p"), "a.example/x", linked=True)
    assert all(phishing.linked)
    assert all(BANKS[1] in text for text in phishing.texts)


def test_look_alike_hosts_look_alike_and_are_not_the_true_ones() -> None:
    rng = generator(3, "hosts")
    assert all(homoglyph("icbc", rng) != "icbc" for _ in range(50))
    for _ in range(200):
        for name in ("phishing_sms", "fake_police", "rebate_tasks"):
            host = host_name(name, BANKS[0], rng)
            assert host == host.lower()
            assert not any(host == true or host.endswith("." + true) for true in official_hosts())


def test_messages_show_their_links_host() -> None:
    messages = day().of("phishing_sms", Step.LURE_SMS)
    pools = day().operation.pools
    texts = pools.text.take(messages.column("text")).to_pylist()
    hosts = pools.host.take(messages.column("host")).to_pylist()
    assert all(host and host in text for text, host in zip(texts, hosts, strict=True))
    fresh = messages.column("host_age_h") < 72
    assert fresh.mean() > 0.4  # the others go by short links and aged names
    per_host = messages.count / len(np.unique(messages.column("host")))
    assert 20 <= per_host <= 400  # P: about one URL per hundred messages


def test_sites_are_fresh_and_move() -> None:
    visits = day().of(kind=Kind.WEB)
    theirs = visits.take(~visits.column("registered"))
    assert np.median(theirs.column("host_age_h")) < 200
    phishers = [c for c in day().operation.campaigns if c.scam_type == "phishing_sms"]
    assert all(campaign.site.moves >= 1 for campaign in phishers)


# — chains —


def test_nobody_has_two_events_in_one_slice() -> None:
    """So that each of them can be prevented by what was decided on the one before."""
    handle = day().rows.column("handle")
    mine = np.flatnonzero(handle // FAMILY_SIZE == JOURNEYS)
    slot = (day().rows.column("ts_ms")[mine] - DAY_0_MS) // SLICE_MS
    assert len(np.unique(np.stack([handle[mine], slot]), axis=1).T) == len(mine)


@pytest.mark.parametrize("name", SCAM_TYPES[:MULE_NETWORK])
def test_every_type_gets_as_far_as_the_money(name: str) -> None:
    paid = day().of(name, Step.PAYMENT)
    assert paid.count
    assert not paid.column("known").any()
    assert (paid.column("balance_fen") >= paid.column("amount_fen")).all()
    assert np.isin(paid.column("target"), people().number[: people().people]).all()


def test_small_rebates_come_before_large_payments() -> None:
    rebates, paid = day().of("rebate_tasks", Step.REBATE), day().of("rebate_tasks", Step.PAYMENT)
    assert rebates.column("amount_fen").min() >= 500
    assert rebates.column("amount_fen").max() <= 5_000
    accounts = dict(zip(people().number.tolist(), people().account.tolist(), strict=True))
    first = first_times(rebates)
    for target, ts_ms in pairs(paid, "target"):
        assert first[accounts[target]] < ts_ms


def test_false_agents_have_the_screen_shared_during_the_call() -> None:
    paid = day().of("fake_customer_service", Step.PAYMENT)
    assert paid.column("screen_share").all()
    calls, ends = (day().of("fake_customer_service", Step.LURE_CALL, kind) for kind in (Kind.CALL, Kind.CALL_END))
    for target, ts_ms in pairs(paid, "target"):
        begun = calls.column("ts_ms")[calls.column("target") == target]
        over = ends.column("ts_ms")[ends.column("target") == target]
        assert begun.min() < ts_ms
        assert not len(over) or over.max() > ts_ms
    long = ends.column("dur_s")[np.isin(ends.column("target"), paid.column("target"))]
    assert long.max() >= 8 * 60


def test_lenders_pay_just_before_the_money_goes_on() -> None:
    credits, paid = day().of("fake_credit_record", Step.CREDIT), day().of("fake_credit_record", Step.PAYMENT)
    accounts = dict(zip(people().number.tolist(), people().account.tolist(), strict=True))
    assert credits.column("corporate").all()
    waits = []
    for target, ts_ms in pairs(paid, "target"):
        before = credits.column("ts_ms")[credits.column("source") == accounts[target]]
        waits.append((ts_ms - before[before < ts_ms].max()) / MINUTE_MS)
    assert np.median(waits) < 30


def test_false_police_use_trunks_a_warrant_and_forwarding() -> None:
    calls = day().of("fake_police", kind=Kind.CALL)
    assert (calls.column("trunk") == Trunk.INTERNATIONAL).all()
    assert set(calls.column("display").tolist()) & set(official_numbers())
    assert day().of("fake_police", Step.MESSAGE).count
    assert day().of("fake_police", Step.SITE).column("asks_code").all()
    assert day().operation.forwarded


def test_false_bosses_go_for_companies() -> None:
    paid = day().of("fake_boss", Step.PAYMENT)
    corporate = paid.column("corporate")
    assert corporate.any()
    assert paid.column("amount_fen")[corporate].min() >= 5_000_000  # two payments of 100,000 yuan at the least
    assert paid.column("amount_fen").max() <= 200_000_000


def test_shops_take_small_sums_by_qr_and_games_take_wallets() -> None:
    assert set(day().of("fake_shopping", Step.PAYMENT).column("channel").tolist()) <= {Channel.QR, Channel.THIRD_PARTY}
    assert set(day().of("game_trading", Step.PAYMENT).column("channel").tolist()) == {Channel.THIRD_PARTY}
    ages = dict(zip(people().number.tolist(), people().age.tolist(), strict=True))
    assert {ages[n] <= 24 for n in day().of("game_trading").column("target").tolist()} == {True}


def test_stolen_cards_are_emptied_at_night() -> None:
    hours = hour_of_day(day().of("phishing_sms", Step.PAYMENT).column("ts_ms"))
    assert set(hours.tolist()) <= {22, 23, 0, 1, 2, 3}


def test_extortion_comes_from_abroad() -> None:
    calls = day().of("romance_blackmail", Step.CALL, Kind.CALL)
    assert (calls.column("trunk") == Trunk.INTERNATIONAL).all()
    assert day().of("romance_blackmail", Step.APP).column("apk").all()


@pytest.mark.parametrize("name", ["rebate_tasks", "fake_investment", "fake_shopping"])
def test_losses_are_log_normal_around_the_types_median(name: str) -> None:
    lucks = (np.arange(2_000) + 0.5) / 2_000
    total = [sum(planned_payments(CHAINS[name], name, CITY.victims, 4, luck, False)) / 100 for luck in lucks]
    assert np.median(total) == pytest.approx(TYPES[SCAM_TYPES.index(name)].loss_yuan, rel=0.02)
    below, above = np.quantile(total, [0.16, 0.84])
    assert np.log(above / below) / 2 == pytest.approx(1.6, rel=0.05)


def test_payments_rise() -> None:
    amounts = planned_payments(CHAINS["rebate_tasks"], "rebate_tasks", CITY.victims, 5, 0.7, False)
    assert amounts == sorted(amounts)
    assert amounts[-1] > 3 * amounts[0]
