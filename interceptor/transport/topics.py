"""The topics of a cluster.

Enters: nothing. Leaves: names, and what each is for. Invariant: whoever writes to or reads from a topic takes its name
from here.
"""

from __future__ import annotations

EVENTS = "events"  # frames as they come in: one partition, whose order is the order of the stream
ADMITTED = "admitted"  # the same events with status and what the whole city shares, by source
CONTACTS = "contacts"  # with what the source stage found, by target
DECISIONS = "decisions"  # one decision an event
DEAD_LETTERS = "dead-letters"  # what could not be read: the original bytes, with the reason in the headers
TOPICS = (EVENTS, ADMITTED, CONTACTS, DECISIONS, DEAD_LETTERS)

BETWEEN = frozenset({ADMITTED, CONTACTS})  # the stages; where there is one shard, there are no such topics
SINGLE = frozenset({EVENTS, DEAD_LETTERS})  # topics of one partition, whatever the settings say
