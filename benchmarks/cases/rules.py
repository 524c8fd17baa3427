"""How many rules: 10 to 2,000 made ones, on the mixed stream.

Enters: conditions over fields and over a few shared windows, made from a seed. Leaves: ns of CPU an event, seconds to
compile. Invariant: every rule is on its own gate, as in a city: calls 60 %, SMS 25, visits 10, transfers 5; one rule in
a thousand events hits.
"""

from __future__ import annotations

import time

import numpy as np

from benchmarks import streams, world
from benchmarks.case import Case, Point, Setting, Work
from benchmarks.made import rule, rules_of
from interceptor.engine import Engine

FEATURES = """\
features:
  - {feature: calls_24h, count: events, on: call, by: caller, within: 24h}
  - {feature: strangers_1h, distinct: callee, on: call, where: not known, by: caller, within: 1h}
  - {feature: messages_1h, count: events, on: sms, by: sender, within: 1h}
  - {feature: visits_1h, count: events, on: web, by: target, within: 1h}
  - {feature: paid_24h, sum: amount, on: transfer, by: payer, within: 24h}
"""
# By gate: parts of a condition, {0} stands for a number that is drawn, up to the limit
PARTS = {
    "call": [
        ("tenure < {0}d", 4_000), ("idle > {0}d", 90), ("calls_24h >= {0}", 60), ("strangers_1h >= {0}", 30),
        ('trunk == "international"', 1), ("not known", 1), ("not registered", 1), ('line_kind == "virtual"', 1),
        ("town != {0}", 999_999),
    ],
    "sms": [
        ("tenure < {0}d", 4_000), ("messages_1h >= {0}", 60), ("host_age < {0}h", 4_000), ("not known", 1),
        ("lac_jump", 1), ("not registered", 1),
    ],
    "web": [("host_age < {0}h", 4_000), ("visits_1h >= {0}", 60), ("apk", 1), ("asks_card", 1), ("not registered", 1)],
    "transfer": [
        ("amount > {0}", 200_000), ("paid_24h > {0}", 500_000), ("tenure < {0}d", 4_000), ("screen_share", 1),
        ("not known", 1), ("amount > 0.5 * balance", 1),
    ],
}  # fmt: skip
SHARES = (("call", 0.6), ("sms", 0.25), ("web", 0.1), ("transfer", 0.05))


def made(count: int, seed: int) -> str:
    """YAML of a rule set with so many rules."""
    rng = np.random.default_rng(seed)
    gates = rng.choice([gate for gate, _ in SHARES], count, p=[share for _, share in SHARES])
    found = []
    for number, gate in enumerate(gates.tolist()):
        parts = PARTS[gate]
        chosen = rng.choice(len(parts), 3, replace=False)
        said = [parts[at][0].format(1 + int(rng.integers(parts[at][1]))) for at in chosen.tolist()]
        found.append(rule(f"made-{number}", gate, f"'{said[0]} and ({said[1]} or {said[2]})'" if number % 2
                          else f"'{' and '.join(said)}'"))  # fmt: skip
    return f"schema: 1\n{FEATURES}rules:\n{''.join(found)}"


def prepare(point: Point, setting: Setting) -> Work:
    began_s = time.process_time()
    rule_set = rules_of(made(int(point.x or 0), setting.seed))
    compile_s = time.process_time() - began_s
    rows, rounds = setting.pick(8_192, world.FRAME_ROWS), 5
    whole = world.stream(setting)
    end = whole.slice(whole.num_rows - rows * (rounds + 1))
    engine = Engine(rule_set)
    return Work(world.taking_turns(streams.frames_of(end, rows), engine.decide), rows, rounds, 1,
                lambda: {"compile_s": compile_s})  # fmt: skip


def points(setting: Setting) -> list[Point]:
    return [Point("", count) for count in setting.pick((10, 50), (10, 50, 200, 500, 1_000, 2_000))]


CASES = [Case("rules", "made rules on the mixed stream", "ns/event", "rules", points, prepare)]
