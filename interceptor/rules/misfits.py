"""What a model refuses, in words for the author of the file.

Enters: pydantic's errors and the document they are about. Leaves: Problems. Invariant: one mistake is told once: what
only follows from another one of the same definition is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from interceptor.rules.errors import Problem, nearest, shortened
from interceptor.rules.forms import NAME, shown
from interceptor.rules.source import Document, Path

_KEY_NAMED = re.compile(r"`(\w+)`")
_FORMS = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
    "dict": "a mapping (key: value)",
    "model": "a mapping (key: value)",
    "is": "what it should be",
}
_BOUNDS = {
    "greater_than_equal": "at least",
    "less_than_equal": "at most",
    "greater_than": "more than",
    "less_than": "less than",
}


def misfits(document: Document, start: Path, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """The problems of the definition at `start`, without those of values that were refused before."""
    details = [one for one in error.errors(include_url=False) if not _refused(document, (*start, *_path(one)))]
    unknown = {_path(one): one for one in details if one["type"] == "extra_forbidden"}
    found = []
    for one in details:
        path = _path(one)
        if one["type"] == "missing" and _misspelled(path, unknown):
            continue
        found.append(_problem(document, start, model, path, one))
    return found


def _path(details: ErrorDetails) -> Path:
    return tuple(step for step in details["loc"] if step != "[key]")


def _refused(document: Document, path: Path) -> bool:
    return any(path[:length] in document.refused for length in range(len(path) + 1))


def _misspelled(path: Path, unknown: Mapping[Path, Any]) -> bool:
    """Whether a key that is missing stands there, misspelled."""
    beside = [str(other[-1]) for other in unknown if other[:-1] == path[:-1]]
    return any(nearest(key, [str(path[-1])]) for key in beside)


def _problem(document: Document, start: Path, model: type[BaseModel], path: Path, details: ErrorDetails) -> Problem:
    full = (*start, *path)
    message, hint = details["msg"].removeprefix("Value error, "), ""
    kind, given, context = details["type"], details["input"], details.get("ctx", {})
    code = "bad-value"
    name = next((f"`{step}`" for step in reversed(path) if isinstance(step, str)), "this")
    if kind == "missing":
        return Problem(document.place(full[:-1]), "missing-key", f"`{path[-1]}` is missing", _example(str(path[-1])))
    if kind == "extra_forbidden":
        known = keys_at(model, path[:-1])
        message, code = f"there is no key `{shortened(str(path[-1]))}` here", "unknown-key"
        hint = nearest(str(path[-1]), known) or f"known: {', '.join(known)}"
        full = (*full, "key")
    elif kind == "literal_error":
        known = [str(one) for one in re.findall(r"'([^']*)'|(\d+)", context["expected"]) for one in one if one]
        message = f"{name} is one of {', '.join(known)}, not {shown(given)}"
        hint = nearest(str(given), known)
    elif kind == "string_pattern_mismatch":
        code, (message, hint) = "bad-name", _name_form(shown(given), context["pattern"] == NAME)
    elif kind in _BOUNDS:
        bound = next(value for key, value in context.items() if key in ("ge", "le", "gt", "lt"))
        code, message = "out-of-range", f"{name} is {_BOUNDS[kind]} {_amount(bound, given)}"
    elif kind in ("too_short", "too_long", "string_too_short", "string_too_long"):
        code, message, hint = _length(name, isinstance(given, str), context)
    elif kind.endswith(("_type", "_parsing", "_from_float")) or kind == "finite_number":
        code, message = (
            "wrong-type",
            f"{name} is {_FORMS.get(kind.split('_')[0], 'something else')}, not {shown(given)}",
        )
        hint = f'put it into quotes: "{given}"' if kind == "string_type" and isinstance(given, int | float) else ""
    elif kind == "value_error":
        full = _named(document, full, message)
    return Problem(document.place(full), code, shortened_message(message), hint)


def shortened_message(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:200]}…{message[-99:]}"


def _named(document: Document, path: Path, message: str) -> Path:
    """The key that a message speaks of, where it is there; the last, where there are several."""
    named = [(*path, key, "key") for key in _KEY_NAMED.findall(message) if (*path, key, "key") in document.nodes]
    return max(named, key=lambda one: document.nodes[one].start_mark.index, default=path)


def _name_form(given: str, plain: bool) -> tuple[str, str]:
    if plain:
        return f"{given} is no name", "lower-case letters, digits and _, beginning with a letter: strangers_24h"
    return f"{given} is no name of a rule", "lower-case words joined by -, beginning with a letter: young-line"


def _length(name: str, is_text: bool, context: Mapping[str, Any]) -> tuple[str, str, str]:
    unit = "characters" if is_text else "entries"
    if "min_length" in context:
        return "out-of-range", f"{name} needs at least {context['min_length']} {unit}", ""
    return "out-of-range", f"{name} has at most {context['max_length']:,} {unit}", "break it up"


def _amount(bound: Any, given: Any) -> str:
    """A bound, as it would be written instead of what was."""
    if isinstance(given, str):
        return f"{bound // 86_400_000}d" if bound >= 86_400_000 else f"{bound // 1_000}s"
    return f"{bound:,g}" if isinstance(bound, float) else f"{bound:,}"


def _example(key: str) -> str:
    return {
        "schema": "begin the file with `schema: 1`",
        "on": "the kinds of event: on: call, or on: [call, sms]",
        "within": "the window's length: within: 24h",
        "by": "what it is kept for: by: caller",
    }.get(key, "")


def keys_at(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """The keys of the mapping at this path below a model."""
    found: type[BaseModel] | None = model
    for step in path:
        if isinstance(step, str):
            field = found.model_fields.get(step) if found else None
            found = next(_models(field.annotation), None) if field else None
    return [field.alias or name for name, field in found.model_fields.items()] if found else []


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)
