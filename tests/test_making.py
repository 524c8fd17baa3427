"""Topics as the settings want them.

Enters: a broker. Leaves: topics. Invariant: what is there is never changed.
"""

from __future__ import annotations

import os

import pytest
from confluent_kafka import Producer

from interceptor.machine.processes import free_port
from interceptor.transport import making
from interceptor.transport.making import TopicsProblem, admin_client, create_topics, wanted_topics
from interceptor.transport.settings import Settings, SettingsError, settings_from
from interceptor.transport.topics import CONTACTS, DEAD_LETTERS, DECISIONS, EVENTS

pytestmark = pytest.mark.xdist_group("cluster")


def partitions(settings: Settings) -> dict[str, int]:
    topics = admin_client(settings).list_topics(timeout=10).topics
    return {name: len(topic.partitions) for name, topic in topics.items() if name.startswith(settings.app)}


def test_topics_have_their_partitions_and_making_them_again_changes_nothing(kafka_address: str) -> None:
    settings = Settings(app="making-twice", kafka=kafka_address, partitions=3)
    assert sorted(create_topics(settings)) == sorted(wanted_topics(settings))
    assert partitions(settings) == wanted_topics(settings)
    assert partitions(settings)[settings.topic(EVENTS)] == partitions(settings)[settings.topic(DEAD_LETTERS)] == 1
    assert create_topics(settings) == []
    assert partitions(settings) == wanted_topics(settings)


def test_the_engine_whole_has_no_topics_between(kafka_address: str) -> None:
    settings = Settings(app="making-whole", kafka=kafka_address, partitions=1)
    create_topics(settings)
    assert partitions(settings) == {settings.topic(name): 1 for name in (EVENTS, DECISIONS, DEAD_LETTERS)}


def test_another_number_of_partitions_is_an_error(kafka_address: str) -> None:
    settings = Settings(app="making-others", kafka=kafka_address, partitions=3)
    create_topics(settings)
    with pytest.raises(TopicsProblem, match="contacts has 3 partitions, the settings say 5") as told:
        create_topics(settings.model_copy(update={"partitions": 5}))
    assert told.value.code == 78
    assert partitions(settings) == wanted_topics(settings)


def test_only_what_is_missing_is_made(kafka_address: str, kafka_is_real: bool) -> None:
    settings = Settings(app="making-some", kafka=kafka_address, partitions=2)
    some = {settings.topic(CONTACTS): 2, settings.topic(EVENTS): 1}
    if kafka_is_real:
        making._make(admin_client(settings), settings, some, 30)
    else:
        making._order(settings, some, 30)
    making._wait(admin_client(settings), settings, some, 30)
    assert set(create_topics(settings)) == set(wanted_topics(settings)) - set(some)


def test_the_largest_frame_fits(kafka_address: str, kafka_is_real: bool) -> None:
    if not kafka_is_real:
        pytest.skip("the mock keeps 5 MB")
    settings = Settings(app="making-large", kafka=kafka_address, partitions=1)
    create_topics(settings)
    told: list[object] = []
    producer = Producer({**settings.confluent(), "message.max.bytes": settings.frame_bytes_max + making.MESSAGE_ROOM})
    producer.produce(
        settings.topic(DECISIONS), os.urandom(settings.frame_bytes_max), on_delivery=lambda error, _: told.append(error)
    )
    assert producer.flush(30) == 0
    assert told == [None]


def test_no_broker_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(making, "ANSWER_S", 0.5)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(TopicsProblem, match=f"{address}: no answer from Kafka") as told:
        create_topics(Settings(kafka=address))
    assert told.value.code == 75
    assert not making.answers(address, 0.5)


def test_copies_that_no_broker_can_hold(kafka_address: str, kafka_is_real: bool) -> None:
    if not kafka_is_real:
        pytest.skip("the mock knows one copy")
    with pytest.raises(TopicsProblem, match="can't be made") as told:
        create_topics(Settings(app="making-copies", kafka=kafka_address, replication=3))
    assert told.value.code == 78


def test_a_mock_is_known_as_one(kafka_address: str, kafka_is_real: bool) -> None:
    assert making.is_mock(Settings(kafka=kafka_address)) is not kafka_is_real


def test_who_reads_json_needs_no_topic_of_frames() -> None:
    settings = Settings(app="direct", partitions=1, from_json="gateway")
    assert wanted_topics(settings) == {"direct.decisions": 1, "direct.dead-letters": 1}
    assert settings.read_as(EVENTS) == "gateway"
    assert settings.read_as(DECISIONS) == "direct.decisions"
    assert settings.topic(EVENTS) == "direct.events"
    assert Settings(partitions=1).read_as(EVENTS) == "interceptor.events"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"INTERCEPTOR_FROM_JSON": "gateway", "INTERCEPTOR_PARTITIONS": "8"},
            "INTERCEPTOR_FROM_JSON: works where one shard holds the engine whole",
        ),
        (
            {"INTERCEPTOR_FROM_JSON": "interceptor.events", "INTERCEPTOR_PARTITIONS": "1"},
            "INTERCEPTOR_FROM_JSON: one of the cluster's own topics",
        ),
    ],
)
def test_json_that_cant_be_read_directly_is_told(given: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings_from(given)
