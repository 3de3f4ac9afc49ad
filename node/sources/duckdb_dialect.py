"""DuckDB for SQLAlchemy: as much as reading tables and views needs.

It is registered under a name of its own, so that another dialect for DuckDB is not disturbed.
"""

import importlib
import re
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import default
from sqlalchemy.sql import compiler

_URL: Final = "duckdb+landbridge://"
_DECIMAL: Final = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_TABLES: Final = """
    SELECT table_name FROM duckdb_tables()
    WHERE database_name = current_database() AND schema_name = coalesce(?, current_schema())"""
_VIEWS: Final = """
    SELECT view_name FROM duckdb_views()
    WHERE database_name = current_database() AND schema_name = coalesce(?, current_schema())"""
_COLUMNS: Final = """
    SELECT column_name, data_type, is_nullable FROM duckdb_columns()
    WHERE database_name = current_database() AND schema_name = coalesce(?, current_schema())
        AND table_name = ? ORDER BY column_index"""
_INDEXES: Final = """
    SELECT index_name, expressions, is_unique FROM duckdb_indexes()
    WHERE database_name = current_database() AND schema_name = coalesce(?, current_schema())
        AND table_name = ?"""
_CONSTRAINTS: Final = """
    SELECT constraint_column_names FROM duckdb_constraints()
    WHERE database_name = current_database() AND schema_name = coalesce(?, current_schema())
        AND table_name = ? AND constraint_type = ?"""


class Unsigned(sa.BigInteger):
    """Whole numbers of 64 bits without sign."""

    unsigned = True


_TYPES: Final[dict[str, type[sa.types.TypeEngine[Any]]]] = {
    "VARCHAR": sa.Text,
    "BOOLEAN": sa.Boolean,
    "DATE": sa.Date,
    "TIMESTAMP": sa.DateTime,
    "TIMESTAMP_S": sa.DateTime,
    "TIMESTAMP_MS": sa.DateTime,
    "UUID": sa.Uuid,
    "UBIGINT": Unsigned,
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), sa.BigInteger),
    **dict.fromkeys(("UTINYINT", "USMALLINT", "UINTEGER"), sa.BigInteger),
    "FLOAT": sa.Float,
    "DOUBLE": sa.Double,
}


def register() -> str:
    """Make the dialect known, and return its URL."""
    sa.dialects.registry.register("duckdb.landbridge", __name__, DuckDBDialect.__name__)
    return _URL


class _Preparer(compiler.IdentifierPreparer):
    """Quotes every name: the list of reserved words is DuckDB's own matter."""

    def _requires_quotes(self, _value: str) -> bool:
        return True


class DuckDBDialect(default.DefaultDialect):
    """Compiles SELECTs for DuckDB, and tells what its tables are like."""

    name = "duckdb"
    driver = "landbridge"
    default_paramstyle = "qmark"
    preparer = _Preparer
    supports_native_boolean = True
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> Any:  # noqa: ANN401 - an optional library
        """Import the driver."""
        return importlib.import_module("duckdb")

    def do_rollback(self, _dbapi_connection: object) -> None:
        """Do nothing: every statement stands alone."""

    def do_commit(self, _dbapi_connection: object) -> None:
        """Do nothing: every statement stands alone."""

    def is_disconnect(self, e: Any, _connection: object, _cursor: object) -> bool:  # noqa: ANN401
        """Tell whether the database itself has failed, so that it must be opened again."""
        return isinstance(
            e, self.loaded_dbapi.ConnectionException | self.loaded_dbapi.FatalException
        )

    def get_table_names(
        self, connection: sa.Connection, schema: str | None = None, **_: object
    ) -> list[str]:
        """Name the tables."""
        return _names(connection, _TABLES, schema)

    def get_view_names(
        self, connection: sa.Connection, schema: str | None = None, **_: object
    ) -> list[str]:
        """Name the views."""
        return _names(connection, _VIEWS, schema)

    def has_table(
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: object
    ) -> bool:
        """Tell whether there is a table or view of this name."""
        return table_name in (
            *self.get_table_names(connection, schema),
            *self.get_view_names(connection, schema),
        )

    def get_columns(  # type: ignore[override]
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: object
    ) -> list[dict[str, object]]:
        """Describe the columns of a table or view."""
        rows = connection.exec_driver_sql(
            _COLUMNS,
            (schema, table_name),
        )
        return [
            {"name": name, "type": _type(written), "nullable": nullable, "default": None}
            for name, written, nullable in rows
        ]

    def get_pk_constraint(  # type: ignore[override]
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: object
    ) -> dict[str, object]:
        """Describe the primary key."""
        keys = _constraints(connection, "PRIMARY KEY", table_name, schema)
        return {"constrained_columns": keys[0] if keys else [], "name": None}

    def get_unique_constraints(  # type: ignore[override]
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: object
    ) -> list[dict[str, object]]:
        """Describe what must be unique."""
        keys = _constraints(connection, "UNIQUE", table_name, schema)
        return [{"name": None, "column_names": key} for key in keys]

    def get_indexes(  # type: ignore[override]
        self, connection: sa.Connection, table_name: str, schema: str | None = None, **_: object
    ) -> list[dict[str, object]]:
        """Describe the indexes."""
        rows = connection.exec_driver_sql(
            _INDEXES,
            (schema, table_name),
        )
        return [
            {"name": name, "column_names": _columns(written), "unique": unique}
            for name, written, unique in rows
        ]

    def get_foreign_keys(self, *_: object, **__: object) -> list[Any]:
        """Leave out what readers have no use for."""
        return []

    def get_check_constraints(self, *_: object, **__: object) -> list[Any]:
        """Leave out what readers have no use for."""
        return []

    def get_table_comment(self, *_: object, **__: object) -> Any:  # noqa: ANN401
        """Leave out what readers have no use for."""
        return {"text": None}


def _names(connection: sa.Connection, query: str, schema: str | None) -> list[str]:
    return [name for (name,) in connection.exec_driver_sql(query, (schema,))]


def _constraints(
    connection: sa.Connection, kind: str, table_name: str, schema: str | None
) -> Sequence[list[str]]:
    rows = connection.exec_driver_sql(
        _CONSTRAINTS,
        (schema, table_name, kind),
    )
    return [list(names) for (names,) in rows]


def _columns(written: object) -> list[str]:
    """Read the columns of an index: a list in square brackets, some names quoted twice."""
    items = str(written).strip("[]").split(", ")
    return [item.strip("'").strip('"') for item in items]


def _type(written: str) -> sa.types.TypeEngine[Any]:
    decimal = _DECIMAL.fullmatch(written)
    if decimal is not None:
        return sa.Numeric(int(decimal[1]), int(decimal[2]))
    if written.startswith("ENUM("):
        return sa.Enum()
    if written == "TIMESTAMP WITH TIME ZONE":
        return sa.DateTime(timezone=True)
    return _TYPES.get(written, sa.types.NullType)()
