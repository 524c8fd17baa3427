"""Hosts as 64-bit keys.

Enters: the name of a host. Leaves: its hash, FNV-1a over the bytes from last to first, as the kernels in lookups
make it. Invariant: 0 is no host.
"""

from __future__ import annotations

FNV_START, FNV_PRIME = 0xCBF29CE484222325, 0x100000001B3
_WORD = 2**64 - 1


def hash_of_host(host: str) -> int:
    """What `hash_hosts` gives for one host; 0 for the empty one."""
    if not host:
        return 0
    found = FNV_START
    for byte in reversed(host.encode("utf-8", "surrogatepass")):
        found = (found ^ byte) * FNV_PRIME & _WORD
    return found or 1
