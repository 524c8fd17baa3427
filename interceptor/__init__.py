"""Decides calls, SMS, site visits and transfers as they stream by: rules in, frames in, decisions out."""

__version__ = "0.1.0"
