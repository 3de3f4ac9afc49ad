"""What an append notes of the subjects that it names: one row a batch, taken apart later in bulk.

To bring each key and each position to where it is looked for would touch a page of its own.
`noted` holds them meanwhile, under the position of the batch's first entry, and whoever looks for a
key or a position looks here as well. Before a key is erased all rows are taken apart: no key stands
here and in `subject_key` at once, and SQLite overwrites what is deleted (`secure_delete`).
"""

import struct
from collections.abc import Sequence
from itertools import chain
from typing import Final

from landbridge.log.connection import Connection
from landbridge.log.named_places import Place, check_places, file_places, pack_places, positions_in
from landbridge.log.subject_tables import NotedKey, write_keys
from landbridge.log.tables import damaged

_EVERY: Final = 1 << 11
"""Entries after which the rows are taken apart: some 5 milliseconds of work."""
_COUNT: Final = struct.Struct(">I")
_KEY: Final = struct.Struct(">7s16s32s")


def write_note(
    connection: Connection, start: int, keys: Sequence[NotedKey], places: Sequence[Place]
) -> None:
    """Note the new keys of a batch, and which of its entries name whom."""
    packed = b"".join(chain.from_iterable(keys))
    note = _COUNT.pack(len(keys)) + packed + pack_places(places)
    connection.execute("INSERT INTO noted VALUES (?, ?)", (start, note))


def read_notes(connection: Connection, after: int = -1) -> list[tuple[int, bytes]]:
    """Return the rows behind a position, each with its own."""
    query = "SELECT position, names FROM noted WHERE position > ? ORDER BY position"
    return connection.execute(query, (after,)).fetchall()


def keys_in(note: bytes) -> list[NotedKey]:
    """Return the new keys in a row, in the order in which they were met.

    Raises:
        LandbridgeError: LB-5002 when it is not as it was written.
    """
    return list(_KEY.iter_unpack(_split(note)[0]))


def places_in(note: bytes) -> bytes:
    """Return the places in a row, packed.

    Raises:
        LandbridgeError: LB-5002 when it is not as it was written.
    """
    return _split(note)[1]


def noted_positions(
    connection: Connection, names: Sequence[tuple[str, bytes]], before: int
) -> set[int]:
    """Return the positions below one that the rows have under any of these."""
    found: set[int] = set()
    for _, note in read_notes(connection):
        found.update(positions_in(places_in(note), names, before))
    return found


def is_due(before: int, after: int) -> bool:
    """Tell whether the rows are taken apart by an append that brings a log to another size."""
    return before // _EVERY != after // _EVERY


def take_apart(connection: Connection) -> None:
    """Bring what is noted to where it is looked for, and delete the rows."""
    notes = read_notes(connection)
    if not notes:
        return
    split = [_split(note) for _, note in notes]
    write_keys(connection, list(_KEY.iter_unpack(b"".join([keys for keys, _ in split]))))
    places = b"".join([places for _, places in split])
    if places:
        file_places(connection, notes[0][0], places)
    # All of them at once: to delete single rows would move others, and leave copies of these.
    connection.execute("DELETE FROM noted")


def _split(note: bytes) -> tuple[bytes, bytes]:
    """Take keys and places apart, both packed."""
    start = end = _COUNT.size
    if len(note) >= start:
        end += _COUNT.unpack_from(note)[0] * _KEY.size
    if len(note) < end:
        raise damaged("what was noted of subjects cannot be read")
    return note[start:end], check_places(note[end:])
