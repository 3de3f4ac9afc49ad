"""A verifiable log: RFC 6962 Merkle tree, C2SP notes and checkpoints, kept in SQLite."""
