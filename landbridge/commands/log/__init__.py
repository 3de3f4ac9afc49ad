"""`landbridge log`."""
