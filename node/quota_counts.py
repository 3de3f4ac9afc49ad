"""How many queries each clause has answered: counts that follow from a node's log and nothing else.

A query counts once for each clause by which it was read, at the first entry that says so, whether
records were found or not. What was refused, or failed before anything could be told, does not
count. A log does not say which quotas there are: of entries, all windows are counted.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from landbridge.memorandum.grant import Window
from landbridge.v1 import log_pb2, reason_pb2
from node.quota_window import window_at

_TOLD: Final = frozenset(
    {
        reason_pb2.REASON_CODE_ANSWERED,
        reason_pb2.REASON_CODE_NO_RECORD,
        reason_pb2.REASON_CODE_TOO_MANY_RECORDS,
    }
)
"""Outcomes that tell the requester something of the records."""
_KEPT_MS: Final = 86_400_000
_KEPT_WINDOWS: Final = 8
"""A window is forgotten a day after its end, and once so many later ones of its account stand.

A clock that errs for so many windows errs for as long as they last: whatever it makes forgotten is
over by then, whichever way it erred.
"""
_MARGIN_MS: Final = 60_000


class Account(NamedTuple):
    """Whose queries are counted together."""

    memorandum: str
    clause: str
    requester: str
    purpose: str


class Counts:
    """Queries by account and window. Not thread-safe: its owner has a lock."""

    def __init__(self) -> None:
        self._counts: dict[tuple[Account, Window, int], int] = {}

    def count(self, account: Account, window: Window, at: int) -> int:
        """Return how many queries the window of a time holds, in Unix milliseconds."""
        return self._counts.get((account, window, window_at(window, at)[0]), 0)

    def add(self, account: Account, windows: Iterable[Window], at: int, by: int = 1) -> None:
        """Count a query in the windows of its time; -1 takes it back."""
        for window in windows:
            key = account, window, window_at(window, at)[0]
            self._counts[key] = self._counts.get(key, 0) + by

    def prune(self, at: int) -> None:
        """Forget the windows that ended long before a time, but for the latest of each account."""
        starts: dict[tuple[Account, Window], list[int]] = {}
        for account, window, start in self._counts:
            starts.setdefault((account, window), []).append(start)
        since = {key: sorted(found)[-_KEPT_WINDOWS:][0] for key, found in starts.items()}
        self._counts = {
            (account, window, start): count
            for (account, window, start), count in self._counts.items()
            if count > 0
            and (start >= since[account, window] or window_at(window, start)[1] + _KEPT_MS > at)
        }

    def rows(self) -> Iterator[tuple[Account, Window, int, int]]:
        """Give account, window, its first millisecond and the count, each."""
        for (account, window, start), count in self._counts.items():
            yield account, window, start, count

    def set(self, account: Account, window: Window, start: int, count: int) -> None:
        """Set the count of the window that begins at a time."""
        self._counts[account, window, start] = count

    def copy(self) -> "Counts":
        """Return counts of their own that begin as these."""
        copied = Counts()
        copied._counts = dict(self._counts)
        return copied


class Tally:
    """Counts a log's entries, one after the other.

    `longest_ms` is how long a query may live: so long its steps count as one.
    """

    def __init__(self, longest_ms: int, counts: Counts | None = None) -> None:
        self.counts = counts or Counts()
        self.size = 0
        """How many entries of the log are counted."""
        self._longest_ms = longest_ms
        self._expiry: dict[tuple[bytes, str, str], int] = {}
        self._sweep_at = 0

    def add(self, data: bytes, *, counts: bool = True) -> None:
        """Take the next entry; without `counts` only remember which queries it counted."""
        entry = log_pb2.LogEntry.FromString(data)
        self.size += 1
        at = entry.logged_at_unix_ms
        if not self._sweep_at - _MARGIN_MS <= at < self._sweep_at:
            self._expiry = {key: end for key, end in self._expiry.items() if end > at}
            self._sweep_at = at + _MARGIN_MS
        for memorandum, clause in counted_clauses(entry):
            key = (entry.query_digest, memorandum, clause)
            if key not in self._expiry:
                self._expiry[key] = at + self._longest_ms + _MARGIN_MS
                if counts:
                    account = Account(memorandum, clause, entry.requester, entry.purpose)
                    self.counts.add(account, Window, at)

    def seen(self) -> dict[tuple[bytes, str, str], int]:
        """Return which queries each clause has counted, with until when that matters."""
        return dict(self._expiry)


def counted_clauses(entry: log_pb2.LogEntry) -> set[tuple[str, str]]:
    """Name the clauses, each with its memorandum, by which an entry's query was read."""
    if entry.kind != log_pb2.ENTRY_KIND_ANSWER:
        return set()
    return {
        (access.memorandum, access.clause)
        for access in entry.accesses
        if access.memorandum
        # A sealed answer's entry does not tell what came of it: what may be in it counts.
        and (
            access.outcome in _TOLD
            or (access.outcome == reason_pb2.REASON_CODE_SEALED and len(access.released) > 0)
        )
    }
