"""What `interceptor centre follow` does.

Enters: options. Leaves: a line that tells how far it is, then a sum; an exit code. Invariant: no traceback for what a
person can mend.
"""

from __future__ import annotations

import signal
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from interceptor.centre.duty import Duty
from interceptor.commands.centre.desk import EXIT_TRY_LATER, answered, opened
from interceptor.commands.centre.stream import Follower, Progress, SharedOrders
from interceptor.commands.centre.stream import follow as run
from interceptor.commands.centre.systems import systems
from interceptor.commands.live_line import LiveLine
from interceptor.commands.stopping import Watch, stopped_by_signals
from interceptor.rules import RulesError, RuleSet, default_rules_dir, load
from interceptor.transport.clients import Away
from interceptor.transport.ledger.book import Ledger
from interceptor.transport.ledger.file import LedgerError
from interceptor.transport.lists.store import SharedLists
from interceptor.transport.redis_client import RedisTrouble
from interceptor.transport.settings import SettingsError, load_settings
from interceptor.tuning.tables import EXIT_CONFIGURATION, EXIT_STOPPED, fail, print_json, say


@dataclass(frozen=True, slots=True)
class Asked:
    """Options."""

    book: Path
    ledger: Path
    rules: Path | None
    for_s: float | None
    idle_s: float | None
    config: Path | None


def follow(asked: Asked, options: dict[str, Any], *, as_json: bool) -> int:
    """Until SIGINT or SIGTERM, or as long as was asked."""
    try:
        return answered(lambda: _follow(asked, options, as_json=as_json))
    except (SettingsError, LedgerError, RulesError) as error:
        return fail(str(error), EXIT_CONFIGURATION)
    except (Away, RedisTrouble) as error:
        return fail(str(error), EXIT_TRY_LATER)


def _follow(asked: Asked, options: dict[str, Any], *, as_json: bool) -> int:
    settings = load_settings(asked.config, **options)
    rule_set = load(asked.rules or settings.rules or default_rules_dir())
    stop, watch = Event(), Watch(asked.for_s, asked.idle_s)
    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(asked.ledger, read_only=True))
        book = stack.enter_context(opened(asked.book))
        orders = None
        if settings.redis:
            lists = SharedLists(settings)
            stack.enter_context(closing(lists.redis))
            orders = SharedOrders(lists, {one.list: one for one in rule_set.lists}, book)
        follower = stack.enter_context(
            Follower(settings, ledger, book, Duty(book, systems(rule_set)), _watching(rule_set))
        )
        signals = stack.enter_context(stopped_by_signals(stop))
        line = stack.enter_context(LiveLine())

        def tell(progress: Progress) -> None:
            line.tick(lambda: _words(progress))
            if watch.is_over(progress):
                stop.set()

        progress = run(follower, orders, stop, tell)
        head = str(book.audit.head())
    if as_json:
        print_json({"frames": progress.frames, "events": progress.events, "unreadable": progress.unreadable,
                    "gone": progress.gone, "waiting": progress.waiting, "audit_head": head})  # fmt: skip
    else:
        say(f"{_words(progress)}. Head of the audit log: {head}")
    return EXIT_STOPPED if signal.SIGINT in signals else 0


def _words(progress: Progress) -> str:
    told = f"{progress.events:,} events in {progress.frames:,} frames taken in"
    if progress.waiting:
        told += f", {progress.waiting:,} decisions of the next frame aren't in the ledger yet"
    if progress.gone:
        told += f", {progress.gone:,} messages were thrown away before they were read"
    return told


def _watching(rule_set: RuleSet) -> Any:
    """Of a rule's name: whether it only watches."""
    live = {rule.name for rule in rule_set.rules if rule.mode != "shadow"}
    return lambda name: name not in live
