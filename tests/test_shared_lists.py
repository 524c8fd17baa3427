"""Shared lists in Redis: the truth says what the engine's own lists would, and nobody's change is lost.

Enters: entries put on and taken off, by several at once, by files. Leaves: what is read back. Invariant: an
`interceptor.lists` list that was given the same steps is the judge.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interceptor.entries import FOREVER_MS, TAKEN_OFF_MS, Columns, Entry
from interceptor.hosts import hash_of_host
from interceptor.rules import RulesError
from interceptor.rules.model import ListDef
from interceptor.rules.side_lines import LISTS
from interceptor.transport.lists import codec
from interceptor.transport.lists import importing as list_import
from interceptor.transport.lists import store as shared_lists
from interceptor.transport.lists.codec import BadEntries, Meaning
from interceptor.transport.lists.files import read_file, write_file
from interceptor.transport.lists.generation import Generation, Moved, apply
from interceptor.transport.lists.importing import import_list
from interceptor.transport.lists.store import OtherMeaning, SharedLists
from interceptor.transport.redis_client import RedisTrouble, connect
from interceptor.transport.settings import Settings, SettingsError
from tests.redis_server import RedisServer, running

NUMBERS, RANGES = Meaning("exact", "number"), Meaning("range", "number")
HOSTS, DOMAINS = Meaning("exact", "host"), Meaning("domain", "host")
NOBODY = lambda *_: lambda *_: None  # noqa: E731


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def lists(server: RedisServer) -> Iterator[SharedLists]:
    with server.client() as client:
        client.flushall()
    made = SharedLists(server.settings())
    yield made
    made.redis.close()


def columns(*rows: tuple[Any, int, int], source: str = "", reason: str = "") -> Columns:
    """Rows of (value, from_ms, expires_ms)."""
    code = int(bool(source or reason))
    ranges = bool(rows) and isinstance(rows[0][0], tuple)
    keys = np.array([row[0] for row in rows], np.uint64).reshape((-1, 2) if ranges else -1)
    times = np.array([row[1:] for row in rows], np.int64).reshape(-1, 2)
    return Columns(
        keys, times[:, 0].copy(), times[:, 1].copy(), np.full(len(rows), code, np.int32), [("", ""), (source, reason)]
    )


def held(lists: SharedLists, name: str) -> dict[Any, tuple[int, int, tuple[str, str]]]:
    """What is on a list: times and note of each value."""
    generation = lists.generation(name)
    return said(lists.read(name, generation)) if generation else {}


def said(entries: Any) -> dict[Any, tuple[int, int, tuple[str, str]]]:
    found = entries.columns()
    keys = [tuple(key) if isinstance(key, list) else key for key in found.keys.tolist()]
    rows = zip(keys, found.from_ms.tolist(), found.expires_ms.tolist(), found.codes.tolist(), strict=True)
    return {key: (since, until, found.notes[code]) for key, since, until, code in rows}


TIMES = st.integers(0, 9)
STEPS = st.one_of(
    st.tuples(st.just("add"), st.lists(st.tuples(st.integers(1, 8), TIMES, TIMES), max_size=4), st.sampled_from("ab ")),
    st.tuples(st.just("remove"), st.lists(st.integers(1, 8), max_size=3), st.just("")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=8))
def test_the_truth_is_what_the_engine_would_hold(lists: SharedLists, steps: list[tuple[str, Any, str]]) -> None:
    lists.redis.flushall()
    engine = LISTS["exact"]()
    followed = LISTS["exact"]()
    for step, values, source in steps:
        if step == "add":
            rows = {row[0]: row for row in values}
            given_ = columns(*rows.values(), source=source.strip())
            lists.add("limited", NUMBERS, given_, {})
            apply(engine, given_, {})
        else:
            keys = np.array(sorted(set(values)), np.uint64)
            lists.remove("limited", NUMBERS, keys, {}, ("", ""), 5)
            engine.remove(keys)  # type: ignore[arg-type]
    assert held(lists, "limited") == said(engine)
    for _, message in lists.changes_after("0-0"):
        told, texts = codec.heard(NUMBERS, message)
        apply(followed, told, texts)
    assert said(followed) == said(engine)


def test_how_many_came_and_went(lists: SharedLists) -> None:
    assert lists.add("limited", NUMBERS, columns((8613, 0, 100), (8614, 0, 100)), {}) == 2
    assert lists.add("limited", NUMBERS, columns((8613, 0, 200), (8615, 0, 100)), {}) == 1
    gone = np.array([8613, 9999], np.uint64)
    assert lists.remove("limited", NUMBERS, gone, {}, ("ops", "by mistake"), 50) == 1
    assert lists.remove("limited", NUMBERS, gone, {}, ("ops", ""), 60) == 0
    assert lists.add("limited", NUMBERS, columns((8613, 70, 80)), {}) == 1
    assert held(lists, "limited")[8613] == (70, 80, ("", ""))  # not what it was before


def test_all_kinds_of_lists(lists: SharedLists) -> None:
    texts = {hash_of_host(name): name for name in ("a.cn", "xn--fiqs8s.cn")}
    hosts = columns(*((key, 1, FOREVER_MS) for key in texts), source="police", reason="case 7")
    lists.add("bait", Meaning("prefix", "number"), columns((8829, 0, FOREVER_MS)), {})
    lists.add("wide", RANGES, columns(((1, 2**64 - 1), 0, 5), ((1, 7), 3, 5)), {})
    lists.add("sites", DOMAINS, hosts, texts)
    lists.add("pages", HOSTS, hosts, {})
    lists.add("payees", Meaning("exact", "account"), columns((2**64 - 1, 0, 2**48)), {})
    found = {name: lists.read(name, one) for name, one in lists.generations().items()}
    assert sorted(found) == ["bait", "pages", "payees", "sites", "wide"]
    assert found["bait"].entry(88299, 5) == Entry("8829", 0, FOREVER_MS, "", "")
    assert found["wide"].entry(5, 4) == Entry("1..18446744073709551615", 0, 5, "", "")
    assert found["sites"].entry("www.a.cn", 5) == Entry("a.cn", 1, FOREVER_MS, "police", "case 7")
    hashed = found["pages"].entry(hash_of_host("a.cn"), 5)
    assert hashed
    assert hashed.value == f"#{hash_of_host('a.cn'):016x}"
    assert found["payees"].entry(2**64 - 1, 2**48 - 2) is not None
    ends = np.array([[1, 7]], np.uint64)
    assert lists.remove("wide", RANGES, ends, {}, ("", ""), 0) == 1
    again: Any = lists.read("wide", lists.generations()["wide"])
    assert again.contains(np.array([5, 9], np.uint64), np.array([4, 4])).tolist() == [True, True]
    assert (1, 7) not in said(again)  # nothing hides below a range


def test_a_list_that_means_something_else_is_refused(lists: SharedLists) -> None:
    lists.add("limited", NUMBERS, columns((8613, 0, 5)), {})
    for change in (lists.add, lists.add_at_once):
        with pytest.raises(OtherMeaning, match="of exact number in Redis, and of range number in the rules"):
            change("limited", RANGES, columns(((1, 7), 0, 5)), {})
    assert held(lists, "limited") == {8613: (0, 5, ("", ""))}


def test_many_writers_at_once_lose_nothing(server: RedisServer, lists: SharedLists) -> None:
    values = np.arange(1, 601)
    failed: list[BaseException] = []

    def write(since: int) -> None:
        try:
            mine = SharedLists(server.settings())
            rows = [(int(value), since, 1_000 + since) for value in np.roll(values, since * 37)]
            for start in range(0, len(rows), 200):
                mine.add("limited", NUMBERS, columns(*rows[start : start + 200], source=f"worker {since}"), {})
            mine.redis.close()
        except BaseException as error:
            failed.append(error)
            raise

    threads = [threading.Thread(target=write, args=(since,)) for since in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert held(lists, "limited") == dict.fromkeys(values.tolist(), (0, 1003, ("worker 3", "")))
    followed = LISTS["exact"]()
    for _, message in lists.changes_after("0-0"):
        apply(followed, *codec.heard(NUMBERS, message))
    assert said(followed) == held(lists, "limited")


def test_what_expired_long_ago_goes_by_the_way(lists: SharedLists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "buckets_of", lambda keys: np.zeros(len(keys), np.int64))
    lists.add("limited", NUMBERS, columns((1, 0, 10), (2, 0, 30), (3, 0, 10), (4, 0, 10)), {})
    lists.remove("limited", NUMBERS, np.array([4], np.uint64), {}, ("", ""), 5)
    lists.add("limited", NUMBERS, columns((3, 40, 50), (5, 40, 50)), {}, before_ms=20)
    assert {key: row[:2] for key, row in held(lists, "limited").items()} == {
        2: (0, 30), 3: (0, 50), 4: TAKEN_OFF_MS, 5: (40, 50),
    }  # fmt: skip


# ------------------------------------------------------------------------------------------------------- whole lists


def filled(*rows: tuple[int, int, int], source: str = "") -> Any:
    made: Any = LISTS["exact"]()
    apply(made, columns(*rows, source=source), {})
    return made


def keys_of(lists: SharedLists) -> set[bytes]:
    found: Any = lists.redis.keys("*")
    return set(found)


@pytest.mark.parametrize("at_once", [0, 100])
def test_an_import_takes_the_place_or_comes_on_top(
    lists: SharedLists, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(list_import, "AT_ONCE_MAX", at_once)
    assert import_list(lists, "limited", NUMBERS, filled((1, 0, 9), (2, 0, 9)), replace=False, watch=NOBODY) == 2
    assert import_list(lists, "limited", NUMBERS, filled((2, 5, 20), (3, 0, 9)), replace=False, watch=NOBODY) == 3
    assert {key: row[:2] for key, row in held(lists, "limited").items()} == {1: (0, 9), 2: (0, 20), 3: (0, 9)}
    before = lists.generation("limited")
    assert import_list(lists, "limited", NUMBERS, filled((7, 0, 9), source="x"), replace=True, watch=NOBODY) == 1
    assert held(lists, "limited") == {7: (0, 9, ("x", ""))}
    assert before
    assert not any(before.id.encode() in key for key in keys_of(lists))
    now = lists.generation("limited")
    assert now
    assert now.born == "import"
    assert lists.count("limited", now) == 1
    assert import_list(lists, "limited", RANGES, LISTS["range"](), replace=True, watch=NOBODY) == 0
    assert held(lists, "limited") == {}


def test_what_changes_while_a_list_is_imported_is_not_lost(lists: SharedLists, server: RedisServer) -> None:
    lists.add("limited", NUMBERS, columns((1, 0, 9), (2, 0, 9)), {})
    other, done = SharedLists(server.settings()), []

    def watch(_: str) -> Any:
        def progress(*_: int) -> None:
            if not done:
                done.append(other.add("limited", NUMBERS, columns((50, 0, 9), (3, 0, 30), source="verdict"), {}))
                done.append(other.remove("limited", NUMBERS, np.array([4], np.uint64), {}, ("", ""), 0))
                done.append(other.add("other", NUMBERS, columns((9, 0, 9)), {}))

        return progress

    import_list(lists, "limited", NUMBERS, filled((3, 0, 9), (4, 0, 9)), replace=True, watch=watch)
    other.redis.close()
    assert done == [2, 0, 1]
    assert held(lists, "limited") == {
        3: (0, 30, ("verdict", "")), 4: (*TAKEN_OFF_MS, ("", "")), 50: (0, 9, ("verdict", "")),
    }  # fmt: skip
    assert held(lists, "other") == {9: (0, 9, ("", ""))}


@pytest.mark.parametrize("stopped", [KeyboardInterrupt, RedisTrouble("gone")])
def test_an_import_that_is_stopped_changes_nothing(lists: SharedLists, stopped: Any) -> None:
    import_list(lists, "limited", NUMBERS, filled((1, 0, 9)), replace=True, watch=NOBODY)
    before, keys = held(lists, "limited"), keys_of(lists)

    def watch(what: str) -> Any:
        def progress(*_: int) -> None:
            if what.startswith("Writing"):
                raise stopped

        return progress

    with pytest.raises((KeyboardInterrupt, RedisTrouble)):
        import_list(lists, "limited", NUMBERS, filled((2, 0, 9)), replace=True, watch=watch)
    assert held(lists, "limited") == before
    assert keys_of(lists) == keys


def test_two_imports_at_once(lists: SharedLists, server: RedisServer) -> None:
    import_list(lists, "limited", NUMBERS, filled((1, 0, 9)), replace=True, watch=NOBODY)
    other = SharedLists(server.settings())

    def watch(_: str) -> Any:
        return lambda *_: import_list(other, "limited", NUMBERS, filled((3, 0, 9)), replace=True, watch=NOBODY)

    with pytest.raises(RedisTrouble, match="imported by somebody else"):
        import_list(lists, "limited", NUMBERS, filled((2, 0, 9)), replace=True, watch=watch)
    other.redis.close()
    assert sorted(held(lists, "limited")) == [3]


def test_what_an_import_left_behind_is_swept(lists: SharedLists, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dying:
        dying.setattr(list_import._Import, "_delete_quietly", lambda *_: None)
        dying.setattr(list_import._Import, "_switch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            import_list(lists, "limited", NUMBERS, filled((1, 0, 9), (2, 0, 9)), replace=True, watch=NOBODY)
    left = keys_of(lists)
    assert len(left) >= 4
    import_list(lists, "other", NUMBERS, filled((1, 0, 9)), replace=True, watch=NOBODY)
    assert left <= keys_of(lists)  # it may be going on still
    monkeypatch.setattr(list_import, "ABANDONED_MS", -1_000)
    import_list(lists, "other", NUMBERS, filled((1, 0, 9)), replace=True, watch=NOBODY)
    assert not left & keys_of(lists)


def test_who_reads_a_list_that_is_replaced_begins_again(lists: SharedLists) -> None:
    import_list(lists, "limited", NUMBERS, filled((1, 0, 9)), replace=True, watch=NOBODY)
    before = lists.generation("limited")
    import_list(lists, "limited", NUMBERS, filled((2, 0, 9)), replace=True, watch=NOBODY)
    with pytest.raises(Moved):
        lists.read("limited", before)  # type: ignore[arg-type]


def test_a_list_is_small_in_redis(lists: SharedLists) -> None:
    generator = np.random.default_rng(3)
    keys = np.unique(generator.integers(8613 * 10**9, 8620 * 10**9, 400_000, dtype=np.uint64))
    count = len(keys)
    given_ = Columns(
        keys, np.zeros(count, np.int64), np.full(count, 10**13), np.ones(count, np.int32), [("", ""), ("a", "b")]
    )
    made: Any = LISTS["exact"]()
    apply(made, given_, {})
    before = lists.redis.info("memory")["used_memory"]
    import_list(lists, "limited", NUMBERS, made, replace=True, watch=NOBODY)
    buckets = 1 << codec.BUCKET_BITS  # each costs some 100 bytes, however many numbers are in it
    assert lists.redis.info("memory")["used_memory"] - before < count * 45 + buckets * 150
    found: Any = lists.read("limited", lists.generations()["limited"])
    assert len(found) == count
    assert found.contains(keys, np.full(count, 5)).all()
    sizes = np.bincount(codec.buckets_of(keys), minlength=buckets)
    assert sizes.max() < 5 * max(1, count // buckets)


# ------------------------------------------------------------------------------------------------ files, bytes, errors


def defined(**more: Any) -> ListDef:
    return ListDef.model_validate({"list": "limited", **more})


@pytest.mark.parametrize(
    ("definition", "lines"),
    [
        (defined(ttl="1d"), ["+8613,2027-01-01,2027-01-02T12:00:01.5,,\"case 7, b\"", "+8614,,,,", "95588,2027-01-01"]),
        (defined(match="range"), ["+10..+20,,2027-01-01,a,b", "+10..+30"]),
        (defined(match="prefix"), ["+8829"]),
        (defined(of="account"), ["0xffff,,,a", "18446744073709551615"]),
        (defined(of="host"), ["银行.CN,,2027-01-01", '"B.cn."', "c.cn", '"d.cn",,,"e, f"']),
        (defined(match="domain"), ["A.cn,,2027-01-01,registry", "b.CN"]),
    ],
)  # fmt: skip
def test_files_in_and_out(tmp_path: Path, lists: SharedLists, definition: ListDef, lines: list[str]) -> None:
    meaning, path, again = Meaning(definition.match, definition.of), tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text("\n".join(["value,since,expires,source,reason", "# a comment", *lines]) + "\n", "utf-8")
    far: list[tuple[int, int]] = []
    entries: Any = read_file(path, definition, lambda *now: far.append(now))
    assert far[-1][0] == far[-1][1] == path.stat().st_size
    assert len(entries) == len(lines)
    import_list(lists, "limited", meaning, entries, replace=False, watch=NOBODY)
    with again.open("w", encoding="utf-8") as out:
        assert write_file(out, meaning, lists.read("limited", lists.generations()["limited"])) == len(lines)
    back: Any = read_file(again, definition, lambda *_: None)
    assert said(back) == said(entries)
    if meaning.is_text:
        assert sorted(back.shown.values()) == sorted(entries.shown.values())
        assert all(name == name.lower() and name.isascii() for name in back.shown.values())


def test_bad_lines_are_told_and_nothing_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("+8613\nno number\n8614,soon\n", "utf-8")
    with pytest.raises(RulesError) as error:
        read_file(path, defined(), lambda *_: None)
    assert [problem.line for problem in error.value.problems] == [2, 3]
    with pytest.raises(RulesError, match="there is no such file"):
        read_file(tmp_path / "none.csv", defined(), lambda *_: None)


MEANINGS = st.sampled_from([NUMBERS, RANGES, DOMAINS, HOSTS])
START = st.integers(0, 2**48 - 2)
ENTRIES = st.tuples(st.integers(1, 2**64 - 1), st.integers(1, 2**64 - 1), START, START | st.just(FOREVER_MS))


@settings(max_examples=80, deadline=None)
@given(
    MEANINGS,
    st.lists(ENTRIES, min_size=1, max_size=9),
    st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=3),
)  # fmt: skip
def test_what_was_packed_is_unpacked(meaning: Meaning, rows: list[Any], notes: list[tuple[str, str]]) -> None:
    notes = [(a.encode("utf-8", "replace").decode(), b.encode("utf-8", "replace").decode()) for a, b in notes]
    ends = np.array([row[:2] for row in rows], np.uint64)
    codes = np.arange(len(rows), dtype=np.int32) % (len(notes) + 1)
    known = [("", ""), *notes]
    since, until = (np.array([row[at] for row in rows], np.int64) for at in (2, 3))
    given_ = Columns(ends if meaning.match == "range" else ends[:, 0], since, until, codes, known)
    texts = {key: f"a{key}.cn" for key in given_.keys.ravel().tolist()[::2]} if meaning.is_text else {}
    found, heard = codec.heard(
        meaning, {name.encode(): text for name, text in codec.told(meaning, given_, texts).items()}
    )
    if not meaning.is_text:
        assert found.keys.tolist() == given_.keys.tolist()
    else:
        assert all(heard[key].startswith(("a", "#")) for key in found.keys.tolist())
    assert (found.from_ms.tolist(), found.expires_ms.tolist()) == (since.tolist(), until.tolist())
    assert [found.notes[code] for code in found.codes] == [known[code] for code in codes]
    packed = codec.packed(since, until, codec.digests_of(given_))
    assert [column.tolist() for column in codec.unpacked(packed)][:2] == [since.tolist(), until.tolist()]


def test_bytes_of_somebody_else_are_refused(lists: SharedLists) -> None:
    for values in ([b"x"], [b"x" * 19], [b"x" * 21, b"y" * 19]):
        with pytest.raises(BadEntries):
            codec.unpacked(values)
    with pytest.raises(BadEntries):
        NUMBERS.keys([b"seven77"])
    for message in (
        {},
        {b"values": b"", b"entries": b"", b"notes": b"[1]"},
        {b"values": b"12345678", b"entries": b"", b"notes": b"[]"},
    ):
        with pytest.raises(BadEntries):
            codec.heard(NUMBERS, message)
    for text in (b"", b"{}", b"[]", b'{"id": "..", "match": "exact", "of": "x", "born": "add", "at_ms": 1}'):
        with pytest.raises(BadEntries):
            Generation.read(text)
    lists.redis.set(lists.lists_key, "a string")
    with pytest.raises(RedisTrouble, match="used for something else") as error:
        lists.generations()
    assert not error.value.temporary


def test_errors_hold_no_secrets(tmp_path: Path) -> None:
    for url in (
        "redis://ann:pass1word@127.0.0.1:1/0",
        "rediss://ann:pass1word@127.0.0.1:1/0",
        "redis://pass1word@nowhere.invalid:1",
    ):
        nobody = SharedLists(Settings(redis=url, redis_password="pass2word"))  # type: ignore[arg-type]
        with pytest.raises(RedisTrouble) as error:
            nobody.generations()
        assert error.value.temporary
        assert "pass1word" not in str(error.value)
        assert "pass2word" not in str(error.value)
    with pytest.raises(SettingsError):
        connect(Settings(redis=""))
    with pytest.raises(SettingsError) as refused:
        connect(Settings(redis="http://ann:pass1word@127.0.0.1"))
    assert "pass1word" not in str(refused.value)
    with running(tmp_path, options=("--requirepass", "pass3word")) as server:
        for more in ({}, {"redis_password": "pass2word"}):
            with pytest.raises(RedisTrouble, match="refuses the user or the password") as error:
                SharedLists(server.settings(**more)).generations()
            assert not error.value.temporary
        assert SharedLists(server.settings(redis_password="pass3word")).generations() == {}


def test_changes_that_were_trimmed_are_missed(lists: SharedLists, monkeypatch: pytest.MonkeyPatch) -> None:
    lists.add("limited", NUMBERS, columns((1, 0, 9)), {})
    first = lists.last_change()
    monkeypatch.setattr(shared_lists, "CHANGES_MAX", 3)
    lists.add("limited", NUMBERS, columns((2, 0, 9)), {})
    assert [message[b"change"] for _, message in lists.changes_after(first)] == [b"entries"]
    lists.redis.xtrim(lists.changes_key, maxlen=1, approximate=False)
    with pytest.raises(Moved):
        lists.changes_after(first)
