"""Counts of queries that survive: a small file, and what the log holds beyond it.

The file is a shortcut and never the truth. It says up to which entry of which log it counts; where
it is missing, damaged or of another log, everything is counted anew from the log. So a node that is
killed at any moment loses no count, and answering waits for no file.
"""

import json
import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from landbridge.log.store import LogStore
from landbridge.memorandum.grant import Window
from landbridge.replay import ENTRIES_OF_A_WRONG_CLOCK
from landbridge.v1 import log_pb2
from node.quota_counts import Account, Counts, Tally
from node.quota_window import window_at

_FORM: Final = 1
_MARGIN_MS: Final = 120_000
_WEEK_MS: Final = 7 * 86_400_000


def count_log(log: LogStore, path: Path, *, longest_ms: int, at: int) -> Tally:
    """Count everything that the log holds, from the file on where it fits.

    `longest_ms` is how long a query may live, `at` the present time in Unix milliseconds.

    Raises:
        LandbridgeError: LB-5001, LB-5002 when the log cannot be read.
    """
    size, counts = _read(path, log)
    tally = Tally(longest_ms, counts)
    end = size or log.size
    # Neither the clock nor the newest entry is believed alone: either may have erred.
    since = min(at, _logged_at(log, end - 1)) if end else at
    if not size:
        # What is older than the longest window counts in none.
        since = min(window_at(Window.YEAR, since)[0], since - _WEEK_MS)
    # A query may have counted before the file's last entry and come again after it.
    start = _first_since(log, end, since - longest_ms - _MARGIN_MS)
    tally.size = start
    for position, entry in enumerate(log.entries(start), start):
        tally.add(entry, counts=position >= size)
    return tally


def continue_count(tally: Tally, log: LogStore) -> None:
    """Count the entries that the log has gained."""
    for entry in log.entries(tally.size):
        tally.add(entry)


def write_checkpoint(tally: Tally, log: LogStore, path: Path, at: int) -> None:
    """Write the file, whole or not at all; a disk that refuses costs time at the next start alone.

    Raises:
        LandbridgeError: LB-5001, LB-5002 when the log cannot be read.
    """
    tally.counts.prune(at)
    document = {
        "form": _FORM,
        "log": log.origin,
        "size": tally.size,
        "last": _digest(log, tally.size - 1) if tally.size else "",
        "counts": [
            [*account, window, start, n] for account, window, start, n in tally.counts.rows()
        ],
    }
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
        unfinished.replace(path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)


def _read(path: Path, log: LogStore) -> tuple[int, Counts]:
    """Read the file; where it does not fit, begin with nothing."""
    counts = Counts()
    try:
        document: Any = json.loads(path.read_bytes())
        size = document["size"]
        fits = (
            document["form"] == _FORM
            and document["log"] == log.origin
            and isinstance(size, int)
            and 0 < size <= log.size
            and document["last"] == _digest(log, size - 1)
        )
        if not fits:
            return 0, counts
        for memorandum, clause, requester, purpose, window, start, count in document["counts"]:
            account = Account(str(memorandum), str(clause), str(requester), str(purpose))
            if window_at(Window(window), start)[0] != start or not 0 < count <= size:
                return 0, Counts()
            counts.set(account, Window(window), start, count)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return 0, Counts()
    return size, counts


def _first_since(log: LogStore, end: int, since: int) -> int:
    """Return the position behind the newest entries before `end` that are older than a time."""
    start = end
    for position, entry in log.entries_backwards(end):
        if log_pb2.LogEntry.FromString(entry).logged_at_unix_ms >= since:
            start = position
        elif start - position >= ENTRIES_OF_A_WRONG_CLOCK:
            break
    return start


def _logged_at(log: LogStore, position: int) -> int:
    return log_pb2.LogEntry.FromString(log.entry(position)).logged_at_unix_ms


def _digest(log: LogStore, position: int) -> str:
    return sha256(log.entry(position)).hexdigest()
