"""The live view and the plain lines: what is shown, and that nothing from the stream gets through to the terminal."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from interceptor.display import (
    Gate,
    LiveView,
    Look,
    PlainLines,
    clean,
    fitted,
    interception,
    make_display,
    masked,
    yuan,
)
from interceptor.schema import GATES, Kind, Verdict

HOUR_MS = 3_600_000
MIDNIGHT_MS = 1_614_528_000_000  # 2021-03-01 00:00 in the city
LOOK = Look(
    events=123_456, events_per_s=98_765.4, gates={kind: Gate(1_000 * kind, 10 * kind) for kind in GATES},
    campaigns_caught=3, campaigns=5, held_fen=1_234_567_00, recent=["09:41 call [/x] blocked"],
)  # fmt: skip
EVENT = {
    "kind": Kind.SMS, "ts_ms": MIDNIGHT_MS + 9 * HOUR_MS, "source": 8617055501234, "target": 8613905541234,
    "text": "积分\x1b[2J即将\u202e清零[/red]\n点击", "host": "", "amount_fen": 0,
}  # fmt: skip


def console(**given: bool) -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False, **given)  # type: ignore[arg-type]


def said(shown: Console) -> str:
    assert isinstance(shown.file, io.StringIO)
    return shown.file.getvalue()


def test_plain_lines_are_one_per_simulated_hour() -> None:
    shown = console()
    view = make_display(shown, "title", MIDNIGHT_MS, MIDNIGHT_MS + 24 * HOUR_MS)
    assert isinstance(view, PlainLines)
    for minute in range(2, 181, 2):
        view.tick(MIDNIGHT_MS + minute * 60_000, lambda: LOOK)
    view.close()
    lines = said(shown).splitlines()
    assert lines[0] == "title"
    assert [line[:16] for line in lines[1:]] == [f"2021-03-01 0{hour}:00" for hour in (1, 2, 3)]
    assert "calls 0  SMS 10  visits 20  transfers 30  held back 1.23 m yuan" in lines[1]
    assert "\x1b" not in said(shown)


def test_a_run_is_looked_at_only_when_a_line_is_due() -> None:
    asked = []
    view = PlainLines(console(), "title")
    for minute in range(2, 61, 2):
        view.tick(MIDNIGHT_MS + minute * 60_000, lambda: asked.append(1) or LOOK)  # type: ignore[func-returns-value]
    assert len(asked) == 1


def test_no_color_asks_for_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert isinstance(make_display(console(force_terminal=True), "title", 0, 1), PlainLines)


def test_the_live_view_shows_clock_gates_and_the_last_interceptions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown = console(force_terminal=True)
    view = make_display(shown, "title [/y]", MIDNIGHT_MS, MIDNIGHT_MS + 24 * HOUR_MS)
    assert isinstance(view, LiveView)
    view.say("Building the city …")
    view.tick(MIDNIGHT_MS + 12 * HOUR_MS, lambda: LOOK)
    view.close()
    text = said(shown)
    for words in (
        "title [/y]",
        "Mon 01 Mar 2021  12:00",
        "50%",
        "123,456 events",
        "1.23 m yuan",
        "3 of 5",
        "call [/x]",
    ):
        assert words in text


def test_an_interception_in_plain_words() -> None:
    words = interception(EVENT, Verdict.BLOCK, "Scam words in disguise")
    assert words == "09:00 SMS from +86 170****1234 blocked: “积分�[2J即将�清零[/red] 点击” · Scam words in disguise"
    call = EVENT | {"kind": Kind.CALL}
    assert interception(call, Verdict.HOLD, "why") == "09:00 call from +86 170****1234 to +86 139****1234 held · why"
    paid = EVENT | {"kind": Kind.TRANSFER, "amount_fen": 5_000_00}
    assert interception(paid, Verdict.HOLD, "why") == "09:00 transfer of 5,000 yuan by +86 139****1234 held · why"
    visit = EVENT | {"kind": Kind.WEB, "host": "a" * 99}
    assert cell_len(interception(visit, Verdict.BLOCK, "why")) < 90


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (8613905541234, "+86 139****1234"),
        (85512345678, "+855****5678"),
        (8655496110, "+86 5****6110"),
        (8695588, "95588"),
        (86110, "110"),
        (0, "an unknown number"),
    ],
)
def test_numbers_are_masked_and_service_numbers_are_not(number: int, text: str) -> None:
    assert masked(number) == text


def test_text_of_strangers_is_one_line_of_printable_characters() -> None:
    assert clean("a\tb\nc\x00d\x9be\u200bf\u2066g") == "a b c�d�e�f�g"
    assert len(clean("\u0301" * 10_000)) <= 120


@pytest.mark.parametrize("text", ["abc", "积分即将清零", "a积b分c即d将"])
@pytest.mark.parametrize("cells", [2, 5, 6, 20])
def test_fitted_text_takes_no_more_cells(text: str, cells: int) -> None:
    assert cell_len(fitted(text, cells)) <= cells


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "0 yuan"), (850_00, "850 yuan"), (9_994_00, "9,994 yuan"), (12_345_00, "12.3 k yuan"),
        (999_600_00, "1.00 m yuan"), (1_234_567_00, "1.23 m yuan"), (2_500_000_000_00, "2.50 bn yuan"),
    ],
)  # fmt: skip
def test_yuan(fen: int, text: str) -> None:
    assert yuan(fen) == text
