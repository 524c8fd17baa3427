"""What `interceptor bridge` does.

Enters: options. Leaves: frames from raw topics, for as long as it is let; a line on how it goes; an exit code.
Invariant: whoever stops it loses nothing: what waits is sent, and the group knows how far it came.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from interceptor.commands.live_line import LiveLine
from interceptor.commands.signals import Signals
from interceptor.transport.clients import Away
from interceptor.transport.edge.bridge import Counters, bridge
from interceptor.transport.edge.raw_topics import BadTopic
from interceptor.transport.settings import SettingsError, load_settings
from interceptor.tuning.tables import fail, print_json, say

EXIT_DONE, EXIT_TRY_LATER, EXIT_CONFIGURATION, EXIT_STOPPED = 0, 75, 78, 130


def main(
    topics: Sequence[str],
    group: str,
    frame_rows: int,
    flush_ms: int,
    config: Path | None,
    *,
    as_json: bool,
    **cluster: Any,
) -> int:
    """Until SIGINT (130) or SIGTERM (0)."""
    try:
        settings = load_settings(config, **cluster)
        with Signals() as signals, LiveLine() as line:
            line.say(f"bridge: {', '.join(topics)} → events · {settings.kafka}")
            began_s = time.monotonic()
            counters = bridge(
                settings, topics, lambda: bool(signals.heard), group=group, frame_rows=frame_rows,
                flush_s=flush_ms / 1_000,
                tell=lambda counters: line.tick(lambda: _progress(counters, time.monotonic() - began_s)),
            )  # fmt: skip
    except Away as problem:
        return fail(str(problem), EXIT_TRY_LATER)
    except (SettingsError, BadTopic) as problem:
        return fail(str(problem), EXIT_CONFIGURATION)
    if as_json:
        print_json({
            "messages": counters.messages, "events": counters.events, "dead_letters": counters.letters,
            "codes": counters.codes, "frames": counters.frames, "bytes": counters.bytes_,
        })  # fmt: skip
    else:
        events = f"{counters.events:,} events in {counters.frames:,} frames"
        say(f"{counters.messages:,} messages: {events}, {_dead(counters)}")
    return EXIT_STOPPED if signal.SIGINT in signals.heard else EXIT_DONE


def _progress(counters: Counters, seconds: float) -> str:
    rate = counters.messages / max(seconds, 1e-3)
    away = f", no broker for {counters.away_s:.0f} s" if counters.away_s else ""
    return f"{counters.messages:,} messages, {rate:,.0f}/s, {counters.behind:,} to come, {_dead(counters)}{away}"


def _dead(counters: Counters) -> str:
    codes = ", ".join(f"{code} {count:,}" for code, count in sorted(counters.codes.items()))
    return f"{counters.letters:,} dead letters" + (f" ({codes})" if codes else "")
