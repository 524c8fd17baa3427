"""Every decision, once.

Enters: the topic of decisions, with its repeats. Leaves: an SQLite file. Invariant: the first decision of a place
stays.
"""
