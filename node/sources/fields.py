"""A canonical field and the native column that it is read from."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa

from landbridge.memorandum.condition import UNREADABLE, Unreadable
from landbridge.subject import Schemes
from landbridge.v1 import answer_pb2
from node.node_file import FieldTable
from node.sources.native import native_text
from node.sources.operands import comparable
from node.sources.parsers import Quality, Reading, Scalar, compile_parser
from node.sources.tables import Kind, kind_of
from node.sources.values import ColumnWriter, Writer, compile_as_of_writer, compile_writer, each
from node.sources.writers import compile_column_writer

_CACHED: Final = 512


@dataclass(frozen=True, slots=True)
class PublishedField:
    """A field, its column, and the functions that read, compare and write its values."""

    table: FieldTable
    column: sa.Column[Any]
    parse: Callable[[object], Reading]
    value: Callable[[object], Scalar | Decimal | Unreadable | None]
    """Reads what row conditions compare, from a cache; for native values that have a hash."""
    write: ColumnWriter
    description: answer_pb2.Column

    @classmethod
    def compile(
        cls, table: FieldTable, column: sa.Column[Any], schemes: Schemes
    ) -> "PublishedField":
        """Make the functions of a field once, for every value to come."""
        parse = compile_parser(table, schemes)
        return cls(
            table=table,
            column=column,
            parse=parse,
            value=_compile_value(table, parse),
            write=_compile_column(table, column, schemes, compile_writer(parse)),
            description=answer_pb2.Column(
                field=table.name,
                term=table.term or "",
                type=table.type.number,  # type: ignore[arg-type]
                scheme=table.scheme or "",
            ),
        )

    def as_of_writer(self, dataset_as_of: str) -> ColumnWriter:
        """Make the function that writes the field's days as the days that records describe."""
        return each(_hashable(self.column, compile_as_of_writer(self.parse, dataset_as_of)))


def _compile_value(
    table: FieldTable, parse: Callable[[object], Reading]
) -> Callable[[object], Scalar | Decimal | Unreadable | None]:
    def value(native: object) -> Scalar | Decimal | Unreadable | None:
        reading = parse(native)
        if reading.quality is Quality.UNREADABLE:
            return UNREADABLE
        return comparable(table, reading)

    # 1, 1.0 and True are equal and are read differently.
    return lru_cache(_CACHED, typed=True)(value)


def _compile_column(
    table: FieldTable, column: sa.Column[Any], schemes: Schemes, general: Writer
) -> ColumnWriter:
    write = compile_column_writer(table, schemes, general)
    if kind_of(column) is not Kind.OTHER:
        return write
    return lambda natives: write(list(map(native_text, natives)))


def _hashable(column: sa.Column[Any], write: Writer) -> Writer:
    """Let a cached function take the values of a column that drivers give as lists or mappings."""
    if kind_of(column) is not Kind.OTHER:
        return write
    return lambda native: write(native_text(native))
