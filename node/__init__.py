"""The node: answers from an agency's own database, within its signed memoranda."""
