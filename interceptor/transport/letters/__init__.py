"""Dead letters: what could not be read, kept as it was.

Enters: messages. Leaves: letters, and messages that are sent back. Invariant: nothing of a message is lost.
"""
