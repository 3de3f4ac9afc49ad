"""What memoranda allow, why, and what a change of them would change."""
