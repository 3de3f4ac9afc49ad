"""Exchange formats: what other programs give us and take from us, by their own standards."""
