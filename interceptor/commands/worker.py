"""`interceptor worker`: one process of the cluster, until it is stopped.

Enters: settings. Leaves: log lines on standard error; an exit code. Invariant: what is wrong with settings, rules or
topics is told before anything starts.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaException

from interceptor.rules import RulesError, default_rules_dir, load
from interceptor.transport.clients import Away, no_answer, reason
from interceptor.transport.edge.raw_topics import BadTopic, check_one_partition
from interceptor.transport.making import TopicsProblem, create_topics
from interceptor.transport.settings import SettingsError, load_settings
from interceptor.tuning.tables import fail

if TYPE_CHECKING:
    from interceptor.transport.worker.station import Station

EXIT_DONE, EXIT_TRY_LATER, EXIT_CONFIGURATION, EXIT_STOPPED = 0, 75, 78, 130
_log = logging.getLogger(__name__)
_QUIET = ("faust", "aiokafka", "mode", "asyncio", "kafka")  # what they have to say is mostly for their own makers


def main(config: Path | None, verbose: bool, **options: Any) -> int:
    """Runs a worker; `options` are settings that were given on the command line. Faust ends the process itself."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # until Faust listens: there is nothing to be finished yet
    try:
        settings = load_settings(config, **options)
        if not settings.redis and settings.snapshots == "redis":
            why = "snapshots: there is no Redis to keep them in"
            raise SettingsError(f"{why}\n  hint: --snapshots FOLDER, the same on all workers")
        local = load(settings.rules or default_rules_dir())
        create_topics(settings)
        if settings.from_json:
            check_one_partition(settings, settings.from_json)
    except (SettingsError, RulesError, BadTopic) as problem:
        return fail(str(problem), EXIT_CONFIGURATION)
    except TopicsProblem as problem:
        return fail(str(problem), problem.code)
    except Away as problem:
        return fail(str(problem), EXIT_TRY_LATER)
    _log_to_stderr(verbose)
    from interceptor.transport.worker.failpoints import listen
    from interceptor.transport.worker.stages import stages_of
    from interceptor.transport.worker.station import Station
    from interceptor.transport.worker.warming import warm_up

    listen()
    _log.info("rule set %s; getting the engine ready", local.hash)
    warm_up(local, stages_of(settings))
    gc.freeze()  # what is there now stays: nobody has to look through it for garbage again
    if settings.from_json:
        return asyncio.run(_read_json(Station(settings, local)))
    from interceptor.transport.worker.faust_app import app_of

    worker = app_of(Station(settings, local)).Worker(
        loglevel="INFO", redirect_stdouts=False, override_logging=False, quiet=True
    )
    worker.spinner = None  # it writes escape codes, also where there is no terminal
    worker.execute_from_commandline()


async def _read_json(station: Station) -> int:
    """Until SIGTERM (0) or SIGINT (130); without Faust."""
    from interceptor.transport.worker.json_member import JsonMember

    member, heard, loop = JsonMember(station), list[int](), asyncio.get_running_loop()

    def stop(number: int) -> None:
        heard.append(number)
        member.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        await member.run()
    except BadTopic as problem:
        return fail(str(problem), EXIT_CONFIGURATION)
    except KafkaException as error:
        return fail(no_answer(station.settings, reason(error.args[0])), EXIT_TRY_LATER)
    return EXIT_STOPPED if heard[0] == signal.SIGINT else EXIT_DONE


def _log_to_stderr(verbose: bool) -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)-7s %(message)s", force=True
    )
    for name in () if verbose else _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
