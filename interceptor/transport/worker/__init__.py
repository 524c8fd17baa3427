"""A worker: shards of the stages, as Kafka's group hands them out.

Enters: messages of the partitions that Kafka's group assigns. Leaves: messages for the next stage, decisions,
snapshots. Invariant: a shard's state is a function of its partition's log; nothing is acknowledged before what follows
from it has been delivered, and whatever is taken again gives what it gave before.

    faust_app, json_member   the group's member: what happens when partitions come and go, messages, commits
    station   the process: its lanes, and what their shards need
    lane      the shards of one stage in this process: queue, recovery, batches, acknowledgement in order
    shards    one partition of a stage: bytes in, bytes out, no I/O
"""
