"""Streams to measure on: a simulated city, thinned to fixed shares of the gates; and one under attack.

Enters: how many people and events, a seed. Leaves: one record batch with EVENT_SCHEMA. Invariants: the same numbers
give the same stream; the order of events is the city's, ids are unique. Kept on disk as Arrow, in
INTERCEPTOR_BENCH_CACHE or the user's cache folder, so that only the first run makes them.

Thinning keeps or drops all that happens between a source and a target at one gate, so a call stays with its end, and
whoever is called again and again still is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from interceptor.folding import strings_of
from interceptor.lists import FOREVER_MS, DomainList, ExactList, host_hash
from interceptor.rules import RuleSet
from interceptor.rules.side_files import SideFile
from interceptor.schema import EVENT_SCHEMA, GATES, Kind
from simulator.city import City
from simulator.scenario import load as load_scenario

Shares = Mapping[tuple[Kind, ...], float]

CALLS = (Kind.CALL, Kind.CALL_END)
# Shares of calls with their ends, SMS, visits, transfers
MIXED: Shares = {CALLS: 0.60, (Kind.SMS,): 0.25, (Kind.WEB,): 0.10, (Kind.TRANSFER,): 0.05}
CALL_ONLY: Shares = {CALLS: 1.0}
SMS_HEAVY: Shares = {CALLS: 0.15, (Kind.SMS,): 0.80, (Kind.WEB,): 0.03, (Kind.TRANSFER,): 0.02}
STREAMS: dict[str, Shares] = {"mixed": MIXED, "call-only": CALL_ONLY, "SMS-heavy": SMS_HEAVY}

SCENARIO, PIECES, PIECE_MIN, FORM = "city_centre", 10, 100_000, 3  # count FORM up when what is made changes
LISTED_FROM, LISTED_RANGE = 8613000000000, 7_000_000_000  # where blocklisted numbers lie: all mobile numbers
BLOCKED_SITES = 1_000
SCAM_TEXT = "【工商银行】您的密码器已失效,请登录更新 尾号{}"
_GOLDEN, _MIX = 0x9E3779B97F4A7C15, np.uint64(0xD6E8FEB86659FD93)


def cache_folder() -> Path:
    """Where streams are kept; made when first needed."""
    asked = os.environ.get("INTERCEPTOR_BENCH_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(asked) if asked else base / "interceptor-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def stream(name: str, people: int, events: int, seed: int) -> pa.RecordBatch:
    """The last `events` of a city's stream, thinned to the shares of `name` (a key of STREAMS). Shorter, where
    two days of the city don't hold as many."""
    key = f"{name}-{people}-{events}-{seed}-{FORM}.arrow"
    return _kept(key, lambda: _made(STREAMS[name], people, events, seed))


def thinned(frame: pa.RecordBatch, shares: Shares, seed: int) -> pa.RecordBatch:
    """As many events of `frame` as there can be with these shares."""
    kinds = frame.column("kind").to_numpy()
    counts = {group: max(1, np.isin(kinds, group).sum()) for group in shares}
    whole = min(counts[group] / share for group, share in shares.items())
    luck = _luck(frame.column("source").to_numpy(), frame.column("target").to_numpy(), seed)
    kept = np.zeros(frame.num_rows, bool)
    for group, share in shares.items():
        kept |= np.isin(kinds, group) & (luck < share * whole / counts[group])
    return frame.take(pa.array(np.flatnonzero(kept)))


def frames_of(whole: pa.RecordBatch, rows: int) -> list[pa.RecordBatch]:
    """Cut into frames of `rows`."""
    return [whole.slice(start, rows) for start in range(0, whole.num_rows, rows)]


def blocklist(entries: int, seed: int) -> np.ndarray:
    """uint64[entries]: different mobile numbers."""
    found = np.zeros(0, np.uint64)
    rng = np.random.default_rng(seed)
    while len(found) < entries:
        more = rng.integers(0, LISTED_RANGE, int((entries - len(found)) * 1.02) + 16).astype(np.uint64)
        found = np.unique(np.concatenate((found, more + np.uint64(LISTED_FROM))))
    return rng.permutation(found)[:entries]


def with_blocklist(rule_set: RuleSet, numbers: np.ndarray) -> RuleSet:
    """The rules with these numbers (uint64[n]) confirmed, and the blocked sites and mule accounts of an attack."""
    sites = DomainList()
    for number in range(BLOCKED_SITES):
        sites.add(_site(number), 0, FOREVER_MS)
    sides: dict[str, Any] = {
        "confirmed_numbers": _exact(numbers),
        "mule_accounts": _exact(numbers[: max(1, len(numbers) // 100)]),
        "blocked_sites": sites,
    }
    lists = [
        one.with_side(SideFile(f"benchmark {one.list}", Path(one.list), sides[one.list])) if one.list in sides else one
        for one in rule_set.lists
    ]
    return replace(rule_set, lists=tuple(lists))


def attack(frame: pa.RecordBatch, numbers: np.ndarray, seed: int, share: float = 0.5) -> pa.RecordBatch:
    """The stream with so many of its events made to be intercepted that these are `share` of all: callers on the
    blocklist, messages with a bank's trouble or a blocked link, blocked sites, mules as payees. Releases of calls
    can't be intercepted, so it is a larger share of all others. A little more than that is intercepted: what belongs
    together with these events, and what would have been without them."""
    kinds = frame.column("kind").to_numpy()
    gates = np.isin(kinds, GATES)
    luck = _luck(frame.column("event_id").to_numpy(), np.zeros(len(kinds), np.uint64), seed)
    bad = gates & (luck < share * len(kinds) / max(1, gates.sum()))
    number = mixed(frame.column("source").to_numpy() + np.uint64(seed))
    listed = numbers[number % np.uint64(len(numbers))]
    mules = numbers[number % np.uint64(max(1, len(numbers) // 100))]
    calls, sms, web, pays = (bad & (kinds == kind) for kind in GATES)
    links = sms & (number & np.uint64(1) == 1)
    words = sms & ~links
    columns: dict[str, np.ndarray] = {name: frame.column(name).to_numpy(zero_copy_only=False).copy() for name in (
        "source", "known", "registered", "text", "host",
    )}  # fmt: skip
    columns["source"][calls], columns["source"][pays] = listed[calls], mules[pays]
    columns["known"][bad], columns["registered"][bad] = False, False
    sites = np.array([_site(at) for at in range(BLOCKED_SITES)], object)
    site = sites[(number % np.uint64(BLOCKED_SITES)).astype(np.int64)]
    columns["host"][links | web], columns["host"][words] = site[links | web], "a-new-page.example"
    columns["text"][words] = [SCAM_TEXT.format(int(one) % 10_000) for one in number[words]]
    columns["source"][web] = host_hash(strings_of(site[web].tolist()))
    arrays = [pa.array(columns[field.name], field.type) if field.name in columns else frame.column(field.name)
              for field in EVENT_SCHEMA]  # fmt: skip
    return pa.RecordBatch.from_arrays(arrays, schema=EVENT_SCHEMA)


def _made(shares: Shares, people: int, events: int, seed: int) -> pa.RecordBatch:
    """Thinned piece by piece, since a city's shares change with the hour."""
    city = City(load_scenario(SCENARIO), people=people, days=2, seed=seed)
    found, count = list[pa.RecordBatch](), 0
    taken, waiting = list[pa.RecordBatch](), 0
    for moment in city.slices():
        taken.append(moment.frame)
        waiting += moment.frame.num_rows
        if waiting >= max(events // PIECES, PIECE_MIN):
            found.append(thinned(pa.concat_batches(taken), shares, seed))
            count += found[-1].num_rows
            taken, waiting = [], 0
            if count >= events:
                break
    whole = pa.concat_batches(found)
    return whole.slice(max(0, whole.num_rows - events))


def _kept(key: str, make: Callable[[], pa.RecordBatch]) -> pa.RecordBatch:
    path = cache_folder() / key
    if not path.is_file():
        unready = path.with_suffix(f".{os.getpid()}")
        made = make()
        with pa.OSFile(str(unready), "wb") as file, pa.ipc.new_file(file, made.schema) as writer:
            writer.write_batch(made)
        unready.replace(path)
    return pa.ipc.open_file(pa.memory_map(str(path))).get_batch(0)


def _site(number: int) -> str:
    return f"scam-{number}.example"


def _exact(numbers: np.ndarray) -> ExactList:
    made = ExactList()
    made.reserve(len(numbers))
    forever = np.full(len(numbers), FOREVER_MS, np.int64)
    made.add_many(numbers, np.zeros(len(numbers), np.int64), forever, "benchmark")
    return made


def _luck(one: np.ndarray, other: np.ndarray, seed: int) -> np.ndarray:
    """float64[n] from 0 to 1, by two keys (uint64[n] each) and the seed."""
    word = mixed(one ^ mixed(other + np.uint64(seed * _GOLDEN % 2**64)))
    return (word >> np.uint64(11)).astype(np.float64) / 2**53


def mixed(words: np.ndarray) -> np.ndarray:
    words = (words ^ (words >> np.uint64(32))) * _MIX
    words = (words ^ (words >> np.uint64(32))) * _MIX
    return words ^ (words >> np.uint64(32))
