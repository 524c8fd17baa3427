"""The rule set that a cluster decides by: published once, the same for all.

Enters: a folder of rules. Leaves: a rule set by its hash, and which hash counts. Invariants: only a rule set without
mistakes is published, and nothing changes otherwise; pointer, files and history change in one transaction; what is
fetched has the hash that was asked for, or there is an error.

    APP:rules:current      the hash that counts
    APP:rules:set:HASH     its files (interceptor.transport.bundles)
    APP:rules:history      list: what was published and when, the latest first, HISTORY_MAX

A worker keeps what it has while Redis is away, and also where Redis has lost the pointer: nobody wants rules to vanish.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import WatchError

from interceptor.rules import RuleSet
from interceptor.transport.bundles import BadBundle, bundle, unpacked
from interceptor.transport.redis_client import Client, RedisTrouble, connect, told
from interceptor.transport.settings import Settings

HISTORY_MAX = 20
BUNDLE_S = 30.0  # for one to be sent or received
LOOK_S = 1.0
AWAY_MAX_S = 5.0
TRIES_MAX = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Publication:
    """One rule set that was published. Time in ms since 1970."""

    hash: str
    at_ms: int
    rules: int
    lists: int
    bytes: int


def _publication(text: bytes) -> Publication:
    try:
        return Publication(**json.loads(text))
    except (ValueError, TypeError):
        raise BadBundle("the history of published rule sets can't be read") from None


class Published:
    """What is published. All methods raise RedisTrouble."""

    def __init__(self, settings: Settings, client: Client | None = None) -> None:
        self._settings, self._redis = settings, client or connect(settings, BUNDLE_S)
        self._current, self._history = (f"{settings.app}:rules:{name}" for name in ("current", "history"))

    def close(self) -> None:
        self._redis.close()

    def current_hash(self) -> str | None:
        """The hash that counts, None where nothing is published."""
        with told(self._settings):
            found: Any = self._redis.get(self._current)
        return found.decode("ascii", "replace") if found else None

    def history(self) -> list[Publication]:
        """The latest publications, the last one first."""
        with told(self._settings):
            found: Any = self._redis.lrange(self._history, 0, -1)
        return [_publication(text) for text in found]

    def publish(self, folder: Path, extra_lists: Sequence[Path] = ()) -> str:
        """Publishes a folder's rule set; gives its hash. Raises RulesError and BadBundle, and changes nothing then."""
        packed, rule_set = bundle(folder, extra_lists)
        now = Publication(rule_set.hash, int(time.time() * 1000), len(rule_set.rules), len(rule_set.lists), len(packed))
        self._put(now, packed)
        return rule_set.hash

    def publish_again(self, hash_: str) -> None:
        """Goes back to a rule set of the history. Raises BadBundle where it isn't there any more."""
        known = next((one for one in self.history() if one.hash == hash_), None)
        if known is None or self._packed(hash_) is None:
            raise BadBundle(f"rule set {hash_} isn't among the last {HISTORY_MAX} that were published")
        self._put(Publication(hash_, int(time.time() * 1000), known.rules, known.lists, known.bytes), None)

    def fetch(self, hash_: str) -> RuleSet:
        """The rule set of that hash, compiled. Raises BadBundle and RulesError."""
        packed = self._packed(hash_)
        if packed is None:
            raise BadBundle(f"rule set {hash_} isn't in Redis any more")
        with unpacked(packed) as found:
            if found.hash != hash_:
                raise BadBundle(f"what is published as rule set {hash_} is {found.hash}")
            return found

    def _packed(self, hash_: str) -> bytes | None:
        with told(self._settings):
            found: Any = self._redis.get(self._set(hash_))
        return found

    def _set(self, hash_: str) -> str:
        return f"{self._settings.app}:rules:set:{hash_}"

    def _put(self, now: Publication, packed: bytes | None) -> None:
        for _ in range(TRIES_MAX):
            with told(self._settings), self._redis.pipeline() as pipe:
                pipe.watch(self._history)  # type: ignore[no-untyped-call]
                before: Any = pipe.lrange(self._history, 0, -1)
                known = [_publication(text).hash for text in before]
                kept = {now.hash, *known[: HISTORY_MAX - 1]}
                pipe.multi()
                if packed is not None:
                    pipe.set(self._set(now.hash), packed)
                pipe.set(self._current, now.hash)
                pipe.lpush(self._history, json.dumps(asdict(now)))
                pipe.ltrim(self._history, 0, HISTORY_MAX - 1)
                for gone in sorted(set(known) - kept):
                    pipe.unlink(self._set(gone))
                try:
                    pipe.execute()
                    return
                except WatchError:
                    time.sleep(random.uniform(0, 0.05))
        raise RedisTrouble("others publish rule sets at the same time: try again")


class PublishedRules:
    """Watches which rule set counts, in a thread of its own. `wanted` is cheap to read."""

    def __init__(self, settings: Settings) -> None:
        self._published = Published(settings)
        self._looking = Published(settings, connect(settings))
        self.wanted: str | None = None  # the hash last seen; None where none was ever published
        self.trouble = ""
        self._last_contact_s = time.monotonic()
        self._looked, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)

    def start(self) -> None:
        """Begins to watch; comes back at once."""
        self._thread.start()

    def stop(self, within_s: float = 3.0) -> None:
        """Ends the thread; `wanted` stays."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(within_s)
        self._published.close()
        self._looking.close()

    def wait(self, seconds: float) -> bool:
        """Waits until it was looked for the first time; False where that took longer."""
        return self._looked.wait(seconds)

    def fetch(self, hash_: str) -> RuleSet:
        """See Published.fetch; over a connection of its own, for any thread."""
        return self._published.fetch(hash_)

    @property
    def stale_s(self) -> float | None:
        """None where `wanted` is what Redis says now; else since when, in s, it may not be."""
        return time.monotonic() - self._last_contact_s if self.trouble or not self._looked.is_set() else None

    def _run(self) -> None:
        pause_s = LOOK_S
        while not self._stopping.is_set():
            try:
                found = self._looking.current_hash()
            except Exception as error:  # whatever it is: who watches must not end
                if not self.trouble:
                    _log.warning("published rules: %s; rule set %s stays in force", error, self.wanted or "(own)")
                self.trouble, pause_s = str(error) or type(error).__name__, min(AWAY_MAX_S, pause_s * 1.5)
            else:
                self._take(found)
                pause_s = LOOK_S
            self._stopping.wait(pause_s * random.uniform(0.8, 1.0))

    def _take(self, found: str | None) -> None:
        if found is None and self.wanted is not None:
            if not self.trouble:
                _log.warning("published rules: Redis has lost what counts; rule set %s stays in force", self.wanted)
            self.trouble = "Redis has lost which rule set counts: publish it again"
            return
        self.wanted, self.trouble = found, ""
        self._last_contact_s = time.monotonic()
        self._looked.set()
