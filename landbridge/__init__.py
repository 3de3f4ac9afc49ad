"""Landbridge: federated data exchange between agencies, without a central copy of the data."""

__version__ = "0.1.0"
