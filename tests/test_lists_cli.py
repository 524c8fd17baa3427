"""`interceptor lists` and the rights that it and workers need in Redis.

Enters: what a person types. Leaves: what is on the lists, text, JSON and exit codes. Invariants: numbers are masked
unless asked for; a user with the rights named here can do everything, and nothing else.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import redis
from typer.testing import CliRunner

from interceptor.commands import lists_cli
from interceptor.listbook import ListBook
from interceptor.rules.model import ListDef
from interceptor.transport.lists.follower import ListFollower
from interceptor.transport.lists.publisher import ListPublisher
from interceptor.transport.published import Published, PublishedRules
from tests.redis_server import RedisServer, running, until

RULES = """\
schema: 1
lists:
  - list: limited
    ttl: 14d
    items: ["+8613900000001"]
  - {list: bait, match: prefix}
  - {list: wide, match: range}
  - {list: sites, match: domain}
  - {list: pages, of: host}
"""

# The least rights, as README tells them. `interceptor` is the setting `app`.
KEYS = "~interceptor:lists ~interceptor:list:* ~interceptor:list-changes ~interceptor:list-staging ~interceptor:rules:*"
READ = "+select +get +hget +hgetall +hlen +xread +xrange +xrevrange +lrange"
WRITE = "+multi +exec +discard +watch +unwatch +hset +hdel +setbit +xadd"
IMPORT = "+set +unlink +hexists"
PUBLISH = "+lpush +ltrim"
WORKER = f"resetchannels -@all {KEYS} {READ} {WRITE}"
OPERATOR = f"{WORKER} {IMPORT} {PUBLISH}"
VIEWER = f"resetchannels -@all {KEYS} {READ}"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def run(server: RedisServer, tmp_path: Path) -> Run:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "lists.yaml").write_text(RULES, "utf-8")
    with server.client() as client:
        client.flushall()

    def called(command: str, *words: object) -> tuple[int, str, str]:
        more = ["--redis", server.url]
        if command in ("add", "remove", "import") and "--rules" not in words:
            more += ["--rules", str(tmp_path / "rules")]
        found = CliRunner().invoke(lists_cli.app, [command, *(str(word) for word in words), *more])
        if found.exception and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found.exit_code, found.stdout, found.stderr

    return called


def exported(run: Run, name: str = "limited") -> list[str]:
    code, out, err = run("export", name)
    assert (code, err) == (0, "")
    return sorted(out.splitlines()[1:])


def test_add_and_remove(run: Run) -> None:
    given = ("limited", "+86 139-0554-1234", "95588", "--expires", "2027-01-31", "--source", "police")
    assert run("add", *given) == (0, "limited: 2 new, 0 extended, until 2027-01-31 UTC.\n", "")
    code, out, _ = run("add", *given, "--since", "2026-01-01", "--json")
    assert (code, json.loads(out)["new"], json.loads(out)["extended"]) == (0, 0, 2)
    assert exported(run) == ["+8613905541234,,2027-01-31,police,", "+95588,,2027-01-31,police,"]
    code, out, _ = run("remove", "limited", "95588", "7", "--reason", "by mistake")
    assert (code, out) == (0, "limited: 1 taken off, 1 were not on it; verdicts of before don't count.\n")
    assert exported(run) == ["+8613905541234,,2027-01-31,police,"]
    code, out, _ = run("remove", "limited", "+8613900000001", "--json")
    assert (code, json.loads(out)["in_rules"]) == (1, 1)


def test_other_kinds_of_values(run: Run) -> None:
    assert run("add", "bait", "+8829")[0] == 0
    assert run("add", "wide", "+10..+20", "+10..+30", "--ttl", "1d")[0] == 0
    assert run("add", "sites", "A.cn.", "银行.cn")[0] == 0
    assert run("add", "pages", "www.a.cn")[0] == 0
    assert exported(run, "bait") == ["+8829,,,,"]
    assert [line.split(",")[0] for line in exported(run, "wide")] == ["+10..+20", "+10..+30"]
    assert exported(run, "sites") == ["a.cn,,,,", f"{'银行.cn'.encode('idna').decode()},,,,"]
    assert exported(run, "pages") == ["www.a.cn,,,,"]
    assert run("remove", "wide", "+10..+20")[0] == 0
    assert run("remove", "sites", "a.cn")[0] == 0
    assert [line.split(",")[0] for line in exported(run, "wide")] == ["+10..+30"]
    assert len(exported(run, "sites")) == 1


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("limitted", "5"), 2, "did you mean limited?"),
        (("limited", "abc", "0123"), 2, "value 2: '0123' is no phone number"),
        (("limited", "5", "--ttl", "soon"), 2, "no duration"),
        (("limited", "5", "--ttl", "1d", "--expires", "2027-01-01"), 2, "give one of the two"),
        (("limited", "5", "--since", "2027-01-01", "--expires", "2026-01-01"), 2, "ends before it begins"),
        (("limited", "5", "--source", "x" * 501), 2, "500 characters"),
        (("limited", "5", "--redis", "redis://127.0.0.1:1/0"), 75, "can't be reached"),
        (("limited", "5", "--rules", "nowhere"), 78, "no such file"),
        (("limited", "5", "--app", "UPPER"), 78, "--app"),
    ],
)
def test_what_can_not_be_done_is_told(
    run: Run, words: tuple[str, ...], code: int, told: str, server: RedisServer
) -> None:
    if "--redis" in words:
        found = CliRunner().invoke(lists_cli.app, ["show", *words[2:]])
        result = found.exit_code, found.stdout, found.stderr
    else:
        result = run("add", *words)
    assert (result[0], result[1]) == (code, "")
    assert told in result[2]
    with server.client() as client:
        assert client.keys("*") == []


def test_import(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("value,expires\n" + "".join(f"+86139{n:08},2027-01-01\n" for n in range(30_000)), "utf-8")
    run("add", "limited", "95588")
    code, out, err = run("import", "limited", file)
    assert (code, out, err) == (0, "limited: 30,000 imported; 30,001 values on it.\n", "")
    code, out, _ = run("import", "limited", file, "--replace", "--json")
    assert json.loads(out) == {"list": "limited", "imported": 30_000, "values": 30_000, "replaced": True}
    assert len(exported(run)) == 30_000
    file.write_text("+8613\nnonsense\n", "utf-8")
    code, out, err = run("import", "limited", file)
    assert (code, out) == (1, "")
    assert "numbers.csv:2:1: error[bad-value]" in err
    assert len(exported(run)) == 30_000
    assert run("import", "limited", tmp_path / "none.csv")[0] == 1


def test_export_as_json(run: Run) -> None:
    run("add", "limited", "5", "--ttl", "1d", "--source", "a\x1b[31m", "--reason", "b")
    code, out, _ = run("export", "limited", "--json")
    found = json.loads(out)
    assert (code, found["value"], found["source"], found["reason"]) == (0, "+5", "a�[31m", "b")
    code, out, err = run("export", "limitted")
    assert (code, out) == (2, "")
    assert "did you mean limited?" in err


def test_show(run: Run) -> None:
    assert run("show") == (0, "There are no shared lists in Redis.\n", "")
    run("add", "limited", "+8613905541234", "--expires", "2027-01-31", "--source", "police")
    run("add", "limited", "+8613905541235", "--expires", "2027-01-30", "--source", "police")
    run("add", "limited", "+8613905541236", "--expires", "2020-01-30")
    run("add", "limited", "+8613905541237", "--since", "2029-01-01", "--expires", "2030-01-01")
    run("remove", "limited", "5")
    code, out, err = run("show", "limited", "--at", "2026-10-01")
    assert (code, err) == (0, "")
    assert "2 count at 2026-10-01 00:00 UTC; 1 expired, 1 not yet, 1 taken off" in out
    lines = [line for line in out.splitlines() if "****" in line]
    assert [line.split()[:3] for line in lines] == [
        ["+861****235", "2027-01-30", "police"],
        ["+861****234", "2027-01-31", "police"],
    ]
    assert "+8613905541234" in run("show", "limited", "--reveal", "--at", "2026-10-01")[1]
    found = json.loads(run("show", "limited", "--json", "--at", "2026-10-01")[1])
    assert (found["hold"], found["sources"]) == (2, {"police": 2})
    assert json.loads(run("show", "--json")[1])["lists"][0]["values"] == 5
    assert "limited" in run("show")[1]
    assert run("show", "limited", "--at", "soon")[0] == 2


def watching(server: RedisServer, *words: str) -> subprocess.Popen[str]:
    program = "from interceptor.commands.lists_cli import app; app()"
    command = [sys.executable, "-c", program, "watch", "--redis", server.url, *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("as_json", [False, True])
def test_watch(run: Run, server: RedisServer, tmp_path: Path, *, as_json: bool) -> None:
    with watching(server, "limited", *(["--json"] if as_json else [])) as process:
        try:
            assert process.stdout
            assert process.stderr
            assert process.stderr.readline() == "Following changes; Ctrl-C ends.\n"
            run("add", "bait", "+8829")
            run("add", "limited", "+8613905541234", "--source", "police\x1b[2J")
            run("remove", "limited", "+8613905541234")
            (tmp_path / "numbers.csv").write_text("5\n")
            run("import", "limited", tmp_path / "numbers.csv", "--replace")
            lines = [process.stdout.readline() for _ in range(3)]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)
    if as_json:
        found: list[dict[str, Any]] = [json.loads(line) for line in lines]
        assert [one["change"] for one in found] == ["add", "remove", "reload"]
        assert found[0]["values"] == ["+861****234"]
    else:
        assert [line[20:].strip() for line in lines] == [
            "limited: +1 +861****234 (police�[2J)",
            "limited: -1 +861****234",
            "limited: a whole list was imported",
        ]
    assert process.returncode == 130


# ----------------------------------------------------------------------------------------------------------- rights


def as_user(server: RedisServer, name: str) -> Any:
    return server.settings(redis_username=name, redis_password="a-secret")


@pytest.mark.usefixtures("run")
def test_the_least_rights_are_enough(server: RedisServer, tmp_path: Path) -> None:
    with server.client() as admin:
        for name, rights in (("worker", WORKER), ("operator", OPERATOR), ("viewer", VIEWER)):
            admin.execute_command("ACL", "SETUSER", name, "reset", "on", ">a-secret", *rights.split())
    (tmp_path / "numbers.csv").write_text("+8613\n+8614\n", "utf-8")
    environment = {**os.environ, "INTERCEPTOR_REDIS_USERNAME": "operator", "INTERCEPTOR_REDIS_PASSWORD": "a-secret"}

    def called(*words: str) -> None:
        shown = CliRunner(env=environment).invoke(lists_cli.app, [*words, "--redis", server.url])
        assert shown.exit_code == 0, shown.output

    rules = ("--rules", str(tmp_path / "rules"))
    called("import", "limited", str(tmp_path / "numbers.csv"), *rules)
    called("import", "limited", str(tmp_path / "numbers.csv"), "--replace", *rules)
    called("add", "limited", "+8615", *rules)
    called("remove", "limited", "+8614", *rules)
    called("export", "limited")
    called("show", "limited")
    called("show")
    shelf = Published(as_user(server, "operator"))
    hashes = []
    for version in (1, 2):
        (tmp_path / "rules" / "lists.yaml").write_text(RULES + f"# {version}\nhalf_life: {version}h\n", "utf-8")
        hashes.append(shelf.publish(tmp_path / "rules"))
    shelf.publish_again(hashes[0])
    shelf.close()

    follower, publisher = ListFollower(as_user(server, "worker")), ListPublisher(as_user(server, "worker"))
    rules_ = PublishedRules(as_user(server, "worker"))
    book = ListBook([ListDef.model_validate({"list": "limited"})])
    for thread in (follower, publisher, rules_):
        thread.start()  # type: ignore[attr-defined]
    publisher.add("limited", np.array([77], np.uint64), 0, 10**13, "sweeper")
    asked = np.array([8613, 8614, 8615, 77], np.uint64)
    until(lambda: not follower.apply_to(book) and book.has("limited", asked, np.full(4, 5)).tolist() == [1, 0, 1, 1])
    until(lambda: rules_.wanted == hashes[0])
    assert rules_.fetch(hashes[0]).hash == hashes[0]
    assert (follower.trouble, publisher.trouble, rules_.trouble) == ("", "", "")
    for thread in (follower, publisher, rules_):
        thread.stop()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "command", ["FLUSHALL", "KEYS *", "CONFIG GET *", "EVAL return(1) 0", "GET other", "DEL interceptor:lists"]
)
def test_what_nobody_of_them_may(server: RedisServer, command: str) -> None:
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "operator", "reset", "on", ">a-secret", *OPERATOR.split())
    client = redis.Redis(port=server.port, username="operator", password="a-secret", protocol=2)
    with client, pytest.raises(redis.exceptions.NoPermissionError):
        client.execute_command(*command.split())


@pytest.mark.usefixtures("run")
def test_without_the_right_it_is_told(server: RedisServer, tmp_path: Path) -> None:
    with server.client() as admin:
        admin.execute_command("ACL", "SETUSER", "viewer", "reset", "on", ">a-secret", *VIEWER.split())
    environment = {**os.environ, "INTERCEPTOR_REDIS_USERNAME": "viewer", "INTERCEPTOR_REDIS_PASSWORD": "a-secret"}
    words = ["add", "limited", "5", "--rules", str(tmp_path / "rules"), "--redis", server.url]
    found = CliRunner(env=environment).invoke(lists_cli.app, words)
    assert found.exit_code == 78
    assert "has no right" in found.stderr
    assert "a-secret" not in found.stderr
