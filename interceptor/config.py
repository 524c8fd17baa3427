"""Every limit of the engine, its unit in its name.

Enters: nothing. Leaves: Limits. Invariant: no table, queue or batch of the engine grows without one of these.
"""

from __future__ import annotations

from dataclasses import dataclass

# What a rule puts on a list counts from the next tick of event time on, so that it doesn't matter how the stream was
# cut into batches.
LIST_TICK_MS = 180_000
HOUR_MS = 3_600_000
FUTURE_MAX_MS = 300_000  # a time stamp may be ahead of the edge's clock by this much
LATENESS_MAX_MS = HOUR_MS  # and behind the stream's clock by this much
GENERATION_MS = HOUR_MS  # ids of events are forgotten by generations
# Expired entries of lists are kept this much longer, for events that come late.
LISTS_KEPT_MS = 24 * HOUR_MS
WORDING_KEPT_MS = 24 * HOUR_MS  # a group of near-equal texts is forgotten that long after it was last joined
# Rows decided at once: large enough that numpy's cost per call vanishes, small enough to stay in the cache.
CHUNK_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps of the engine's tables. Beyond a cap old entries are evicted and counted."""

    keys_max: int = 8_000_000  # per key column
    pairs_max: int = 64_000_000  # per distinct window, of keys with more than a few values
    scored_keys_max: int = 2_000_000  # sources and targets with evidence, each
    reading_bytes_max: int = 1 << 25  # for what is remembered of messages; an eighth of it for hosts
    wording_places_max: int = 4_194_304  # of founders of near-equal texts, 16 bytes each, up to four a text
