"""The `landbridge` command: one file for each noun."""
