"""Peers in Java: sources, how they are built, how they are run."""
