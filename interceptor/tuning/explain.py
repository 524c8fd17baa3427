"""`interceptor rules explain`: why an event was stopped, or why it passed.

Enters: an event's id and a recording. Leaves: the account of its decision, as text or JSON; an exit code. Invariant:
numbers of people are masked, texts lose what could steer a terminal, and the score's shares add up to what is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from interceptor.display import clean
from interceptor.local_time import clock
from interceptor.masking import masked
from interceptor.recording import open_recording
from interceptor.rules.written import roughly
from interceptor.schema import GATES, Action, Kind, Status, Verdict
from interceptor.tuning.account import Account, Considered, Score, Share, account_of
from interceptor.tuning.replay import guarded, rules_at
from interceptor.tuning.tables import EXIT_CLEAN, print_json, say

NEAREST_MAX = 8  # rules that didn't hit, the nearest to hitting first
TEXT_CHARS_MAX = 400


@guarded
def main(event: int, on: Path, rules: Path | None, *, show_all: bool, as_json: bool) -> int:
    """Exit code 0 = explained, 2 = no such event or recording, 78 = the rules can't be loaded."""
    account = account_of(event, open_recording(on), rules_at(rules))
    if as_json:
        print_json(as_object(account))
        return EXIT_CLEAN
    for words, bold in _lines(account, show_all):
        say(words, bold=bold)
    return EXIT_CLEAN


Line = tuple[str, bool]  # words, and whether they are a heading


def _lines(account: Account, show_all: bool) -> Iterator[Line]:
    notice = account.notice
    gate = "decided" if notice.gate in GATES else "taken in (no gate)"
    yield f"{_kind(notice.gate)} {notice.event_id} {gate}: {_verdict(account)}", True
    yield f"  {clock(account.ts_ms):%Y-%m-%d %H:%M:%S}  {_source(account)} → {masked(account.target)}", False
    if account.host and account.notice.gate is not Kind.WEB:
        yield f"  link   {clean(account.host)}", False
    if account.text:
        yield f"  text   {clean(account.text)[:TEXT_CHARS_MAX]}", False
    if notice.status is not Status.OK:
        yield f"  {notice.status.name.lower()}: it leaves no trace in windows, scores and lists", False
    if notice.reason:
        yield f"  told   {notice.reason}", False
    if notice.remedy:
        yield f"  remedy {notice.remedy}", False
    yield from _recorded(account)
    for score in account.scores:
        yield from _score(score)
    yield from _precedence(account)
    yield from _rules(account, show_all)


def _source(account: Account) -> str:
    """Hosts are no secret; of accounts and numbers, enough to know one again."""
    if account.host and account.notice.gate is Kind.WEB:
        return clean(account.host)
    if account.notice.gate is Kind.TRANSFER:
        return f"account …{account.source % 10_000:04}"
    return masked(account.source)


def _verdict(account: Account) -> str:
    return f"{account.notice.verdict.name.lower()} ({_actions(account.notice.actions) or 'nothing else'})"


def _kind(kind: Kind) -> str:
    return kind.name.lower().replace("_", " ")


def _actions(actions: Action) -> str:
    return ", ".join(action.name.lower() for action in actions if action.name)


def _recorded(account: Account) -> Iterator[Line]:
    notice = account.notice
    then = Verdict(account.recorded_verdict)
    if account.recorded_ruleset != notice.ruleset:
        yield f"  recorded under rule set {clean(account.recorded_ruleset)}: {then.name.lower()}", False
    if account.times > 1:
        yield f"  the recording holds {account.times} events of this id; this is the first", False
    yield f"  rule set {notice.ruleset}", False


def _score(score: Score) -> Iterator[Line]:
    party = "source" if score.side == "source" else "citizen"
    if not score.shares:
        yield f"score of the {party}: 0", True
        return
    yield f"score of the {party}: {score.score:.2f} from {_kinds(score.kinds)}", True
    for share in score.shares:
        yield f"  {share.points:6.2f}  {share.rule.name}{_arithmetic(share)}", False
    yield f"  {sum(share.points for share in score.shares):6.2f}  in all", False
    for rung in score.rungs:
        step = rung.step
        mark = "reached" if rung.reached else _short_of(score, step.score, step.kinds)
        yield f"  policy: {step.score:g} with {_kinds(step.kinds)} → {_actions(step.actions)}: {mark}", False


def _kinds(count: int) -> str:
    return "1 kind of evidence" if count == 1 else f"{count} kinds of evidence"


def _arithmetic(share: Share) -> str:
    if share.age_ms <= 0:
        return ", on this event"
    old = "" if share.counts_as_kind else ", too old to count as a kind of evidence"
    return f", {share.rule.score:g} halved once per half-life since {roughly(share.age_ms)} ago{old}"


def _short_of(score: Score, needed: float, kinds: int) -> str:
    missing = []
    if score.score < needed:
        missing.append(f"{needed - score.score:.2f} points short")
    if score.kinds < kinds:
        missing.append(f"{_kinds(kinds - score.kinds)} short")
    return ", ".join(missing)


def _precedence(account: Account) -> Iterator[Line]:
    asked = [f"{rule.name} asks for {_actions(actions)}" for rule, actions in account.asked if actions]
    reached = [
        f"the policy asks for {_actions(rung.step.actions)}"
        for score in account.scores
        for rung in score.rungs
        if rung.reached
    ]
    if not asked and not reached:
        yield "nothing asked for anything, so it passes", True
        return
    yield "what was asked for (hard_block before allow before everything else)", True
    for words in asked + reached:
        yield f"  {words}", False


def _rules(account: Account, show_all: bool) -> Iterator[Line]:
    hits = [one for one in account.considered if one.hit]
    others = [one for one in account.considered if not one.hit]
    excepted = [one for one in others if one.exception and not one.missing]
    nearest = [one for one in others if one not in excepted]
    if hits:
        yield f"{_count(hits)} hit", True
    for one in hits:
        yield from _rule(one)
    if excepted:
        yield f"{_count(excepted)} would have hit, but for an exception", True
    for one in excepted:
        yield from _rule(one)
    shown = nearest if show_all else nearest[:NEAREST_MAX]
    if shown:
        yield f"{_count(nearest)} did not hit; nearest first", True
    for one in shown:
        yield from _rule(one)
    if len(shown) < len(nearest):
        yield f"  … {_count(nearest[len(shown) :])} more: --all shows them", False


def _count(rules: list[Considered]) -> str:
    return "1 rule" if len(rules) == 1 else f"{len(rules)} rules"


def _rule(one: Considered) -> Iterator[Line]:
    rule = one.rule
    worth = f", score {rule.score:g}" if rule.score else ""
    mode = "" if rule.mode == "live" else " [watches only]"
    yield f"  {rule.name} v{rule.version}{mode}: {rule.title}{worth}", False
    for finding in one.findings:
        values = f"   ({'; '.join(finding.values)})" if finding.values else ""
        yield f"    {'✓' if finding.held else '✗'} {finding.text}{values}", False
    for exception in rule.exceptions:
        if exception.name == one.exception:
            until = f" until {clock(exception.expires_ms):%Y-%m-%d}" if exception.expires_ms else ""
            yield f"    exception {exception.name}{until}, owner {exception.owner or 'nobody'}: let be", False


def as_object(account: Account) -> dict[str, Any]:
    """The account for machines; numbers are whole, as in the recording."""
    notice = account.notice
    return {
        "event_id": notice.event_id, "kind": notice.gate.name.lower(), "ts_ms": account.ts_ms,
        "source": account.source, "target": account.target, "status": notice.status.name.lower(),
        "verdict": notice.verdict.name.lower(), "actions": _names(notice.actions), "reason": notice.reason,
        "remedy": notice.remedy, "ruleset": notice.ruleset,
        "recorded": {
            "verdict": Verdict(account.recorded_verdict).name.lower(), "ruleset": account.recorded_ruleset,
            "times": account.times,
        },
        "scores": {score.side: _score_as_object(score) for score in account.scores},
        "rules": [_rule_as_object(one) for one in account.considered],
    }  # fmt: skip


def _names(actions: Action) -> list[str]:
    return [action.name.lower() for action in actions if action.name]


def _score_as_object(score: Score) -> dict[str, Any]:
    return {
        "score": score.score,
        "kinds": score.kinds,
        "shares": [
            {"rule": share.rule.name, "points": share.points, "weight": share.rule.score, "age_ms": share.age_ms}
            for share in score.shares
        ],
        "policy": [
            {
                "score": rung.step.score, "kinds": rung.step.kinds, "actions": _names(rung.step.actions),
                "reached": rung.reached,
            }
            for rung in score.rungs
        ],
    }  # fmt: skip


def _rule_as_object(one: Considered) -> dict[str, Any]:
    return {
        "rule": one.rule.name, "version": one.rule.version, "mode": one.rule.mode, "hit": one.hit,
        "score": one.rule.score, "actions": _names(one.rule.actions), "exception": one.exception,
        "conditions": [
            {"text": finding.text, "held": finding.held, "values": list(finding.values)} for finding in one.findings
        ],
    }  # fmt: skip
