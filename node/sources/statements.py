"""SELECT statements, compiled once a shape and then run as text.

A shape says which fields are read, under which row conditions, and how many values each key is
searched for; the numbers are rounded up to powers of two, so that there are few shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from node.sources.database import Parameters
from node.sources.expressions import Bind
from node.sources.keys import Key
from node.sources.tables import ITEM, LINE, Naming, NativeTable

Write = Callable[[Bind], sa.ColumnElement[bool]]
"""Writes a condition, with a place for each of its values."""

_LIMIT: Final = "row_limit"


class Untyped(sa.types.UserDefinedType[Any]):
    """Values that the database itself reads as the type of the column they are compared with.

    SQLAlchemy would have them cast, and a cast to another text type keeps an index from use.
    """

    cache_ok = True


@dataclass(frozen=True, slots=True)
class Shape:
    """What a statement depends on, apart from fields and row conditions."""

    searched: tuple[tuple[int, int], ...]
    """Position of each key that is searched, and for how many values."""
    guards: tuple[int, ...]
    """Further keys that are only read."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A compiled statement."""

    sql: str
    arrange: Callable[[list[object]], Parameters]
    """Brings the values of all keys, the limit, and the values of conditions and predicates into
    the driver's form."""
    at: Mapping[str, int]
    """Position in a row of each column by its native name."""
    answers: tuple[int, ...]
    """Positions in a row of what predicates came to, 1 or 0."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What statements of one dataset search: its table, the names of its rows, and its keys."""

    native: NativeTable
    naming: Naming
    keys: Sequence[Key]


def padded(count: int) -> int:
    """Round a number of values up to a power of two."""
    return 1 << (count - 1).bit_length()


def pad(values: Sequence[object], size: int) -> list[object]:
    """Repeat the last value until there are as many as the statement takes."""
    return [*values, *[values[-1]] * (size - len(values))]


def compile_statement(  # noqa: PLR0913  what a statement is made of
    dataset: Searched,
    shape: Shape,
    fields: Sequence[sa.Column[Any]],
    where: Sequence[Write],
    predicates: Sequence[Write] = (),
    *,
    counted: bool = False,
) -> Statement:
    """Compile the SELECT of a shape.

    It reads the columns by which rows are named and ordered, the keys that are searched, and the
    given fields: nothing else. With predicates it reads the keys, and what they come to; rows that
    are only counted, by their keys alone.
    """
    native, naming, keys = dataset.native, dataset.naming, dataset.keys
    table = native.table
    read_keys = [*(position for position, _ in shape.searched), *shape.guards]
    columns: dict[str, sa.Column[Any]] = {
        column.name: column
        for column in (
            *(() if predicates or counted else (*naming.order, *naming.columns)),
            *(table.c[keys[position].column] for position in read_keys),
            *fields,
        )
    }
    names: list[str] = []
    searches = []
    for position, size in shape.searched:
        values = [
            sa.bindparam(f"key_{position}_{number}", None, type_=Untyped())
            for number in range(size)
        ]
        names += [value.key for value in values]
        searches.append(search(native, keys[position], values))
    limit = sa.bindparam(_LIMIT, 0, type_=sa.Integer)
    names.append(_LIMIT)

    def bind(type_: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
        names.append(f"given_{len(names)}")
        return sa.bindparam(names[-1], None, type_=type_)

    conditions = [write(bind) for write in where]
    answers = [truth(write(bind)).label(None) for write in predicates]
    query = sa.select(*columns.values(), *answers).where(sa.or_(*searches), *conditions)
    compiled = query.limit(limit).compile(
        dialect=native.database.dialect, compile_kwargs={"render_postcompile": True}
    )
    return Statement(
        sql=str(compiled),
        arrange=_arrangement(compiled, names),
        at={name: number for number, name in enumerate(columns)},
        answers=tuple(range(len(columns), len(columns) + len(answers))),
    )


def truth(predicate: sa.ColumnElement[bool]) -> sa.Case[int]:
    """Write truth as a number: not every database has a type for it."""
    yes, no = sa.literal_column("1", sa.Integer), sa.literal_column("0", sa.Integer)
    return sa.case((predicate, yes), else_=no)


def search(
    native: NativeTable, key: Key, values: Sequence[sa.BindParameter[Any]]
) -> sa.ColumnElement[bool]:
    """Write that a key of a row is one of some native values."""
    if key.separator is None:
        return native.table.c[key.column].in_(values)
    side = native.sides[key.column, key.separator]
    return native.table.c[LINE].in_(sa.select(side.c[LINE]).where(side.c[ITEM].in_(values)))


def _arrangement(
    compiled: Any,  # noqa: ANN401 - SQLAlchemy's type for it hides the parameters
    names: Sequence[str],
) -> Callable[[list[object]], Parameters]:
    """Make the function from values in the order of names to what the driver takes."""
    fixed = {
        name: value for name, value in compiled.construct_params().items() if name not in names
    }
    if not compiled.positional:
        return lambda values: {**dict(zip(names, values, strict=True)), **fixed}
    order = list(compiled.positiontup)
    if order == list(names):
        return list
    given = [*names, *fixed]
    constants = list(fixed.values())
    positions = [given.index(name) for name in order]

    def arrange(values: list[object]) -> list[object]:
        everything = [*values, *constants]
        return [everything[position] for position in positions]

    return arrange
