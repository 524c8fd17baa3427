"""Two cards: SIMs and accounts, their limits, outlets, sanctions."""
