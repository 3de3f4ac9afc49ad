"""A party's library: its signed documents, kept, verified, followed, and known since when."""
