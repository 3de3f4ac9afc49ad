"""The subjects' rights: disputes, repairs, corrections, and whether a profile is still good."""
