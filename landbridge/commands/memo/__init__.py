"""`landbridge memo`: memoranda for the people who agree on them."""
