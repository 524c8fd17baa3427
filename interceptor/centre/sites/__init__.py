"""Scam sites: patrol, proposals, an officer's confirmation."""
