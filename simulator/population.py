"""The people of the city, and those outside whom they know.

Enters: how many residents, and a seed. Leaves: `Population`, arrays over parties. Invariant: parties 0 … people - 1 are
residents, sorted by township; the rest are outsiders (town 0). Circles are symmetric and hold no party twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np


class Habit(IntEnum):
    """What an ordinary party does that may look like fraud (SOURCES.md D3). Truth, never seen by a rule.

    Some are a trade and stay with a party, others last a day and only mark the rows of that day.
    """

    ORDINARY = 0
    # Calls
    COURIER = 1  # 60–150 strangers a day, short calls, one town
    CALL_CENTRE = 2  # 95x and 400 numbers, and their ordinary lines
    NOTICE_CALLER = 3  # election, epidemic, community
    BANK_CALLER = 4
    RESTAURANT = 5  # called by many strangers, calls some back
    CLINIC = 6
    TEACHER = 7  # one day, a whole known circle
    WEDDING_CALLER = 8
    REDIALLER = 9  # one number, twenty times
    TRAVELLER = 10  # own subscriber abroad
    FAMILY_ABROAD = 11  # foreign number that calls home
    PHONE_REPAIRER = 12  # many SIMs in one device
    KEEP_ALIVE = 13  # a SIM used once a month
    NEW_STUDENT = 14  # new SIM, old friends
    STRANGER = 15  # wrong numbers, tradesmen, buyers: a call to someone unknown
    # Messages
    CODE_SENDER = 16
    BANK_NOTICE = 17
    PARCEL_NOTICE = 18
    ADVERTISER = 19
    GREETER = 20  # one greeting to a whole circle
    # Payments
    PAYROLL = 21
    RENT = 22
    WEDDING_GIFT = 23
    SHOP = 24
    GROUP_BUYER = 25  # unregistered head of a group purchase
    SECOND_HAND = 26  # a stranger is paid for a watch, a phone, a car
    ACCOUNTANT = 27
    BORROWER = 28  # a loan comes in and is paid on
    INVESTOR = 29
    PHONE_PAYER = 30  # pays while on the phone with family
    NIGHT_PAYER = 31
    WOKEN_ACCOUNT = 32  # dormant account in use again
    # Visits
    APP_FETCHER = 33  # an app from outside a store
    SMALL_SITE = 34  # a fresh or unregistered, harmless site


@dataclass(slots=True)
class Behaviour:
    """How each party uses its line and its money; arrays over parties."""

    active_share: np.ndarray  # f32, share of days on which the line is used at all
    waking: np.ndarray  # u32, bit h: the line is used in hour h of the day
    stranger_share: np.ndarray  # f32, share of its calls with parties outside its circle
    dur_ln: np.ndarray  # f32, ln of the median duration of its calls in seconds
    dur_sigma: np.ndarray  # f32, spread of ln duration
    imeis: np.ndarray  # u8, devices used within a month
    work_cell: np.ndarray  # u32, cell in working hours
    forwarding: np.ndarray  # bool, calls to it are forwarded
    wealth: np.ndarray  # f32, factor on all amounts, median 1
    account_tenure_days: np.ndarray  # u16
    circle_calls: np.ndarray  # f64, calls made within the circle on an active day
    circle_reach: np.ndarray  # f32[edges], running share of these over `Population.circle`, up to 1 for each party


@dataclass(slots=True)
class Population:
    """Parties; see simulator.events for what the columns mean on an event."""

    people: int  # residents; parties from here on are outsiders
    seed: int
    number: np.ndarray  # u64
    account: np.ndarray  # u64
    town: np.ndarray  # u32, 0 = outsider
    cell: np.ndarray  # u32
    imei: np.ndarray  # u64, the main device
    imsi: np.ndarray  # u64
    tenure_days: np.ndarray  # u16, of the line
    line_kind: np.ndarray  # u8, LineKind
    registered: np.ndarray  # bool, line of a verified organisation
    habit: np.ndarray  # u8, Habit of those that stay with a party
    age: np.ndarray  # u8
    typical_fen: np.ndarray  # i64, 95th percentile of its payments
    balance_fen: np.ndarray  # i64
    corporate: np.ndarray  # bool, a company's account with its accountant's phone
    out_per_day: np.ndarray  # f32, calls made on an active day
    in_per_day: np.ndarray  # f32, calls received on an active day
    circle_offsets: np.ndarray  # i64[parties + 1]
    circle: np.ndarray  # i32, contacts of party p: circle[circle_offsets[p]:circle_offsets[p + 1]]
    behaviour: Behaviour

    @property
    def parties(self) -> int:
        return len(self.number)

    def contacts(self, party: int) -> np.ndarray:
        """Those whom a party knows."""
        return self.circle[self.circle_offsets[party] : self.circle_offsets[party + 1]]


def build(people: int, seed: int) -> Population:
    """A city of `people` residents and 0.3 outsiders for each of them. Raises ValueError below 100 residents."""
    from simulator.settling import settle  # it needs the classes above

    return settle(people, seed)


def apart(party: np.ndarray, other: np.ndarray, people: int) -> np.ndarray:
    """`party`, but the next resident where it is `other` itself."""
    return np.where(party == other, (party + 1) % people, party)
