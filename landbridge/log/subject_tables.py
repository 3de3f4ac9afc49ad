"""The tables of subjects' keys.

`subject_key` holds the masked keys, many in a row that never moves and is overwritten where it
stands, so that no old copy of a page keeps one. `subject_name` finds a key's place by a keyed
look-up value, and `subject_month` lists the months that have keys. All of it comes here in bulk,
from what each append has noted (`subject_notes`). `erased` holds digests of the masked keys that
are gone.
"""

import secrets
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from landbridge.log.connection import Connection
from landbridge.log.tables import damaged, write_rows

_KEY_BYTES: Final = 32
_MOST_AT_ONCE: Final = 512
_BLOCK: Final = 126
"""Keys in a row, which so fills a page."""
_KEYS: Final = (
    "SELECT look_up, place,"
    " substr(masked, CAST(1 + 32 * (place - place / 126 * 126) AS integer), 32)"
    " FROM subject_name LEFT JOIN subject_key ON block = place / 126"
)
_ALL: Final = (
    *("noted", "subject_key", "subject_name", "subject_month"),
    *("named_lately", "named_run", "named", "erased"),
)


class StoredKey(NamedTuple):
    """A masked key and its place among all."""

    place: int
    masked: bytes


NotedKey = tuple[bytes, bytes, bytes]
"""A month in ASCII, what its key is found by, and that key, masked."""


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
            found.setdefault(look_up, []).append(StoredKey(place, _checked(masked)))
    return found


def count_erasures(connection: Connection) -> int:
    """Count the keys that were erased since the log began."""
    return int(connection.execute("SELECT count(*) FROM erased").fetchone()[0])


def write_keys(connection: Connection, keys: Sequence[NotedKey]) -> None:
    """Store keys, in the order in which the log's entries first named somebody."""
    (last,) = connection.execute("SELECT max(block) FROM subject_key").fetchone()
    first = 0 if last is None else last + 1
    masked = [each for _, _, each in keys]
    blocks = [b"".join(masked[at : at + _BLOCK]) for at in range(0, len(masked), _BLOCK)]
    write_rows(connection, "subject_key", list(enumerate(blocks, first)))
    # In the order of the index: each of its pages is then met once.
    places = [(look_up, place) for place, (_, look_up, _) in enumerate(keys, first * _BLOCK)]
    write_rows(connection, "subject_name", sorted(places))
    connection.executemany(
        "INSERT INTO subject_month VALUES (?) ON CONFLICT DO NOTHING",
        [(month.decode("ascii", "replace"),) for month in sorted({month for month, _, _ in keys})],
    )


def erase_key(connection: Connection, look_up: bytes, stored: StoredKey) -> None:
    """Put random bytes in the place of a key and of what it is found by.

    Nothing may show in a copy of the database which rows these were: their places follow the order
    in which the log's entries first named somebody. For the same reason the positions stay, which
    say nothing that the entries do not say.
    """
    block, number = divmod(stored.place, _BLOCK)
    query = "SELECT masked FROM subject_key WHERE block = ?"
    (masked,) = connection.execute(query, (block,)).fetchone()
    before, after = masked[: number * _KEY_BYTES], masked[(number + 1) * _KEY_BYTES :]
    connection.execute(
        "UPDATE subject_key SET masked = ? WHERE block = ?",
        (before + secrets.token_bytes(_KEY_BYTES) + after, block),
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

    Raises:
        LandbridgeError: LB-5002 when a key is missing.
    """
    rows = connection.execute(_KEYS).fetchall()
    listed = [row for row in rows if is_listed(_checked(row[2]))]
    for look_up, place, masked in listed:
        erase_key(connection, look_up, StoredKey(place, masked))
    return len(listed)


def drop_keys(connection: Connection) -> None:
    """Leave out all that leads from a subject to its entries, in a copy of a log."""
    for table in _ALL:
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  one of our own


def _checked(masked: object) -> bytes:
    if not isinstance(masked, bytes) or len(masked) != _KEY_BYTES:
        raise damaged("a subject's key is missing")
    return masked


def _digest(masked: bytes) -> bytes:
    return sha256(masked).digest()
