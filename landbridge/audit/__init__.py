"""Holds logs of several parties against one another."""
