"""Side files: millions of lines are read as one line at a time would be, and what is wrong is told."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interceptor.folding import strings_of
from interceptor.hosts import hash_of_host
from interceptor.lists import FOREVER_MS, Entry
from interceptor.rules import RulesError, cells, load, side_lines
from interceptor.rules.errors import Problem
from interceptor.rules.side_files import SideFile, read_side_file
from interceptor.rules.side_lines import LINE_BYTES_MAX, NOTES_MAX, TOLD_MAX, Form, blocks
from interceptor.rules.values import account, host, number, number_range

NUMBERS = Form("exact", "number", None)
ACCOUNTS = Form("exact", "account", None)
HOSTS = Form("exact", "host", None)
PREFIXES = Form("prefix", "number", None)
RANGES = Form("range", "number", None)
DOMAINS = Form("domain", "host", None)
NOW_MS = 1_790_000_000_000
RULES = """\
schema: 1
lists:
  - {list: limited, FILE}
rules:
  - {rule: listed, title: t, on: call, condition: caller in limited, actions: [label]}
"""


def read(folder: Path, content: str | bytes, form: Form = NUMBERS) -> SideFile:
    path = folder / "limited.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
    return read_side_file(path, form)


def refused(folder: Path, content: str | bytes, form: Form = NUMBERS) -> list[Problem]:
    with pytest.raises(RulesError) as raised:
        read(folder, content, form)
    assert all(problem.path == str(folder / "limited.csv") for problem in raised.value.problems)
    assert "\x1b" not in str(raised.value)
    return list(raised.value.problems)


def wrong(folder: Path, content: str | bytes, form: Form = NUMBERS) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in refused(folder, content, form)]


def ms(date: str) -> int:
    return int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp() * 1000)


def loaded(folder: Path, file: str, extra: tuple[Path, ...] = ()) -> Any:
    (folder / "rules.yaml").write_text(RULES.replace("FILE", file), "utf-8")
    return load(folder, extra)


# -------------------------------------------------------------------------------------------- cells, fast and slow

PIECES = st.sampled_from([*"0123456789+ -().aF_:\t银", '"', "..", "0x"])
CELLS = st.one_of(
    st.lists(PIECES, max_size=22).map("".join),
    st.lists(st.sampled_from("0123456789"), min_size=16, max_size=21).map("".join),
    st.lists(st.sampled_from(["a", "B9", "-", ".", "_", "xn--fiqs8s", "é"]), max_size=7).map("".join),
    st.tuples(st.integers(0, 10**19), st.sampled_from(["..", "...", "."]), st.integers(0, 10**19)).map(
        lambda parts: "".join(map(str, parts))
    ),
    st.integers(0, 2**65).map(hex),
)


def slowly(reader: Any, cell: str) -> Any:
    try:
        return reader(cell)
    except ValueError:
        return None


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=20))
def test_kernels_read_what_the_exact_way_reads_or_leave_it(texts: list[str]) -> None:
    column = strings_of(texts)
    starts, stops = (ends.astype(np.int64) for ends in (column.offsets[:-1], column.offsets[1:]))
    bare = [text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text for text in texts]
    readers: list[tuple[Any, Any]] = [
        (cells.numbers, number),
        (cells.accounts, account),
        (cells.hosts, lambda text: hash_of_host(host(text))),
    ]
    for kernel, exact in readers:
        for found, text in zip(kernel(column.data, starts, stops).tolist(), bare, strict=True):
            assert found in (0, slowly(exact, text)), (kernel, text)
    for ends, text in zip(cells.ranges(column.data, starts, stops).tolist(), bare, strict=True):
        assert ends == [0, 0] or tuple(ends) == slowly(number_range, text), text


def test_kernels_leave_nothing_ordinary_to_the_exact_way() -> None:
    def all_read(kernel: Any, *texts: str) -> None:
        column = strings_of(texts)
        assert kernel(column.data, *(ends.astype(np.int64) for ends in (column.offsets[:-1], column.offsets[1:]))).all()

    all_read(cells.numbers, "+86 139-0554-1234", "( 86) 1", '"95588"', "9" * 18, "8617055500001")
    all_read(cells.accounts, "1", "9" * 19, "0xFfFFffffFFFFffff", '"0x1f"')
    all_read(cells.hosts, "a.cn", "WWW.A-1.cn.", "_dmarc.x", '"a"', "1.2.3.4")
    all_read(cells.ranges, "+8613..+8614", "1..1", '"95500..95599"')


# ------------------------------------------------------------------------------------------------ files and a model

VALUES = st.integers(1, 40).map(lambda n: (f"+86 13{n:02d}", 861300 + n)) | st.integers(1, 40).map(
    lambda n: (str(86_1300 + n), 861300 + n)
)
DATES = st.sampled_from(["", "2026-10-01", "2027-01-31", " 2027-06-30T12:00 ", '"2028-01-01"'])
WORDS = st.sampled_from(["", "police", '"case 12, more"', " 公安 "])
IGNORED = st.sampled_from(["", "# 银行,,,,,", "   ", ",,", " # indented"])


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(VALUES, DATES, WORDS, WORDS) | IGNORED, max_size=30),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
    st.sampled_from([0, 7, 64]),
)
def test_a_file_is_a_dict(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], end: str, last: bool, block: int
) -> None:
    held: dict[int, tuple[int, set[tuple[str, str]]]] = {}
    lines = []
    for row in rows:
        if isinstance(row, str):
            lines.append(row)
            continue
        (text, value), *others = row
        lines.append(",".join([text, *others]))
        date, source, reason = (other.strip().strip('"') for other in others)
        until = ms(date) if date else FOREVER_MS
        known, notes = held.get(value, (0, set()))
        held[value] = max(known, until), {(source, reason)} | (notes if known >= until else set())
    with pytest.MonkeyPatch.context() as patch:
        if block:
            patch.setattr(side_lines, "_BLOCK_BYTES", block)
        side = read(tmp_path_factory.mktemp("side"), "\ufeff" + end.join(lines) + (end if last else ""))
    assert len(side) == len(held)
    for value, (until, notes) in held.items():
        found = side.entries.entry(value, NOW_MS)  # type: ignore[arg-type]
        assert (found.expires_ms if found else None) == (until if until > NOW_MS else None)
        if found is not None and len(notes) == 1 and any(*notes):
            assert {(found.source, found.reason)} <= notes | {("", "")}


def test_every_kind_of_list(tmp_path: Path) -> None:
    note = ",2027-01-31,police,case 12\n"
    until = ms("2027-01-31")
    expected: list[tuple[Form, str, Any, str]] = [
        (NUMBERS, "+86 139-0554-1234", 8613905541234, "8613905541234"),
        (ACCOUNTS, "0xff", 255, "255"),
        (HOSTS, "pay.example", hash_of_host("pay.example"), "pay.example"),
        (HOSTS, "银行.com", hash_of_host(host("银行.com")), "银行.com"),
        (PREFIXES, "+88299", 882991234, "88299"),
        (RANGES, "95500..95599", 95588, "95500..95599"),
        (DOMAINS, "Shop.Example.", "a.b.shop.example", "shop.example"),
        (DOMAINS, "银行.com", "www." + host("银行.com"), host("银行.com")),
    ]
    for form, text, asked, shown in expected:
        side = read(tmp_path, text + note, form)
        assert side.entries.entry(asked, NOW_MS) == Entry(shown, 0, until, "police", "case 12")
        assert side.entries.entry(asked, until) is None


def test_a_header_names_the_columns_and_ttl_counts_from_since(tmp_path: Path) -> None:
    form = Form("exact", "number", 86_400_000)
    side = read(
        tmp_path, "# export\nValue,source,since,expires\n8613,police,2027-01-01,\n8614,,,\n8615,,,2027-05-05\n", form
    )
    spans = {}
    for value in (8613, 8614, 8615):
        found = side.entries.entry(value, ms("2027-01-01"))  # type: ignore[arg-type]
        assert found is not None
        spans[value] = (found.from_ms, found.expires_ms, found.source)
    assert spans[8613] == (ms("2027-01-01"), ms("2027-01-02"), "police")
    assert spans[8614] == (0, FOREVER_MS, "")
    assert spans[8615] == (0, ms("2027-05-05"), "")


@pytest.mark.parametrize(
    ("form", "count"), [(NUMBERS, 200_000), (PREFIXES, 50_000), (RANGES, 50_000), (DOMAINS, 50_000)]
)
def test_long_files(tmp_path: Path, form: Form, count: int) -> None:
    draw, lines, held = random.Random(5), [], {}
    days = [f"{datetime(2026, 12, 1) + timedelta(days=n):%Y-%m-%d}" for n in range(200)]
    until = {day: ms(day) for day in days}
    for n in draw.sample(range(10**6, 10**7), count):
        day, source = days[n % 200], f"source {n % 30}"
        text, asked = {
            "exact": (f"+86 {n}", int(f"86{n}")),
            "prefix": (f"86{n}", int(f"86{n}55")),
            "range": (f"86{n}00..86{n}49", int(f"86{n}07")),
            "domain": (f"s{n}.Example", f"www.s{n}.example"),
        }[form.match]
        lines.append(f"{text},{day},{source},case")
        held[asked] = until[day], source
    side = read(tmp_path, "\n".join(lines), form)
    assert len(side) == len(held)
    assert side.entries.notes == 30  # each once
    for asked in draw.sample(list(held), 300):
        found = side.entries.entry(asked, ms("2026-11-30"))  # type: ignore[arg-type]
        assert found is not None
        assert (found.expires_ms, found.source, found.reason) == (*held[asked], "case")
    if form.match != "domain":
        values = np.array(list(held), np.uint64)
        at = np.full(len(values), ms("2027-01-15"))
        expected = np.array([ends for ends, _ in held.values()]) > at
        assert np.array_equal(side.entries.contains(values, at), expected)  # type: ignore[arg-type]


def test_one_broad_range_among_many_narrow_ones(tmp_path: Path) -> None:
    """Walking back over all narrow ones for each number would take minutes."""
    narrow = "\n".join(f"86{n}00..86{n}10" for n in range(1_000_000, 1_150_000))
    side = read(tmp_path, f"8610..86999999999\n{narrow}", RANGES)
    asked = np.array([int(f"86{n}50") for n in range(1_000_000, 1_150_000)], np.uint64)
    at = np.full(len(asked), NOW_MS)
    assert side.entries.contains(asked, at).all()  # type: ignore[arg-type]
    assert (found := side.entries.entry(int(asked[-1]), NOW_MS)) is not None  # type: ignore[arg-type]
    assert found.value == "8610..86999999999"


# ---------------------------------------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize(
    ("line", "form", "why"),
    [
        ("x8613", NUMBERS, "'x8613' is no phone number"),
        ("0554 123", NUMBERS, "is no phone number"),
        ("9" * 19, NUMBERS, "is no phone number"),
        ('"8613', NUMBERS, "quotes that don't fit"),
        ("8613,2027-13-01", NUMBERS, "'2027-13-01' is no date"),
        ("8613,,police,case 12, more", NUMBERS, 'more than 4 cells (value, expires, source, reason): put "quotes"'),
        (",2027-01-31,police", NUMBERS, "'' is no phone number"),
        ("8613,,police,\x1b[2J", NUMBERS, "control character U+001B in source or reason"),
        ("8613,,a\u202eb", NUMBERS, "control character U+202E"),
        ("8613\x00", NUMBERS, "is no phone number"),
        ("8613,\x00", NUMBERS, "is no date"),
        ("86\r13", NUMBERS, "is no phone number"),
        ("8613,,\udcff", NUMBERS, "not UTF-8"),
        ("\udcff", NUMBERS, "not UTF-8"),
        ("0", ACCOUNTS, "'0' is no account key"),
        ("0x1ffffffffffffffff", ACCOUNTS, "is no account key"),
        ("http://a.cn/x", DOMAINS, "is no host"),
        ("a..cn", HOSTS, "is no host"),
        ("-a.cn", DOMAINS, "is no host"),
        ("95599..95500", RANGES, "the first number is larger than the last"),
        ("95599", RANGES, "is no range: write FIRST..LAST"),
        ("a.cn", Form("prefix", "host", None), "hosts have no prefixes"),
        ("9" * 20, Form("prefix", "account", None), "is no account key"),
        (str(2**64 - 1), Form("prefix", "account", None), "begins no number: at most 19 digits"),
        ("8" * 5_000, NUMBERS, f"a line of more than {LINE_BYTES_MAX:,} bytes"),
        ("8613,," + "x" * 5_000, NUMBERS, f"a line of more than {LINE_BYTES_MAX:,} bytes"),
    ],
)
def test_a_bad_line_is_told_with_its_place(tmp_path: Path, line: str, form: Form, why: str) -> None:
    good = {"range": "1..2"}.get(form.match, "a.cn" if form.of == "host" else "95588")
    if (form.match, form.of) == ("prefix", "host"):
        good = "#"
    ((number_, message),) = wrong(tmp_path, f"# list\r\n{good}\r\n\r\n{line}\r\n{good}\r\n", form)
    assert number_ == 4
    assert why in message
    assert len(message) < 200


def test_a_source_that_is_no_text_says_so_for_each_line(tmp_path: Path) -> None:
    found = wrong(tmp_path, "8613,never,police\n8614\n8615,never,police\n")
    assert found == [
        (1, "'never' is no date: write it as 2027-01-31"),
        (3, "'never' is no date: write it as 2027-01-31"),
    ]


@pytest.mark.parametrize(
    ("header", "code"), [("value,expire", "unknown-key"), ("value,source,source", "duplicate-key")]
)
def test_a_header_with_other_columns(tmp_path: Path, header: str, code: str) -> None:
    (problem,) = refused(tmp_path, header + "\n8613,2027-01-31\n")
    assert (problem.line, problem.code) == (1, code)
    assert "expires" in problem.hint or "keep one" in problem.hint


def test_the_first_problems_are_told_and_the_others_counted(tmp_path: Path) -> None:
    lines = [f"8613{n}" for n in range(1_000)]
    for n in range(0, 1_000, 4):
        lines[n] = f"8613{n},soon" if n % 8 else "x"
    found = wrong(tmp_path, "\n".join(lines))
    assert [line for line, _ in found] == [*range(1, 4 * TOLD_MAX + 2, 4)]
    assert found[-1][1] == f"and {250 - TOLD_MAX} more lines that can't be read"
    assert wrong(tmp_path, "x\n" * (TOLD_MAX + 1))[-1][1] == "and 1 more line that can't be read"
    assert len(wrong(tmp_path, "x\n" * TOLD_MAX)) == TOLD_MAX


def test_a_file_of_something_else_is_not_read_to_its_end(tmp_path: Path) -> None:
    found = wrong(tmp_path, b"\x00\xff\x1b[31m\n" * 500_000)
    assert len(found) == TOLD_MAX + 1
    assert found[-1][1].startswith("and at least ")


def test_other_encodings(tmp_path: Path) -> None:
    (problem,) = refused(tmp_path, "\ufeff8613\n8614\n".encode("utf-16-le"))
    assert (problem.code, problem.hint) == ("not-utf8", "save it as UTF-8")
    assert [line for line, _ in wrong(tmp_path, "8613,,公安\n8614\n".encode("gbk"))] == [1]


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"86" * 10_000_000)
    with path.open("rb") as file:
        assert sum(len(block) for block in blocks(file)) < LINE_BYTES_MAX + 5
    assert wrong(tmp_path, b"8613\n" + b"86" * 10_000_000) == [(2, "a line of more than 4,096 bytes: one value a line")]


def test_too_many_different_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert NOTES_MAX == 1_000_000
    monkeypatch.setattr(side_lines, "NOTES_MAX", 3)
    assert len(read(tmp_path, "".join(f"8613{n},,,{n % 3}\n" for n in range(10)))) == 10
    assert wrong(tmp_path, "".join(f"8613{n},,,{n % 4}\n" for n in range(4)))[0][0] == 4


def test_empty_files(tmp_path: Path) -> None:
    for content in ("", "\n", "# nothing yet\n", "\ufeff", "value,expires\n"):
        assert len(read(tmp_path, content)) == 0


# ------------------------------------------------------------------------------------------------- files and lists


def test_a_list_names_its_file(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "numbers.csv").write_text("8613\n8614,2027-01-31,police\n", "utf-8")
    (one,) = loaded(tmp_path, "file: more/numbers.csv, items: ['8615']").lists
    assert [len(side) for side in one.sides] == [2]
    assert [item.value for item in one.items] == ["8615"]


def test_the_rule_sets_hash_is_over_the_content(tmp_path: Path) -> None:
    def hash_with(name: str, content: str, file: str = "") -> str:
        (tmp_path / name).write_text(content, "utf-8")
        return str(loaded(tmp_path, file or f"file: {name}").hash)

    first = hash_with("a.csv", "8613\n")
    assert hash_with("b.txt", "8613\n") == first
    assert hash_with("b.txt", "8614\n") != first
    (tmp_path / "limited.csv").write_text("8613\n", "utf-8")
    assert loaded(tmp_path, "title: ''", (tmp_path / "limited.csv",)).hash == first
    assert loaded(tmp_path, "file: a.csv", (tmp_path / "limited.csv",)).hash == first  # the same, twice
    assert loaded(tmp_path, "title: ''").hash != first


def test_several_files_of_one_list(tmp_path: Path) -> None:
    for name, content in (("a.csv", "8613\n"), ("b.txt", "8614\n"), ("limited.csv", "8615,,register\n")):
        (tmp_path / name).write_text(content, "utf-8")
    more = "schema: 1\nlists:\n  - {list: limited, file: b.txt, items: ['8616']}\n"
    (tmp_path / "more.yaml").write_text(more, "utf-8")
    (one,) = loaded(tmp_path, "items: ['8612'], file: a.csv", (tmp_path / "limited.csv",)).lists
    assert {item.value for item in one.items} == {"8612", "8616"}
    assert sorted(side.path.name for side in one.sides) == ["a.csv", "b.txt", "limited.csv"]


def test_the_same_bytes_are_read_once(tmp_path: Path) -> None:
    path = tmp_path / "limited.csv"
    path.write_text("8613\n", "utf-8")
    first = read_side_file(path, NUMBERS)
    again = read_side_file(path, NUMBERS)
    assert again == first
    assert again.entries is first.entries
    assert read_side_file(path, PREFIXES).entries is not first.entries
    path.write_text("8614\n", "utf-8")
    assert read_side_file(path, NUMBERS) != first


@pytest.mark.parametrize(
    ("file", "code", "message"),
    [
        ("/etc/passwd.csv", "bad-file", "without .. and leading /"),
        ("../limited.csv", "bad-file", "without .. and leading /"),
        ("'a/../../limited.csv'", "bad-file", "without .. and leading /"),
        ('"a\\0.csv"', "bad-file", "without .. and leading /"),
        ("rules.yaml", "bad-file", "a side file ends in .csv or .txt"),
        ("out.csv", "bad-file", "'out.csv' is a link that leads out of the folder"),
        ("way/limited.csv", "bad-file", "is a link that leads out of the folder"),
        ("loop.csv", "bad-file", "is a link that leads out of the folder"),
        ("limted.csv", "unreadable", "there is no file"),
        ("folder.csv", "unreadable", "there is no file"),
    ],
)
def test_a_file_stays_with_its_rules(tmp_path: Path, file: str, code: str, message: str) -> None:
    rules = tmp_path / "rules"
    (rules / "folder.csv").mkdir(parents=True)
    for folder in (tmp_path, rules):
        (folder / "limited.csv").write_text("8613\n", "utf-8")
    (rules / "out.csv").symlink_to(tmp_path / "limited.csv")
    (rules / "way").symlink_to(tmp_path)
    (rules / "loop.csv").symlink_to("loop.csv")
    with pytest.raises(RulesError) as raised:
        loaded(rules, f"file: {file}")
    (problem,) = raised.value.problems
    assert (problem.code, problem.line) == (code, 3)
    assert message in problem.message
    assert problem.snippet[problem.column - 1 :].startswith(file)
    if file == "limted.csv":
        assert "limited.csv" in problem.hint


def test_a_link_that_stays_inside_is_followed(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "n.csv").write_text("8613\n", "utf-8")
    (tmp_path / "n.csv").symlink_to(Path("..data", "n.csv"))
    assert len(loaded(tmp_path, "file: n.csv").lists[0].sides[0]) == 1


@pytest.mark.parametrize(
    ("name", "code"),
    [("limted.csv", "unknown-list"), ("limited.json", "bad-file"), ("none/limited.csv", "unreadable")],
)
def test_extra_files_that_fit_nothing(tmp_path: Path, name: str, code: str) -> None:
    if "/" not in name:
        (tmp_path / name).write_text("8613\n", "utf-8")
    with pytest.raises(RulesError) as raised:
        loaded(tmp_path, "title: t", (tmp_path / name,))
    assert [problem.code for problem in raised.value.problems] == [code]


def test_bad_lines_refuse_the_whole_rule_set(tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text("8613\nx\n", "utf-8")
    with pytest.raises(RulesError) as raised:
        loaded(tmp_path, "file: n.csv")
    assert [(problem.path, problem.line) for problem in raised.value.problems] == [(str(tmp_path / "n.csv"), 2)]
