"""Money-flow tracing: where reported money went, through which accounts, and who works together.

`reading` opens a file of transfers (`recorded`, `labelled` with `layouts`, `columns`, `currencies`), `transfers` holds
them, `tracing` follows reported money (`walk` is its kernel), `networks` puts cases together and names roles,
`suspects` finds networks that nobody reported, `picture` draws a `scheme`, `checks` compares with what is known to be
true.
"""
