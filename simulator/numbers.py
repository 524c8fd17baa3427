"""Numbers of the number plan, of devices, SIMs, accounts and hosts.

Enters: kinds of numbers and *slots*. Leaves: uint64 as in the event schema. Invariant: different slots of one kind and
seed give different numbers, so that two parties never share one by accident.

All phone numbers are E.164 digits, service numbers included: 95588 is 8695588, 96110 of Huainan 8655496110, an SMS port
106… is 86106…. Slots below half of a kind's capacity belong to the population, from `free_slot(kind)` on to campaigns.
"""

from __future__ import annotations

import csv
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from math import gcd

import numpy as np

from interceptor.hosts import hash_of_host
from interceptor.schema import LineKind
from simulator.chance import generator, mix

COUNTRY_CODE = 86
AREA_CODE = 554  # 0554, Huainan
VIRTUAL_HEADS = (162, 165, 167, 170, 171)  # mobile virtual operators
# National fixed numbers of a prefecture start with 2 … 8 and have 7 digits.
_FIXED_FIRST, _FIXED_CAPACITY = 2_000_000, 7_000_000
_LINES_OF_PREFIX = 10_000
# Heads of the three big carriers' mobile numbers, for lines of other cities.
_HEADS_ELSEWHERE = (130, 131, 132, 133, 135, 136, 137, 138, 139, 150, 151, 152, 153, 155, 156, 157, 158, 159, 166, 173,
                    175, 176, 177, 178, 180, 181, 182, 183, 184, 185, 186, 187, 188, 189, 191, 198, 199)  # fmt: skip
_ACCOUNT_SALT = 0x1CBC_AB0C  # any constant: only keeps accounts apart from other mixed numbers
# Type allocation codes: first eight digits of an IMEI. Made up, in the ranges that handsets carry.
_TYPE_CODES = 60
# Mobile network codes of China Mobile, Unicom, Telecom, Broadnet within country 460.
_NETWORK_CODES = np.array([0, 1, 11, 15], np.uint64)

# Country codes with the digits that follow them, and how often ordinary people are called from there [A]: where
# people of Anhui work and study.
FOREIGN_PLANS: dict[int, tuple[int, float]] = {
    852: (8, 0.16), 81: (10, 0.13), 82: (10, 0.12), 65: (8, 0.10), 1: (10, 0.14), 61: (9, 0.09), 44: (10, 0.08),
    49: (10, 0.04), 60: (9, 0.04), 66: (9, 0.03), 84: (9, 0.03), 853: (8, 0.02), 886: (9, 0.02),
}  # fmt: skip
# Where scam calls are said to come from (SOURCES.md B5, A): northern Myanmar, Cambodia, Laos, the Philippines …
SCAM_FOREIGN_PLANS: dict[int, tuple[int, float]] = {
    95: (9, 0.3), 855: (9, 0.25), 63: (10, 0.15), 856: (10, 0.1), 60: (9, 0.08), 852: (8, 0.07), 1: (10, 0.05),
}  # fmt: skip


@cache
def huainan_prefixes() -> tuple[tuple[int, str], ...]:
    """The city's 668 mobile prefixes of seven digits, with their operator."""
    lines = files("simulator").joinpath("data/huainan_segments.csv").read_text("utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return tuple((int(row["prefix"]), row["operator"]) for row in rows)


@cache
def _prefixes(kind: LineKind) -> np.ndarray:
    virtual = kind == LineKind.VIRTUAL
    return np.array([p for p, _ in huainan_prefixes() if (p // 10_000 in VIRTUAL_HEADS) == virtual], np.uint64)


@cache
def _prefixes_elsewhere() -> np.ndarray:
    heads = np.array(_HEADS_ELSEWHERE, np.uint64)[:, None] * np.uint64(10_000)
    every = (heads + np.arange(10_000, dtype=np.uint64)).ravel()
    return every[~np.isin(every, np.array([prefix for prefix, _ in huainan_prefixes()], np.uint64))]


def _capacity(kind: LineKind) -> int:
    return _FIXED_CAPACITY if kind == LineKind.FIXED else len(_prefixes(kind)) * _LINES_OF_PREFIX


def free_slot(kind: LineKind) -> int:
    """First slot that no resident has."""
    return _capacity(kind) // 2


def _scatter(slots: np.ndarray, capacity: int, seed: int, purpose: str) -> np.ndarray:
    """A permutation of 0 … capacity - 1, by an affine map: neighbouring slots land far from each other."""
    if len(slots) and int(slots.max()) >= capacity:
        raise ValueError(f"only {capacity} numbers of this kind")
    factor, start = _scattering(capacity, seed, purpose)
    return (slots.astype(np.uint64) * factor + start) % np.uint64(capacity)


@cache
def _scattering(capacity: int, seed: int, purpose: str) -> tuple[np.uint64, np.uint64]:
    rng = generator(seed, "scatter", purpose)
    # Slots times factor stay below 2 ** 64 for any slot below 1.8e9.
    factor = int(capacity * 0.618) + int(rng.integers(capacity // 1000 + 1))
    while gcd(factor, capacity) != 1:
        factor += 1
    return np.uint64(factor), np.uint64(rng.integers(capacity))


def huainan_numbers(kind: LineKind, slots: np.ndarray, seed: int) -> np.ndarray:
    """MOBILE, VIRTUAL or FIXED lines of Huainan. Raises ValueError when the city has no such slot."""
    place = _scatter(slots, _capacity(kind), seed, kind.name)
    if kind == LineKind.FIXED:
        area = np.uint64(COUNTRY_CODE * 10**10 + AREA_CODE * 10**7)
        return area + np.uint64(_FIXED_FIRST) + place
    prefix = _prefixes(kind)[place // np.uint64(_LINES_OF_PREFIX)]
    return np.uint64(COUNTRY_CODE * 10**11) + prefix * np.uint64(_LINES_OF_PREFIX) + place % np.uint64(_LINES_OF_PREFIX)


def elsewhere_numbers(slots: np.ndarray, seed: int) -> np.ndarray:
    """Mobile lines of other cities of the country."""
    prefixes = _prefixes_elsewhere()
    place = _scatter(slots, len(prefixes) * _LINES_OF_PREFIX, seed, "elsewhere")
    prefix = prefixes[place // np.uint64(_LINES_OF_PREFIX)]
    return np.uint64(COUNTRY_CODE * 10**11) + prefix * np.uint64(_LINES_OF_PREFIX) + place % np.uint64(_LINES_OF_PREFIX)


def foreign_numbers(
    rng: np.random.Generator, count: int, plans: dict[int, tuple[int, float]] = FOREIGN_PLANS
) -> np.ndarray:
    """Lines of other countries, as shown after 00 or +."""
    codes = np.array(list(plans), np.uint64)
    digits, weights = (np.array(part) for part in zip(*plans.values(), strict=True))
    country = rng.choice(len(codes), count, p=weights / weights.sum())
    size = np.uint64(10) ** digits[country].astype(np.uint64)
    # The first national digit is 2 … 9 nearly everywhere.
    national = ((0.2 + 0.8 * rng.random(count)) * size.astype(np.float64)).astype(np.uint64)
    return codes[country] * size + np.minimum(national, size - np.uint64(1))


def service_number(digits: int) -> int:
    """400…, 95x, 100xx, 110 and the like: the digits that people dial, after the country code."""
    return int(f"{COUNTRY_CODE}{digits}")


def local_service_number(digits: int) -> int:
    """A short number behind the city's area code, e.g. 96110 → 8655496110."""
    return int(f"{COUNTRY_CODE}{AREA_CODE}{digits}")


def sms_ports(slots: np.ndarray, seed: int) -> np.ndarray:
    """Ports 106 + nine digits, from which companies send."""
    return np.uint64(86_106) * np.uint64(10**9) + _scatter(slots, 10**9, seed, "ports")


def freephone_numbers(slots: np.ndarray, seed: int) -> np.ndarray:
    """400 + seven digits."""
    return np.uint64(86_400) * np.uint64(10**7) + _scatter(slots, 10**7, seed, "400")


def imeis(slots: np.ndarray, seed: int) -> np.ndarray:
    """Devices: type code, serial and check digit, 15 digits."""
    place = _scatter(slots, _TYPE_CODES * 10**6, seed, "imei")
    body = _type_codes(seed)[place // np.uint64(10**6)] * np.uint64(10**6) + place % np.uint64(10**6)
    return body * np.uint64(10) + _check_digit(body)


@cache
def _type_codes(seed: int) -> np.ndarray:
    drawn = generator(seed, "type codes").choice(52_000_000, _TYPE_CODES, replace=False)
    return 35_000_000 + drawn.astype(np.uint64)


def _check_digit(body: np.ndarray) -> np.ndarray:
    """Luhn's digit for 14-digit bodies."""
    total = np.zeros(len(body), np.uint64)
    rest = body.copy()
    for position in range(14):
        digit = rest % np.uint64(10)
        if position % 2 == 0:
            digit *= np.uint64(2)
        total += digit // np.uint64(10) + digit % np.uint64(10)
        rest //= np.uint64(10)
    return (np.uint64(10) - total % np.uint64(10)) % np.uint64(10)


def imsis(slots: np.ndarray, seed: int) -> np.ndarray:
    """SIMs: country 460, network, ten digits."""
    place = _scatter(slots, 10**10 - 33, seed, "imsi")  # a number without small factors, for _scatter
    network = _NETWORK_CODES[(mix(place) % np.uint64(8)).astype(np.int64) // 2]
    return np.uint64(460 * 10**12) + network * np.uint64(10**10) + place


def accounts(owner: str, slots: np.ndarray) -> np.ndarray:
    """Accounts as 64-bit hashes; `owner` names who has them ("resident", "merchant", "mule" …)."""
    salt = int.from_bytes(blake2b(owner.encode(), digest_size=8).digest(), "little") ^ _ACCOUNT_SALT
    with np.errstate(over="ignore"):
        return mix(slots.astype(np.uint64) + np.uint64(salt)) | np.uint64(1)


def host_number(host: str) -> int:
    """The source of a visit: the same hash by which the engine knows the host of a message's link. 0 for no host."""
    return hash_of_host(host)
