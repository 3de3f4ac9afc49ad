"""Signed statements: one canonical writing, one signature, of whatever kind."""
