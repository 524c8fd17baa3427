"""The ledger: each decision once whatever is repeated, reordered or cut off; files of others; kills; its commands.

Kafka is librdkafka's mock cluster. Frames are decisions of the engine on a small city, and made-up ones.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from interceptor.batch import BadFrame
from interceptor.commands.ledger_cli import app
from interceptor.transport import wire
from interceptor.transport.clients import Away
from interceptor.transport.ledger import file as ledger_file
from interceptor.transport.ledger import follow as ledger_follow
from interceptor.transport.ledger.book import Added, Ledger
from interceptor.transport.ledger.file import LedgerBusy, LedgerError
from interceptor.transport.ledger.follow import Follower, OtherTopic, consume
from interceptor.transport.letters import dead as dead_letters
from interceptor.transport.wire import DECIDED_SCHEMA
from tests.brokers import new_broker, new_settings, real_kafka
from tests.decided_frames import frame
from tests.mock_cluster import PARTITIONS, MockCluster, mock_cluster

TOPIC = "test.decisions"
DEADLINE_S = 60.0


def bytes_of(places: list[int], **given: list[object]) -> bytes:
    return wire.encode(frame(places, **given))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger.sqlite") as made:
        yield made


@pytest.fixture(scope="module")
def cluster() -> Iterator[MockCluster]:
    with mock_cluster() as made:
        yield made


def city_frames(recording: Path) -> list[pa.RecordBatch]:
    """What workers would send of a recorded city."""
    frames = []
    names = [name for name in DECIDED_SCHEMA.names if name != "place"]
    for number, batch in enumerate(pq.ParquetFile(recording).iter_batches(5_000, columns=names)):
        places = (np.uint64(number) << np.uint64(wire.ROW_BITS)) + np.arange(batch.num_rows, dtype=np.uint64)
        columns = [pa.array(places), *(batch.column(name) for name in names)]
        frames.append(pa.RecordBatch.from_arrays(columns, schema=DECIDED_SCHEMA))
    return frames


def test_decisions_of_a_city_come_back_as_they_were(ledger: Ledger, city_recording: Path) -> None:
    frames = city_frames(city_recording)
    for batch in reversed(frames):
        assert ledger.add(batch) == Added(new=batch.num_rows)
    expected = pa.Table.from_batches(frames)
    assert ledger.rows().equals(expected)
    assert any(expected["rules"].combine_chunks().value_lengths().to_pylist()), "no rule hit: this compares little"
    assert ledger.places().tolist() == expected["place"].to_pylist()
    assert ledger.counts().decisions == len(expected)


def test_every_bit_survives(ledger: Ledger) -> None:
    """The ends of every column's range, and a score that only all of its bits tell from another."""
    batch = frame(
        [0, 2**63 - 1], event_id=[0, 2**64 - 1], ts_ms=[-(2**63), 2**63 - 1], actions=[0, 2**32 - 1],
        kind=[0, 255], status=[0, 255], verdict=[0, 255], score=[5e-324, 1.7976931348623157e308],
        target_score=[0.1 + 0.2, -1.0], rules=[[], ["一", "b:c"]], ruleset=["", "x"],
    )  # fmt: skip
    ledger.add(batch)
    assert ledger.rows().to_batches()[0].equals(batch)


# Which places each frame has: many meetings within a frame, between frames, and between runs of the process.
_FRAMES = st.lists(st.lists(st.integers(0, 30), max_size=12), max_size=8)


@given(frames=_FRAMES, said=st.randoms(use_true_random=False), cuts=st.sets(st.integers(0, 8)))
def test_it_agrees_with_a_dict(
    frames: list[list[int]], said: object, cuts: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """New, repeated and differing, as a dict of the first decision of each place counts them."""
    path = tmp_path_factory.mktemp("dict") / "ledger.sqlite"
    known: dict[int, float] = {}
    ledger = Ledger(path)
    for number, places in enumerate(frames):
        if number in cuts:
            ledger.close()
            ledger = Ledger(path)
        scores = [said.choice([0.0, 0.5]) for _ in places]  # type: ignore[attr-defined]
        expected = {"new": 0, "repeated": 0, "differing": 0}
        for place, score in zip(places, scores, strict=True):
            if place not in known:
                known[place] = score
                expected["new"] += 1
            else:
                expected["repeated" if known[place] == score else "differing"] += 1
        assert ledger.add(frame(places, score=[*scores])) == Added(**expected)
    counts, rows = ledger.counts(), ledger.rows()
    assert dict(zip(rows["place"].to_pylist(), rows["score"].to_pylist(), strict=True)) == known
    assert rows["place"].to_pylist() == sorted(known)
    assert counts.decisions == len(known)
    assert len(ledger.differing()) == counts.differing
    assert counts.repeated + counts.differing + counts.decisions == sum(len(places) for places in frames)
    ledger.close()


def test_the_first_decision_stands_and_the_other_is_kept_aside(ledger: Ledger) -> None:
    ledger.add(frame([3, 4, 5]))
    assert ledger.add(frame([4, 5, 6], rules=[["late-rule"], ["rule-2", "other"], []])) == Added(1, 1, 1)
    assert ledger.rows().slice(1, 1)["rules"].to_pylist() == [["rule-1"]]
    assert ledger.differing().select(["place", "rules"]).to_pylist() == [{"place": 4, "rules": ["late-rule"]}]


def test_counts_by_gate_verdict_status_and_rule_set(ledger: Ledger) -> None:
    places = list(range(100))
    ledger.add(frame(places))
    ledger.add(frame(places[50:]))
    counts, rows = ledger.counts(), ledger.rows().to_pylist()
    for name in ("kind", "verdict", "status", "ruleset"):
        values = {row[name] for row in rows}
        assert counts.by(name) == {(value,): sum(row[name] == value for row in rows) for value in sorted(values)}
    assert sum(counts.by("kind", "verdict").values()) == 100
    assert (counts.repeated, counts.differing) == (50, 0)


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    ledger.add(frame([1]))

    def fail() -> None:
        with ledger.transaction():
            ledger.add(frame([2], rules=[["only-in-what-failed"]], ruleset=["only there"]))
            ledger.advance("t", 0, 7)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert ledger.offsets("t") == {}
    # Names that were given numbers in what failed must be written down again.
    ledger.add(frame([3], rules=[["another"]], ruleset=["another"]))
    ledger.add(frame([4], rules=[["only-in-what-failed"]], ruleset=["only there"]))
    assert ledger.rows()["rules"].to_pylist() == [["rule-1"], ["another"], ["only-in-what-failed"]]
    assert ledger.counts().by("ruleset") == {("another",): 1, ("hash-1",): 1, ("only there",): 1}


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("place", [2**63], "64 bits"),
        ("score", [float("nan")], "score"),
        ("target_score", [float("inf")], "target_score"),
        ("rules", [["a,b"]], "comma"),
        ("rules", [[""]], "empty"),
        ("rules", [[None]], "null"),
        ("ts_ms", [None], "nulls"),
    ],
)
def test_frames_that_could_not_come_back_are_refused(
    ledger: Ledger, column: str, value: list[object], why: str
) -> None:
    with pytest.raises(BadFrame, match=why):
        ledger.add(frame([1], **{column: value}))
    assert ledger.counts().decisions == 0


def test_frames_of_other_columns_are_refused(ledger: Ledger) -> None:
    with pytest.raises(BadFrame, match="place is missing"):
        ledger.add(frame([1]).drop_columns(["place"]))
    with pytest.raises(BadFrame, match="another order"):
        ledger.add(frame([1]).select(DECIDED_SCHEMA.names[::-1]))


def test_an_event_is_found_by_its_id(ledger: Ledger) -> None:
    ledger.add(frame([1, 2, 3], event_id=[9, 2**64 - 1, 9]))
    assert ledger.find(9)["place"].to_pylist() == [1, 3]
    assert ledger.find(2**64 - 1)["place"].to_pylist() == [2]
    assert len(ledger.find(10)) == 0


def test_two_processes_do_not_advance_the_same_ledger(ledger: Ledger) -> None:
    with Ledger(ledger.path) as other:
        ledger.advance("t", 0, 5)

        def add_too() -> None:
            with other.transaction():
                other.add(frame([1]))
                other.advance("t", 0, 4)

        with pytest.raises(LedgerError, match="another process"):
            add_too()
    assert (ledger.offsets("t"), ledger.counts().decisions) == ({0: 5}, 0)


def test_it_is_read_while_it_is_written(ledger: Ledger) -> None:
    ledger.add(frame([1]))
    with Ledger(ledger.path, read_only=True) as reader, ledger.transaction():
        ledger.add(frame([2]))
        assert reader.places().tolist() == [1]


def test_files_that_are_no_ledger_are_left_alone(tmp_path: Path) -> None:
    other, text = tmp_path / "other.sqlite", tmp_path / "text.sqlite"
    db = sqlite3.connect(other)
    db.execute("CREATE TABLE mine (x)")
    db.commit()
    db.close()
    text.write_text("a long enough text that is no database at all " * 50)
    for path in (other, text):
        before = path.read_bytes()
        with pytest.raises(LedgerError, match="not a ledger"):
            Ledger(path)
        assert path.read_bytes() == before
    with pytest.raises(LedgerError, match="no ledger"):
        Ledger(tmp_path / "absent.sqlite", read_only=True)
    with pytest.raises(LedgerError, match="unable to open"):
        Ledger(tmp_path / "no folder" / "ledger.sqlite")


def test_a_migration_that_fails_changes_nothing_and_later_files_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as old:
        old.add(frame([1, 2]))
    released = ledger_file.MIGRATIONS
    monkeypatch.setattr(ledger_file, "MIGRATIONS", (*released, ("CREATE TABLE later (x)", "not SQL")))
    with pytest.raises(LedgerError, match="syntax error"):
        Ledger(path)
    monkeypatch.setattr(ledger_file, "MIGRATIONS", (*released, ("CREATE TABLE later (x)",)))
    with Ledger(path) as new:
        assert new.counts().decisions == 2
    monkeypatch.setattr(ledger_file, "MIGRATIONS", released)
    with pytest.raises(LedgerError, match=f"version {len(released) + 1}"):
        Ledger(path)


def test_a_file_that_somebody_else_holds_is_a_matter_of_time(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_file, "BUSY_S", 0.05)
    with Ledger(ledger.path) as other, ledger.transaction():
        ledger.add(frame([1]))
        with pytest.raises(LedgerBusy):
            other.add(frame([2]))


# --- the topic


def followed(cluster: MockCluster, ledger: Ledger, decisions: int, app: str = "test") -> ledger_follow.Progress:
    """Follows until the ledger has so many."""
    settings = cluster.settings.model_copy(update={"app": app})
    stop, deadline_s = Event(), time.monotonic() + DEADLINE_S

    def tell(progress: ledger_follow.Progress) -> None:
        assert time.monotonic() < deadline_s, progress
        if ledger.counts().decisions >= decisions and not progress.behind:
            stop.set()

    return consume(settings, ledger, stop, tell=tell)


def test_it_follows_all_partitions_and_goes_on_where_it_was(cluster: MockCluster, tmp_path: Path) -> None:
    for partition in range(PARTITIONS):
        cluster.send(
            "all.decisions", *(bytes_of([partition + 4 * n, partition]) for n in range(3)), partition=partition
        )
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert followed(cluster, ledger, 12, "all").added == Added(new=12, repeated=12)
        assert ledger.offsets("all.decisions") == dict.fromkeys(range(PARTITIONS), 3)
    cluster.send("all.decisions", bytes_of([50]), partition=2)
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        assert followed(cluster, ledger, 13, "all").added == Added(new=1)
        assert ledger.places().tolist() == [*range(12), 50]


def test_what_cannot_be_read_becomes_a_letter(cluster: MockCluster, ledger: Ledger) -> None:
    bad = [b"no frame", wire.encode(frame([1]).select(["place"])), bytes_of([2], score=[float("nan")])]
    cluster.send("bad.decisions", bytes_of([1]), *bad, None, bytes_of([3]), headers=[("first", b"0")])
    progress = followed(cluster, ledger, 2, "bad")
    assert (ledger.places().tolist(), progress.letters) == ([1, 3], 4)
    settings = cluster.settings.model_copy(update={"app": "bad"})
    letters = sorted(dead_letters.letters(settings), key=lambda letter: letter.at_offset)
    assert [letter.value for letter in letters] == [*bad, None]
    assert [letter.at_offset for letter in letters] == [1, 2, 3, 4]
    assert {(letter.topic, letter.code) for letter in letters} == {("bad.decisions", ledger_follow.CODE)}
    assert letters[0].headers == [("first", b"0")]
    assert ledger.counts().tallies["letters"] == 4


def test_a_letter_that_cannot_be_delivered_holds_the_ledger_back(
    cluster: MockCluster, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.send("held.decisions", bytes_of([1]), b"no frame")

    def refuse(_: object) -> None:
        raise Away("on purpose")

    monkeypatch.setattr(dead_letters.LetterBox, "deliver", refuse)
    with pytest.raises(Away, match="on purpose"):
        followed(cluster, ledger, 1, "held")
    assert (ledger.counts().decisions, ledger.offsets("held.decisions")) == (0, {})


def test_topics_made_later_are_noticed(cluster: MockCluster, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_follow, "LOOK_EVERY_S", 0.1)
    follower = Follower(cluster.settings.model_copy(update={"app": "later"}), ledger)
    assert follower.step().added == Added()
    cluster.send("later.decisions", bytes_of([7]))
    deadline_s = time.monotonic() + DEADLINE_S
    while not follower.step().added.new:
        assert time.monotonic() < deadline_s
    follower.close()
    assert ledger.places().tolist() == [7]


def test_a_ledger_of_another_topic_is_refused(cluster: MockCluster, ledger: Ledger) -> None:
    cluster.send("anew.decisions", bytes_of([1]))
    followed(cluster, ledger, 1, "anew")
    with pytest.raises(OtherTopic, match=r"topic anew\.decisions, this is other\.decisions"):
        followed(cluster, ledger, 2, "other")
    # The topic is deleted and made again: its offsets begin anew, and so do places.
    ledger.advance("anew.decisions", 0, 100)
    with pytest.raises(OtherTopic, match="made anew"):
        followed(cluster, ledger, 2, "anew")


def test_a_broker_that_stays_away_ends_it(
    cluster: MockCluster, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_follow, "LOOK_EVERY_S", 0.1)
    monkeypatch.setattr(ledger_follow, "ANSWER_MAX_S", 0.3)
    nowhere = cluster.settings.model_copy(update={"kafka": "127.0.0.1:1"})
    heard: list[float] = []
    with pytest.raises(Away, match=r"127\.0\.0\.1:1: no answer \(for 1 s"):
        consume(nowhere, ledger, Event(), tell=lambda told: heard.append(told.away_s), away_max_s=0.8)
    assert max(heard) > 0, "nobody was told that the broker is away"


@pytest.mark.skipif(not real_kafka(), reason="the mock keeps nothing when it ends; without Java there is no other")
def test_it_goes_on_after_the_broker_was_killed(ledger: Ledger, tmp_path: Path) -> None:
    broker = new_broker(tmp_path)
    broker.start()
    try:
        settings = new_settings(broker.address, "")
        topic, stop, states, deadline_s = settings.topic("decisions"), Event(), list[str](), time.monotonic() + 120
        sender = Producer({**settings.confluent(), "log_level": 0})
        sender.produce(topic, bytes_of([1, 2]), partition=1)
        assert sender.flush(20) == 0

        def tell(progress: ledger_follow.Progress) -> None:
            assert time.monotonic() < deadline_s, (states, progress)
            if not states and progress.added.new == 2:
                broker.kill()
                states.append("killed")
            elif states == ["killed"] and progress.away_s:
                broker.start()
                states.append("back")
                sender.produce(topic, bytes_of([2, 3]), partition=1)
                assert sender.flush(60) == 0
            elif progress.added.new == 3:
                stop.set()

        assert consume(settings, ledger, stop, tell=tell).added == Added(new=3, repeated=1)
        assert states == ["killed", "back"]
    finally:
        broker.kill()


KILLED = """
import sys
from pathlib import Path
from interceptor.transport.ledger import follow as ledger_follow
ledger_follow.FRAMES_AT_ONCE = 3  # many small transactions: many places to be killed at
from interceptor.commands.ledger_tools import follow
sys.exit(follow(Path(sys.argv[1]), None, None, None, as_json=False, kafka=sys.argv[2], app="kill"))
"""


def test_kills_neither_lose_nor_count_twice(cluster: MockCluster, tmp_path: Path) -> None:
    """A process that is killed again and again, against one that never was. Some frames are sent twice, so that the
    count of raw duplicates has something to get wrong."""
    sent = 0
    for number in range(400):
        places = [(number << wire.ROW_BITS) + row for row in range(50)]
        for _ in range(2 if number % 10 == 0 else 1):
            cluster.send("kill.decisions", bytes_of(places), partition=number % PARTITIONS)
            sent += 1
    path, kills, waits = tmp_path / "ledger.sqlite", 0, np.random.default_rng(5)
    deadline_s = time.monotonic() + 4 * DEADLINE_S
    while time.monotonic() < deadline_s:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path), cluster.bootstrap],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[1],
        )  # fmt: skip
        try:
            before, wanted = _messages_in(path), int(waits.integers(1, 100))
            while _messages_in(path) < min(before + wanted, sent) and time.monotonic() < deadline_s:
                time.sleep(0.002)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        kills += 1
        if _messages_in(path) == sent:
            break
    assert _messages_in(path) == sent
    assert kills >= 4
    with Ledger(path) as killed, Ledger(tmp_path / "never killed.sqlite") as other:
        followed(cluster, other, 400 * 50, "kill")
        assert killed.rows().equals(other.rows())
        assert killed.counts() == other.counts()
        assert (killed.counts().repeated, killed.counts().differing) == (40 * 50, 0)


def _messages_in(path: Path, topic: str = "kill.decisions") -> int:
    """How many messages are passed over, as a reader sees it."""
    if not path.exists():
        return 0
    try:
        with Ledger(path, read_only=True) as ledger:
            return sum(ledger.offsets(topic).values())
    except (LedgerError, sqlite3.Error):  # it is being made
        return 0


# --- the commands


def said(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments])


def test_follow_show_find_export(cluster: MockCluster, tmp_path: Path) -> None:
    path, parquet = tmp_path / "ledger.sqlite", tmp_path / "all.parquet"
    cluster.send("cli.decisions", bytes_of(list(range(40))), bytes_of([1, 2]), bytes_of([3], score=[-1.0]), b"bad")
    there = ["--file", str(path)]
    followed_ = said("follow", *there, "--kafka", cluster.bootstrap, "--app", "cli", "--until-idle", "1", "--json")
    assert followed_.exit_code == 0, followed_.stderr
    report = json.loads(followed_.stdout)
    assert (report["decisions"], report["raw_duplicates"], report["differing"], report["letters"]) == (40, 2, 1, 1)
    shown = json.loads(said("show", *there, "--json").stdout)
    assert shown["gates"]["calls"] == {
        "all": 5, "pass": 5, "label": 0, "hold": 0, "block": 0, "duplicate": 1, "late": 0, "future": 0
    }  # fmt: skip
    assert shown["rulesets"] == {"hash-0": 20, "hash-1": 20}
    plain = said("show", *there).stdout
    assert "40 decisions" in plain
    assert "Raw duplicates: 2 decisions" in plain
    assert "DIFFERING: 1" in plain
    assert said("export", str(parquet), *there).exit_code == 0
    with Ledger(path) as ledger:
        assert pq.read_table(parquet).equals(ledger.rows())
    assert not [*tmp_path.glob("*.part")]
    found = json.loads(said("find", str(2**64 - 1 - 5), *there, "--json").stdout)["decisions"]
    assert [(one["row"], one["gate"], one["rules"]) for one in found] == [(5, "registration", ["rule-2", "other"])]
    assert said("find", "12345", *there).exit_code == 1


def test_an_interrupted_export_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, parquet = tmp_path / "ledger.sqlite", tmp_path / "all.parquet"
    with Ledger(path) as ledger:
        ledger.add(frame([1]))
    parquet.write_bytes(b"the old one")

    def broken(_: object) -> Iterator[pa.RecordBatch]:
        yield frame([1])
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(Ledger, "batches", broken)
    assert said("export", str(parquet), "--file", str(path)).exit_code == 2
    assert (parquet.read_bytes(), [*tmp_path.glob("*.part")]) == (b"the old one", [])


def test_hostile_names_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with Ledger(path) as ledger:
        ledger.add(frame([1], rules=[["\x1b[31m[red]"]], ruleset=["\x1b]0;mine\x07[bold]"], event_id=[9], kind=[99]))
    for words in (said("show", "--file", str(path)).stdout, said("find", "9", "--file", str(path)).stdout):
        assert "\x1b" not in words
        assert "\x07" not in words
    assert "[bold]" in said("show", "--file", str(path)).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "--file", "absent.sqlite"], 2, "interceptor ledger follow"),
        (["export", "no/folder/x.parquet"], 2, "name a file in a folder"),
        (["follow", "--app", "NOT A NAME"], 78, "--app"),
        (["follow", "--config", "absent.toml"], 78, "absent.toml"),
        (["find", "-1"], 2, ""),
    ],
)
def test_what_is_wrong_is_said_without_a_traceback(
    arguments: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = said(*arguments)
    assert result.exit_code == code
    assert words in result.stderr
    assert result.stdout == ""
    assert not any(tmp_path.iterdir()), "something was made"


def test_a_signal_ends_it_in_order(cluster: MockCluster, tmp_path: Path) -> None:
    cluster.send("signal.decisions", bytes_of([1, 2]))
    path = tmp_path / "ledger.sqlite"
    for messages, (number, code) in enumerate(((signal.SIGTERM, 0), (signal.SIGINT, 130)), start=1):
        command = [sys.executable, "-c", KILLED.replace('"kill"', '"signal"'), str(path), cluster.bootstrap]
        process = subprocess.Popen(
            command,
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline_s = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline_s and _messages_in(path, "signal.decisions") < messages:
            time.sleep(0.01)
        process.send_signal(number)
        out, err = process.communicate(timeout=DEADLINE_S)
        assert (process.returncode, err) == (code, "")
        assert "2 in all" in out
        cluster.send("signal.decisions", bytes_of([1, 2]))
