"""What a party keeps now, and what it knew at a past moment, held against its verifiable log."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from landbridge.clock import system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.library.changes import Logged
from landbridge.library.history import History
from landbridge.library.known import CANNOT_KEEP, Known, known_at
from landbridge.library.remembered import recall_document
from landbridge.library.shelf import Shelf
from landbridge.library.store import read_shelf
from landbridge.log.tables import read_entries
from landbridge.party import PartyFolder
from landbridge.rpc.document_log import read_document_entry


def read_present_shelf(state: Path) -> Shelf:
    """Read what counts for a party now; what its node cannot execute grants nothing there.

    Raises:
        LandbridgeError: LB-1101 when a file is missing.
    """
    shelf = read_shelf(state, PartyFolder.open(state).bundle, at=system_clock())
    history = History(state)
    barred = {
        opened.signed: refuse(Reason.INVALID_CONFIGURATION, CANNOT_KEEP)
        for (kind, digest), logged in history.counting().items()
        if logged.change.barred
        and (opened := recall_document(kind, history.document(digest))).memorandum is not None
    }
    return replace(shelf, barred=barred)


def read_known(state: Path, at: int) -> Known:
    """Return what a party knew at a time (Unix milliseconds), each change proven by its log entry.

    Raises:
        LandbridgeError: LB-1101 when a file is missing; LB-5001 when the log cannot be read;
            LB-5002 when the index of documents says something else than the log.
    """
    logged = History(state).logged
    if logged:
        _compare(state / "log.sqlite", logged)
    return known_at(state, at)


def _compare(path: Path, logged: list[Logged]) -> None:
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            for one in logged:
                (entry,) = read_entries(connection, one.entry, one.entry + 1)
                if read_document_entry(one.entry, entry) != one:
                    raise _differs(path, one)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE, f"the log cannot be read: {error}", where=str(path)
        ) from error


def _differs(path: Path, one: Logged) -> LandbridgeError:
    return refuse(
        Reason.LOG_DAMAGED,
        f"the index of documents says of log entry {one.entry} something else than the log",
        where=str(path),
        next_step="remove the index: it is made anew from the log at the next start",
    )
