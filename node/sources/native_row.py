"""One row as the agency's own database or file has it: for the agency, which corrects it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.subject import Schemes, SubjectId
from node.sources.binding import Bound
from node.sources.keys import Key, Search
from node.sources.lookup import Lookup, Wanted
from node.sources.native import native_text
from node.sources.statements import Searched, Shape, compile_statement, pad, padded
from node.sources.tables import kind_of

_MOST_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class NativeRow:
    """A row, its cells as native texts."""

    cells: Mapping[str, str]
    """By column: names, keys and published fields."""
    named_by: tuple[str, ...]
    """The columns that tell it from all others: those that name it, and its keys."""
    subjects: tuple[SubjectId, ...]
    """Every identifier that its keys hold whole, in its normal form."""


def find_row(bound: Bound, schemes: Schemes, subject: SubjectId, record: str) -> NativeRow:
    """Find the row that is given out under a name as a record on a subject.

    Raises:
        LandbridgeError: LB-4109 when the subject has no such record; LB-2002 or LB-2004 when the
            database cannot be read.
    """
    columns = bound.native.table.c
    keys = [
        Key(key, schemes[key.scheme], kind_of(columns[key.column])) for key in bound.dataset.keys
    ]
    search = Search(keys, [Lookup(Wanted(bound.dataset.name, (), ()), subject, broad=True)])
    sizes = tuple((at, padded(len(found))) for at, found in sorted(search.natives.items()))
    others = [columns[name] for name in dict.fromkeys(_published(bound))]
    if not sizes:
        raise _no_record(bound, record)
    statement = compile_statement(
        Searched(bound.native, bound.naming, keys), Shape(sizes, ()), others, []
    )
    values: list[object] = []
    for position, size in sizes:
        values += pad(search.natives[position], size)
    values.append(_MOST_ROWS)
    rows = bound.native.database.read(statement.sql, statement.arrange(values))
    naming = [statement.at[column.name] for column in bound.naming.columns]
    name = bound.naming.compile(naming)
    for row in rows:
        if name(row) == record:
            cells = {column: native_text(row[at]) for column, at in statement.at.items()}
            keyed = (key.column for key in keys)
            named_by = tuple(
                dict.fromkeys((*(column.name for column in bound.naming.columns), *keyed))
            )
            return NativeRow(cells, named_by, tuple(_subjects(keys, cells, schemes)))
    raise _no_record(bound, record)


def names_one_row(bound: Bound, cells: Mapping[str, str]) -> bool:
    """Tell whether just one row has these cells; no, where that cannot be seen in time."""
    native, columns = bound.native, bound.native.table.c
    query = sa.select(*(columns[name] for name in cells))
    wanted = tuple(cells.values())
    try:
        rows = native.database.read(str(query.compile(dialect=native.database.dialect)), ())
    except LandbridgeError:
        return False
    return sum(tuple(map(native_text, row)) == wanted for row in rows) == 1


def _published(bound: Bound) -> Iterator[str]:
    yield from (key.column for key in bound.dataset.keys)
    yield from (field.column for field in bound.dataset.fields)


def _subjects(keys: list[Key], cells: Mapping[str, str], schemes: Schemes) -> Iterator[SubjectId]:
    for key in keys:
        for item in key.items(cells[key.column]):
            try:
                value = schemes[key.scheme].normalise(item)
            except LandbridgeError:
                continue  # the cell holds a sign for nothing
            # A cell may hold a part of an identifier, which reads as somebody else's.
            if item.rstrip(" ") in {text for _, text in key.spell(value)}:
                yield SubjectId(key.scheme, value)


def _no_record(bound: Bound, record: str) -> LandbridgeError:
    return refuse(
        Reason.NO_SUCH_RECORD,
        f"the subject has no record {record!r} in {bound.dataset.name}",
        where=bound.dataset.name,
    )
