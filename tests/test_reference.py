"""Examples worked by hand, which pin down what a rule set means.

Enters: a few events each, at the edges: n - 1 and n, the last ms and the one after. Leaves: what must be decided.
Invariant: every example holds for the reference and for the engine alike, whether it gets the events at once or singly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from interceptor.config import FUTURE_MAX_MS, GENERATION_MS, LATENESS_MAX_MS, LIST_TICK_MS
from interceptor.hosts import hash_of_host
from interceptor.rules import load
from interceptor.rules.definitions import read
from interceptor.schema import Action, Kind, Status, Verdict
from tests.reference import EVIDENCE_MAX, Outcome, Reference
from tests.reference_windows import NEVER
from tests.streams import DAY_MS, HOUR_MS, MINUTE_MS, START_MS, Event, Numbered, outcomes_of

CALL, SMS, WEB, TRANSFER, CALL_END, _, REPORT, _ = Kind
# A rule that does nothing but hit.
HIT = "  - {{rule: {}, title: t, on: [{}], condition: '{}', actions: [label]}}\n"
NOT_YET = f"{NEVER}ms"
Decide = Callable[[str, Iterable[Event]], list[Outcome]]


@pytest.fixture(params=["reference", "engine", "engine-one-by-one"])
def decide(request: pytest.FixtureRequest, tmp_path: Path) -> Decide:
    def decided(rules: str, events: Iterable[Event]) -> list[Outcome]:
        (tmp_path / "rules.yaml").write_text("schema: 1\n" + rules, "utf-8")
        if request.param == "reference":
            return Reference(read(tmp_path)).decide_all(list(events))
        return outcomes_of(load(tmp_path), [list(events)] if request.param == "engine" else [[one] for one in events])

    return decided


@pytest.fixture
def values(decide: Decide) -> Callable[[str, list[tuple[Event, Any]]], None]:
    """Checks the value of the feature `f` on each event: for every value that is expected there is one rule."""

    def check(feature: str, expected: list[tuple[Event, Any]]) -> None:
        wanted = sorted({value for _, value in expected})
        kinds = ", ".join(sorted({Kind(event["kind"]).name.lower() for event, _ in expected}))
        rules = f"features:\n  - {{feature: f, {feature}}}\nrules:\n"
        for number, value in enumerate(wanted):
            condition = f"f == {value}" if not isinstance(value, bool) else "f" if value else "not f"
            rules += HIT.format(f"value-{number}", kinds, condition)
        names = [f"value-{wanted.index(value)}" for _, value in expected]
        assert [outcome.rules for outcome in decide(rules, [event for event, _ in expected])] == [(n,) for n in names]

    return check


ANY_CALL = "rules:\n  - {rule: any, title: t, on: call, condition: tenure >= 0d, evidence: traffic, score: 1}\n"


def statuses(decide: Decide, events: list[Event]) -> list[Status]:
    return [outcome.status for outcome in decide(ANY_CALL, events)]


def test_future_begins_one_ms_beyond_the_limit(decide: Decide) -> None:
    n, taken_in = Numbered(), START_MS
    events = [n.event(CALL, START_MS + FUTURE_MAX_MS + more, ingest_ts_ms=taken_in) for more in (1, 0)]
    assert statuses(decide, events) == [Status.FUTURE, Status.OK]


def test_late_is_counted_from_the_largest_accepted_time(decide: Decide) -> None:
    n = Numbered()
    events = [
        n.event(CALL, START_MS),
        n.event(CALL, START_MS + 400 * DAY_MS, ingest_ts_ms=START_MS),  # from the future: moves no clock
        n.event(CALL, START_MS - LATENESS_MAX_MS),
        n.event(CALL, START_MS - LATENESS_MAX_MS - 1),
        n.event(CALL, START_MS - 5),
    ]
    assert statuses(decide, events) == [Status.OK, Status.FUTURE, Status.OK, Status.LATE, Status.OK]


def test_an_id_is_remembered_for_this_generation_and_the_next(decide: Decide) -> None:
    n, start = Numbered(), START_MS // GENERATION_MS * GENERATION_MS
    again = start + 2 * GENERATION_MS
    events = [
        n.event(CALL, start, event_id=7),
        n.event(CALL, again - 1, event_id=7),
        n.event(CALL, again, event_id=7),
        n.event(CALL, again + 1, event_id=7),
    ]
    assert statuses(decide, events) == [Status.OK, Status.DUPLICATE, Status.OK, Status.DUPLICATE]


def test_what_is_late_or_from_the_future_leaves_no_id_behind(decide: Decide) -> None:
    n = Numbered()
    events = [
        n.event(CALL, START_MS),
        n.event(CALL, START_MS - LATENESS_MAX_MS - 1, event_id=7),
        n.event(CALL, START_MS + FUTURE_MAX_MS + 1, ingest_ts_ms=START_MS, event_id=7),
        n.event(CALL, START_MS, event_id=7),
    ]
    assert statuses(decide, events)[1:] == [Status.LATE, Status.FUTURE, Status.OK]


def test_what_is_not_ok_is_decided_but_leaves_no_trace(decide: Decide) -> None:
    n = Numbered(source=5)
    first = n.event(CALL, START_MS)
    late = n.event(CALL, START_MS - LATENESS_MAX_MS - 1, source=6)
    found = decide(ANY_CALL, [first, dict(first), late, n.event(SMS, START_MS, source=6)])
    assert [outcome.rules for outcome in found] == [("any",), ("any",), ("any",), ()]
    assert [outcome.score for outcome in found] == [1.0, 1.0, 0.0, 0.0]


def test_count_holds_twelve_panes(values: Any) -> None:
    n, minute = Numbered(source=5), MINUTE_MS
    steps = [(0, 5, 1), (0, 6, 1), (12 * minute - 1, 5, 2), (12 * minute, 5, 2)]  # ms, caller, calls by then
    steps += [(23 * minute - 1, 5, 3), (24 * minute, 5, 2), (24 * minute, 0, 0)]
    expected = [(n.event(CALL, START_MS + after_ms, source=caller), count) for after_ms, caller, count in steps]
    values("count: events, on: call, by: caller, within: 12m", expected)


def test_a_pane_is_rounded_up(values: Any) -> None:
    n, pane_ms = Numbered(source=5), 1_001
    start = START_MS // pane_ms * pane_ms
    values(
        "count: events, on: call, by: caller, within: 12001ms",
        [
            (n.event(CALL, start), 1),
            (n.event(CALL, start + 12 * pane_ms - 1), 2),
            (n.event(CALL, start + 12 * pane_ms), 2),
        ],
    )


def test_count_of_events_out_of_order(values: Any) -> None:
    n = Numbered(source=5)
    values(
        "count: events, on: call, by: caller, within: 12m",
        [
            (n.event(CALL, START_MS + 30 * MINUTE_MS), 1),
            (n.event(CALL, START_MS + 19 * MINUTE_MS - 1), 1),  # pane 18, of (18, 30]: too old, ignored
            (n.event(CALL, START_MS + 19 * MINUTE_MS), 2),  # its window ends with the newest pane, not with its own
            (
                n.event(SMS, START_MS + 900 * MINUTE_MS, ingest_ts_ms=START_MS),
                0,
            ),  # from the future: moves nothing
            (n.event(SMS, START_MS + 30 * MINUTE_MS), 2),
            (n.event(SMS, START_MS + 31 * MINUTE_MS), 1),
        ],
    )


def test_sum_holds_six_panes_and_is_in_yuan(values: Any) -> None:
    n = Numbered(source=5, amount_fen=150)
    values(
        "sum: amount, on: transfer, where: not known, by: payee, within: 12m",
        [
            (n.event(TRANSFER, START_MS), 1.5),
            (n.event(TRANSFER, START_MS, known=True), 1.5),
            (n.event(TRANSFER, START_MS + 12 * MINUTE_MS - 1), 3.0),
            (n.event(TRANSFER, START_MS + 12 * MINUTE_MS, amount_fen=1), 1.51),
        ],
    )


def test_sum_of_durations_is_a_duration(values: Any) -> None:
    n = Numbered(source=5)
    durations = [(n.event(CALL_END, START_MS, dur_s=40), "40s"), (n.event(CALL_END, START_MS, dur_s=20), "1m")]
    values("sum: dur, on: call_end, by: caller, within: 1h", durations)


def test_ratio(values: Any) -> None:
    n = Numbered(source=5)
    values(
        "ratio: dur < 15s, on: call_end, where: not known, by: caller, within: 12m",
        [
            (n.event(CALL_END, START_MS, known=True, dur_s=1), 0.0),
            (n.event(CALL_END, START_MS, dur_s=14), 1.0),
            (n.event(CALL_END, START_MS + MINUTE_MS, dur_s=15), 0.5),
            (n.event(CALL_END, START_MS + 12 * MINUTE_MS, dur_s=15), 0.0),
        ],
    )


def test_distinct_counts_a_value_in_the_pane_where_it_was_last_seen(values: Any) -> None:
    n = Numbered(source=5)
    steps = [(0, 1, 1), (0, 2, 2), (0, 0, 2), (11, 1, 2)]  # minute, callee, callees by then
    steps += [(5, 1, 2)]  # late: callee 1 stays in pane 11
    steps += [(12, 3, 2), (22, 3, 2), (23, 3, 1)]
    steps += [(11, 4, 1)]  # pane 11 of (11, 23]: too old
    steps += [(40, 0, 0), (28, 5, 0), (29, 5, 1)]  # callee 0 isn't counted, but moves the window on
    expected = [(n.event(CALL, START_MS + minute * MINUTE_MS, target=to), count) for minute, to, count in steps]
    values("distinct: callee, on: call, by: caller, within: 12m", expected)


def test_since_last_is_read_before_the_event_counts(values: Any) -> None:
    n, minute = Numbered(source=5), MINUTE_MS
    steps = [(CALL, 0, NOT_YET), (SMS, 7, "7ms"), (SMS, 10 * minute, "10m"), (SMS, 10 * minute + 1, NOT_YET)]
    steps += [(CALL, -500, "0ms"), (CALL, 1_000, "1s")]
    expected = [(n.event(kind, START_MS + after_ms), since) for kind, after_ms, since in steps]
    expected.append((n.event(CALL, START_MS + 1_000, source=0), NOT_YET))
    values("since_last: events, on: call, by: caller, within: 10m", expected)


def test_since_first_begins_anew_after_a_gap(values: Any) -> None:
    n, minute = Numbered(source=5), MINUTE_MS
    steps = [(SMS, 0, NOT_YET), (CALL, 0, "0ms"), (CALL, 5 * minute, "5m"), (SMS, 10 * minute, "10m")]
    steps += [(SMS, 10 * minute + 1, NOT_YET), (CALL, 10 * minute + 1, "0ms"), (CALL, 9 * minute, "0ms")]
    expected = [(n.event(kind, START_MS + after_ms), since) for kind, after_ms, since in steps]
    values("since_first: events, on: call, by: caller, within: 5m", expected)


def test_sequential_follows_neighbours(values: Any) -> None:
    n, ten, twenty = Numbered(source=5), START_MS + 10 * MINUTE_MS, START_MS + 20 * MINUTE_MS
    runs = [(100, 1), (116, 2), (116, 2), (100, 3), (117, 1)]
    late_runs = [(2**64 - 1, 1), (2**64 - 17, 2), (0, 1)]
    values(
        "sequential: callee, on: call, by: caller, within: 10m",
        [
            (n.event(SMS, START_MS), 0),
            *((n.event(CALL, START_MS, target=to), run) for to, run in runs),
            (n.event(CALL, ten, target=118), 2),
            (n.event(SMS, twenty), 2),
            (n.event(SMS, twenty + 1), 0),
            (n.event(CALL, twenty + 1, target=119), 1),
            *((n.event(CALL, twenty, target=to), run) for to, run in late_runs),
        ],
    )


def test_of_reads_what_another_key_was_updated_with(values: Any) -> None:
    n = Numbered(amount_fen=100)
    values(
        "sum: amount, on: transfer, by: payee, of: payer, within: 1h",
        [
            (n.event(TRANSFER, START_MS, source=8, payer=9), 0.0),
            (n.event(TRANSFER, START_MS, source=9, payer=8), 1.0),
            (n.event(TRANSFER, START_MS, source=9, payer=9), 2.0),
            (n.event(TRANSFER, START_MS, source=9, payer=0), 0.0),
        ],
    )


PAY_AFTER_CALL = "sequence: [{on: call, where: not known}, {on: transfer}], by: citizen, within: 30m"


def test_a_sequence_is_complete_within_its_time(values: Any) -> None:
    n, half_hour = Numbered(target=5), 30 * MINUTE_MS
    values(
        PAY_AFTER_CALL,
        [
            (n.event(TRANSFER, START_MS), False),
            (n.event(CALL, START_MS), False),
            (n.event(TRANSFER, START_MS - 1), False),
            (n.event(TRANSFER, START_MS, target=6), False),
            (n.event(TRANSFER, START_MS), True),
            (n.event(CALL, START_MS + half_hour, known=True), False),
            (n.event(TRANSFER, START_MS + half_hour), True),
            (n.event(TRANSFER, START_MS + half_hour + 1), False),
            (n.event(CALL, START_MS + half_hour, target=0), False),
            (n.event(TRANSFER, START_MS + half_hour, target=0), False),
        ],
    )


def test_unless_breaks_a_sequence_off(values: Any) -> None:
    n = Numbered(target=5)
    steps = [(CALL, False, False), (REPORT, True, False), (TRANSFER, False, False)]  # kind, registered, complete
    steps += [(CALL, False, False), (TRANSFER, False, True), (TRANSFER, True, False), (TRANSFER, False, False)]
    expected = [(n.event(kind, START_MS, registered=registered), complete) for kind, registered, complete in steps]
    values(PAY_AFTER_CALL + ", unless: {on: [report, transfer], where: registered}", expected)


def test_a_sequence_is_timed_from_its_latest_beginning(values: Any) -> None:
    n, minute = Numbered(target=5), MINUTE_MS
    steps = [(SMS, 0, False), (WEB, 0, False), (CALL, 0, False), (WEB, 0, False)]
    steps += [(SMS, 9 * minute, False), (CALL, 9 * minute, False), (WEB, 10 * minute, True)]
    steps += [(WEB, 10 * minute + 1, False), (SMS, 11 * minute, False), (WEB, 19 * minute, True)]
    values(
        "sequence: [{on: call}, {on: sms}, {on: web}], by: citizen, within: 10m",
        [(n.event(kind, START_MS + after_ms), complete) for kind, after_ms, complete in steps],
    )


def test_one_event_takes_one_step_of_a_sequence(values: Any) -> None:
    n = Numbered(target=5)
    first = n.event(CALL, START_MS)
    values(
        "sequence: [{on: call}, {on: call}, {on: call}], by: citizen, within: 10m",
        [
            (first, False),
            (n.event(CALL, START_MS), False),
            (dict(first), True),  # a duplicate would complete it, and takes no step
            (n.event(CALL, START_MS), True),
        ],
    )


HALVED = """
half_life: 10m
rules:
  - {rule: abroad, title: t, on: call, condition: trunk == "international", evidence: identity, score: 4}
  - {rule: night, title: t, on: call, condition: roamer, evidence: identity, score: 1}
  - {rule: forwarded, title: t, on: call, condition: forwarding, evidence: device, score: 2}
policies:
  - policy: call
    source: [{score: 1, kinds: 2, actions: [label]}, {score: 7, actions: [block]}]
"""


def test_a_score_halves_with_each_half_life(decide: Decide) -> None:
    n = Numbered(source=5)
    ten = 10 * MINUTE_MS
    events = [
        n.event(CALL, START_MS, trunk=3),
        n.event(SMS, START_MS + ten),
        n.event(SMS, START_MS + ten, source=6),
        n.event(CALL, START_MS + ten, roamer=True),
        n.event(SMS, START_MS),  # late: as much as there ever was
        n.event(CALL, START_MS + 2 * ten, trunk=3),
        n.event(SMS, START_MS + 11 * ten),
        n.event(SMS, START_MS + 11 * ten + 1),
        n.event(SMS, START_MS + 12 * ten),
        n.event(SMS, START_MS + 12 * ten + 1),
        n.event(CALL, START_MS + 12 * ten, source=0, trunk=3),
    ]
    expected = [4, 2, 0, 3, 5, 4.5, 4 / 512 + 1 / 1024, 4 * 2 ** -(9 + 1 / 600_000), 4 / 1024, 0, 0]
    assert [outcome.score for outcome in decide(HALVED, events)] == pytest.approx(expected, rel=1e-9)


def test_evidence_is_of_a_kind_for_one_half_life(decide: Decide) -> None:
    n, ten = Numbered(source=5), 10 * MINUTE_MS
    events = [
        n.event(CALL, START_MS, trunk=3, roamer=True),
        n.event(CALL, START_MS, forwarding=True),
        n.event(CALL, START_MS + ten),
        n.event(CALL, START_MS + ten + 1),
        n.event(WEB, START_MS, source=5),
    ]
    found = decide(HALVED, events)
    assert [outcome.verdict for outcome in found] == [Verdict(v) for v in (0, 3, 1, 0, 0)]
    assert [outcome.score for outcome in found][:3] == [5.0, 7.0, 3.5]


def test_only_so_many_rules_are_remembered_of_one_party(decide: Decide) -> None:
    rules = "half_life: 10m\nrules:\n"
    for i in range(EVIDENCE_MAX + 1):
        rule = f"rule: r{i:02d}, title: t, on: call, condition: cell == {i + 1}, evidence: text, score: {i + 1}"
        rules += f"  - {{{rule}}}\n"
    n = Numbered(source=5)
    cells = [*range(2, EVIDENCE_MAX + 1), 1, 2, EVIDENCE_MAX + 1, 3]
    found = decide(rules, [n.event(CALL, START_MS + i, cell=cell) for i, cell in enumerate(cells)])
    scores = [round(outcome.score) for outcome in found]
    full = sum(range(1, EVIDENCE_MAX + 1))
    # Rule 2 has hit again, so rule 3 is the oldest when one too many comes; then rule 4 goes when rule 3 is back.
    assert scores[-4:] == [full, full, full - 3 + EVIDENCE_MAX + 1, full - 4 + EVIDENCE_MAX + 1]


def test_the_target_has_a_score_of_its_own(decide: Decide) -> None:
    rules = """
features:
  - {feature: scored, count: events, on: call, where: source_score >= 1, by: callee, within: 1h}
rules:
  - {rule: abroad, title: t, on: call, condition: trunk == "international", evidence: identity, score: 1}
  - {rule: pestered, title: t, on: [call, web], condition: scored > 1 and source_kinds < 2, evidence: warning, score: 2}
policies:
  - policy: call
    source: [{score: 1, actions: [label]}]
    target: [{score: 2, actions: [warn_1]}]
"""
    n = Numbered(source=5, target=9)
    events = [
        n.event(CALL, START_MS, trunk=3),
        n.event(CALL, START_MS, source=6),
        n.event(CALL, START_MS, source=7, trunk=3),
        n.event(WEB, START_MS, source=8),
        n.event(WEB, START_MS, source=8, target=0),
    ]
    found = decide(rules, events)
    assert [outcome.score for outcome in found] == [1, 0, 1, 0, 0]
    assert [outcome.target_score for outcome in found] == [0, 0, 2, 2, 0]
    assert [outcome.rules for outcome in found] == [("abroad",), (), ("abroad", "pestered"), ("pestered",), ()]
    assert [outcome.actions for outcome in found][2:4] == [Action.LABEL | Action.WARN_1, Action(0)]


@pytest.mark.parametrize(
    ("collected", "verdict", "actions"),
    [
        ("", Verdict.PASS, ""),
        ("open_case limit reverify", Verdict.PASS, "open_case limit reverify"),
        ("label", Verdict.LABEL, "label"),
        ("challenge", Verdict.LABEL, "challenge"),
        ("label hold", Verdict.HOLD, "label hold"),
        ("warn_page", Verdict.HOLD, "warn_page"),
        ("delay_24h", Verdict.HOLD, "delay_24h"),
        ("hold block", Verdict.BLOCK, "hold block"),
        ("stop_48h label", Verdict.BLOCK, "stop_48h label"),
        ("freeze_6m", Verdict.BLOCK, "freeze_6m"),
        ("block allow warn_2", Verdict.PASS, "allow"),
        ("allow hard_block label", Verdict.BLOCK, "hard_block label"),
        ("warn_1 warn_3", Verdict.PASS, "warn_3"),
        ("raise_tier", Verdict.PASS, "warn_1"),
        ("raise_tier warn_1 warn_2", Verdict.PASS, "warn_3"),
        ("raise_tier warn_4 label", Verdict.LABEL, "warn_4 label"),
        ("raise_tier hard_block allow", Verdict.BLOCK, "hard_block warn_1"),
    ],
)
def test_precedence(decide: Decide, collected: str, verdict: Verdict, actions: str) -> None:
    rules = "rules:\n  - {rule: none, title: t, on: [call, report], condition: known, actions: [label]}\n"
    for number, action in enumerate(collected.split()):
        rules += f"  - {{rule: r{number}, title: t, on: [call, report], condition: not known, actions: [{action}]}}\n"
    n = Numbered()
    kept = Action(sum(Action[name.upper()] for name in actions.split()))
    call, report = decide(rules, [n.event(CALL, START_MS), n.event(REPORT, START_MS)])
    assert (call.verdict, call.actions) == (verdict, kept)
    assert (report.verdict, report.actions) == (Verdict.PASS, kept)


def test_shadow_rules_are_seen_and_change_nothing(decide: Decide) -> None:
    rules = """
lists: [{list: limited}]
rules:
  - {rule: tried, title: t, on: call, mode: shadow, condition: not known, evidence: text, score: 5,
     actions: [hard_block], list: {to: limited, ttl: 1d}}
  - {rule: gone, title: t, on: call, mode: "off", condition: not known, evidence: text, score: 5, actions: [block]}
  - {rule: listed, title: t, on: call, condition: caller in limited, actions: [label]}
"""
    n = Numbered(source=5)
    found = decide(rules, [n.event(CALL, START_MS), n.event(CALL, START_MS + 2 * LIST_TICK_MS)])
    assert [(o.rules, o.verdict, o.actions, o.score) for o in found] == [(("tried",), Verdict.PASS, Action(0), 0.0)] * 2


LISTS = """
lists:
  - {list: numbers, items: ["+86 100", {value: "200", since: 2021-03-01, expires: 2021-03-03}]}
  - {list: starts, match: prefix, items: ["+882"]}
  - {list: block_of, match: range, items: ["1000..1999"]}
  - {list: sites, match: domain, of: host, items: [bad.example]}
  - {list: hosts, of: host, items: [bad.example]}
rules:
  - {rule: exact, title: t, on: [call, web], condition: source in numbers, actions: [label]}
  - {rule: prefix, title: t, on: [call, web], condition: source in starts, actions: [label]}
  - {rule: range, title: t, on: [call, web], condition: source in block_of, actions: [label]}
  - {rule: domain, title: t, on: web, condition: host in sites, actions: [label]}
  - {rule: hash, title: t, on: web, condition: link in hosts, actions: [label]}
  - {rule: unlisted, title: t, on: call, condition: source not in starts and source not in block_of, actions: [label]}
"""


def test_numbers_in_lists(decide: Decide) -> None:
    listed = {"exact": [86100], "prefix": [882, 8829], "range": [1000, 1882, 1999], "": [861001, 0, 88, 999, 2000]}
    for name, sources in listed.items():
        n = Numbered()
        for found in decide(LISTS, [n.event(CALL, START_MS, source=source) for source in sources]):
            assert set(found.rules) - {"unlisted"} == {name} - {""}
            assert ("unlisted" in found.rules) == (name in ("exact", ""))


def test_hosts_in_lists(decide: Decide) -> None:
    hosts = ["bad.example", "a.b.bad.example", "notbad.example", "bad.example.org", ""]
    n = Numbered(source=5)
    found = decide(LISTS, [n.event(WEB, START_MS, host=host) for host in hosts])
    assert [outcome.rules for outcome in found] == [("domain", "hash"), ("domain",), (), (), ()]


def test_an_entry_holds_from_since_until_expires(decide: Decide) -> None:
    n, midnight = Numbered(source=200), 1_614_556_800_000  # 2021-03-01 UTC
    times = [midnight - 1, midnight, midnight + 2 * DAY_MS - 1, midnight + 2 * DAY_MS]
    found = decide(LISTS, [n.event(CALL, ts_ms) for ts_ms in times])
    assert ["exact" in outcome.rules for outcome in found] == [False, True, True, False]


def test_ttl_counts_from_since(decide: Decide) -> None:
    rules = """
lists: [{list: kept, ttl: 1d, items: ["5", {value: "6", since: 2021-03-01}]}]
rules: [{rule: listed, title: t, on: call, condition: caller in kept, actions: [label]}]
"""
    n, midnight = Numbered(), 1_614_556_800_000  # 2021-03-01 UTC
    events = [n.event(CALL, midnight + after_ms, source=6) for after_ms in (0, DAY_MS - 1, DAY_MS)]
    found = decide(rules, [*events, n.event(CALL, midnight + DAY_MS, source=5)])  # without since: always
    assert [len(outcome.rules) for outcome in found] == [1, 1, 0, 1]


ADDING = """
lists: [{list: limited, items: [{value: "6", since: 2021-02-28T15:00, expires: 2021-02-28T16:01}]}]
rules:
  - {rule: abroad, title: t, on: call, condition: trunk == "international", list: {to: limited, ttl: 3m}}
  - {rule: friend, title: t, on: call, condition: registered, actions: [allow]}
  - {rule: limited, title: t, on: call, condition: caller in limited, actions: [limit]}
"""


def test_a_hit_puts_its_source_on_a_list_from_the_next_tick_on(decide: Decide) -> None:
    n, tick = Numbered(source=5), START_MS // LIST_TICK_MS * LIST_TICK_MS
    ends = tick + LIST_TICK_MS + 3 * MINUTE_MS
    events = [
        n.event(CALL, tick + 1, trunk=3),
        n.event(CALL, tick + LIST_TICK_MS, ingest_ts_ms=0),  # from the future, but still within the tick
        n.event(CALL, tick + LIST_TICK_MS - 1),
        n.event(CALL, tick + LIST_TICK_MS),
        n.event(CALL, tick + LIST_TICK_MS - 1),  # a later tick, but an earlier time
        n.event(CALL, ends - 1),
        n.event(CALL, ends),
    ]
    found = decide(ADDING, events)
    assert ["limited" in outcome.rules for outcome in found] == [False, False, False, True, False, True, False]


def test_what_a_hit_adds_stands_beside_an_item(decide: Decide) -> None:
    n, tick = Numbered(source=6), START_MS // LIST_TICK_MS * LIST_TICK_MS
    ends = tick + LIST_TICK_MS + 3 * MINUTE_MS
    events = [
        n.event(CALL, tick, trunk=3),
        n.event(CALL, START_MS + MINUTE_MS),  # its old end: the new one counts from the next tick on
        n.event(CALL, tick + LIST_TICK_MS),
        n.event(CALL, START_MS + MINUTE_MS),  # late: the gap between the two is there to stay
        n.event(CALL, ends - 1, trunk=3),
        n.event(CALL, ends),
    ]
    found = decide(ADDING, events)
    extended = ends % LIST_TICK_MS == 0  # then the hit just before counts already
    assert ["limited" in outcome.rules for outcome in found] == [True, False, True, False, True, extended]


def test_an_entry_that_expired_a_day_ago_is_not_extended(decide: Decide) -> None:
    for hours, held in ((25, True), (26, False)):  # counted in whole hours of the clock
        n, again = Numbered(source=5), START_MS + hours * HOUR_MS
        adding = [n.event(CALL, ts_ms, trunk=3) for ts_ms in (START_MS + HOUR_MS, again + LIST_TICK_MS)]
        found = decide(ADDING, [*adding, n.event(SMS, again + 2 * LIST_TICK_MS), n.event(CALL, again)])
        assert ("limited" in found[3].rules) == held


def test_what_is_allowed_or_not_ok_puts_nothing_on_a_list(decide: Decide) -> None:
    n = Numbered()
    events = [
        n.event(CALL, START_MS, source=5, trunk=3, registered=True),
        n.event(CALL, START_MS - LATENESS_MAX_MS - 1, source=7, trunk=3),
        n.event(CALL, START_MS + 2 * LIST_TICK_MS, source=5),
        n.event(CALL, START_MS + 2 * LIST_TICK_MS, source=7),
    ]
    assert [outcome.rules for outcome in decide(ADDING, events)][2:] == [(), ()]


@pytest.mark.parametrize(
    ("kind", "condition", "given", "holds"),
    [
        (TRANSFER, "amount / balance >= 0", {"amount_fen": 5}, True),
        (TRANSFER, "amount / balance > 0", {"amount_fen": 5}, False),
        (TRANSFER, "amount >= 4999.99", {"amount_fen": 499_999}, True),
        (TRANSFER, "2 * typical < amount - 1 * typical", {"amount_fen": 301, "typical_fen": 100}, True),
        (TRANSFER, 'channel != "qr" and channel == "app"', {"channel": 1}, True),
        (CALL, "10m <= tenure - idle < 2d", {"tenure_days": 3, "idle_days": 2}, True),
        (CALL, "10m <= tenure - idle < 1d", {"tenure_days": 3, "idle_days": 2}, False),
        (CALL, "hour == 0", {}, True),
        (CALL, "hour == 1", {"ts_ms": START_MS + HOUR_MS}, True),
        (CALL, "hour == 23", {"ts_ms": START_MS - 1}, True),
        (CALL, "known + registered + roamer >= 2", {"known": True, "roamer": True}, True),
        (CALL, "max(known, registered) > min(known, registered)", {"known": True}, True),
        (CALL, "display == caller and cell != 0", {"display": 2**64 - 1, "source": 2**64 - 1, "cell": 1}, True),
        (CALL, "not known and registered or roamer", {"known": True, "registered": True, "roamer": True}, True),
        (CALL, "not (known or registered)", {"known": True}, False),
        (SMS, "has_link and not url_in_text", {"host": "a.example", "text": "see a.example"}, True),
        (SMS, "url_in_text and not has_link", {"text": "see HTTPS://a.example"}, True),
        (SMS, 'disguised == 0 and kind == "sms"', {"text": "hello"}, True),
        (WEB, "apk or host_age <= 72h", {"host_age_h": 73}, False),
        (REPORT, 'subject == "account" and tenure == 65535d', {"subject": 4, "tenure_days": 65_535}, True),
    ],
)
def test_conditions(decide: Decide, kind: Kind, condition: str, given: dict[str, Any], holds: bool) -> None:
    rules = f"macros:\n  - {{macro: said, condition: '{condition}'}}\nrules:\n"
    for name, same in (("plain", condition), ("by-macro", "said"), ("opposite", "not said")):
        rules += HIT.format(name, kind.name.lower(), same)
    (found,) = decide(rules, [Numbered().event(kind, **{"ts_ms": START_MS, **given})])
    assert found.rules == (("by-macro", "plain") if holds else ("opposite",))


def test_words_are_found_in_the_folded_text_and_host(decide: Decide) -> None:
    rules = """
texts:
  - {text: brand, patterns: [工商银行]}
  - {text: expired, regex: ["卡号.{0,2}失效"]}
  - {text: brand_host, of: host, patterns: [icbc]}
rules:
  - {rule: brand, title: t, on: sms, condition: brand, actions: [label]}
  - {rule: expired, title: t, on: sms, condition: expired, actions: [label]}
  - {rule: host, title: t, on: [sms, web], condition: brand_host, actions: [label]}
"""
    n = Numbered()
    events = [
        n.event(SMS, START_MS, text="中国工商銀行"),
        n.event(SMS, START_MS, text="卡号已失效", host="www.icbc.example"),
        n.event(SMS, START_MS, text="卡号已经全失效 icbc"),
        n.event(WEB, START_MS, source=hash_of_host("icbc.example"), host="icbc.example"),
    ]
    assert [outcome.rules for outcome in decide(rules, events)] == [("brand",), ("expired", "host"), (), ("host",)]
