"""Tools for those who write rules: check, test, explain, and tune on a recording.

Enters: rules and recordings. Leaves: tables, JSON, pages. Invariant: what a tool says comes from the same engine that
decides; nothing here is imported by it.
"""
