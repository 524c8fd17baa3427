"""Streams of events for tests: rows as dicts, frames of them, and random streams that keep to a few keys.

Enters: bytes, from hypothesis or from a seed. Leaves: events as dicts, in order of arrival. Invariant: the same bytes
give the same stream, and bytes of 0 give the plainest event, so that hypothesis can shrink a failure.

A stream mostly moves on; some events come late or too late, some twice, some from the future. Keys, texts, hosts and
amounts come from small alphabets, so that windows fill and thresholds are met from both sides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from interceptor.config import FUTURE_MAX_MS, LATENESS_MAX_MS
from interceptor.decisions import Decisions
from interceptor.engine import Engine
from interceptor.hosts import hash_of_host
from interceptor.rules import RuleSet
from interceptor.rules.definitions import Definitions
from interceptor.rules.model import ItemDef, ListDef
from interceptor.schema import (
    COLUMNS,
    EVENT_SCHEMA,
    Action,
    Channel,
    Kind,
    LineKind,
    Outcome,
    Status,
    Subject,
    Trunk,
    Verdict,
)
from tests.reference import Outcome as Decided

Event = dict[str, Any]
T = TypeVar("T")

START_MS = 1_614_528_000_000  # 2021-03-01 00:00 at UTC+8 = 2021-02-28 16:00 UTC
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
BYTES_PER_EVENT = 48

CITIZEN, OTHER_CITIZEN = 8613905541234, 8613905541235
DEFAULTS: Event = {
    column.name: "" if column.type == pa.string() else False if column.type == pa.bool_() else 0 for column in COLUMNS
}


def event(kind: Kind, ts_ms: int, event_id: int, **given: Any) -> Event:
    """One event; taken in when it happens, all that isn't given is 0, False or ""."""
    unknown = set(given) - set(DEFAULTS)
    assert not unknown, f"no such columns: {unknown}"
    return DEFAULTS | {"event_id": event_id, "ts_ms": ts_ms, "ingest_ts_ms": ts_ms, "kind": int(kind)} | given


class Numbered:
    """Makes events with ids from 1 on; `shared` are columns that all of them have unless they say otherwise."""

    def __init__(self, **shared: Any) -> None:
        self.shared, self.count = shared, 0

    def event(self, kind: Kind, ts_ms: int, **given: Any) -> Event:
        self.count += 1
        return event(kind, ts_ms, **({"event_id": self.count} | self.shared | given))


def frame(events: Sequence[Event]) -> pa.RecordBatch:
    """Events as a batch with EVENT_SCHEMA."""
    columns = [pa.array([row[field.name] for row in events], field.type) for field in EVENT_SCHEMA]
    return pa.RecordBatch.from_arrays(columns, schema=EVENT_SCHEMA)


def outcomes_of(rule_set: RuleSet, slices: Iterable[Sequence[Event]]) -> list[Decided]:
    """What a new engine decides on the slices, one after the other, in the form of the reference."""
    engine = Engine(rule_set)
    return [outcome for events in slices for outcome in as_outcomes(engine.decide(frame(events)))]


def as_outcomes(decisions: Decisions) -> list[Decided]:
    """Decisions in the form of the reference."""
    rules: list[list[str]] = [[] for _ in range(len(decisions))]
    for row, rule in zip(decisions.hit_row.tolist(), decisions.hit_rule.tolist(), strict=True):
        rules[row].append(decisions.rules[rule])
    columns = [decisions.event_id, decisions.status, decisions.verdict, decisions.actions]
    columns += [decisions.score, decisions.target_score]
    return [
        Decided(id_, Status(status), Verdict(verdict), Action(actions), score, target_score, tuple(sorted(hits)))
        for id_, status, verdict, actions, score, target_score, hits in zip(
            *(column.tolist() for column in columns), rules, strict=True
        )
    ]


def cut(events: Sequence[Event], sizes: Iterable[int]) -> Iterator[Sequence[Event]]:
    """Slices of these sizes in turn; what is left over comes as one last slice."""
    start = 0
    for size in sizes:
        if start >= len(events):
            return
        yield events[start : start + size]
        start += size
    if start < len(events):
        yield events[start:]


# Near-equal pairs, look-alikes, and words that rules look for.
TEXTS = (
    "您的包裹已经到了菜鸟驿站，取件码 1234",
    "您的包裹已经到了菜鸟驿站，取件码 98-7-65",
    "【工商银行】您的卡号尾号 0011 已失效，请立即点击链接更新资料",
    "【ＩＣＢＣ】您的卡号尾号０01l已失效，请立\u200b即点擊鏈接更新资料",
    "请在24小时内转账50000元到安全账户，不要告诉家人",
    "請在２４小時內轉账 500 元到安全賬戶，不要告诉家人",
    "⓪①② vx：ａbс１２３",
    "尊敬的用户，您的手机积分已满八千分，可以兑换现金礼包，请登录网站领取，逾期作废，详情咨询客服",
    "尊敬的用户，您的手機积分已满八千分★可以兑换现金礼包，请登录网站领取，逾期作废，详情咨询客服 77",
    "王先生，您的手机积分已满八千分，可以兑换现金礼包，请登录网站领取，逾期作废，详情咨询客服",
)


@dataclass(frozen=True, slots=True)
class Alphabet:
    """What events are made of. The first letter of each is the plainest."""

    sources: tuple[int, ...] = (8617055501234, 8613905540001, 95588, 4008001234, 88299123456, 2**64 - 1)
    targets: tuple[int, ...] = (CITIZEN, OTHER_CITIZEN, 8613905541251, 8613905541260, 8613905549999, 0)
    accounts: tuple[int, ...] = (7_001, 7_002, 2**63, 2**64 - 1, 0)
    hosts: tuple[str, ...] = ("", "plain.example", "bad.example", "a.bad.example", "notbad.example", "xn--bad.example")
    texts: tuple[str, ...] = ("", "hello", "晚上一起吃饭吗", *TEXTS)
    steps_ms: tuple[int, ...] = (0, 1, 1_000, 7_000, 20_000, 30_000, 59_999, MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS)
    jumps_ms: tuple[int, ...] = (HOUR_MS - 1, HOUR_MS, HOUR_MS + 1, 2 * HOUR_MS, 5 * HOUR_MS, 25 * HOUR_MS)
    tenures: tuple[int, ...] = (400, 0, 1, 6, 7, 8, 29, 30, 31, 90, 365, 65_535)
    seconds: tuple[int, ...] = (0, 3, 14, 15, 16, 44, 45, 60, 599, 600, 601, 3_600)
    amounts: tuple[int, ...] = (100, 1, 99_900, 499_999, 500_000, 500_001, 5_000_000, 30_000_000, 0)
    kinds: tuple[Kind, ...] = tuple(Kind)
    # Of 256 events, how many have kind and source of the one before, are between acquaintances, from an organisation.
    same: int = 130
    known: int = 80
    registered: int = 50
    # And how many jump ahead, are late, come twice, are from the future.
    jumps: int = 4
    late: int = 20
    twice: int = 14
    future: int = 10


class Letters:
    """Bytes, read one by one as choices; when they run out, the plainest choice is taken."""

    def __init__(self, raw: bytes) -> None:
        self.bytes = iter(raw)

    def below(self, count: int) -> int:
        number = next(self.bytes, 0)
        return (number * 256 + next(self.bytes, 0)) % count if count > 256 else number % count

    def one(self, letters: Sequence[T]) -> T:
        return letters[self.below(len(letters))]

    def yes(self, of_256: int) -> bool:
        return self.below(256) >= 256 - of_256


@dataclass(slots=True)
class Stream:
    """Builds a stream event by event."""

    alphabet: Alphabet
    now_ms: int = START_MS
    events: list[Event] = field(default_factory=list)

    def add(self, letters: Letters) -> None:
        a, number = self.alphabet, len(self.events)
        self.now_ms += letters.one(a.steps_ms)
        if letters.yes(a.jumps):
            self.now_ms += letters.one(a.jumps_ms)
        manner = letters.below(256)
        back = 1 + letters.below(max(1, min(number, 60)))
        offset = letters.below(5)
        made = self._event(letters, number + 1)
        if manner >= 256 - a.late:
            made["ts_ms"] -= (30_000, 5 * MINUTE_MS, LATENESS_MAX_MS, LATENESS_MAX_MS + 1, 26 * HOUR_MS)[offset]
        elif manner >= 256 - a.late - a.twice and number:
            earlier = self.events[-back]
            # Now and then a new event under an old id: only the id decides.
            made = dict(earlier) if offset else made | {"event_id": earlier["event_id"]}
        elif manner >= 256 - a.late - a.twice - a.future:
            made["ts_ms"] += (FUTURE_MAX_MS, FUTURE_MAX_MS + 1, 2 * HOUR_MS, 400 * DAY_MS, FUTURE_MAX_MS - 1)[offset]
        self.events.append(made)

    def _event(self, letters: Letters, event_id: int) -> Event:
        a = self.alphabet
        kind, source, same = letters.one(a.kinds), letters.one(a.sources), letters.yes(a.same)
        if same and self.events:
            kind, source = Kind(self.events[-1]["kind"]), self.events[-1]["source"]
        common = {
            "source": source,
            "target": letters.one(a.targets),
            "town": letters.one((340402, 340403, 0)),
            "known": letters.yes(a.known),
            "registered": letters.yes(a.registered),
            "tenure_days": letters.one(a.tenures),
            "idle_days": letters.one(a.tenures[:-1]),
        }
        return event(kind, self.now_ms, event_id, **common | _PARTS[kind](letters, a))


def _line(letters: Letters, a: Alphabet) -> Event:
    return {
        "display": letters.one((0, *a.sources)),
        "trunk": int(letters.one(tuple(Trunk))),
        "line_kind": int(letters.one(tuple(LineKind))),
        "roamer": letters.yes(40),
        "cell": letters.one((0, 11, 12)),
        "cell_town": letters.one((0, 340402, 340403)),
        "imei": letters.one((0, 860001, 860002, 860003)),
        "imsi": letters.one((0, 46001, 46002, 46003, 46004)),
    }


def _call(letters: Letters, a: Alphabet) -> Event:
    return _line(letters, a) | {"forwarding": letters.yes(80)}


def _call_end(letters: Letters, a: Alphabet) -> Event:
    return _call(letters, a) | {"dur_s": letters.one(a.seconds)}


def _sms(letters: Letters, a: Alphabet) -> Event:
    count = letters.one((1, 2, 2, 5))
    parts = [letters.one(a.texts) for _ in range(count)]
    parts.append(letters.one(("", "", "http://t.example/x", "WWW.t.example")))
    rest = {"host": letters.one(a.hosts), "host_age_h": letters.one((0, 71, 72, 73, 9_000))}
    return _line(letters, a) | {"text": " ".join(part for part in parts if part), "lac_jump": letters.yes(40)} | rest


def _web(letters: Letters, a: Alphabet) -> Event:
    host = letters.one(a.hosts)
    asks = {name: letters.yes(80) for name in ("apk", "asks_card", "asks_code")}
    age_h, address = letters.one((0, 71, 72, 73, 9_000)), letters.one((0, 601, 602))
    return {"host": host, "host_age_h": age_h, "address": address, "source": hash_of_host(host)} | asks


def _transfer(letters: Letters, a: Alphabet) -> Event:
    return {
        "source": letters.one(a.accounts),
        "payer": letters.one(a.accounts),
        "amount_fen": letters.one(a.amounts),
        "typical_fen": letters.one(a.amounts),
        "balance_fen": letters.one(a.amounts),
        "channel": int(letters.one(tuple(Channel))),
        "corporate": letters.yes(40),
        "screen_share": letters.yes(60),
    }


def _registration(letters: Letters, a: Alphabet) -> Event:
    subject = letters.one((Subject.NUMBER, Subject.ACCOUNT))
    of_account = {"source": letters.one(a.accounts)} if subject is Subject.ACCOUNT else {}
    of_account["person"] = letters.one((0, 701, 702, 703))
    return {"agent": letters.one((0, 501, 502)), "subject": int(subject)} | of_account


def _report(letters: Letters, a: Alphabet) -> Event:
    subject = letters.one(tuple(Subject))
    sources = {Subject.ACCOUNT: letters.one(a.accounts), Subject.SITE: hash_of_host(letters.one(a.hosts))}
    finding = letters.one((0, 0, 0, 801))
    return {"subject": int(subject), "finding": finding} | ({"source": sources[subject]} if subject in sources else {})


def _feedback(letters: Letters, a: Alphabet) -> Event:
    return {
        "subject": int(letters.one(tuple(Subject))),
        "outcome": int(letters.one(tuple(Outcome))),
        "source": letters.one((*a.sources[:2], *a.accounts)),
        "tier": letters.one((0, 1, 2, 3, 4)),
        "rule": letters.one((0, 901, 902)),
    }


_PARTS = {
    Kind.CALL: _call,
    Kind.SMS: _sms,
    Kind.WEB: _web,
    Kind.TRANSFER: _transfer,
    Kind.CALL_END: _call_end,
    Kind.REGISTRATION: _registration,
    Kind.REPORT: _report,
    Kind.FEEDBACK: _feedback,
}


def streams(alphabet: Alphabet, events_max: int) -> st.SearchStrategy[list[Event]]:
    """Streams for hypothesis. Each event has its own bytes: one can be dropped and the next is read as before."""
    blobs = st.lists(st.binary(min_size=BYTES_PER_EVENT, max_size=BYTES_PER_EVENT), min_size=1, max_size=events_max)
    return blobs.map(lambda rows: _built(rows, alphabet))


def seeded(seed: int, count: int, alphabet: Alphabet) -> list[Event]:
    """The stream of `count` events that belongs to a seed."""
    raw = np.random.default_rng(seed).bytes(BYTES_PER_EVENT * count)
    return _built((raw[start : start + BYTES_PER_EVENT] for start in range(0, len(raw), BYTES_PER_EVENT)), alphabet)


def _built(rows: Iterable[bytes], alphabet: Alphabet) -> list[Event]:
    stream = Stream(alphabet)
    for row in rows:
        stream.add(Letters(row))
    return stream.events


# ---------------------------------------------------------------------------------- alphabets that fit a rule set

_EXPRESSION = re.compile(r"[\\\[\](){}|?*+^$.]")


def alphabet_of(definitions: Definitions, plain: Alphabet | None = None) -> Alphabet:
    """`plain` and beside it what the lists and texts of a rule set look for, and near misses of it."""
    a = plain or Alphabet()
    patterns = [pattern for text in definitions.texts.values() if text.of == "text" for pattern in text.patterns[:3]]
    texts = [*patterns, *(pattern[:-1] for pattern in patterns if len(pattern) > 2)]
    hosts = [pattern for text in definitions.texts.values() if text.of == "host" for pattern in text.patterns[:2]]
    numbers: list[int] = []
    for named in definitions.lists.values():
        for item in named.items[:3]:
            if named.match == "domain" or named.of == "host":
                hosts += [item.value, "www." + item.value, "x" + item.value]
            else:
                numbers += _numbers(named, item)
    return replace(
        a,
        sources=_joined(a.sources, numbers),
        targets=_joined(a.targets, numbers[:4]),
        hosts=_joined(a.hosts, (host if "." in host else host + ".example" for host in hosts)),
        texts=_joined(a.texts, (text for text in texts if not _EXPRESSION.search(text))),
    )


def _numbers(named: ListDef, item: ItemDef) -> list[int]:
    if named.match == "range":
        low, high = (int(re.sub(r"\D", "", part)) for part in item.value.split(".."))
        return [low - 1, low, high, high + 1]
    number = int(re.sub(r"\D", "", item.value))
    return [number * 1_000 + 7, number] if named.match == "prefix" else [number, number ^ 1]


def _joined(first: Iterable[T], more: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys((*first, *more)))
