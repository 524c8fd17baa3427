"""Small recordings for tests: hand-made ones with a truth that a loop can count, and a crowded little city.

Enters: rules, events, truth. Leaves: files as `run --record` writes them. Invariant: the truth of an event follows from
its id.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa

from interceptor.engine import Engine
from interceptor.recording import Recorder, Truth
from interceptor.rules import RuleSet, default_rules_dir, load
from simulator.city import SLICE_MS, City
from simulator.clock import DAY_0_MS, DAY_MS, HOUR_MS
from simulator.report import Setting
from simulator.scams.chains import Step
from simulator.scenario import load as load_scenario
from tests.streams import Event, frame

CAMPAIGNS = 8
TYPE_OF_CAMPAIGN = np.arange(CAMPAIGNS) % 3
CITY_PEOPLE, CITY_SEED, CITY_HOURS = 800, 5, (9, 17)

# Everything that decides, and nothing that feeds back: no list is filled, no rule reads a score.
RULES = """\
schema: 1
half_life: 1h
policies:
  - policy: call
    source: [{score: 2, actions: [label]}, {score: 3, kinds: 2, actions: [block]}]
  - policy: sms
    source: [{score: 2, actions: [label]}, {score: 3.5, kinds: 2, actions: [block]}]
  - policy: transfer
    source: [{score: 3, actions: [delay_24h]}]
    target: [{score: 2, actions: [block]}]
features:
  - {feature: met_1h, count: events, by: citizen, on: call, within: 1h}
rules:
  - {rule: young, title: t, on: [call, sms], condition: tenure <= 30d, evidence: identity, score: 2}
  - {rule: sip, title: t, on: call, condition: trunk == "sip", evidence: traffic, score: 1.5}
  - {rule: linked, title: t, on: sms, condition: has_link, evidence: text, score: 2}
  - {rule: foreign, title: "<b>t</b>", on: [call, sms], condition: trunk == "international", actions: [block]}
  - {rule: friend, title: t, on: [call, sms], condition: known, actions: [allow]}
  - {rule: large, title: t, on: transfer, condition: amount >= 5_000, evidence: money, score: 2}
  - {rule: stranger, title: t, on: transfer, condition: not known, evidence: identity, score: 1.5}
  - {rule: busy-citizen, title: t, on: call, condition: met_1h >= 4, evidence: warning, score: 2}
  - {rule: watching, title: t, on: [call, sms], mode: shadow, condition: tenure <= 90d, actions: [block]}
  - {rule: never, title: t, on: web, condition: host_age > 90000h, actions: [block]}
"""


@cache
def shipped_rules() -> RuleSet:
    """The rules that come with the project, loaded once."""
    return load(default_rules_dir())


def rules(folder: Path, text: str = RULES) -> Path:
    """A folder with these rules."""
    folder.mkdir(exist_ok=True)
    (folder / "rules.yaml").write_text(text, encoding="utf-8")
    return folder


def campaign_of(event: Event) -> int:
    """-1 = ordinary. Every third event is one of a scam's."""
    mixed = event["event_id"] * 2_654_435_761 >> 7
    return mixed % CAMPAIGNS if mixed // CAMPAIGNS % 3 == 0 else -1


def pays(event: Event) -> bool:
    """Half of a scam's events, by id, are steps in which its victim pays; only transfers have an amount."""
    return campaign_of(event) >= 0 and event["event_id"] % 2 == 0


def truth_of(events: Sequence[Event]) -> Truth:
    truth = Truth.nothing(len(events))
    truth.campaign[:] = [campaign_of(event) for event in events]
    truth.step[:] = [Step.PAYMENT if pays(event) else Step.CALL if campaign_of(event) >= 0 else 0 for event in events]
    return truth


def record(path: Path, rule_set: RuleSet, events: Sequence[Event]) -> Path:
    setting = Setting("city_centre", 10, 1, 1, DAY_0_MS, DAY_0_MS + DAY_MS)
    with Recorder(path, setting, rule_set.hash) as recorder:
        batch = frame(events)
        recorder.add(batch, Engine(rule_set).decide(batch), truth_of(events), TYPE_OF_CAMPAIGN)
    return path


def record_city(path: Path) -> Path:
    """Some hours with many campaigns for few people, decided by the shipped rules; nobody is told what they decided."""
    scenario = load_scenario("city_centre")
    crowded = scenario.campaigns.model_copy(update={"per_100k_people": 4_000.0})
    city = City(scenario.model_copy(update={"campaigns": crowded}), CITY_PEOPLE, 1, CITY_SEED)
    rule_set = shipped_rules()
    engine = Engine(rule_set)
    setting = Setting("city_centre", CITY_PEOPLE, 1, CITY_SEED, DAY_0_MS, DAY_0_MS + DAY_MS)
    with Recorder(path, setting, rule_set.hash) as recorder:
        slices = islice(city.slices(), *(hour * HOUR_MS // SLICE_MS for hour in CITY_HOURS))
        while some := list(islice(slices, 80)):  # few large frames are decided sooner, to the same end
            batch = pa.Table.from_batches([one.frame for one in some]).combine_chunks().to_batches()[0]
            truth = Truth(*(np.concatenate([getattr(one, name) for one in some]) for name in Truth.__slots__))
            recorder.add(batch, engine.decide(batch), truth, city.type_of_campaign)
    return path
