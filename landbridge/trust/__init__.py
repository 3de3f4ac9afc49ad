"""The trust bundle: who belongs to a federation, and which keys speak for whom."""
