"""The least rights that Redis needs are enough, and there are no more of them than that.

Enters: the lines of README.md that make the users. Leaves: nothing. Invariant: what stands in the README is what is
tried here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import redis

from interceptor.listbook import ListBook
from interceptor.machine.redis_server import RedisServer
from interceptor.rules import load
from interceptor.transport.lists.follower import ListFollower
from interceptor.transport.lists.publisher import ListPublisher
from interceptor.transport.published import Published
from interceptor.transport.settings import Settings
from interceptor.transport.snapshots.packing import pack
from interceptor.transport.snapshots.store import store_from

pytestmark = pytest.mark.xdist_group("cluster")

README = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
LISTS = "schema: 1\nlists:\n  - {list: bad_lines, match: exact, of: number}\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    if int(str(server.client().info("server")["redis_version"]).split(".")[0]) < 7:
        server.kill()
        pytest.skip("rights to read a key only are new in Redis 7; apt install redis-server")
    for line in re.findall(r"^ACL SETUSER .*$", README, re.MULTILINE):
        server.client().execute_command(*line.replace("SECRET", "hush").split())
    yield server
    server.kill()


def as_user(server: RedisServer, name: str) -> Settings:
    return Settings(redis=server.url, redis_username=name, redis_password="hush")


def test_a_worker_needs_no_more(server: RedisServer, tmp_path: Path) -> None:
    (tmp_path / "rules.yaml").write_text(LISTS + RULE, "utf-8")
    rule_set = load(tmp_path / "rules.yaml")
    Published(as_user(server, "operator")).publish(tmp_path / "rules.yaml")
    worker = as_user(server, "worker")
    assert Published(worker).fetch(rule_set.hash).hash == rule_set.hash
    publisher, follower = ListPublisher(worker), ListFollower(worker)
    publisher.know(rule_set.lists)
    publisher.start()
    follower.start()
    publisher.add("bad_lines", np.array([8613905540001], np.uint64), 0, 2**50, "a-rule")
    publisher.stop()
    assert (publisher.written, publisher.trouble) == (1, "")
    assert follower.wait(10)
    book, value = ListBook(rule_set.lists), np.array([8613905540001], np.uint64)
    for _ in range(200):
        follower.apply_to(book)
        if book.has("bad_lines", value, np.array([5], np.int64)).all():
            break
        follower._stopping.wait(0.05)
    assert book.has("bad_lines", value, np.array([5], np.int64)).all()
    follower.stop()
    store = store_from(worker)
    data = pack({"a": np.arange(5)}, {})
    assert store.save("screen", 3, 17, data)
    assert store.newest("screen", 3) == (17, data)
    store.forget("screen", 3)


def test_a_worker_may_do_nothing_else(server: RedisServer) -> None:
    client = redis.Redis.from_url(server.url, username="worker", password="hush")
    for command in (["KEYS", "*"], ["FLUSHALL"], ["CONFIG", "GET", "*"], ["SET", "other", "1"], ["GET", "other:key"]):
        with pytest.raises(redis.exceptions.NoPermissionError):
            client.execute_command(*command)
    with pytest.raises(redis.exceptions.NoPermissionError):  # only operators say by which rules is decided
        client.execute_command("SET", "interceptor:rules:current", "x")


RULE = """\
rules:
  - rule: bad-line
    title: On the list
    on: call
    condition: caller in bad_lines
    actions: [hard_block]
    list: {to: bad_lines, ttl: 1d}
    reason: Listed.
    remedy: Ask.
    tests:
      - name: listed
        lists: {bad_lines: ["+8613905540001"]}
        events: [{on: call, caller: "+8613905540001"}]
        expect: {hits: 1}
"""
