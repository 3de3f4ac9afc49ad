"""The tables of subjects' keys and of the positions that name a subject.

`subject_key` holds each masked key in a row that never moves and is overwritten where it stands, so
that no old copy of a page keeps it. `subject_name` finds it by a keyed look-up value, and
`subject_month` lists the months that have keys. `named_lately` and, sorted run by run, `named` give
the positions under a pseudonym. All of it comes here in bulk, from what each append has noted
(`subject_notes`). `erased` holds digests of the masked keys that are gone: an append
under way must not bring one back.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from landbridge.log.connection import Connection
from landbridge.log.tables import damaged

_KEY_BYTES: Final = 32
_MOST_AT_ONCE: Final = 512
_KEYS: Final = "SELECT look_up, place, masked FROM subject_name LEFT JOIN subject_key USING (place)"

_RUN: Final = 1 << 14
"""Names that are sorted into a run at a time: some 20 milliseconds of work."""
_LATELY: Final = "SELECT month, pseudonym, position FROM named_lately"
_LATELY_UNDER: Final = "SELECT position FROM named_lately WHERE pseudonym"
_POSITIONS: Final = (
    "SELECT position FROM named WHERE run IN (SELECT run FROM named_run WHERE month = ?)"
    " AND pseudonym = ? AND position < ? ORDER BY run DESC, position DESC LIMIT ?"
)
_ALL: Final = (
    *("noted", "subject_key", "subject_name", "subject_month"),
    *("named_lately", "named_run", "named", "erased"),
)


class StoredKey(NamedTuple):
    """A masked key and the row that it stands in."""

    place: int
    masked: bytes


class NotedKey(NamedTuple):
    """A masked key of a month, with what it is found by."""

    month: str
    look_up: bytes
    masked: bytes


class NewKey(NamedTuple):
    """A key that is to be stored."""

    month: str
    look_up: bytes
    masked: bytes
    pseudonym: bytes


def read_months(connection: Connection) -> list[str]:
    """Return the months that have keys, newest first."""
    rows = connection.execute("SELECT month FROM subject_month ORDER BY month DESC").fetchall()
    return [str(month) for (month,) in rows]


def read_keys(connection: Connection, look_up: bytes) -> list[StoredKey]:
    """Return the keys under a look-up value, oldest first."""
    return read_keys_of(connection, (look_up,)).get(look_up, [])


def read_keys_of(connection: Connection, look_ups: Sequence[bytes]) -> dict[bytes, list[StoredKey]]:
    """Return the keys under several look-up values, oldest first, by look-up value."""
    found: dict[bytes, list[StoredKey]] = {}
    for start in range(0, len(look_ups), _MOST_AT_ONCE):
        some = look_ups[start : start + _MOST_AT_ONCE]
        # Filled up to a power of two: the database then knows the statement already.
        filled = [*some, *[some[0]] * ((1 << (len(some) - 1).bit_length()) - len(some))]
        marks = ", ".join("?" * len(filled))
        query = f"{_KEYS} WHERE look_up IN ({marks}) ORDER BY look_up, place"
        rows = connection.execute(query, filled).fetchall()
        for look_up, place, masked in rows:
            if not isinstance(masked, bytes) or len(masked) != _KEY_BYTES:
                raise damaged("a subject's key is missing")
            found.setdefault(look_up, []).append(StoredKey(place, masked))
    return found


def count_erasures(connection: Connection) -> int:
    """Count the keys that were erased since the log began."""
    return int(connection.execute("SELECT count(*) FROM erased").fetchone()[0])


def without_erased(connection: Connection, keys: Sequence[NewKey]) -> Sequence[NewKey]:
    """Leave out the keys that were erased since they were made."""
    if connection.execute("SELECT 1 FROM erased LIMIT 1").fetchone() is None:
        return keys
    query = "SELECT 1 FROM erased WHERE digest = ?"
    return [
        key for key in keys if connection.execute(query, (_digest(key.masked),)).fetchone() is None
    ]


def write_keys(connection: Connection, keys: Sequence[NotedKey]) -> None:
    """Store keys, in the order in which the log's entries first named somebody."""
    (last,) = connection.execute("SELECT max(place) FROM subject_key").fetchone()
    first = 0 if last is None else last + 1
    connection.executemany(
        "INSERT INTO subject_key VALUES (?, ?)",
        [(place, key.masked) for place, key in enumerate(keys, first)],
    )
    connection.executemany(
        "INSERT INTO subject_name VALUES (?, ?)",
        sorted((key.look_up, place) for place, key in enumerate(keys, first)),
    )
    connection.executemany(
        "INSERT INTO subject_month VALUES (?) ON CONFLICT DO NOTHING",
        sorted({(key.month,) for key in keys}),
    )


def erase_key(connection: Connection, look_up: bytes, stored: StoredKey) -> None:
    """Put random bytes in the place of a key and of what it is found by.

    Nothing may show in a copy of the database which rows these were: their places follow the order
    in which the log's entries first named somebody. For the same reason the positions stay, which
    say nothing that the entries do not say.
    """
    connection.execute(
        "UPDATE subject_key SET masked = ? WHERE place = ?",
        (secrets.token_bytes(_KEY_BYTES), stored.place),
    )
    connection.execute(
        "DELETE FROM subject_name WHERE look_up = ? AND place = ?", (look_up, stored.place)
    )
    connection.execute(
        "INSERT INTO subject_name VALUES (?, ?)", (secrets.token_bytes(len(look_up)), stored.place)
    )
    connection.execute(
        "INSERT INTO erased VALUES (?) ON CONFLICT DO NOTHING", (_digest(stored.masked),)
    )


def erase_listed(connection: Connection, is_listed: Callable[[bytes], bool]) -> int:
    """Erase the keys that a list names, in a copy of a log; return how many there were.

    Nothing may be left that was noted only.
    """
    rows = connection.execute(
        "SELECT place, look_up, masked FROM subject_name JOIN subject_key USING (place)"
    ).fetchall()
    listed = [row for row in rows if is_listed(row[2])]
    for place, look_up, masked in listed:
        erase_key(connection, look_up, StoredKey(place, masked))
    return len(listed)


def drop_keys(connection: Connection) -> None:
    """Leave out all that leads from a subject to its entries, in a copy of a log."""
    for table in _ALL:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  one of our own


def write_positions(connection: Connection, named: Sequence[tuple[str, bytes, int]]) -> None:
    """Index entries under month and pseudonym of whom they name.

    A sorted index would touch a page of its own for every entry: what is new is only listed, and
    sorted into a run of its own once there is enough of it.
    """
    connection.executemany("INSERT INTO named_lately VALUES (?, ?, ?)", named)
    if connection.execute(f"{_LATELY} LIMIT 1 OFFSET {_RUN}").fetchone() is None:
        return
    rows = connection.execute(f"{_LATELY} ORDER BY pseudonym, position").fetchall()
    (last,) = connection.execute("SELECT max(run) FROM named_run").fetchone()
    run = 0 if last is None else last + 1
    connection.executemany(
        "INSERT INTO named_run VALUES (?, ?)", [(month, run) for month in {row[0] for row in rows}]
    )
    connection.executemany(
        "INSERT INTO named VALUES (?, ?, ?)",
        [(run, pseudonym, position) for _, pseudonym, position in dict.fromkeys(rows)],
    )
    connection.execute("DELETE FROM named_lately")


def read_positions(
    connection: Connection, names: Iterable[tuple[str, bytes]], before: int, limit: int
) -> list[int]:
    """Return the newest positions under any month and pseudonym, newest first, each once."""
    found: set[int] = set()
    asked = list(names)
    for start in range(0, len(asked), _MOST_AT_ONCE):
        some = [pseudonym for _, pseudonym in asked[start : start + _MOST_AT_ONCE]]
        marks = ", ".join("?" * len(some))
        query = f"{_LATELY_UNDER} IN ({marks}) AND position < ? ORDER BY position DESC LIMIT ?"
        rows = connection.execute(query, (*some, before, limit)).fetchall()
        found.update(position for (position,) in rows)
    for name in asked:
        rows = connection.execute(_POSITIONS, (*name, before, limit)).fetchall()
        found.update(position for (position,) in rows)
    return sorted(found, reverse=True)[:limit]


def _digest(masked: bytes) -> bytes:
    return sha256(masked).digest()
