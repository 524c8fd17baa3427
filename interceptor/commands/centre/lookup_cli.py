"""`interceptor centre lookup THING`: what is known of a number, a site, an account or a text.

Enters: what a person typed. Leaves: a table or JSON. Invariant: nothing is written, and nobody who reported is named.
"""

from __future__ import annotations

from interceptor.commands.centre.citizens_desk import RulesOption, ThingArgument, official, time_of
from interceptor.commands.centre.desk import BOOK, At, BookOption, Json, at_of, opened, run
from interceptor.tuning.tables import Column, print_json, show_table


def lookup(
    thing: ThingArgument, rules: RulesOption = None, book: BookOption = BOOK, at: At = None, json: Json = False
) -> None:
    """Is it blocked, limited, reported? Why, since when, until when, and what can be done?"""

    def command() -> int:
        from interceptor.centre.citizens.lookup import look_up
        from interceptor.centre.things import parse

        spared = official(rules)
        with opened(book, read_only=True) as centre:
            found = look_up(centre, parse(thing), at_of(centre, at), official=spared)
        if json:
            print_json(found.as_object())
            return 0
        rows = [
            ["state", found.state], ["why", found.why or "–"], ["by", found.by or "–"],
            ["lists", ", ".join(found.lists) or "–"], ["since", time_of(found.since_ms)],
            ["until", time_of(found.until_ms)],
            ["reports", f"{found.reports} people, weight {found.weight:.2f}"],
            ["protected", "by its owner" if found.protected else "no"], ["appeal", found.appeal or "none"],
            ["what to do", found.todo], ["papers", found.papers or "–"],
        ]  # fmt: skip
        show_table(found.thing.masked, [Column(""), Column("", wraps=True)], rows, "")
        return 0

    run(command)
