"""Scam campaigns: who runs them, over which lines and sites, whom they hook, and what their events look like."""
