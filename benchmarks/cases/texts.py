"""Text patterns: one rule with so many of them, on messages of the simulated city.

Enters: words, twenty of which are cut out of earlier messages. Leaves: ns of CPU a message, for the engine with the one
rule, for the same where no text comes twice, and for Hyperscan alone on the folded bytes. Invariant: how many messages
have one of them doesn't depend on how many there are (but for the fewest); what is scanned is the same in all.
"""

from __future__ import annotations

import hyperscan
import numpy as np
import pyarrow as pa

from benchmarks import streams, world
from benchmarks.case import Case, Point, Setting, Work
from benchmarks.floor import bare_scan
from benchmarks.made import rule, rules_of
from interceptor.batch import Batch
from interceptor.engine import Engine
from interceptor.folding import Folded, fold
from interceptor.rules import RuleSet
from interceptor.schema import Kind

LITERAL_CHARS, HITTING = 5, 20
ONCE, ALONE = "engine, no text twice", "Hyperscan alone"


def messages(setting: Setting, count: int) -> pa.RecordBatch:
    """The last SMS of the mixed stream."""
    whole = world.stream(setting)
    rows = np.flatnonzero(whole.column("kind").to_numpy() == Kind.SMS)[-count:]
    return whole.take(pa.array(rows))


def _different(messages: pa.RecordBatch) -> pa.RecordBatch:
    """The same with a number at the end of each text."""
    texts = [f"{text} {number}" for number, text in enumerate(messages.column("text").to_pylist())]
    at = messages.schema.get_field_index("text")
    return messages.set_column(at, messages.schema.field(at), pa.array(texts))


def literals(count: int, messages: pa.RecordBatch, seed: int) -> list[str]:
    """Different words: up to HITTING cut out of these messages, the others of common characters in any order."""
    rng = np.random.default_rng(seed)
    texts = [text for text in messages.column("text").to_pylist() if len(text) > 2 * LITERAL_CHARS]
    common = [chr(code) for code in range(0x4E00, 0x4E00 + 2_000)]
    found: dict[str, None] = {}
    while len(found) < min(HITTING, count // 2):
        text = texts[rng.integers(len(texts))]
        at = rng.integers(len(text) - LITERAL_CHARS)
        word = text[at : at + LITERAL_CHARS]
        if all("\u4e00" <= char <= "\u9fff" for char in word):
            found[word] = None
    while len(found) < count:
        found["".join(rng.choice(common, LITERAL_CHARS))] = None
    return list(found)


def _rule_set(words: list[str]) -> RuleSet:
    lines = "".join(f"      - {word}\n" for word in words)
    text = f"texts:\n  - text: words\n    patterns:\n{lines}"
    return rules_of(f"schema: 1\n{text}rules:\n{rule('watch', 'sms', 'words')}")


def _alone(words: list[str], folded: Folded) -> Work:
    """Hyperscan over the folded bytes, told of no match, with the same literals."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile([word.encode() for word in words], list(range(len(words))), flags=0)
    data = folded.utf8(np.arange(len(folded))).data
    return Work(lambda: bare_scan(database, data), len(folded))


def prepare(point: Point, setting: Setting) -> Work:
    rows, rounds = setting.pick(2_000, 16_384), 6
    whole = messages(setting, rows * (rounds + 2))
    words = literals(int(point.x or 0), whole.slice(0, rows), setting.seed)
    frames = streams.frames_of(whole.slice(rows), rows)
    frames = [frame for frame in frames if frame.num_rows == rows]
    if point.series == ONCE:
        whole = _different(whole)
    if point.series == ALONE:
        return _alone(words, fold(Batch(frames[-1]).strings("text")))
    engine, hits = Engine(_rule_set(words)), list[float]()

    def decide(frame: pa.RecordBatch) -> None:
        hits.append(len(engine.decide(frame).hit_row) / rows)

    return Work(
        world.taking_turns(frames, decide), rows, len(frames) - 1, 1, lambda: {"hits_each": float(np.mean(hits))}
    )


def points(setting: Setting) -> list[Point]:
    counts = setting.pick((10, 1_000), (10, 100, 1_000, 2_000, 10_000))
    return [Point(series, count) for series in ("engine with one rule", ONCE, ALONE) for count in counts]


CASES = [
    Case("texts", "one rule with so many text patterns, on messages", "ns/message", "patterns", points, prepare),
]
