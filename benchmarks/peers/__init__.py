"""What else a user could run, one file each, on the same events.

Enters: events. Leaves: decisions, as far as the peer can make them. Invariant: each file says how its job differs.
"""
