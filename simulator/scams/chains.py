"""The kill chains of the scam types, as data.

Enters: nothing. Leaves: CHAINS by scam type. Invariant: every link waits at least one slice after the one before it,
so that what the interceptor decides on a link can prevent the next.

A chain starts with lures (many people, few hooked) and goes on in links, each for one hooked person. Structure, order
and counts follow SOURCES.md D2; all chances and delays are assumptions [A] unless marked otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from interceptor.schema import Channel
from simulator.scams.manners import Outfit


class Step(IntEnum):
    """What an event was in its campaign: the truth's `step`."""

    NONE = 0
    LURE_CALL = 1
    LURE_SMS = 2
    LURE_VISIT = 3
    CAMOUFLAGE = 4  # a fraud line talks to its owner's own people
    CALL = 5
    MESSAGE = 6
    SITE = 7
    APP = 8
    REBATE = 9
    CREDIT = 10
    PAYMENT = 11
    REPORT = 12
    REGISTRATION = 13
    TEST = 14  # a few yuan to see whether a mule's account works
    HOP_2 = 15  # first layer → second
    HOP_3 = 16
    EXIT = 17
    FINDING = 18  # police have found out who rents or sells an account
    FEEDBACK = 19  # of officers and of those whose line or account was taken


class Look(Enum):
    """How a link shows at the gates."""

    CHAT = "chat"  # in a messenger: no gate sees it
    CALL = "call"
    MESSAGE = "message"
    SITE = "site"
    APP = "app"
    FORWARDING = "forwarding"  # the victim's line is forwarded: no event of its own, others' calls show it
    REBATE = "rebate"
    CREDIT = "credit"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True)
class Link:
    """One step for one victim. `minutes`, `sigma`: log-normal delay after the step before (or the round before).

    `chance`: that the victim goes along, per round. `rounds`: least and most times it is done.
    """

    look: Look
    minutes: float
    sigma: float
    chance: float
    rounds: tuple[int, int] = (1, 1)
    must: bool = True  # False: if the victim doesn't go along, the chain goes on all the same
    essential: bool = False  # a site without which there is nothing to steal; others can be replaced by talk
    channel: Channel = Channel.APP
    screen_share: bool = False
    apk: bool = False
    asks_card: bool = False
    asks_code: bool = False
    official: float = 0.0  # share of app downloads from the true maker's own host
    night: bool = False  # only between 23 and 6 h, when nobody looks at their phone
    duration_s: tuple[float, float] = (60.0, 0.6)  # median and sigma of a CALL, where it isn't kept open
    keep_open: bool = False  # CALL: stays open until the chain has ended


@dataclass(frozen=True, slots=True)
class Lure:
    """What reaches many people. `per_campaign`: events per day; calls come from `lines` instead, some of each outfit.

    `hook`: share of people reached (calls: answered) who take the bait. `hours`: first and last hour of work.
    `spread_h`: the volley is sent within so many hours. `share`: how often a campaign of the type has this lure.
    `keep_open`: a hooked person stays on the line until the chain has ended.
    """

    look: Look
    hook: float
    per_campaign: float = 0.0
    lines: int = 12
    share: float = 1.0
    hours: tuple[int, int] = (8, 19)
    spread_h: float = 8.0
    outfits: tuple[tuple[Outfit, float], ...] = ()
    keep_open: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """`rising`: each payment is so many times the one before. `late_entry`: victims may be some payments into it.

    `corporate`: share of victims who pay with a company's money, and what such a loss is as a median, yuan.
    `callers`: what links' calls and messages come from where no lure has lines.
    """

    lures: tuple[Lure, ...]
    links: tuple[Link, ...]
    rising: float = 1.6
    late_entry: bool = False
    corporate: float = 0.0
    corporate_loss_yuan: int = 0
    callers: Outfit | None = None
    ages: tuple[int, int] = (18, 80)
    site_life_h: tuple[float, float] = (24.0, 0.8)  # median and sigma of a host's life, hours
    site_age_h: float = 20.0  # median age of a host when it is first used, hours


# P: sites live 5.5 h as a median (WWW'25); a phisher changes after 6 h at the latest.
PHISHING_SITE_H_MAX = 6.0

_BOX = ((Outfit.SIMS, 0.75), (Outfit.BOX, 0.1), (Outfit.TRUNK, 0.15))
_GOIP = ((Outfit.SIMS, 0.8), (Outfit.BOX, 0.1), (Outfit.TRUNK, 0.1))
_OFFICE = ((Outfit.SIMS, 0.7), (Outfit.RESOLD_400, 0.3))
_QUIET = ((Outfit.SIMS, 1.0),)
_ABROAD = ((Outfit.TRUNK, 1.0),)
_MIXED_SMS = ((Outfit.SNOWSHOE, 0.6), (Outfit.PORT, 0.25), (Outfit.SMS_ABROAD, 0.15))
_PHISHING_SMS = ((Outfit.FAKE_STATION, 0.5), (Outfit.SNOWSHOE, 0.3), (Outfit.PORT, 0.1), (Outfit.SMS_ABROAD, 0.1))

CHAINS: dict[str, Chain] = {
    "rebate_tasks": Chain(
        lures=(
            Lure(Look.MESSAGE, hook=0.008, per_campaign=100, hours=(8, 20), outfits=_MIXED_SMS),
            Lure(Look.CHAT, hook=1.0, per_campaign=0.55, hours=(8, 21), spread_h=12),
        ),
        links=(
            Link(Look.CHAT, minutes=25, sigma=0.9, chance=0.75),
            Link(Look.APP, minutes=15, sigma=0.8, chance=0.85, apk=True, asks_card=True),
            Link(Look.REBATE, minutes=18, sigma=0.7, chance=0.97, rounds=(2, 4)),
            Link(Look.PAYMENT, minutes=75, sigma=1.0, chance=0.85, rounds=(3, 6)),
        ),
    ),
    "fake_customer_service": Chain(
        lures=(Lure(Look.CALL, hook=0.0042, lines=14, hours=(9, 20), outfits=_BOX, keep_open=True),),
        links=(
            Link(Look.APP, minutes=5, sigma=0.4, chance=0.7, official=0.4, apk=True),
            Link(Look.PAYMENT, minutes=4, sigma=0.4, chance=0.88, rounds=(3, 8), screen_share=True),
        ),
        rising=1.25,
    ),
    "fake_investment": Chain(
        lures=(Lure(Look.CHAT, hook=1.0, per_campaign=2.5, hours=(9, 21), spread_h=12),),
        links=(
            Link(Look.SITE, minutes=20, sigma=0.8, chance=0.95, rounds=(1, 2), asks_card=True),
            Link(Look.PAYMENT, minutes=15 * 60, sigma=0.9, chance=0.85, rounds=(3, 8)),
        ),
        rising=1.5,
        late_entry=True,
        site_life_h=(44.0, 0.4),  # D2: domains rotate every 1-3 days
    ),
    "fake_loan": Chain(
        lures=(
            Lure(Look.MESSAGE, hook=0.008, per_campaign=100, hours=(8, 20), outfits=_MIXED_SMS),
            Lure(Look.CALL, hook=0.0024, lines=13, share=0.6, hours=(9, 18), outfits=_OFFICE),
        ),
        links=(
            Link(Look.APP, minutes=20, sigma=0.8, chance=0.7, apk=True, asks_card=True),
            Link(Look.CREDIT, minutes=40, sigma=0.6, chance=0.15, must=False),
            Link(Look.PAYMENT, minutes=50, sigma=0.8, chance=0.85, rounds=(3, 5)),
        ),
        rising=1.35,
    ),
    "fake_credit_record": Chain(
        lures=(Lure(Look.CALL, hook=0.0042, lines=14, hours=(9, 19), outfits=_GOIP, keep_open=True),),
        links=(
            Link(Look.APP, minutes=6, sigma=0.4, chance=0.75, official=0.5, apk=True),
            Link(Look.CREDIT, minutes=9, sigma=0.4, chance=0.85, rounds=(2, 3)),
            Link(Look.PAYMENT, minutes=6, sigma=0.4, chance=0.9, rounds=(2, 4), screen_share=True),
        ),
        rising=1.2,
    ),
    "fake_shopping": Chain(
        lures=(
            Lure(Look.SITE, hook=0.05, per_campaign=24, hours=(9, 22), spread_h=13),
            Lure(Look.MESSAGE, hook=0.015, share=0.4, per_campaign=50, hours=(9, 20), outfits=_MIXED_SMS),
        ),
        links=(
            Link(Look.CHAT, minutes=15, sigma=0.8, chance=0.9),
            Link(Look.PAYMENT, minutes=20, sigma=0.8, chance=0.75, rounds=(1, 3), channel=Channel.QR),
        ),
        rising=1.5,
        site_life_h=(48.0, 0.6),
        site_age_h=90.0,
    ),
    "fake_police": Chain(
        lures=(Lure(Look.CALL, hook=0.0011, hours=(8, 17), outfits=_ABROAD),),
        links=(
            Link(Look.CALL, minutes=4, sigma=0.5, chance=0.85, keep_open=True),
            Link(Look.MESSAGE, minutes=8, sigma=0.4, chance=0.95, must=False),
            Link(Look.SITE, minutes=5, sigma=0.4, chance=0.85, asks_code=True, asks_card=True),
            Link(Look.FORWARDING, minutes=4, sigma=0.3, chance=0.5, must=False),
            Link(Look.PAYMENT, minutes=28, sigma=0.6, chance=0.85, rounds=(2, 4), screen_share=True),
        ),
        rising=1.4,
    ),
    "fake_boss": Chain(
        lures=(
            Lure(Look.CALL, hook=0.02, lines=3, share=0.6, hours=(9, 17), outfits=_QUIET),
            Lure(Look.CHAT, hook=1.0, per_campaign=1.0, hours=(9, 17), spread_h=8),
        ),
        links=(
            # "Come to my office tomorrow", then "first send this": most do it within the day.
            Link(Look.CALL, minutes=75, sigma=0.8, chance=0.8, must=False, duration_s=(70.0, 0.5)),
            Link(Look.PAYMENT, minutes=20, sigma=0.7, chance=0.8, rounds=(1, 2)),
        ),
        rising=1.0,
        callers=Outfit.SIMS,
        corporate=0.5,
        corporate_loss_yuan=500_000,
    ),
    "game_trading": Chain(
        lures=(Lure(Look.CHAT, hook=1.0, per_campaign=2.0, hours=(11, 22), spread_h=11),),
        links=(
            Link(Look.SITE, minutes=12, sigma=0.7, chance=0.9, asks_card=True),
            Link(Look.PAYMENT, minutes=18, sigma=0.7, chance=0.8, rounds=(2, 4), channel=Channel.THIRD_PARTY),
        ),
        rising=1.5,
        ages=(10, 24),
    ),
    "romance_blackmail": Chain(
        lures=(Lure(Look.CHAT, hook=1.0, per_campaign=1.8, hours=(19, 23), spread_h=4),),
        links=(
            Link(Look.APP, minutes=20, sigma=0.6, chance=0.8, apk=True),
            Link(Look.CALL, minutes=12, sigma=0.4, chance=0.75, duration_s=(95.0, 0.6), rounds=(1, 3)),
            Link(Look.PAYMENT, minutes=15, sigma=0.6, chance=0.8, rounds=(2, 5)),
        ),
        rising=1.3,
        callers=Outfit.TRUNK,
        ages=(16, 50),
    ),
    "phishing_sms": Chain(
        lures=(Lure(Look.MESSAGE, hook=0.008, per_campaign=420, hours=(8, 18), spread_h=1.5, outfits=_PHISHING_SMS),),
        links=(
            Link(Look.SITE, minutes=9, sigma=1.0, chance=1.0, asks_card=True, asks_code=True, essential=True),
            # P: 7.4 % of visitors type in what is asked; here more, as a hooked person has meant to.
            Link(Look.CHAT, minutes=3, sigma=0.4, chance=0.3),
            Link(
                Look.PAYMENT, minutes=5, sigma=0.4, chance=0.9, rounds=(2, 4), channel=Channel.THIRD_PARTY, night=True
            ),
        ),
        rising=1.2,
        site_life_h=(5.46, 0.7),
        site_age_h=6.0,
    ),
    # The networks look for new accounts; who answers is no victim. What they do is simulator.laundering's.
    "mule_network": Chain(
        lures=(Lure(Look.MESSAGE, hook=0.0, per_campaign=25, hours=(8, 20), outfits=_MIXED_SMS),),
        links=(),
    ),
}  # fmt: skip
