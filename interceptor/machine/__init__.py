"""A cluster on one's own machine: Kafka and Redis on loopback, started, watched and stopped.

Enters: a data folder, ports. Leaves: running servers, and the settings by which everything else finds them.
Invariants: nothing listens on another address than 127.0.0.1; only processes that were started here are ever stopped;
nothing outside of the data folder is written but Kafka's jars in the user's cache folder.
"""
