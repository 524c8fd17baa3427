"""Which lines a bulletin has, and who counts them.

Enters: nothing. Leaves: COUNTS and WANTED. Invariant: every line names a figure that its section counts (a test asks
all).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from interceptor.centre.book import Book
from interceptor.centre.bulletin import tally
from interceptor.centre.bulletin.gather import Counts, Ranking, Wanted
from interceptor.centre.bulletin.periods import Period
from interceptor.centre.cards import reading as cards
from interceptor.centre.cases import reading as cases
from interceptor.centre.citizens import reading as citizens
from interceptor.centre.hotspots import reading as hotspots
from interceptor.centre.money import reading as money
from interceptor.centre.sites import reading as sites
from interceptor.centre.warnings import reading as warnings

RANKED = 10

COUNTS: Mapping[str, Counts] = {
    "gates": tally.counts, "money": money.counts, "cases": cases.counts, "warnings": warnings.counts,
    "sites": sites.counts, "cards": cards.counts, "hotspots": hotspots.counts,
    "citizens": citizens.counts,
}  # fmt: skip

WANTED: Sequence[Wanted] = (
    Wanted("gates", "call_events", "calls seen"),
    Wanted("gates", "call_blocked", "calls intercepted"),
    Wanted("gates", "sms_events", "messages seen"),
    Wanted("gates", "sms_blocked", "messages intercepted"),
    Wanted("gates", "web_events", "site visits seen"),
    Wanted("gates", "web_blocked", "visits blocked"),
    Wanted("gates", "web_held", "visits behind a warning page"),
    Wanted("gates", "transfer_events", "transfers seen"),
    Wanted("gates", "transfer_blocked", "transfers refused"),
    Wanted("gates", "transfer_blocked_fen", "sum of transfers refused", "fen"),
    Wanted("gates", "transfer_held", "transfers delayed"),
    Wanted("gates", "transfer_held_fen", "sum of transfers delayed", "fen"),
    Wanted("money", "alerts", "alerts with a loss"),
    Wanted("money", "refused", "stop requests refused"),
    Wanted("money", "stopped_accounts", "accounts stopped"),
    Wanted("money", "stopped_fen", "stopped in all layers, whosever it is", "fen"),
    Wanted("money", "tainted_fen", "of it victims' own money", "fen"),
    Wanted("money", "frozen_accounts", "accounts frozen"),
    Wanted("money", "frozen_fen", "frozen", "fen"),
    Wanted("money", "returned_fen", "returned to victims", "fen"),
    Wanted("money", "cancelled_fen", "delayed payments taken back on a report", "fen"),
    Wanted("money", "largest_loss_fen", "largest loss reported", "fen"),
    Wanted("money", "largest_saved_fen", "of it saved by what was done in 15 minutes", "fen"),
    Wanted("money", "released", "stops released"),
    Wanted("money", "wrongly_stopped", "of them wrongly stopped"),
    Wanted("money", "minutes_to_stop", "from report to stop, median", "minutes"),
    Wanted("money", "minutes_to_lift", "wrong stops lifted after, median", "minutes"),
    Wanted("cases", "cases_opened", "cases opened"),
    Wanted("cases", "cases_confirmed", "confirmed"),
    Wanted("cases", "cases_false_alarms", "false alarms"),
    Wanted("cases", "cases_handled_late", "handled late"),
    Wanted("cases", "rules_to_shadow", "rules put to shadow, too often wrong"),
    Wanted("warnings", "opened", "citizens warned"),
    Wanted("warnings", "persuaded", "persuaded by an officer"),
    Wanted("warnings", "unreached", "not reached"),
    Wanted("warnings", "escalated", "went up a tier, unreached or refused"),
    Wanted("warnings", "median_minutes_to_contact", "until somebody was reached, median", "minutes"),
    Wanted("sites", "proposed", "sites proposed by patrol"),
    Wanted("sites", "confirmed", "sites blocked at the source"),
    Wanted("sites", "lifted", "sites given back"),
    Wanted("cards", "opened", "cards opened"),
    Wanted("cards", "reverify", "asked to re-verify"),
    Wanted("cards", "limited", "limited"),
    Wanted("cards", "suspended", "suspended"),
    Wanted("cards", "sanctioned", "people and cards sanctioned"),
    Wanted("hotspots", "hot_towns", "townships found hot"),
    Wanted("hotspots", "dens_found", "dens found"),
    Wanted("hotspots", "dens_moved", "dens that moved"),
    Wanted("citizens", "reports", "reports by citizens"),
    Wanted("citizens", "bursts_blocked", "provisional blocks"),
    Wanted("citizens", "appeals_filed", "appeals filed"),
    Wanted("citizens", "appeals_upheld", "appeals upheld"),
    Wanted("citizens", "median_minutes_to_lift", "from appeal to lift, median", "minutes"),
    Wanted("citizens", "median_minutes_blocked", "from block to lift on appeal, median", "minutes"),
)

SECTIONS = {
    "gates": "At the gates", "sites": "Scam sites", "warnings": "Early warning", "money": "Stopped money",
    "cases": "Alerts and cases", "cards": "Two cards", "hotspots": "Hot spots", "citizens": "Citizens",
}  # fmt: skip


def rankings(book: Book, period: Period, town_name: Callable[[int], str]) -> list[Ranking]:
    """Townships by what was intercepted on its way to their citizens."""
    towns = tally.by_town(book, period.from_ms, period.to_ms)
    rows = [(town_name(town), events) for town, events in towns.items() if town][:RANKED]
    return [Ranking("Townships", "intercepted", rows)] if rows else []
