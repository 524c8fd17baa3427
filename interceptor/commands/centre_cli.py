"""`interceptor centre …`: the anti-fraud centre's own work.

Enters: what a person typed. Leaves: calls of the nouns' own modules. Invariant: each noun is a module of
interceptor.commands.centre, which imports what does the work only when a command runs.
"""

from __future__ import annotations

import typer

from interceptor.commands.centre import audit_cli, bulletin_cli, follow_cli

app = typer.Typer(
    help="The centre behind the gates: sites, warnings, stopped money, cases, cards, hot spots, citizens.",
    epilog="Start with: interceptor run --centre centre.sqlite",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
bulletin_cli.add_to(app)
follow_cli.add_to(app)
app.add_typer(audit_cli.app, name="audit")
