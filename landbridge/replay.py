"""Refuses what was answered before. Bounded memory; after a restart it is rebuilt from the log."""

from collections.abc import Iterable

from landbridge.errors import Reason, refuse
from landbridge.v1 import log_pb2

_Key = tuple[bytes, int, int]
_SWEEP_MS = 1_000
_FEW = 4096
ENTRIES_OF_A_WRONG_CLOCK = 1000
"""So many entries in a row must be older before one stops to look further back in a log."""
_MARGIN_MS = 60_000
"""Kept beyond a query's expiry, for clocks that step and threads that lag."""


class ReplayGuard:
    """Remembers each step of each query until the query's expiry.

    Not thread-safe: its owner calls it under one lock.
    """

    def __init__(self, capacity: int = 200_000) -> None:
        self._expiry: dict[_Key, int] = {}
        self._capacity = capacity
        self._next_sweep = 0
        self._sweep_from = min(_FEW, capacity)

    def admit(
        self, query_digest: bytes, step: int, round_: int, *, expires_at: int, at: int
    ) -> None:
        """Admit one step of a query, once. Times are Unix milliseconds.

        Raises:
            LandbridgeError: LB-4004 when it was admitted before; LB-2003 when more unexpired
                queries are remembered than memory is kept for.
        """
        if len(self._expiry) >= self._sweep_from:
            self._sweep(at)
        key = (query_digest, step, round_)
        if key in self._expiry:
            raise refuse(Reason.REPLAYED_QUERY, "this query was already answered at this step")
        if len(self._expiry) >= self._capacity:
            raise refuse(Reason.BUSY, f"{self._capacity} unexpired queries are remembered already")
        self._expiry[key] = expires_at

    def _sweep(self, at: int) -> None:
        """Forget what has expired, whenever twice as much is remembered as the last time."""
        # A clock that has stepped back is none to wait for.
        if self._next_sweep - _SWEEP_MS <= at < self._next_sweep:
            return
        self._expiry = {
            key: expiry for key, expiry in self._expiry.items() if expiry + _MARGIN_MS > at
        }
        self._next_sweep = at + _SWEEP_MS
        self._sweep_from = min(max(_FEW, 2 * len(self._expiry)), self._capacity)

    def forget(self, query_digest: bytes, step: int, round_: int) -> None:
        """Take back an admission whose answer never left."""
        self._expiry.pop((query_digest, step, round_), None)

    def learn(self, entries: Iterable[bytes], *, at: int) -> None:
        """Admit what others have answered, by their log entries; `at` is Unix milliseconds."""
        for data in entries:
            entry = log_pb2.LogEntry.FromString(data)
            if entry.query_expires_at_unix_ms + _MARGIN_MS > at:
                key = (entry.query_digest, entry.step, entry.round)
                self._expiry[key] = entry.query_expires_at_unix_ms

    def restore(self, entries_backwards: Iterable[bytes], *, at: int, max_lifetime_ms: int) -> int:
        """Admit again what the log shows as answered, newest first; return how many.

        Reading stops where entries in a row are so old that every query of their time has expired.
        """
        restored = older = 0
        for data in entries_backwards:
            entry = log_pb2.LogEntry.FromString(data)
            if entry.logged_at_unix_ms + max_lifetime_ms + _MARGIN_MS < at:
                older += 1
                if older == ENTRIES_OF_A_WRONG_CLOCK:
                    break
                continue
            older = 0
            if entry.query_expires_at_unix_ms + _MARGIN_MS > at:
                key = (entry.query_digest, entry.step, entry.round)
                self._expiry[key] = entry.query_expires_at_unix_ms
                restored += 1
        return restored
