"""Which entries name whom: places, kept as they are noted at first and sorted run by run later.

A place is 31 bytes: month, pseudonym and position of an entry. To sort each into an index would
touch a page of its own. So what is new is only joined on (`named_lately`), and searched as it is;
once there is enough of it, it is sorted into a run, whose rows of about a page each are found by
their first place (`named`). `named_run` tells which runs hold places of a month.
"""

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from landbridge.log.connection import Connection
from landbridge.log.tables import damaged, write_rows

_PLACE: Final = struct.Struct(">7s16sQ")
_SIZE: Final = _PLACE.size
_MONTH_BYTES: Final = 7
_POSITION_BYTES: Final = 8
_RUN: Final = 1 << 14
"""Places that are sorted into a run at a time: some 15 milliseconds of work."""
_ROW: Final = 128
_LAST_ROWS: Final = (
    "SELECT named.run, named.first, named.places FROM named_run JOIN named"
    " ON named.run = named_run.run AND named.first = (SELECT same.first FROM named AS same"
    " WHERE same.run = named_run.run AND same.first < ? ORDER BY same.first DESC LIMIT 1)"
    " WHERE named_run.month = ?"
)
"""The row of each run of a month in which the last place before another stands."""
_ROW_BEFORE: Final = (
    "SELECT first, places FROM named WHERE run = ? AND first < ? ORDER BY first DESC LIMIT 1"
)

Place = tuple[str, bytes, int]
"""Month, pseudonym and position of an entry that names it."""


def pack_places(places: Iterable[Place]) -> bytes:
    """Write places one after the other."""
    pack = _PLACE.pack
    return b"".join([pack(month.encode(), value, position) for month, value, position in places])


def check_places(packed: bytes) -> bytes:
    """Return places as they were packed.

    Raises:
        LandbridgeError: LB-5002 when they are not whole.
    """
    if len(packed) % _SIZE:
        raise damaged("what the log notes of subjects cannot be read")
    return packed


def positions_in(packed: bytes, names: Iterable[tuple[str, bytes]], before: int) -> Iterator[int]:
    """Give the positions below one that packed places have under any month and pseudonym."""
    for month, value in names:
        name = month.encode() + value
        # Random bytes alone are found sooner than behind a month that stands in every place.
        found = packed.find(value)
        while found >= 0:
            at, end = found - _MONTH_BYTES, found - _MONTH_BYTES + _SIZE
            if at % _SIZE == 0 and packed.startswith(name, at):
                position = int.from_bytes(packed[end - _POSITION_BYTES : end])
                if position < before:
                    yield position
            found = packed.find(value, found + 1)


def file_places(connection: Connection, start: int, packed: bytes) -> None:
    """Bring packed places, of which the first entry stands at `start`, to where they are found."""
    connection.execute("INSERT INTO named_lately VALUES (?, ?)", (start, packed))
    (size,) = connection.execute("SELECT sum(length(places)) FROM named_lately").fetchone()
    if size >= _RUN * _SIZE:
        _sort(connection)


def read_positions(
    connection: Connection, names: Sequence[tuple[str, bytes]], before: int, limit: int
) -> list[int]:
    """Return the newest positions under any month and pseudonym, newest first, each once.

    Raises:
        LandbridgeError: LB-5002 when the places are not as they were written.
    """
    found: set[int] = set()
    for (packed,) in connection.execute("SELECT places FROM named_lately").fetchall():
        found.update(positions_in(check_places(packed), names, before))
    for name in names:
        found.update(_in_runs(connection, name, before, limit))
    return sorted(found, reverse=True)[:limit]


def _sort(connection: Connection) -> None:
    """Sort what was joined on into a run of its own."""
    rows = connection.execute("SELECT places FROM named_lately").fetchall()
    packed = b"".join([check_places(places) for (places,) in rows])
    places = sorted({packed[at : at + _SIZE] for at in range(0, len(packed), _SIZE)})
    (last,) = connection.execute("SELECT max(run) FROM named_run").fetchone()
    run = 0 if last is None else last + 1
    months = {place[:_MONTH_BYTES] for place in places}
    write_rows(connection, "named_run", [(month.decode(), run) for month in sorted(months)])
    write_rows(
        connection,
        "named",
        [(run, places[at], b"".join(places[at : at + _ROW])) for at in range(0, len(places), _ROW)],
    )
    connection.execute("DELETE FROM named_lately")


def _in_runs(
    connection: Connection, name: tuple[str, bytes], before: int, limit: int
) -> Iterator[int]:
    """Give the positions below one under a name, of each run the newest."""
    month, value = name
    start, end = month.encode() + value, _PLACE.pack(month.encode(), value, before)
    for run, first, packed in connection.execute(_LAST_ROWS, (end, month)).fetchall():
        found = list(positions_in(check_places(packed), (name,), before))
        # What stands first in a row may go on from the row before.
        while first.startswith(start) and len(found) < limit:
            row = connection.execute(_ROW_BEFORE, (run, first)).fetchone()
            first, packed = row or (b"", b"")  # noqa: PLW2901
            found += positions_in(check_places(packed), (name,), before)
        yield from found
