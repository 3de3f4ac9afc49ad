"""The party's side: keeps a running process certified, and its trust fresh."""
