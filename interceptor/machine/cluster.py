"""`interceptor cluster up` and `down`.

Enters: a data folder and what was asked for. Leaves: a cluster that answers and has its topics, or none of it.
Invariants: what a failed or interrupted `up` started is stopped; `down` stops only what `up` started, and with --wipe
deletes only what a cluster wrote.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from interceptor.machine import broker, java, processes, redis_server
from interceptor.machine.mock import KEPT_BYTES
from interceptor.machine.problems import CONFIGURATION, USAGE, MachineProblem
from interceptor.machine.servers import Server
from interceptor.machine.state import LOCK, SETTINGS, STATE, State, check_ours, load_state, locked, new_state
from interceptor.rules.errors import printable
from interceptor.transport.making import TopicsProblem, create_topics
from interceptor.transport.settings import FILE_VARIABLE, PREFIX, Settings, SettingsError, load_settings, settings_from
from interceptor.tuning.tables import EXIT_CLEAN, fail, print_json, say

ANSWER_S = 30.0  # that a server which runs already may still be busy with its start
TAKEN = ("app", "partitions", "frame_bytes_max")  # from the environment; all else follows from where it runs


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of `up`. Ports and partitions: 0 = whatever suits."""

    folder: Path
    light: bool = False
    kafka_port: int = 0
    redis_port: int = 0
    partitions: int = 0


def up(wish: Wish, *, as_json: bool) -> int:
    """Starts what doesn't run yet; gives the exit code."""
    try:
        state, news = bring_up(wish)
    except (MachineProblem, TopicsProblem) as problem:
        return fail(str(problem), problem.code)
    except SettingsError as error:
        return fail(str(error), CONFIGURATION)
    except OSError as error:
        return fail(told_of(error, wish.folder), CONFIGURATION)
    if as_json:
        print_json({**_as_object(state), "started": news})
    else:
        _show(state, news)
    return EXIT_CLEAN


def bring_up(wish: Wish) -> tuple[State, list[str]]:
    """A running cluster with its topics, and the names of the servers that had to be started.

    Raises MachineProblem, TopicsProblem, SettingsError.
    """
    folder = wish.folder.absolute()
    check_ours(folder)
    if not wish.light:
        java.java()  # before anything is made
    _make_folder(folder)
    with locked(folder):
        state = load_state(folder) or _fresh(folder, wish)
        _check_same(state, wish)
        return state, _start(state)


def down(folder: Path, *, wipe: bool, as_json: bool) -> int:
    """Stops what runs, and deletes what is there if it should; gives the exit code."""
    folder = folder.absolute()
    try:
        check_ours(folder)
        stopped = take_down(folder, wipe=wipe) if folder.exists() else []
    except MachineProblem as problem:
        return fail(str(problem), problem.code)
    except OSError as error:
        return fail(told_of(error, folder), CONFIGURATION)
    if as_json:
        print_json({"data": str(folder), "stopped": stopped, "wiped": wipe})
        return EXIT_CLEAN
    say(f"Stopped: {', '.join(stopped)}." if stopped else f"Nothing runs in {printable(str(folder))}.")
    if wipe:
        say(f"Its data is deleted: {printable(str(folder))}")
    return EXIT_CLEAN


def take_down(folder: Path, *, wipe: bool = False) -> list[str]:
    """The names of the servers that ran. Raises MachineProblem."""
    with locked(folder):
        state = load_state(folder)
        stopped = []
        for server in state.servers if state else ():
            if server.running:
                if not server.stop():
                    print(f"{server.title} didn't end when asked and was killed.", file=sys.stderr)
                stopped.append(server.name)
            server.process = None
        if state and not wipe:
            state.save()
        if wipe:
            _wipe(folder)
    return stopped


def told_of(error: OSError, folder: Path) -> str:
    """A folder that can't be read or written, in words."""
    return f"{printable(str(error.filename or folder))}: {error.strerror or error}"


def _wipe(folder: Path) -> None:
    """state.json last: as long as it is there, the folder is ours and can be wiped again."""
    for name in ("kafka", "redis"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (SETTINGS, STATE, LOCK):
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MachineProblem(f"{printable(str(folder))}: can't be made: {error.strerror}", CONFIGURATION) from None


def _fresh(folder: Path, wish: Wish) -> State:
    environment = {f"{PREFIX}{name.upper()}": os.environ.get(f"{PREFIX}{name.upper()}") for name in TAKEN}
    given = {name: value for name, value in environment.items() if value is not None}
    settings = settings_from(given, partitions=wish.partitions or None)
    values = settings.model_dump(include=set(TAKEN))
    kafka = 0 if wish.light else wish.kafka_port or processes.free_port(broker.PORT)
    redis = wish.redis_port or processes.free_port(redis_server.PORT)
    return new_state(folder, light=wish.light, values=values, kafka_port=kafka, redis_port=redis)


def _check_same(state: State, wish: Wish) -> None:
    """Raises MachineProblem where another cluster is asked for than is there."""
    if wish.light and wish.kafka_port:
        raise MachineProblem("--kafka-port: the mock of --light chooses its port itself", USAGE)
    kinds = {True: "a --light cluster", False: "a real Kafka"}
    wrong = [f"{kinds[state.light]}, not {kinds[wish.light]}"] if state.light != wish.light else []
    if wish.kafka_port and wish.kafka_port != state.broker.port:
        wrong.append(f"Kafka at port {state.broker.port}, not {wish.kafka_port}")
    if wish.redis_port and wish.redis_port != state.redis.port:
        wrong.append(f"Redis at port {state.redis.port}, not {wish.redis_port}")
    if wish.partitions and wish.partitions != state.values["partitions"]:
        wrong.append(f"topics of {state.values['partitions']} partitions, not {wish.partitions}")
    if wrong:
        where = printable(str(state.folder))
        raise MachineProblem(
            f"{where} holds {'; '.join(wrong)}\n  hint: name another folder with --data, or first: "
            f"interceptor cluster down --wipe --data {shlex.quote(where)}",
            USAGE,
        )


def _start(state: State) -> list[str]:
    """Both at once, as each waits for its disk; stops again what it started if anything fails."""
    mine: list[Server] = []
    try:
        for server in sorted(state.servers, key=lambda one: one.name, reverse=True):  # Redis is the quick one
            if not server.running:
                mine.append(server)
                server.launch()
                state.save()
        for server in state.servers:
            server.wait_ready() if server in mine else _check_answers(server)
        state.save_settings()
        state.save()
        create_topics(load_settings_of(state))
    except BaseException:
        for server in mine:
            server.stop()
        state.save()
        raise
    return [server.name for server in mine]


def load_settings_of(state: State) -> Settings:
    """What cluster.toml says, whatever the environment says."""
    return settings_from({}, state.settings_file)


def _check_answers(server: Server) -> None:
    """Of one that ran before: it is left alone, whatever it does."""
    if not server.answering() and not processes.wait_until(server.answering, ANSWER_S):
        pid = server.process.pid if server.process else 0
        raise MachineProblem(
            f"{server.title} at {server.address} runs (pid {pid}) but doesn't answer\n"
            f"  hint: see {printable(str(server.log))}; interceptor cluster down, and up again"
        )


def _as_object(state: State) -> dict[str, Any]:
    return {
        "data": str(state.folder),
        "kind": "light" if state.light else "kafka",
        "kafka": state.broker.address,
        "redis": state.redis.url,
        "settings": str(state.settings_file),
        "pids": {server.name: server.process.pid for server in state.servers if server.process},
    }


def _show(state: State, news: list[str]) -> None:
    for server in state.servers:
        pid = server.process.pid if server.process else 0
        say(f"{server.title} {'started' if server.name in news else 'is running'}: {server.address} (pid {pid})")
    if state.light:
        say(
            f"The mock keeps everything in memory, of each partition the newest {KEPT_BYTES >> 20} MB: "
            "it is for trying, and forgets all at `down`."
        )
    say(f"Data and logs: {printable(str(state.folder))}")
    say("Everything else finds it by this:")
    say(f"export {FILE_VARIABLE}={printable(shlex.quote(str(state.settings_file)))}")
    _warn_of_environment(state)


def _warn_of_environment(state: State) -> None:
    """Variables win over the file: then other commands wouldn't go where this cluster is."""
    try:
        seen, ours = load_settings(state.settings_file), load_settings_of(state)
    except SettingsError as error:
        print(str(error), file=sys.stderr)
        return
    for name in (*TAKEN, "kafka", "redis", "kafka_protocol"):
        if getattr(seen, name) != getattr(ours, name):
            print(f"{PREFIX}{name.upper()} is set in the environment and wins over the file: unset it", file=sys.stderr)
