"""The centre behind the gates: what happens after a decision.

One package a system of a city's anti-fraud centre: `sites` (patrol), `warnings` (early warning), `money`
(stop-payment and freeze), `cases` (alerts handled together), `cards` (SIMs and accounts), `hotspots`, `flow`
(tracing), `citizens` (reports, appeals, advice), `bulletin`. Each keeps its own tables in one `book` (SQLite), and
every change, and every refusal, is an entry of the chained log in `audit`. Time is handed in; nothing here reads a
clock.
"""
