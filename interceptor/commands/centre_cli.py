"""`interceptor centre …`: the anti-fraud centre's own work.

Enters: what a person typed. Leaves: calls of the nouns' own modules. Invariant: each noun is a module of
interceptor.commands.centre, which imports what does the work only when a command runs.
"""

from __future__ import annotations

import typer

from interceptor.commands.centre import (
    advice_cli,
    appeal_cli,
    audit_cli,
    bulletin_cli,
    cards_cli,
    cases_cli,
    flow_cli,
    follow_cli,
    hotspots_cli,
    lookup_cli,
    money_cli,
    protect_cli,
    report_cli,
    sites_cli,
    warnings_cli,
)

app = typer.Typer(
    help="The centre behind the gates: sites, warnings, stopped money, cases, cards, hot spots, citizens.",
    epilog="Start with: interceptor run --centre centre.sqlite",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
bulletin_cli.add_to(app)
app.add_typer(cases_cli.app, name="cases")
app.add_typer(warnings_cli.app, name="warnings")
app.add_typer(money_cli.app, name="money")
flow_cli.add_to(money_cli.app)
app.add_typer(sites_cli.app, name="sites")
app.add_typer(cards_cli.app, name="cards")
app.add_typer(hotspots_cli.app, name="hotspots")
app.add_typer(report_cli.app, name="report")
app.command("lookup")(lookup_cli.lookup)
app.add_typer(appeal_cli.app, name="appeal")
app.add_typer(protect_cli.app, name="protect")
app.add_typer(advice_cli.app, name="advice")
app.add_typer(audit_cli.app, name="audit")
follow_cli.add_to(app)
