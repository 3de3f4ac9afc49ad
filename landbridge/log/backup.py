"""Copies of a log's SQLite file: made while it is written, and put back only if it is the newest.

A copy is one moment of the log, whole under its name or not there at all.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log import erasure_list, head_mark
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.database import LogDatabase
from landbridge.log.note import parse_note
from landbridge.log.own_database import FILE_NAME, SETTINGS_NAME
from landbridge.log.store import LogStore
from landbridge.log.subject_notes import take_apart
from landbridge.log.subject_tables import drop_keys, erase_listed
from landbridge.log.tables import read_head
from landbridge.log.witness_file import newest_known

_BESIDE = ("", "-wal", "-shm")


def back_up(folder: Path, to: Path, *, with_keys: bool) -> Checkpoint:
    """Copy the log of a party's folder to a new file, and return the head of the copy.

    The log's own process goes on writing meanwhile. A copy without keys names nobody.

    Raises:
        LandbridgeError: LB-1106 when the log lies in PostgreSQL, there is none, or the file is
            there already; LB-5001 when the disk refuses; LB-5002 when the log is damaged.
    """
    _require_file(folder)
    if to.exists():
        raise _usage("the file is there already", to, "name a new file for each backup")
    with _unfinished(to) as copy:
        source = LogDatabase(folder / FILE_NAME)
        try:
            with source.reading() as connection, closing(sqlite3.connect(copy)) as target:
                connection.backup(target)
        finally:
            source.close()
        if not with_keys:
            _change(copy, drop_keys)
            with closing(sqlite3.connect(copy, isolation_level=None)) as target:
                target.execute("VACUUM")
        database = LogDatabase(copy)
        with database.reading() as connection:
            head = read_checkpoint(parse_note(read_head(connection)))
        database.close()
        _finish(copy, to)
    return head


def restore(
    folder: Path,
    copy: Path,
    open_copy: Callable[[Path], LogStore],
    seen_by_others: Callable[[str], Iterable[bytes]] = lambda _: (),
) -> Checkpoint:
    """Put a copy of a log back into its party's folder, and return its head.

    `seen_by_others` gives what witnesses have seen of the log of an origin: heads that it signed.

    1. Every entry and tile of the copy is held against its signed head.
    2. It must hold every head that is known: in the folder's mark, and from witnesses.
    3. Keys that were erased since it was made are erased in it.
    4. What was in its place is kept beside it under another name.

    Raises:
        LandbridgeError: LB-5003 when a newer head is known; LB-5002 when the copy is damaged, or of
            another log; LB-5001 when the disk refuses; LB-1106 when there is no copy, or the log
            lies in PostgreSQL.
    """
    if (folder / SETTINGS_NAME).exists():
        raise _in_postgres(folder)
    if not copy.is_file():
        raise _usage("there is no such file", copy, "name what `landbridge log backup` wrote")
    place = folder / FILE_NAME
    with _unfinished(place) as unfinished:
        source = LogDatabase(copy)
        try:
            with source.reading() as connection, closing(sqlite3.connect(unfinished)) as target:
                connection.backup(target)
        finally:
            source.close()
        with closing(open_copy(unfinished)) as log:
            log.check()
            known = [head_mark.read_mark(folder / head_mark.FILE_NAME), *newest_known(folder)]
            known += [_head_there(place), *seen_by_others(log.origin)]
            for head in filter(None, known):
                log.check_holds(head)
            found = read_checkpoint(parse_note(log.head()))
        erased = erasure_list.read_erased(folder / erasure_list.FILE_NAME)
        if erased:
            _change(unfinished, lambda connection: _erase(connection, erased))
        _put_aside(place)
        _finish(unfinished, place)
    return found


def replaced_files(folder: Path) -> list[Path]:
    """Name the databases that restores have put aside in a party's folder, with all their keys."""
    found = folder.glob(f"{FILE_NAME}.replaced-*")
    return sorted(path for path in found if not path.name.endswith(("-wal", "-shm")))


def _erase(connection: sqlite3.Connection, erased: frozenset[str]) -> None:
    take_apart(connection)
    erase_listed(connection, lambda masked: erasure_list.key_digest(masked) in erased)


def _change(path: Path, change: Callable[[sqlite3.Connection], object]) -> None:
    database = LogDatabase(path)
    database.add_missing_tables()
    with database.writing() as connection:
        change(connection)
    database.forget_erased()
    database.close()


def _head_there(place: Path) -> bytes | None:
    """Return the head of the log that is to be replaced, if it can be read at all."""
    if not place.exists():
        return None
    database = LogDatabase(place)
    try:
        with database.reading() as connection:
            return read_head(connection)
    except LandbridgeError:
        return None
    finally:
        database.close()


def _put_aside(place: Path) -> None:
    """Rename what is there: its write-ahead file must never meet another database."""
    name = f"{place.name}.replaced-{secrets.token_hex(4)}"
    for suffix in reversed(_BESIDE):
        with suppress(FileNotFoundError):
            place.with_name(place.name + suffix).rename(place.with_name(name + suffix))


@contextmanager
def _unfinished(to: Path) -> Iterator[Path]:
    """Give a name beside a file that nobody mistakes for it; nothing stays under it."""
    path = to.with_name(f".{to.name}.{secrets.token_hex(4)}")
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield path
    except sqlite3.Error as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE, f"the log cannot be copied: {error}", where=str(to)
        ) from error
    except OSError as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE, f"the log cannot be copied: {error.strerror}", where=str(to)
        ) from error
    finally:
        for suffix in (*_BESIDE, "-journal"):
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink()


def _finish(path: Path, to: Path) -> None:
    """Give a closed copy its name, once all of it is on the disk."""
    database = LogDatabase(path)
    database.forget_erased()
    database.close()
    for name in (path, path.parent):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            if name == path:
                path.rename(to)
        finally:
            os.close(descriptor)


def _require_file(folder: Path) -> None:
    if (folder / SETTINGS_NAME).exists():
        raise _in_postgres(folder)
    if not (folder / FILE_NAME).is_file():
        raise _usage("there is no log", folder, "name a party's folder")


def _in_postgres(folder: Path) -> LandbridgeError:
    return _usage(
        "the log lies in PostgreSQL",
        folder / SETTINGS_NAME,
        "use pg_dump and pg_restore; log.head still finds out an older copy",
    )


def _usage(what: str, where: Path, next_step: str) -> LandbridgeError:
    return refuse(Reason.USAGE, what, where=str(where), next_step=next_step)
