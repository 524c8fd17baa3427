"""The site of one campaign, which moves from host to host.

Enters: times and blocks. Leaves: the host of the moment, its age, links to it, and texts that carry them. Invariant:
the n-th host of a campaign is the same whatever the interceptor does; only when it comes into use depends on blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simulator.chance import Draws, generator, one_of, several
from simulator.clock import HOUR_MS, MINUTE_MS
from simulator.events import Pools
from simulator.hosts import SHORT_LINKS, addresses
from simulator.institutions import HOST_AGE_H
from simulator.numbers import accounts, host_number
from simulator.scams.chains import PHISHING_SITE_H_MAX, Chain
from simulator.scams.hosts import hijacked_name, host_name
from simulator.scams.lures import variants
from simulator.scenario import Rotation

NEVER_MS = 1 << 60
MESSAGES_PER_URL = 100  # P: about one URL per hundred phishing messages
SHORT_LINK_SHARE = 0.15  # of campaigns hide their host behind a short link [A]
AGE_SIGMA = 1.0  # of a host's age at first use [A]
# Evasions [A]: names bought long ago and left to age, and pages put onto the server of a verified company.
AGED_SHARE, AGED_MEDIAN_H = 0.15, 5_000.0
HIJACKED_SHARE, HIJACKED_MEDIAN_H = 0.08, 20_000.0
# One gang's hosts stand at a few addresses, but for those behind services that serve everybody [A].
ADDRESSES_OF_GANG, BEHIND_SHARED = 6, 0.25


@dataclass(slots=True)
class Site:
    """`host`: index into Pools.host; `number`: the source of visits to it."""

    scam_type: str
    brand: str
    chain: Chain
    campaign: int
    seed: int
    pools: Pools
    rotation: Rotation
    host: int = 0
    number: int = 0
    address: int = 0
    gang: int = 0  # whose servers it uses
    registered: bool = False  # the host of a company that doesn't know
    moves: int = -1
    texts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))
    link_hosts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int32))  # of each text, 0 = no link in it
    _born_ms: int = 0
    _until_ms: int = -NEVER_MS
    _sent: int = 0
    _short: bool = False

    def __post_init__(self) -> None:
        self._short = generator(self.seed, "short links", self.campaign).random() < SHORT_LINK_SHARE

    def at(self, ts_ms: int) -> None:
        """Be what the site is at that time. Times must not go back by more than a move."""
        if ts_ms >= self._until_ms:
            self._move(ts_ms)

    def age_h(self, ts_ms: np.ndarray) -> np.ndarray:
        return np.maximum((ts_ms - self._born_ms) // HOUR_MS, 0).astype(np.uint32)

    def link_age_h(self, ts_ms: np.ndarray, host: np.ndarray) -> np.ndarray:
        """Age of what a message's link names: short links are old and of good standing."""
        return np.where(host == self.host, self.age_h(ts_ms), np.where(host == 0, 0, HOST_AGE_H)).astype(np.uint32)

    def sent(self, messages: int, ts_ms: int) -> None:
        """So many messages carried the link; a phisher then takes a new one."""
        self._sent += messages
        if self.scam_type == "phishing_sms" and self._sent >= MESSAGES_PER_URL:
            self._until_ms = min(self._until_ms, ts_ms)

    def blocked(self, ts_ms: int) -> None:
        """The campaign notices within the rotation's minutes and moves."""
        low, high = self.rotation.minutes
        luck = generator(self.seed, "site blocked", self.campaign, self.moves).random()
        self._until_ms = min(self._until_ms, ts_ms + int((low + luck * (high - low)) * MINUTE_MS))

    def _move(self, ts_ms: int) -> None:
        self.moves += 1
        rng = generator(self.seed, "site", self.campaign, self.moves)
        kind = rng.random()
        self.registered = bool(kind < HIJACKED_SHARE)
        name = hijacked_name(rng) if self.registered else host_name(self.scam_type, self.brand, rng)
        self.host, self.number = self.pools.host.add(name), host_number(name)
        self.address = self._address()
        aged_h = AGED_MEDIAN_H if kind < HIJACKED_SHARE + AGED_SHARE else self.chain.site_age_h
        age_h = (HIJACKED_MEDIAN_H if self.registered else aged_h) * np.exp(AGE_SIGMA * rng.standard_normal())
        median_h, sigma = self.chain.site_life_h
        life_h = median_h * np.exp(sigma * rng.standard_normal())
        if self.scam_type == "phishing_sms":
            life_h = min(life_h, PHISHING_SITE_H_MAX)
        self._born_ms, self._until_ms = ts_ms - int(age_h * HOUR_MS), ts_ms + int(life_h * HOUR_MS)
        self._sent = 0
        self._write(name, rng)

    def _address(self) -> int:
        luck = Draws(self.seed, "scam address", self.campaign, self.moves)
        number = np.array([self.number], np.uint64)
        if self.registered or luck.of(0) < BEHIND_SHARED:
            return int(addresses(number, 0.0 if self.registered else 1.0)[0])
        server = self.gang * ADDRESSES_OF_GANG + int(luck.of(1) * ADDRESSES_OF_GANG)
        return int(accounts(f"gang of {self.seed}", np.array([server]))[0])

    def _write(self, name: str, rng: np.random.Generator) -> None:
        """New texts, with a link to the new host."""
        path = several(rng, "abcdefghkmnprstwxy23456789", 5)
        shown = one_of(rng, SHORT_LINKS) if self._short else name
        linked = self.scam_type in ("phishing_sms", "fake_police")
        made = variants(self.scam_type, self.brand, rng, f"{shown}/{path}", linked=linked)
        link_host = self.pools.host.add(shown)
        self.texts = self.pools.text.add_all(made.texts)
        self.link_hosts = np.where(made.linked, link_host, 0).astype(np.int32)
