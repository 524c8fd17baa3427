"""Money-flow tracing: where reported money went, through which accounts, and who works together.

`reading` opens a file of transfers, `transfers` holds them, `tracing` follows reported money, `networks` puts cases
together and names roles, `picture` draws, `checks` compares with what is known to be true.
"""
