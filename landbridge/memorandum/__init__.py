"""Memoranda: what agencies agree that one may read of another."""
