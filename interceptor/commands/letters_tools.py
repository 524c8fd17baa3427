"""What `interceptor dead-letters` does: list, show, replay.

Enters: options. Leaves: text or JSON, and an exit code. Invariants: nothing is sent without --yes; what a letter has in
it can't steer the terminal, and long numbers in it are masked.
"""

from __future__ import annotations

import json
import re
import time
from collections import Counter, deque
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from interceptor.batch import BadFrame
from interceptor.rules.errors import printable
from interceptor.transport import wire
from interceptor.transport.clients import Away
from interceptor.transport.letters.back import Plan, plan, send_back
from interceptor.transport.letters.dead import Letter, NoTopic, letters, masked
from interceptor.transport.settings import Settings, SettingsError, load_settings
from interceptor.tuning.tables import (
    EXIT_CLEAN,
    EXIT_CONFIGURATION,
    EXIT_FOUND,
    Column,
    UsageProblem,
    fail,
    print_json,
    say,
    show_table,
)

EXIT_TRY_LATER = 75
PREVIEW_CHARS_MAX = 1_000
BEGINNING_CHARS_MAX = 64
REFUSED_SHOWN_MAX = 20
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters to send back."""

    offsets: tuple[int, ...] = ()
    everything: bool = False
    since: str | None = None
    code: str | None = None
    limit: int | None = None
    force: bool = False
    again: bool = False


def show_list(
    since: str | None, code: str | None, limit: int, config: Path | None, *, as_json: bool, **options: Any
) -> int:
    """The newest, and how many of each code."""
    newest: deque[Letter] = deque(maxlen=limit)
    codes: Counter[str] = Counter()
    try:
        settings, since_ms = load_settings(config, **options), moment_ms(since, time.time())
        for letter in _there(settings, since_ms):
            if code in (None, letter.code):
                codes[letter.code] += 1
                newest.append(letter)
    except Exception as error:
        return _failed(error)
    if as_json:
        print_json({"letters": [about(letter) for letter in newest], "codes": dict(sorted(codes.items()))})
        return EXIT_CLEAN
    if not codes:
        say("No dead letters.")
        return EXIT_CLEAN
    names = (Column("letter", right=True), Column("written (UTC)"), Column("code"), Column("from"),
             Column("bytes", right=True), Column("sent back"), Column("reason", wraps=True))  # fmt: skip
    rows = [
        [str(one.offset), _moment(one.time_ms), one.code, one.place, f"{_size(one):,}", _sent(one), one.reason]
        for one in newest
    ]
    said = ", ".join(f"{name} {count:,}" for name, count in codes.most_common())
    note = (
        f"The newest {len(newest):,} of {codes.total():,}; --limit shows more." if codes.total() > len(newest) else ""
    )
    show_table(f"{codes.total():,} dead letters: {said}", names, rows, note)
    return EXIT_CLEAN


def show_one(offset: int, raw: Path | None, config: Path | None, *, as_json: bool, **options: Any) -> int:
    """One letter; its bytes into a file, if asked for."""
    try:
        settings = load_settings(config, **options)
        letter = next((one for one in _there(settings, 0) if one.offset == offset), None)
        if letter is None:
            raise UsageProblem(f"there is no letter {offset}\n  hint: `interceptor dead-letters list` numbers them")
        if raw is not None:
            raw.write_bytes(letter.value or b"")
    except OSError as error:
        return fail(f"--raw {printable(str(raw))}: can't be written: {error.strerror or error}")
    except Exception as error:
        return _failed(error)
    shown = preview(letter)
    if as_json:
        print_json(about(letter) | {"preview": shown})
        return EXIT_CLEAN
    say(f"Letter {offset}: {letter.code}", bold=True)
    say(f"  reason   {letter.reason}")
    say(f"  from     {letter.place}")
    say(f"  written  {_moment(letter.time_ms)} UTC")
    say(f"  headers  {', '.join(masked(name) for name, _ in letter.headers)[:PREVIEW_CHARS_MAX] or 'none'}")
    say(f"  back     {_sent(letter) or 'not sent back'}; before this letter: {letter.replays:,} times")
    for line in shown:
        say(f"  {line}")
    return EXIT_CLEAN


def replay(choice: Choice, config: Path | None, *, send: bool, as_json: bool, **options: Any) -> int:
    """Says what would be sent, and sends it only if asked to."""
    sent = 0
    try:
        if bool(choice.offsets) == choice.everything:
            raise UsageProblem("name letters, or ask for --all\n  hint: `interceptor dead-letters list` numbers them")
        settings, since_ms = load_settings(config, **options), moment_ms(choice.since, time.time())
        found = _plan(settings, choice, since_ms)
        if not as_json:
            _tell(found)
        if send and found.sendable:
            for sent in send_back(settings, found.sendable):
                if not as_json:
                    say(f"{sent:,} of {len(found.sendable):,} sent.")
    except Exception as error:
        return _failed(error)
    if as_json:
        groups = [{"topic": topic, "code": code, "letters": count} for (topic, code), count in found.groups.items()]
        refused = [{"letter": offset, "reason": why} for offset, why in found.refused]
        print_json({"sendable": list(found.sendable), "groups": groups, "refused": refused, "sent": sent})
    elif found.sendable and not send:
        say("Nothing was sent: --yes sends.")
    return EXIT_FOUND if found.refused else EXIT_CLEAN


def moment_ms(text: str | None, now_s: float) -> int:
    """Of --since: a span before now, or a time. Raises UsageProblem."""
    if text is None:
        return 0
    if span := re.fullmatch(r"([0-9]{1,9})([smhd])", text):
        return max(0, round((now_s - int(span[1]) * _UNITS_S[span[2]]) * 1_000))
    try:
        found = datetime.fromisoformat(text)
        return max(0, round((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1_000))
    except (ValueError, OverflowError):
        raise UsageProblem(
            f"--since {printable(text)[:60]}: not a time\n  hint: 30m, 2h, 3d, or 2027-06-30T12:00"
        ) from None


def about(letter: Letter) -> dict[str, Any]:
    """For machines; nothing of what the message said."""
    return {
        "letter": letter.offset,
        "time_ms": letter.time_ms,
        "code": letter.code,
        "reason": letter.reason,
        "topic": printable(letter.topic),
        "partition": letter.at_partition,
        "offset": letter.at_offset,
        "bytes": _size(letter),
        "complete": not letter.left_out,
        "replayed": letter.replayed,
        "replays_before": letter.replays,
    }


def preview(letter: Letter) -> list[str]:
    """A few lines on what the message is, with its long numbers masked."""
    value = letter.value
    if letter.left_out:
        return [f"{letter.left_out:,} bytes that were too many for a letter: they are at {letter.place}"]
    if not value:
        return ["no value" if value is None else "no bytes"]
    return _frame_lines(value) or _json_lines(value) or _other_lines(value)


def _frame_lines(value: bytes) -> list[str]:
    try:
        batch = wire.decode(value)
    except BadFrame:
        return []
    told = [f"a frame of {batch.num_rows:,} rows, {len(value):,} bytes"]
    for field, column in zip(batch.schema, batch.columns, strict=True):
        nulls = f", {column.null_count:,} nulls" if column.null_count else ""
        told.append(f"  {masked(field.name)[:60]}: {printable(str(field.type))[:60]}{nulls}")
    return told[:80]


def _json_lines(value: bytes) -> list[str]:
    try:
        found = json.loads(value)
        text = json.dumps(found, ensure_ascii=False)  # a number can't hide behind escapes
    except (ValueError, RecursionError):
        return []
    kind = "an object" if isinstance(found, dict) else "an array" if isinstance(found, list) else "a value"
    # Cut after masking, so that no number is cut short of being one.
    return [f"JSON, {kind}, {len(value):,} bytes", masked(text[: 2 * PREVIEW_CHARS_MAX])[:PREVIEW_CHARS_MAX]]


def _other_lines(value: bytes) -> list[str]:
    text = masked(value[: 4 * PREVIEW_CHARS_MAX].decode("utf-8", "replace"))[:BEGINNING_CHARS_MAX]
    return [f"neither a frame nor JSON, {len(value):,} bytes; it begins with", text]


def _there(settings: Settings, since_ms: int) -> Any:
    try:
        yield from letters(settings, since_ms=since_ms)
    except NoTopic:
        return


def _plan(settings: Settings, choice: Choice, since_ms: int) -> Plan:
    def wanted(letter: Letter) -> bool:
        if choice.offsets and letter.offset not in choice.offsets:
            return False
        if choice.everything and letter.replayed and not choice.again:
            return False
        return letter.time_ms >= since_ms and choice.code in (None, letter.code)

    try:
        found = plan(settings, wanted, forced=choice.force, again=choice.again, limit=choice.limit or 0)
    except NoTopic:
        found = Plan((), {}, ())
    met = {*found.sendable, *(offset for offset, _ in found.refused)}
    absent = [(offset, "there is no such letter") for offset in choice.offsets if offset not in met]
    return Plan(found.sendable, found.groups, (*found.refused, *(absent if not choice.limit else ())))


def _tell(found: Plan) -> None:
    for (topic, code), count in found.groups.items():
        say(f"To {printable(topic)}: {count:,} with code {code}")
    for offset, why in found.refused[:REFUSED_SHOWN_MAX]:
        say(f"Not letter {offset}: {printable(why)}")
    if len(found.refused) > REFUSED_SHOWN_MAX:
        say(f"… and {len(found.refused) - REFUSED_SHOWN_MAX:,} more can't be sent.")
    if not found.sendable:
        say("There is nothing to send.")


def _failed(error: Exception) -> int:
    """Of what may go wrong, in the words of whoever found out."""
    if isinstance(error, SettingsError):
        return fail(str(error), EXIT_CONFIGURATION)
    if isinstance(error, Away):
        return fail(str(error), EXIT_TRY_LATER)
    if isinstance(error, UsageProblem):
        return fail(str(error))
    raise error


def _size(letter: Letter) -> int:
    return letter.left_out or len(letter.value or b"")


def _sent(letter: Letter) -> str:
    return "yes" if letter.replayed else ""


def _moment(time_ms: int) -> str:
    try:
        return f"{datetime.fromtimestamp(time_ms / 1_000, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "unknown"
