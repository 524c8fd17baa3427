"""Dead letters: nothing of a message is lost, nothing personal is said of it, and what is sent back is what came.

Kafka is librdkafka's mock cluster.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from interceptor.commands.letters_cli import app
from interceptor.commands.letters_tools import moment_ms, preview
from interceptor.transport import clients, wire
from interceptor.transport.clients import Away
from interceptor.transport.letters import back as letters_back
from interceptor.transport.letters import dead as dead_letters
from interceptor.transport.letters.back import plan, send_back
from interceptor.transport.letters.dead import Letter, LetterBox, NoTopic, letter, letters, masked, read
from interceptor.transport.settings import Settings
from interceptor.tuning.tables import UsageProblem
from tests.mock_cluster import MockCluster, mock_cluster

PHONE = "8613905541234"


class Sent:
    """A message as a client gives it, made of a letter."""

    def __init__(self, value: bytes, headers: Any, offset: int = 3) -> None:
        self._value, self._headers, self._offset = value, headers, offset

    def value(self) -> bytes:
        return self._value

    def headers(self) -> Any:
        return self._headers

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, 77


def came_back(value: bytes, headers: Any) -> Letter:
    found = read(Sent(value, headers))  # type: ignore[arg-type]
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cluster() -> Iterator[MockCluster]:
    with mock_cluster() as made:
        yield made


def of(cluster: MockCluster, name: str) -> Settings:
    return cluster.settings.model_copy(update={"app": name})


def write(settings: Settings, *values: bytes | None, topic: str, code: str = "bad-frame", **given: Any) -> None:
    """Letters about messages 10, 11, … of a topic."""
    box = LetterBox(settings)
    for number, value in enumerate(values, start=10):
        said: dict[str, Any] = {"partition": 1, "offset": number, "now_ms": 1_000 * number} | given
        box.put(*letter("not a frame", code, topic=topic, value=value, **said))
    box.deliver()


def all_of(settings: Settings, topic: str) -> list[Message]:
    """Every message in a topic, one partition after another: a consumer gives them in any order of partitions."""
    reader = Consumer({**settings.confluent(), "group.id": "x", "enable.partition.eof": True, "log_level": 0})
    numbers = clients.partitions(reader, settings, 10)[topic]
    reader.assign([TopicPartition(topic, number, 0) for number in numbers])
    found, ended = [], 0
    while ended < len(numbers):
        message = reader.poll(20)
        assert message is not None
        error = message.error()
        ended += error is not None and error.code() == KafkaError._PARTITION_EOF
        found += [message] if error is None else []
    reader.close()
    return sorted(found, key=lambda one: (one.partition(), one.offset()))


_HEADERS = st.lists(st.tuples(st.text(max_size=8), st.none() | st.binary(max_size=8)), max_size=5)


@given(
    value=st.none() | st.binary(max_size=20),
    key=st.none() | st.binary(max_size=8),
    headers=_HEADERS,
    reason=st.text(max_size=300),
    topic=st.text(min_size=1, max_size=40),
)
def test_a_letter_has_all_of_its_message(value: Any, key: Any, headers: Any, reason: str, topic: str) -> None:
    said = {"topic": topic, "partition": 5, "offset": 2**62, "key": key, "headers": headers, "now_ms": 12}
    found = came_back(*letter(reason, "a-code", value=value, **said))
    assert (found.value, found.key, found.headers) == (value, key, [one for one in headers if one[0] != "replayed"])
    assert (found.topic, found.at_partition, found.at_offset) == (topic, 5, 2**62)
    assert (found.offset, found.time_ms, found.code) == (3, 12, "a-code")
    assert len(found.reason) <= dead_letters.REASON_CHARS_MAX
    assert found.reason.isprintable()


def test_a_header_of_the_message_cannot_pass_for_one_of_the_letter() -> None:
    forged = [("code", b"forged"), ("marker", b"0,1,2"), ("left-out", b"9"), ("topic", b"elsewhere")]
    found = came_back(*letter("why", "true", topic="t", partition=0, offset=1, value=b"x", now_ms=1, headers=forged))
    assert (found.code, found.topic, found.left_out, found.headers) == ("true", "t", 0, forged)


@given(headers=st.lists(st.tuples(st.sampled_from(["code", "reason", "topic", "partition", "offset", "time_ms",
       "replayed", "original.replayed", "left-out", "no-value"]), st.none() | st.binary(max_size=30))))  # fmt: skip
def test_whatever_lies_in_the_topic_can_be_read(headers: Any) -> None:
    found = came_back(b"anything", headers)
    assert dead_letters.CODE.fullmatch(found.code)
    assert found.reason
    assert found.reason.isprintable()
    assert preview(found)


@pytest.mark.parametrize(
    "number",
    [
        PHONE,
        "+86 139 0554 1234",
        "139-0554-1234",
        "(0554) 664 1234",
        "139.0554.1234",
        "１３９０５５４１２３４",
        "6217000012345678",
    ],
)
def test_numbers_of_persons_are_masked(number: str) -> None:
    said = masked(f"row 12: {number} isn't a number of 5 digits, column x1")
    assert number not in said
    assert not any(part in said for part in ("1234", "6262", "１２３４", "554"))
    assert said.startswith("row 12")
    assert said.endswith("5 digits, column x1")


def test_sizes_are_not() -> None:
    assert masked("1,048,576 rows, at most 65,536") == "1,048,576 rows, at most 65,536"


def test_a_code_is_for_machines() -> None:
    with pytest.raises(ValueError, match="not a code"):
        letter("why", f"bad {PHONE}", topic="t", partition=0, offset=1, value=b"", now_ms=1)


def test_letters_are_read_in_order(cluster: MockCluster) -> None:
    settings = of(cluster, "order")
    with pytest.raises(NoTopic):
        list(letters(settings))
    write(settings, b"a", None, b"", topic="gateway")
    found = list(letters(settings))
    assert [(one.offset, one.value, one.at_offset) for one in found] == [(0, b"a", 10), (1, None, 11), (2, b"", 12)]
    assert [one.at_offset for one in letters(settings, since_ms=11_000)] == [11, 12]


def test_a_message_too_large_for_a_letter_is_named_at_least(cluster: MockCluster) -> None:
    settings = of(cluster, "large").model_copy(update={"frame_bytes_max": 1 << 16})
    size = (1 << 16) + clients.HEADROOM_BYTES + 1
    write(settings, b"x" * size, b"small", topic="gateway")
    first, second = sorted(letters(settings), key=lambda one: one.at_offset)
    assert (first.left_out, first.value, second.left_out, second.value) == (size, b"", 0, b"small")
    cluster.send("gateway", b"")
    assert plan(settings, lambda _: True).sendable == (second.offset,)
    assert f"{size:,} bytes" in preview(first)[0]


def test_letters_that_nobody_takes_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "SILENT_S", -14.7)
    box = LetterBox(Settings(kafka="127.0.0.1:1"))
    box.put(*letter("why", "code", topic="t", partition=0, offset=1, value=b"", now_ms=1))
    with pytest.raises(Away, match=r"127\.0\.0\.1:1"):
        box.deliver()


def test_what_is_sent_back_is_what_came(cluster: MockCluster) -> None:
    settings = of(cluster, "back")
    original = [("origin", b"7"), ("empty", None), ("origin", b"8")]
    cluster.send("back-gateway", b"bad", b"bad too", None, partition=1, key=b"k", headers=original)
    write(settings, b"bad", b"bad too", None, topic="back-gateway", key=b"k", headers=original)
    chosen = plan(settings, lambda one: one.offset != 1)
    assert (chosen.sendable, chosen.groups) == ((0, 2), {("back-gateway", "bad-frame"): 2})
    assert list(send_back(settings, chosen.sendable)) == [2]
    found = all_of(settings, "back-gateway")[3:]
    assert [(one.value(), one.key(), one.partition()) for one in found] == [(b"bad", b"k", 1), (None, b"k", 1)]
    assert [one.headers() for one in found] == [[*original, ("replayed", b"1")]] * 2
    assert [one.replayed for one in letters(settings)] == [True, False, True]
    assert plan(settings, lambda _: True).sendable == (1,)
    assert plan(settings, lambda _: True, again=True).sendable == (0, 1, 2)


def test_a_letter_that_comes_back_is_seen_to(cluster: MockCluster) -> None:
    settings = of(cluster, "seen")
    cluster.send("seen-gateway", b"")
    write(settings, b"bad", topic="seen-gateway")
    for times in (1, 2):
        newest = [one.offset for one in letters(settings)][-1]
        list(send_back(settings, [newest]))
        came = all_of(settings, "seen-gateway")[-1]
        headers: Any = came.headers()
        write(settings, came.value(), topic="seen-gateway", headers=headers)
        last = list(letters(settings))[-1]
        assert (last.replays, last.replayed, last.headers) == (times, False, [])


def test_messages_that_did_not_arrive_are_not_marked(cluster: MockCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = of(cluster, "partly")
    cluster.send("partly-gateway", b"")
    write(settings, b"fine", b"x" * 5_000, topic="partly-gateway")

    def narrow(given: Settings, _: str) -> Producer:
        return Producer({**given.confluent(), "message.max.bytes": 2_000, "log_level": 0})

    monkeypatch.setattr(clients, "producer", narrow)
    with pytest.raises(Away, match="1 messages could not be written"):
        list(send_back(settings, [0, 1]))
    monkeypatch.undo()
    assert [one.replayed for one in letters(settings)] == [True, False]


def test_what_must_not_be_sent_back(cluster: MockCluster) -> None:
    settings = of(cluster, "refused")
    for topic in ("refused.events", "refused.dead-letters", "refused-gateway", "gone"):
        write(settings, b"x", topic=topic)
    cluster.send("refused.events", b"")
    cluster.send("refused-gateway", b"")
    cluster.send("refused.dead-letters", b"not by letter()")
    chosen = plan(settings, lambda _: True)
    assert chosen.sendable == (2,)
    assert [(offset, why.split()[-1]) for offset, why in chosen.refused] == [
        (0, "it)"), (1, "itself"), (3, "more"), (4, "from")
    ]  # fmt: skip
    assert plan(settings, lambda _: True, forced=True).sendable == (0, 2)
    assert plan(settings, lambda _: True, forced=True, limit=1).sendable == (0,)


# --- the commands


def said(settings: Settings, *arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments, "--kafka", settings.kafka, "--app", settings.app])


def test_list_show_replay(cluster: MockCluster, tmp_path: Path) -> None:
    settings = of(cluster, "cli")
    assert said(settings, "list").stdout == "No dead letters.\n"
    assert json.loads(said(settings, "list", "--json").stdout) == {"letters": [], "codes": {}}
    now_ms = time.time_ns() // 1_000_000
    value = f'{{"from": "{PHONE}", "text": "\\u001b[31m \\u0031{PHONE[1:]}"}}'.encode()
    write(settings, value, topic="cli-gateway", code="bad-json", now_ms=now_ms)
    write(settings, b"x", b"y", topic="cli.events", now_ms=now_ms)
    cluster.send("cli-gateway", b"")
    cluster.send("cli.events", b"")
    listed = json.loads(said(settings, "list", "--json", "--since", "1h").stdout)
    assert listed["codes"] == {"bad-frame": 2, "bad-json": 1}
    assert [one["letter"] for one in listed["letters"]] == [0, 1, 2]
    assert "The newest 1 of 2" in said(settings, "list", "--limit", "1", "--code", "bad-frame").stdout
    shown = said(settings, "show", "0", "--raw", str(tmp_path / "raw"))
    assert shown.exit_code == 0, shown.stderr
    assert (tmp_path / "raw").read_bytes() == value
    assert "\x1b" not in shown.stdout
    assert PHONE[1:] not in shown.stdout
    assert "cli-gateway/1/10" in shown.stdout
    assert said(settings, "show", "9").exit_code == 2

    dry = said(settings, "replay", "--all")
    assert (dry.exit_code, "Nothing was sent" in dry.stdout, "internal" in dry.stdout) == (1, True, True)
    assert len(all_of(settings, "cli-gateway")) == 1
    sent = json.loads(said(settings, "replay", "--all", "--code", "bad-json", "--yes", "--json").stdout)
    assert (sent["sent"], sent["refused"]) == (1, [])
    assert [one.value() for one in all_of(settings, "cli-gateway") if one.partition() == 1] == [value]
    again = said(settings, "replay", "--all", "--code", "bad-json", "--yes")
    assert (again.exit_code, again.stdout) == (0, "There is nothing to send.\n")
    named = said(settings, "replay", "0", "77", "--yes")
    assert named.exit_code == 1
    assert "sent back before" in named.stdout
    assert "no such letter" in named.stdout
    forced = said(settings, "replay", "1", "--force", "--yes")
    assert (forced.exit_code, "1 of 1 sent" in forced.stdout) == (0, True)
    assert [one["replayed"] for one in json.loads(said(settings, "list", "--json").stdout)["letters"]] == [
        True, True, False
    ]  # fmt: skip


def test_wrong_use_is_said_plainly(cluster: MockCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = of(cluster, "wrong")
    for arguments in (["replay"], ["replay", "1", "--all"], ["list", "--since", "yesterday"]):
        result = said(settings, *arguments)
        assert (result.exit_code, "hint:" in result.stderr, result.stdout) == (2, True, "")
    monkeypatch.setattr(dead_letters, "SILENT_S", 0.3)
    away = said(settings.model_copy(update={"kafka": "127.0.0.1:1"}), "list")
    assert (away.exit_code, "127.0.0.1:1" in away.stderr) == (75, True)
    assert said(settings.model_copy(update={"app": "Not a name"}), "list").exit_code == 78


def test_since_is_a_span_or_a_time() -> None:
    now_s = 1_800_000_000.0
    assert moment_ms(None, now_s) == 0
    assert moment_ms("2h", now_s) == 1_799_992_800_000
    assert moment_ms("2027-01-15T08:00", now_s) == 1_800_000_000_000
    assert moment_ms("2027-01-15T16:00+08:00", now_s) == 1_800_000_000_000
    for wrong in ("", "2 h", "h", "-1h", "2027-13-01", "\x1b[31m"):
        with pytest.raises(UsageProblem, match="not a time"):
            moment_ms(wrong, now_s)


def previewed(value: bytes) -> str:
    return "\n".join(preview(came_back(*letter("w", "c", topic="t", partition=0, offset=1, value=value, now_ms=1))))


def test_a_preview_says_what_it_is_and_no_more() -> None:
    batch = pa.RecordBatch.from_pydict({"source": pa.array([int(PHONE)], pa.uint64()), PHONE: pa.array([None])})
    frame = previewed(wire.encode(batch))
    assert "a frame of 1 rows" in frame
    assert "source: uint64" in frame
    assert "1 nulls" in frame
    assert "JSON, an array" in previewed(b"[" + PHONE.encode() + b"]")
    assert "neither a frame nor JSON" in previewed(b"\xff\x00\x1b]0;" + PHONE.encode())
    for value in (
        wire.encode(batch),
        b"[" + PHONE.encode() + b"]",
        b"[" * 100_000,
        b"\x1b" + PHONE.encode(),
        b"1" * 10_000,
    ):
        told = previewed(value)
        assert PHONE[:7] not in told
        assert all(line.isprintable() for line in told.splitlines())
        assert len(told) < 5_000


def test_a_number_at_the_edge_of_a_preview_is_not_laid_bare() -> None:
    for length in range(960, 1_000):
        told = previewed(json.dumps(["x" * length, PHONE]).encode())
        assert PHONE[:3] not in told.splitlines()[1]


def test_markers_are_no_letters(cluster: MockCluster) -> None:
    settings = of(cluster, "markers")
    cluster.send("markers.dead-letters", b"", headers=[("marker", b"0,,x,-1,99999999999999999999999999")])
    cluster.send("markers.dead-letters", b"z")
    assert letters_back.plan(settings, lambda _: True).sendable == ()
    assert [(one.offset, one.code, one.topic) for one in letters(settings)] == [(1, "unknown", "")]
