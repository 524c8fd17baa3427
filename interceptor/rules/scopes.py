"""What a condition can see: the names of an event, and what the rule set defines beside them.

Enters: Definitions. Leaves: a Scope for each set of kinds of event. Invariant: a name that isn't known on all the kinds
is in no scope, and it can be said on which kinds it would be.
"""

from __future__ import annotations

from collections.abc import Iterable

from interceptor.rules.conditions import PARTS_MAX_IN_ALL, Scope
from interceptor.rules.definitions import Definitions
from interceptor.rules.model import FeatureDef
from interceptor.rules.names import FEN_IN_YUAN, STAGE_SYMBOLS, Read, Symbol, Type, event_symbols
from interceptor.schema import Kind


class Scopes:
    """Scopes of one rule set."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        self._known: dict[frozenset[Kind], Scope] = {}
        self._budget = [PARTS_MAX_IN_ALL]

    def of(self, kinds: Iterable[Kind]) -> Scope:
        """What a condition on these kinds of event can see."""
        wanted = frozenset(kinds)
        if wanted not in self._known:
            by_kind = [event_symbols(kind) for kind in sorted(wanted)]
            shared = set(by_kind[0]).intersection(*by_kind[1:])
            symbols = {name: by_kind[0][name] for name in by_kind[0] if name in shared} | STAGE_SYMBOLS
            for text in self.definitions.texts.values():
                if wanted <= ({Kind.SMS} if text.of == "text" else {Kind.SMS, Kind.WEB}):
                    symbols[text.text] = Symbol(text.text, Type.YES_NO, Read("text", text.text))
            symbols |= {name: _feature_symbol(feature) for name, feature in self.definitions.features.items()}
            macros = {name: macro.condition for name, macro in self.definitions.macros.items()}
            lists = {name: definition.match for name, definition in self.definitions.lists.items()}
            self._known[wanted] = Scope(symbols, macros, lists, self._uses_of, self._absent, self._budget)
        return self._known[wanted]

    def _uses_of(self, name: str) -> frozenset[tuple[str, str]]:
        if name in self.definitions.features:
            return frozenset({("feature", name)})
        if name in self.definitions.texts:
            return frozenset({("text", name)})
        return frozenset({("stage" if name in STAGE_SYMBOLS else "column", name)})

    def _absent(self, name: str) -> str:
        having = [kind.name.lower() for kind in Kind if name in event_symbols(kind)]
        if name in self.definitions.texts:
            having = ["sms"] if self.definitions.texts[name].of == "text" else ["sms", "web"]
        return f"is only known on {' and '.join(having)} events" if having else ""


def _feature_symbol(definition: FeatureDef) -> Symbol:
    name, window = definition.feature, definition.window
    if window == "sequence":
        return Symbol(name, Type.YES_NO, Read("feature", name, sign=True))
    if window in ("since_last", "since_first"):
        return Symbol(name, Type.DURATION, Read("feature", name))
    if window == "sum" and definition.sum == "amount":
        return Symbol(name, Type.MONEY, Read("feature", name, per=FEN_IN_YUAN))
    if window == "sum":
        return Symbol(name, Type.DURATION, Read("feature", name, times=1_000))
    return Symbol(name, Type.NUMBER, Read("feature", name, is_real=window == "ratio"))
