"""Lists: the fast look-ups say what a walk through the entries says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.columns import located
from interceptor.entries import Columns
from interceptor.folding import strings_of
from interceptor.hosts import hash_of_host
from interceptor.listbook import ListBook
from interceptor.lists import FOREVER_MS, DomainList, Entry, ExactList, PrefixList, RangeList, host_hash
from interceptor.memberships import memberships
from interceptor.rules.model import ListDef
from interceptor.rules.side_files import read_side_file
from interceptor.rules.side_lines import Form
from interceptor.sharing import SharedList

TIMES = st.integers(-3, 12)
NUMBERS = st.one_of(
    st.integers(1, 30), st.integers(1, 2**64 - 1), st.sampled_from([1, 10, 99, 2**63, 2**64 - 1, 10**19])
)
HOSTS = st.one_of(
    st.lists(st.sampled_from(["a", "b", "com", "x-1", ""]), max_size=4).map(".".join),
    st.sampled_from(["银行.com", "aa.com", "a.co", "com.a"]),
)
ENTRY = dict[Any, tuple[int, int]]


def ms(*times: int) -> np.ndarray:
    return np.array(times, np.int64)


def numbers(*values: int) -> np.ndarray:
    return np.array(values, np.uint64)


def extended(adds: list[tuple[Any, int, int]]) -> ENTRY:
    """What a list holds after these: from the earliest start to the latest end."""
    held: ENTRY = {}
    for value, from_ms, expires_ms in adds:
        start, end = held.get(value, (from_ms, expires_ms))
        held[value] = min(start, from_ms), max(end, expires_ms)
    return held


def holding(held: ENTRY, ts_ms: int) -> list[tuple[Any, int]]:
    return [(value, end) for value, (start, end) in held.items() if start <= ts_ms < end]


def compare(listed: Any, entry: Entry | None, matching: list[int]) -> None:
    """`matching`: when the entries that match expire."""
    assert bool(listed) == bool(matching)
    assert (entry.expires_ms if entry else None) == max(matching, default=None)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(NUMBERS, TIMES, TIMES), max_size=60),
    st.lists(st.tuples(NUMBERS | st.just(0), TIMES), max_size=20),
)
def test_exact(adds: list[tuple[int, int, int]], asked: list[tuple[int, int]]) -> None:
    single, bulk = ExactList(), ExactList()
    for add in adds:
        single.add(*add)
    bulk.add_many(numbers(*(add[0] for add in adds)), *(ms(*(add[i] for add in adds)) for i in (1, 2)))
    held = extended(adds)
    assert len(single) == len(bulk) == len(held)
    asked += [(value, 5) for value in held]
    values, times = numbers(*(value for value, _ in asked)), ms(*(ts for _, ts in asked))
    assert single.contains(values, times).tolist() == bulk.contains(values, times).tolist()
    for listed, (value, ts) in zip(single.contains(values, times), asked, strict=True):
        compare(listed, single.entry(value, ts), [end for number, end in holding(held, ts) if number == value])


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.tuples(st.one_of(st.integers(1, 130), NUMBERS.filter(lambda n: n < 10**19)), TIMES, TIMES), max_size=20
    ),
    st.lists(st.tuples(NUMBERS | st.just(0), TIMES), min_size=1, max_size=20),
)
def test_prefix(adds: list[tuple[int, int, int]], asked: list[tuple[int, int]]) -> None:
    prefixes, held = PrefixList(), extended(adds)
    for add in adds:
        prefixes.add(*add)
    assert len(prefixes) == len(held)
    found = prefixes.contains(numbers(*(value for value, _ in asked)), ms(*(ts for _, ts in asked)))
    for listed, (value, ts) in zip(found, asked, strict=True):
        matching = [end for prefix, end in holding(held, ts) if str(value).startswith(str(prefix))]
        compare(listed, prefixes.entry(value, ts), matching)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.tuples(NUMBERS, NUMBERS).map(sorted).map(tuple), TIMES, TIMES), max_size=20),
    st.lists(st.tuples(NUMBERS | st.just(0), TIMES), min_size=1, max_size=20),
)
def test_range(adds: list[tuple[tuple[int, int], int, int]], asked: list[tuple[int, int]]) -> None:
    ranges, held = RangeList(), extended(adds)
    for add in adds:
        ranges.add(*add)
    assert len(ranges) == len(held)
    asked += [(end, 5) for ends in held for end in ends]
    found = ranges.contains(numbers(*(value for value, _ in asked)), ms(*(ts for _, ts in asked)))
    for listed, (value, ts) in zip(found, asked, strict=True):
        matching = [end for (first, last), end in holding(held, ts) if first <= value <= last]
        compare(listed, ranges.entry(value, ts), matching)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(HOSTS.filter(lambda host: host.strip(".")), TIMES, TIMES), max_size=8),
    st.lists(st.tuples(HOSTS, TIMES), min_size=1, max_size=12),
)
def test_domain(adds: list[tuple[str, int, int]], asked: list[tuple[str, int]]) -> None:
    domains = DomainList()
    for add in adds:
        domains.add(*add)
    held = extended([(domain.strip("."), start, end) for domain, start, end in adds])
    assert len(domains) == len(held)
    found = domains.contains(strings_of([host for host, _ in asked]), ms(*(ts for _, ts in asked)))
    for listed, (host, ts) in zip(found, asked, strict=True):
        matching = [end for domain, end in holding(held, ts) if host == domain or host.endswith("." + domain)]
        compare(listed, domains.entry(host, ts), matching)


def test_an_entry_holds_from_its_start_until_just_before_its_end() -> None:
    exact, prefix, span, domain = ExactList(), PrefixList(), RangeList(), DomainList()
    exact.add(7001, 100, 200)
    prefix.add("70", 100, 200)
    span.add((7000, 7002), 100, 200)
    domain.add("a.cn", 100, 200)
    times = ms(99, 100, 199, 200)
    expected = [False, True, True, False]
    for numbered in (exact, prefix, span):
        assert numbered.contains(numbers(*[7001] * 4), times).tolist() == expected
        assert [numbered.entry(7001, int(ts)) is not None for ts in times] == expected
    assert domain.contains(strings_of(["www.a.cn"] * 4), times).tolist() == expected


def test_adding_again_extends_and_keeps_the_source_of_the_later_end() -> None:
    exact, prefix = ExactList(), PrefixList()
    for numbered in (exact, prefix):
        numbered.add(8, 100, 200, "police", "case 12")
        numbered.add(8, 50, 150, "citizen", "withdrawn soon")
        assert len(numbered) == 1
        assert numbered.entry(8, 60) == Entry("8", 50, 200, "police", "case 12")
        numbered.add(8, 300, 400, "court", "", shown="+8")
        assert (found := numbered.entry(8, 250)) is not None
        assert (found.from_ms, found.expires_ms, found.source) == (50, 400, "court")
    exact.add_many(numbers(9), ms(0), ms(FOREVER_MS), "register", "bought list")
    exact.add_many(numbers(8), ms(0), ms(500))
    assert exact.entry(9, 5) == Entry("9", 0, FOREVER_MS, "register", "bought list")
    assert exact.entry(8, 450) == Entry("+8", 0, 500, "court", "")


def test_rows_of_hosts_are_chosen() -> None:
    domains, hosts = DomainList(), strings_of(["a.cn", "", "b.cn", "x.A.cn"])
    domains.add("A.cn.", 0, FOREVER_MS, "registry")
    assert domains.contains(hosts, ms(1, 1), np.array([2, 0], np.int32)).tolist() == [False, True]
    assert domains.contains(hosts, ms(1, 1, 1, 1)).tolist() == [True, False, False, False]
    assert domains.entry("y.x.a.cn", 1) == Entry("a.cn", 0, FOREVER_MS, "registry", "")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=12), max_size=8))
def test_host_hash(hosts: list[str]) -> None:
    hosts = [host.encode("utf-8", "replace").decode() for host in hosts]
    found = host_hash(strings_of(hosts)).tolist()
    assert found == [hash_of_host(host) for host in hosts]
    assert len(set(found)) == len(set(hosts))
    assert all((value == 0) == (host == "") for value, host in zip(found, hosts, strict=True))


@pytest.mark.parametrize("value", [0, -1, 2**64])
def test_exact_refuses_what_is_no_number(value: int) -> None:
    with pytest.raises(ValueError, match="can't be listed"):
        ExactList().add(value, 0, 1)


def test_senseless_values_are_refused() -> None:
    for prefix in ("", "0554", "12a", "1" * 20, "一"):
        with pytest.raises(ValueError, match="begins no number"):
            PrefixList().add(prefix, 0, 1)
    for ends in ((5, 4), (-1, 4), (1, 2**64)):
        with pytest.raises(ValueError, match="no range"):
            RangeList().add(ends, 0, 1)
    with pytest.raises(ValueError, match="no domain"):
        DomainList().add("..", 0, 1)


def test_empty_lists_hold_nothing() -> None:
    for numbered in (ExactList(), PrefixList(), RangeList()):
        assert numbered.contains(numbers(0, 1), ms(0, 0)).tolist() == [False, False]
        assert numbered.entry(1, 0) is None
        assert numbered.contains(numbers(), ms()).tolist() == []
    assert DomainList().contains(strings_of(["a", ""]), ms(0, 0)).tolist() == [False, False]


def test_a_million_values_are_small() -> None:
    generator = np.random.default_rng(7)
    values = np.unique(generator.integers(1, 2**63, 1_000_000, dtype=np.uint64))
    exact = ExactList()
    exact.add_many(values, np.zeros(len(values), np.int64), np.full(len(values), 100))
    assert exact.bytes_held <= 32 * len(values)
    for half in np.array_split(values, 2):  # again: no growth
        exact.add_many(half, np.full(len(half), -5), np.full(len(half), 90))
    assert len(exact) == len(values)
    assert exact.bytes_held <= 64 * len(values)
    assert exact.contains(values, np.full(len(values), -5)).all()
    strangers = generator.integers(1, 2**63, 100_000, dtype=np.uint64)
    expected = np.isin(strangers, values)
    assert np.array_equal(exact.contains(strangers, np.zeros(100_000, np.int64)), expected)


def test_forgetting_makes_room_and_changes_no_answer() -> None:
    exact, values = ExactList(), np.arange(1, 20_001, dtype=np.uint64)
    exact.add_many(values, np.zeros(20_000, np.int64), np.arange(1, 20_001), "rule", "limited")
    held = exact.bytes_held
    assert exact.forget(15_000) == 15_000
    assert len(exact) == 5_000
    assert exact.bytes_held < held / 2
    assert exact.contains(values, np.full(20_000, 15_000)).sum() == 5_000
    assert exact.entry(20_000, 15_000) == Entry("20000", 0, 20_000, "rule", "limited")
    assert exact.entry(1, 0) is None
    for value in range(1, 3_000):
        exact.add(value, 0, 50_000)
    assert exact.contains(values, np.full(20_000, 15_000)).sum() == 7_999


CHANGES = st.lists(st.tuples(st.booleans(), st.integers(1, 5), TIMES, TIMES), max_size=14)


@settings(max_examples=120, deadline=None)
@given(CHANGES)
def test_what_is_taken_off_is_gone_until_it_is_added_again(changes: list[tuple[bool, int, int, int]]) -> None:
    hosts = {value: f"a{value}.cn" for value in range(1, 6)}
    exact, prefix, span, domain = ExactList(), PrefixList(), RangeList(), DomainList()
    held: ENTRY = {}
    for adds, value, from_ms, expires_ms in changes:
        if adds:
            start, end = held.get(value, (from_ms, expires_ms))
            held[value] = min(start, from_ms), max(end, expires_ms)
            exact.add(value, from_ms, expires_ms, "added")
            prefix.add(value, from_ms, expires_ms)
            span.add((value, value), from_ms, expires_ms, "added")
            domain.add(hosts[value], from_ms, expires_ms)
        else:
            held.pop(value, None)
            exact.remove(numbers(value))
            prefix.remove(numbers(value))
            span.remove(np.array([[value, value]], np.uint64))
            domain.remove(numbers(hash_of_host(hosts[value])))
    asked = [(value, ts) for value in range(1, 6) for ts in range(-4, 14)]
    values, times = numbers(*(value for value, _ in asked)), ms(*(ts for _, ts in asked))
    expected = [any(number == value for number, _ in holding(held, ts)) for value, ts in asked]
    for numbered in (exact, prefix, span):
        assert numbered.contains(values, times).tolist() == expected
        assert [numbered.entry(value, ts) is not None for value, ts in asked] == expected
    assert domain.contains(strings_of([hosts[value] for value, _ in asked]), times).tolist() == expected
    gone = {value for adds, value, *_ in changes if not adds} - held.keys()
    assert exact.taken_off(numbers(*range(1, 6))).tolist() == [value in gone for value in range(1, 6)]
    on = {int(key): (int(a), int(b)) for key, a, b in zip(*exact._table.held()[:3], strict=True) if key not in gone}
    assert on == held
    exact.forget(100)  # that something was taken off isn't forgotten
    assert exact.taken_off(numbers(*range(1, 6))).tolist() == [value in gone for value in range(1, 6)]


def test_a_range_is_taken_off_by_both_its_ends() -> None:
    span = RangeList()
    for ends in ((1, 9), (1, 5), (3, 5)):
        span.add(ends, 0, 10)
    span.remove(np.array([[1, 9], [3, 4], [7, 8]], np.uint64))
    assert span.contains(numbers(1, 4, 6), ms(1, 1, 1)).tolist() == [True, True, False]


def test_columns_hand_a_list_on() -> None:
    exact, again = ExactList(), ExactList()
    exact.add(8, 1, 5, "police", "case 7")
    exact.add(9, 2, 6)
    again.note("other", "")
    found = exact.columns()
    again.put(found.keys, found.from_ms, found.expires_ms, again.codes_of(found))
    assert again.entry(8, 2) == Entry("8", 1, 5, "police", "case 7")
    assert again.entry(9, 2) == Entry("9", 2, 6, "", "")


# ------------------------------------------------------------------------------------------------- all lists of a set


def defined(name: str = "limited", items: ENTRY | None = None, **more: Any) -> ListDef:
    """A list with items {value: (since, expires)}, in ms."""
    dates = {
        value: [datetime.fromtimestamp(ts / 1000, UTC).isoformat() for ts in span]
        for value, span in (items or {}).items()
    }
    rows = [{"value": str(value), "since": since, "expires": expires} for value, (since, expires) in dates.items()]
    return ListDef.model_validate({"list": name, "items": rows, **more})


SPANS = st.tuples(TIMES, TIMES)
SMALL = st.integers(1, 6)
STEPS = st.one_of(
    st.tuples(st.just("add"), SMALL, SPANS),
    st.tuples(st.just("forget"), TIMES),
    st.tuples(st.just("reload"), st.dictionaries(SMALL, SPANS, max_size=3)),
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(SMALL, SPANS, max_size=3), st.lists(STEPS, max_size=12))
def test_what_verdicts_add_stands_beside_what_the_rules_say(given: ENTRY, steps: list[tuple[Any, ...]]) -> None:
    book, added = ListBook([defined(items=given)]), ENTRY()
    for step, *arguments in steps:
        if step == "add":
            value, (start, end) = arguments
            book.add("limited", numbers(value), start, end, "some-rule")
            known = added.get(value, (start, end))
            added[value] = min(known[0], start), max(known[1], end)
        elif step == "forget":
            book.forget(arguments[0])
            added = {value: span for value, span in added.items() if span[1] > arguments[0]}
        else:
            given = arguments[0]
            book = book.reloaded([defined(items=given)])
    asked = [(value, ts) for value in range(8) for ts in range(-4, 14)]
    found = book.has("limited", numbers(*(value for value, _ in asked)), ms(*(ts for _, ts in asked)))
    for listed, (value, ts) in zip(found, asked, strict=True):
        matching = [end for held in (given, added) for number, end in holding(held, ts) if number == value]
        entry = book.entry("limited", value, ts)
        compare(listed, entry, matching)
        if entry is not None and value not in added:
            assert entry.source == ""


def test_an_addition_does_not_fill_the_time_between_it_and_an_item() -> None:
    book = ListBook([defined(items={8613: (0, 100)})])
    book.add("limited", numbers(8613, 8614), 200, 300, "sweeper")
    times = ms(99, 100, 199, 200, 300)
    assert book.has("limited", numbers(*[8613] * 5), times).tolist() == [True, False, False, True, False]
    assert book.entry("limited", 8613, 250) == Entry("8613", 200, 300, "sweeper", "")
    book.forget(300)
    assert book.has("limited", numbers(8613, 8614), ms(50, 250)).tolist() == [True, False]


def test_a_reload_builds_only_what_changed() -> None:
    kept, changed = defined("kept", {8613: (0, 100)}), defined("changed", {8613: (0, 100)})
    book = ListBook([kept, changed])
    after = book.reloaded([defined("kept", {8613: (0, 100)}, title="Said in other words"), defined("changed")])
    assert after._items["kept"] is book._items["kept"]
    assert after.entry("kept", 8613, 50) is not None
    assert after.entry("changed", 8613, 50) is None


@pytest.mark.parametrize(
    ("after", "stays"),
    [
        ({}, True),
        ({"title": "t", "ttl": "5d"}, True),
        ({"of": "account"}, False),
        ({"match": "prefix"}, False),
        (None, False),
    ],
)
def test_what_was_added_stays_while_the_list_means_the_same(after: dict[str, Any] | None, stays: bool) -> None:
    book = ListBook([defined()])
    book.add("limited", numbers(8613), 0, 100, "sweeper")
    book = book.reloaded([defined("other") if after is None else defined(**after)])
    assert (book.entry("limited", 8613, 50) is not None if after is not None else False) == stays
    book = book.reloaded([defined()])  # what is gone doesn't come back
    assert (book.entry("limited", 8613, 50) is not None) == stays


def test_items_and_side_files_of_a_list(tmp_path: Path) -> None:
    entries = {"a.csv": "8613,2027-01-01,register\n", "b.csv": "8613,2027-06-01,police\n8614\n"}
    one = defined(items={8615: (0, 10**13)})
    for name, text in entries.items():
        (tmp_path / name).write_text(text, "utf-8")
        one = one.with_side(read_side_file(tmp_path / name, Form("exact", "number", None)))
    book = ListBook([one])
    now = ms(1_790_000_000_000)
    assert [bool(book.has("limited", numbers(value), now)[0]) for value in range(8612, 8617)] == [0, 1, 1, 1, 0]
    assert (found := book.entry("limited", 8613, int(now[0]))) is not None
    assert found.source == "police"  # it expires last
    again = book.reloaded([one.model_copy(update={"items": []})])
    assert all(part in book._parts["limited"] for part in again._parts["limited"])
    assert not again.has("limited", numbers(8615), now)[0]


# ------------------------------------------------------------------------------------------------- what is shared


def some(*values: int, from_ms: int = 0, expires_ms: int = 10) -> Columns:
    """Entries by `police`."""
    count = len(values)
    times = np.full(count, from_ms), np.full(count, expires_ms)
    return Columns(numbers(*values), *times, np.ones(count, np.int32), [("", ""), ("police", "case 7")])


SHARED_STEPS = st.one_of(
    STEPS,
    st.tuples(st.just("share"), SMALL, SPANS),
    st.tuples(st.just("take off"), SMALL),
    st.tuples(st.just("replace"), st.dictionaries(SMALL, SPANS, max_size=3)),
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(SMALL, SPANS, max_size=2), st.lists(SHARED_STEPS, max_size=14))
def test_what_is_shared_stands_beside_the_rest(given: ENTRY, steps: list[tuple[Any, ...]]) -> None:
    book, added, shared, hidden = ListBook([defined(items=given)]), ENTRY(), ENTRY(), set[int]()
    forgotten, unsure = -4, set[int]()  # what is shared and has expired may be forgotten, or not
    for step, *arguments in steps:
        if step in ("add", "share"):
            value, (start, end) = arguments
            into = added if step == "add" else shared
            if step == "add":
                book.add("limited", numbers(value), start, end, "some-rule")
            else:
                book.shared.add("limited", "exact", "number", some(value, from_ms=start, expires_ms=end))
                hidden.discard(value)
                if value in shared and shared[value][1] <= forgotten:
                    unsure.add(value)  # it begins where it did, or now
            known = into.get(value, (start, end))
            into[value] = min(known[0], start), max(known[1], end)
        elif step == "take off":
            book.shared.remove("limited", "exact", "number", numbers(arguments[0]))
            shared.pop(arguments[0], None)
            unsure.discard(arguments[0])
            hidden.add(arguments[0])
        elif step == "replace":
            shared, hidden, unsure, made = dict(arguments[0]), set(), set(), ExactList()
            for value, span in shared.items():
                made.add(value, *span)
            book.shared.replace("limited", SharedList("exact", "number", made))
        elif step == "forget":
            book.forget(arguments[0])
            forgotten = max(forgotten, arguments[0])
            added = {value: span for value, span in added.items() if span[1] > arguments[0]}
        else:
            given = arguments[0]
            book = book.reloaded([defined(items=given)])
    asked = [(value, ts) for value in range(8) if value not in unsure for ts in range(forgotten, 14)]
    columns = {"source": numbers(*(value for value, _ in asked)), "ts_ms": ms(*(ts for _, ts in asked))}
    found = book.has("limited", columns["source"], columns["ts_ms"])
    assert asked_together(book, columns).tolist() == found.tolist()
    seen = {value: span for value, span in added.items() if value not in hidden}
    for listed, (value, ts) in zip(found, asked, strict=True):
        matching = [end for held in (given, seen, shared) for number, end in holding(held, ts) if number == value]
        compare(listed, book.entry("limited", value, ts), matching)


def asked_together(book: ListBook, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Which values of the column `source` are listed, as rules ask for it."""
    count = len(columns["source"])
    held = SimpleNamespace(
        count=count, places=lambda names: np.array([located(columns[name], count, count) for name in names], np.int64)
    )
    view: Any = SimpleNamespace(count=count, rows=np.arange(count, dtype=np.int32), chunk=held)
    return memberships(view, book, (("limited", "source"),))[0]


def test_a_shared_list_counts_where_it_means_the_same() -> None:
    book, other = ListBook([defined()]), ListBook([defined("other"), defined()])
    other.share(book.shared)
    book.shared.add("limited", "exact", "number", some(8613))
    now = ms(5)
    for one in (book, other):
        assert one.has("limited", numbers(8613), now)[0]
        assert one.entry("limited", 8613, 5) == Entry("8613", 0, 10, "police", "case 7")
    for more in ({"match": "prefix"}, {"of": "account"}):
        book = book.reloaded([defined(**more)])
        assert not book.has("limited", numbers(8613), now)[0]
    book = book.reloaded([defined("other")]).reloaded([defined()])  # unlike what verdicts added, it comes back
    assert book.has("limited", numbers(8613), now)[0]
    book.shared.add("limited", "prefix", "number", some(86))  # it means something else now
    assert not book.has("limited", numbers(8613), now)[0]
    assert book.reloaded([defined(match="prefix")]).has("limited", numbers(8613), now)[0]


def test_shared_prefixes_ranges_and_hosts() -> None:
    definitions = [defined("wide", match="range"), defined("sites", match="domain"), defined("pages", of="host")]
    book, key = ListBook(definitions), hash_of_host("a.cn")
    ends = Columns(np.array([[10, 20]], np.uint64), ms(0), ms(10), np.zeros(1, np.int32), [("", "")])
    book.shared.add("wide", "range", "number", ends)
    book.shared.add("sites", "domain", "number", some(key), {key: "a.cn"})
    book.shared.add("pages", "exact", "host", some(key), {key: "a.cn"})
    assert book.has("wide", numbers(9, 15), ms(5, 5)).tolist() == [False, True]
    hosts = strings_of(["www.a.cn", "b.cn"])
    assert book.has_hosts("sites", hosts, np.arange(2, dtype=np.int32), ms(5, 5)).tolist() == [True, False]
    assert book.entry("sites", "www.a.cn", 5) == Entry("a.cn", 0, 10, "police", "case 7")
    assert book.entry("pages", key, 5) == Entry("a.cn", 0, 10, "police", "case 7")
    book.shared.remove("wide", "range", "number", ends.keys)
    book.shared.remove("sites", "domain", "number", numbers(key))
    assert not book.has("wide", numbers(15), ms(5))[0]
    assert not book.has_hosts("sites", hosts, np.arange(2, dtype=np.int32), ms(5, 5)).any()
