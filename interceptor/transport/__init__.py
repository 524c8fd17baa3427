"""The engine behind Kafka: frames on topics, workers, and what stands around them.

Enters: events from the simulator or from gateways. Leaves: decisions. Invariant: the engine's parts know nothing of
this package; whatever can be lost, repeated or reordered on the way is dealt with here.

    feed, bridge ──▶ events ──▶ admit ──▶ admitted ──▶ screen ──▶ contacts ──▶ protect ──▶ decisions ──▶ ledger
                  1 partition           by source               by target                  N partitions
"""
