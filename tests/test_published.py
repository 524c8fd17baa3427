"""Published rule sets: what all workers decide by is what was checked, and nothing else gets through.

Enters: folders of rules, and bytes that somebody else made. Leaves: rule sets by their hash. Invariant: a mistake, or a
Redis that is away or emptied, leaves in force what was in force.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from typer import Typer
from typer.testing import CliRunner

from interceptor.commands import publish_cli
from interceptor.rules import RulesError, default_rules_dir, load
from interceptor.transport import bundles, published, redis_client
from interceptor.transport.bundles import BadBundle, bundle, unpacked
from interceptor.transport.published import Published, PublishedRules
from tests.redis_server import RedisServer, running, until

SMALL = """\
schema: 1
lists:
  - {list: limited, file: more/numbers.csv}
  - {list: sites, match: domain}
rules:
  - rule: limited-caller
    title: On a list
    on: call
    condition: caller in limited
    actions: [label]
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def shelf(server: RedisServer) -> Iterator[Published]:
    with server.client() as client:
        client.flushall()
    made = Published(server.settings())
    yield made
    made.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "rules"
    (made / "more").mkdir(parents=True)
    (made / "rules.yaml").write_text(SMALL, "utf-8")
    (made / "more" / "numbers.csv").write_text("+8613\n+8614,2027-01-01,police\n", "utf-8")
    (made / "more" / "notes.md").write_text("not part of it", "utf-8")
    return made


def test_what_is_published_is_fetched(shelf: Published, folder: Path, tmp_path: Path) -> None:
    extra = tmp_path / "sites.csv"
    extra.write_text("a.cn\n", "utf-8")
    given = load(folder, [extra])
    assert shelf.current_hash() is None
    assert shelf.publish(folder, [extra]) == given.hash
    assert shelf.current_hash() == given.hash
    shutil.rmtree(folder)
    extra.unlink()
    found = shelf.fetch(given.hash)
    assert found.hash == given.hash
    assert [len(one) for definition in found.lists for one in definition.sides] == [2, 1]
    assert [one.hash for one in shelf.history()] == [given.hash]


def test_the_rules_that_come_with_it(shelf: Published) -> None:
    hash_ = shelf.publish(default_rules_dir())
    assert shelf.fetch(hash_).hash == hash_ == load(default_rules_dir()).hash


def test_mistakes_change_nothing(shelf: Published, folder: Path) -> None:
    hash_ = shelf.publish(folder)
    (folder / "rules.yaml").write_text(SMALL.replace("limited\n", "limitted\n"), "utf-8")
    with pytest.raises(RulesError, match="did you mean limited"):
        shelf.publish(folder)
    assert shelf.current_hash() == hash_
    assert len(shelf.history()) == 1


def test_history_and_the_way_back(shelf: Published, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(published, "HISTORY_MAX", 3)
    hashes = []
    for version in range(1, 6):
        text = SMALL.replace("title: On a list", f"title: On a list\n    version: {version}")
        (folder / "rules.yaml").write_text(text, "utf-8")
        hashes.append(shelf.publish(folder))
    assert [one.hash for one in shelf.history()] == hashes[:1:-1]
    with pytest.raises(BadBundle, match="isn't in Redis any more"):
        shelf.fetch(hashes[0])
    with pytest.raises(BadBundle, match="isn't among the last 3"):
        shelf.publish_again(hashes[1])
    shelf.publish_again(hashes[2])
    assert shelf.current_hash() == hashes[2]
    assert [one.hash for one in shelf.history()] == [hashes[2], hashes[4], hashes[3]]
    assert shelf.fetch(hashes[2]).hash == hashes[2]


def test_the_same_files_are_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    assert bundle(folder)[0] == bundle(copy)[0]


def packed(*members: tarfile.TarInfo, content: bytes = b"") -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream, tarfile.open(fileobj=stream, mode="w|") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    found: bytes = sink.getvalue().to_pybytes()
    return found


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "given",
    [
        b"",
        b"no bundle",
        packed(member("../rules/x.yaml")),
        packed(member("rules/../../x.yaml")),
        packed(member("/rules/x.yaml")),
        packed(member("other/x.yaml")),
        packed(member("rules")),
        packed(member("rules/x.yaml", tarfile.SYMTYPE, "/etc/hostname")),
        packed(member("rules/x.yaml", tarfile.LNKTYPE, "rules/y.yaml")),
        packed(member("rules/x", tarfile.FIFOTYPE)),
        packed(member("rules/x.yaml"), member("rules/x.yaml")),
        packed(member("rules/x.yaml"))[:-9],
    ],
)
def test_bytes_that_are_no_bundle_are_refused(given: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises((BadBundle, RulesError)), unpacked(given):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_has_its_limits(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made, _ = bundle(folder)
    with monkeypatch.context() as small:
        small.setattr(bundles, "BYTES_MAX", 100)
        with pytest.raises(BadBundle, match="at most"), unpacked(made):
            pass
    monkeypatch.setattr(bundles, "PACKED_MAX", 100)
    with pytest.raises(BadBundle, match="long lists belong into Redis"):
        bundle(folder)


def test_somebody_elses_rules_under_a_hash_are_refused(shelf: Published, folder: Path, server: RedisServer) -> None:
    hash_ = shelf.publish(folder)
    with server.client() as client:
        client.set(f"interceptor:rules:set:{'0' * 12}", bundle(folder)[0])
    with pytest.raises(BadBundle, match=f"published as rule set 000000000000 is {hash_}"):
        shelf.fetch("0" * 12)


@pytest.fixture
def watcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[PublishedRules, RedisServer]]:
    monkeypatch.setattr(published, "LOOK_S", 0.02)
    monkeypatch.setattr(published, "AWAY_MAX_S", 0.1)
    monkeypatch.setattr(redis_client, "CONNECT_S", 0.3)
    with running(tmp_path / "own", keeps=True) as own:
        made = PublishedRules(own.settings())
        made.start()
        yield made, own
        made.stop()


def test_watching(watcher: tuple[PublishedRules, RedisServer], folder: Path) -> None:
    rules, own = watcher
    assert rules.wait(20)
    assert rules.wanted is None
    shelf = Published(own.settings())
    hash_ = shelf.publish(folder)
    until(lambda: rules.wanted == hash_)
    assert rules.fetch(hash_).hash == hash_
    assert rules.stale_s is None
    own.kill()
    until(lambda: rules.stale_s is not None)
    assert rules.wanted == hash_
    own.start()
    until(lambda: rules.stale_s is None)
    with own.client() as client:
        client.flushall()
    until(lambda: rules.trouble)
    assert rules.wanted == hash_
    (folder / "rules.yaml").write_text(SMALL.replace("On a list", "On the list"), "utf-8")
    again = shelf.publish(folder)
    until(lambda: rules.wanted == again and not rules.trouble)
    shelf.close()


# -------------------------------------------------------------------------------------------------------- commands


@pytest.fixture
def run(server: RedisServer) -> Callable[..., tuple[int, str, str]]:
    with server.client() as client:
        client.flushall()
    app = Typer(pretty_exceptions_enable=False)
    publish_cli.add_to(app)

    def called(*words: object) -> tuple[int, str, str]:
        found = CliRunner().invoke(app, [str(word) for word in (*words, "--redis", server.url)])
        if found.exception and not isinstance(found.exception, SystemExit):
            raise found.exception
        return found.exit_code, found.stdout, found.stderr

    return called


def test_publish_on_the_command_line(run: Callable[..., tuple[int, str, str]], folder: Path, tmp_path: Path) -> None:
    assert run("published") == (0, "No rule set is published: workers decide by their own.\n", "")
    code, out, _ = run("publish", folder, "--json")
    first = json.loads(out)
    assert (code, first["before"], first["rules"], first["lists"]) == (0, None, 1, 2)
    code, out, _ = run("publish", folder)
    assert (code, "the same as before" in out) == (0, True)
    (folder / "rules.yaml").write_text(SMALL.replace("limited\n", "limitted\n"), "utf-8")
    code, out, err = run("publish", folder)
    assert (code, out) == (1, "")
    assert "rules.yaml:9:" in err
    assert "error[unknown-list]" in err
    assert json.loads(run("published", "--json")[1])["current"] == first["hash"]
    assert f"Rule set {first['hash']} counts" in run("published")[1]
    assert run("publish", "--again", "0" * 12)[0] == 78
    assert run("publish", "--again", first["hash"])[0] == 0
    assert run("publish")[0] == 2
    code, _, err = run("publish", tmp_path / "none")
    assert (code, "there is no such file or folder" in err) == (2, True)


def test_publish_without_redis(folder: Path) -> None:
    app = Typer(pretty_exceptions_enable=False)
    publish_cli.add_to(app)
    found = CliRunner().invoke(app, ["publish", str(folder), "--redis", "redis://127.0.0.1:1/0"])
    assert found.exit_code == 75
    assert "can't be reached" in found.stderr
