"""What an append notes of the subjects that it names: one row a batch, taken apart later in bulk.

To bring each key and each position to where it is looked for would touch a page of its own.
`noted` holds them meanwhile, under the position of the batch's first entry, and whoever looks for a
key or a position looks here as well. Before a key is erased all rows are taken apart: no key stands
here and in `subject_key` at once, and SQLite overwrites what is deleted (`secure_delete`).
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from landbridge.log.connection import Connection
from landbridge.log.subject_tables import NewKey, NotedKey, write_keys, write_positions
from landbridge.log.tables import damaged

_EVERY: Final = 1 << 11
"""Entries after which the rows are taken apart: some 10 milliseconds of work."""
_COUNT: Final = struct.Struct(">I")
_KEY: Final = struct.Struct(">7s16s32s")
_PLACE: Final = struct.Struct(">7s16sQ")

Place = tuple[str, bytes, int]
"""Month, pseudonym and position of an entry that names it."""


def write_note(
    connection: Connection, start: int, keys: Sequence[NewKey], places: Sequence[Place]
) -> None:
    """Note the new keys of a batch, and which of its entries name whom."""
    data = [_COUNT.pack(len(keys))]
    data += [_KEY.pack(month.encode(), look_up, masked) for month, look_up, masked, _ in keys]
    data += [_PLACE.pack(month.encode(), value, position) for month, value, position in places]
    connection.execute("INSERT INTO noted VALUES (?, ?)", (start, b"".join(data)))


def read_notes(connection: Connection, after: int = -1) -> list[tuple[int, bytes]]:
    """Return the rows behind a position, each with its own."""
    query = "SELECT position, names FROM noted WHERE position > ? ORDER BY position"
    return connection.execute(query, (after,)).fetchall()


def keys_in(note: bytes) -> Iterator[NotedKey]:
    """Give the new keys in a row, in the order in which they were met.

    Raises:
        LandbridgeError: LB-5002 when it is not as it was written.
    """
    end = _end_of_keys(note)
    for month, look_up, masked in _KEY.iter_unpack(note[_COUNT.size : end]):
        yield NotedKey(month.decode("ascii", "replace"), look_up, masked)


def places_in(note: bytes) -> Iterator[Place]:
    """Give the positions in a row.

    Raises:
        LandbridgeError: LB-5002 when it is not as it was written.
    """
    for month, value, position in _PLACE.iter_unpack(note[_end_of_keys(note) :]):
        yield month.decode("ascii", "replace"), value, position


def noted_positions(
    connection: Connection, names: Iterable[tuple[str, bytes]], before: int
) -> set[int]:
    """Return the positions below one that the rows have under any of these."""
    values = {value for _, value in names}
    return {
        position
        for _, note in read_notes(connection)
        if any(value in note for value in values)
        for _, value, position in places_in(note)
        if value in values and position < before
    }


def is_due(before: int, after: int) -> bool:
    """Tell whether the rows are taken apart by an append that brings a log to another size."""
    return before // _EVERY != after // _EVERY


def take_apart(connection: Connection) -> None:
    """Bring what is noted to where it is looked for, and delete the rows."""
    notes = [note for _, note in read_notes(connection)]
    if not notes:
        return
    write_keys(connection, [key for note in notes for key in keys_in(note)])
    write_positions(connection, [place for note in notes for place in places_in(note)])
    # All of them at once: to delete single rows would move others, and leave copies of these.
    connection.execute("DELETE FROM noted")


def _end_of_keys(note: bytes) -> int:
    end = _COUNT.size
    if len(note) >= end:
        end += _COUNT.unpack_from(note)[0] * _KEY.size
    if len(note) < end or (len(note) - end) % _PLACE.size:
        raise damaged("what was noted of subjects cannot be read")
    return end
