"""Native tables as they are found: columns, what kind of values they hold, how rows are named."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import sqlalchemy as sa

from landbridge.errors import Reason, refuse
from landbridge.suggestion import did_you_mean
from node.sources.database import ReadOnlyDatabase
from node.sources.native import native_text

LINE: Final = "~line"
"""The column of a loaded file that holds the line on which a row begins."""
ITEM: Final = "~item"
"""The column of a side table that holds one identifier of a cell."""


class Kind(StrEnum):
    """What kind of values a native column holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMERIC = "numeric"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    NAMED = "uuid or enum"
    OTHER = "other"


_KINDS: Final[tuple[tuple[type[sa.types.TypeEngine[Any]], Kind], ...]] = (
    (sa.Enum, Kind.NAMED),
    (sa.Uuid, Kind.NAMED),
    (sa.String, Kind.TEXT),
    (sa.Boolean, Kind.BOOLEAN),
    (sa.Integer, Kind.INTEGER),
    (sa.Float, Kind.OTHER),
    (sa.Numeric, Kind.NUMERIC),
    (sa.DateTime, Kind.TIMESTAMP),
    (sa.Date, Kind.DATE),
)
"""The first that fits wins."""


def kind_of(column: sa.Column[Any]) -> Kind:
    """Say what kind of values a column holds, as far as its declared type tells."""
    return next((kind for type_, kind in _KINDS if isinstance(column.type, type_)), Kind.OTHER)


@dataclass(frozen=True, slots=True)
class NativeTable:
    """A table, a view or a loaded file."""

    database: ReadOnlyDatabase
    table: sa.Table
    file: str = ""
    """Name of the file that was loaded; empty for tables of the database."""
    sides: Mapping[tuple[str, str], sa.Table] = field(default_factory=dict)
    """By column and separator, where cells hold several identifiers: these with their rows."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The native columns."""
        return tuple(name for name in self.table.columns.keys() if name != LINE)  # noqa: SIM118

    def naming(self, record: Sequence[str]) -> "Naming | None":
        """Say how its rows are named: by the given columns, else by line or primary key.

        None where it has neither.
        """
        table = self.table
        if self.file:
            named = [table.c[name] for name in record]
            line = (table.c[LINE],)
            prefix = "" if named else f"{self.file}:"
            return Naming(line, tuple(named) or line, prefix, is_native=True)
        key = tuple(table.primary_key.columns)
        named_by = tuple(table.c[name] for name in record) or key
        return Naming(key or named_by, named_by, "", is_native=bool(key)) if named_by else None


@dataclass(frozen=True, slots=True)
class Naming:
    """How the rows of a table are ordered and named."""

    order: tuple[sa.Column[Any], ...]
    columns: tuple[sa.Column[Any], ...]
    prefix: str
    is_native: bool
    """Whether the order is that of lines or of the primary key."""

    def compile(self, positions: Sequence[int]) -> Callable[[tuple[Any, ...]], str]:
        """Make the function that names a row whose naming columns stand at these positions."""
        prefix = self.prefix
        if len(positions) == 1:
            (only,) = positions
            return lambda row: prefix + native_text(row[only])
        return lambda row: prefix + "/".join(native_text(row[at]) for at in positions)


class DatabaseTables:
    """The tables and views of one database, read when they are asked for."""

    def __init__(self, database: ReadOnlyDatabase, schema: str | None = None) -> None:
        self.database = database
        self._schema = schema
        self._metadata = sa.MetaData()
        self._names: frozenset[str] | None = None

    @property
    def names(self) -> frozenset[str]:
        """Names of all tables and views."""
        if self._names is None:
            try:
                inspector = sa.inspect(self.database.engine)
                self._names = frozenset(
                    (
                        *inspector.get_table_names(self._schema),
                        *inspector.get_view_names(self._schema),
                    )
                )
            except self.database.failures as error:
                raise refuse(
                    Reason.DATABASE_UNREACHABLE,
                    f"the database cannot be opened: {_first_line(error)}",
                ) from error
        return self._names

    def find(self, name: str) -> sa.Table | None:
        """Read what a table or view is like; None where there is none of that name."""
        if name not in self.names:
            return None
        return sa.Table(
            name,
            self._metadata,
            schema=self._schema,
            autoload_with=self.database.engine,
            resolve_fks=False,
        )

    def indexed(self, table: sa.Table) -> frozenset[str]:
        """Name the columns by which rows are found quickly: those that lead an index."""
        inspector = sa.inspect(self.database.engine)
        at = (table.name, table.schema)
        leading: list[str | None] = []
        leading += [column.name for column in table.primary_key.columns][:1]
        for index in inspector.get_indexes(*at):
            leading += index["column_names"][:1]
        for unique in inspector.get_unique_constraints(*at):
            leading += unique["column_names"][:1]
        return frozenset(name for name in leading if name is not None)

    def may_write(self, table: sa.Table) -> bool:
        """Say whether the database's user may change a table; PostgreSQL only."""
        if self.database.dialect.name != "postgresql":
            return False
        name = self.database.dialect.identifier_preparer.format_table(table)
        found = self.database.read(
            "SELECT has_table_privilege(%(name)s, 'INSERT, UPDATE, DELETE')", {"name": name}
        )
        return bool(found[0][0])


def missing_column(name: str, native: NativeTable) -> str:
    """Say that a table has no such column, and which one may have been meant."""
    place = f"file {native.file}" if native.file else f"table {native.table.name}"
    return f"the {place} has no column {name!r}" + did_you_mean(name, native.columns)


def _first_line(error: BaseException) -> str:
    origin = getattr(error, "orig", None) or error
    return str(origin).strip().partition("\n")[0]
