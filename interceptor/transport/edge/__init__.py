"""Where events come into the cluster: the feed's frames, the bridge's messages.

Enters: frames of a city, JSON of gateways. Leaves: frames in `events`. Invariant: what is sent twice is numbered, so
that it counts once.
"""
