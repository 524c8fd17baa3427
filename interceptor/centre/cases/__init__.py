"""Alerts that police, banks and carriers handle together."""
