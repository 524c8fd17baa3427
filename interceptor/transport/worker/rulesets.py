"""The rule sets that a worker decides by.

Enters: the hash of one, as messages and snapshots name it. Leaves: the rule set with its lists. Invariant: all shards
of a process share one list book for each rule set, and all books share what came from Redis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Lock

from interceptor.listbook import ListBook
from interceptor.rules.ruleset import RuleSet
from interceptor.sharing import Shared

HELD_MAX = 4


class RulesUnknown(Exception):
    """Nobody here knows the rule set; the message says what to do."""


class RuleSets:
    """`local`: what the process was started with, if anything; `fetch`: from where they are published, None = there is
    no such one there. Raises whatever `fetch` raises."""

    def __init__(self, local: RuleSet | None, fetch: Callable[[str], RuleSet | None], static_lists: bool) -> None:
        self.shared = Shared()
        self._fetch, self._static = fetch, static_lists
        self._held: dict[str, tuple[RuleSet, ListBook]] = {}
        self._turn = Lock()
        if local is not None:
            self._hold(local)

    def __call__(self, rules_hash: str) -> tuple[RuleSet, ListBook]:
        """Raises RulesUnknown."""
        with self._turn:
            return self._found(rules_hash)

    def books(self) -> Iterator[ListBook]:
        """Of all rule sets at hand."""
        return (book for _, book in list(self._held.values()))

    def _found(self, rules_hash: str) -> tuple[RuleSet, ListBook]:
        if rules_hash not in self._held:
            found = self._fetch(rules_hash)
            if found is None:
                raise RulesUnknown(
                    f"rule set {rules_hash} is neither published nor the one this worker was started with\n"
                    "  hint: interceptor rules publish FOLDER, or start all workers with the same --rules"
                )
            self._hold(found)
        return self._held[rules_hash]

    def _hold(self, rule_set: RuleSet) -> None:
        if self._static:
            rule_set = rule_set.with_static_lists()
        if len(self._held) >= HELD_MAX:
            del self._held[next(iter(self._held))]  # shards that use it have it still
        self._held[rule_set.hash] = (rule_set, ListBook(rule_set.lists, self.shared))
