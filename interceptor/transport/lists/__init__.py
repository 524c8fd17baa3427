"""Lists that all workers share through Redis.

Enters: values to list. Leaves: what is listed, on every worker. Invariant: Redis holds the truth; a worker that can't
reach it goes on with what it knew last.
"""
