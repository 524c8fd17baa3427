"""What the shards' state is kept in between: a folder or Redis.

Enters: states. Leaves: the newest of a shard. Invariant: what comes back is what was saved, or it is passed over.
"""
