"""Readers of an agency's own tables and files."""
