"""Reading native values as canonical ones: one compiled function a field.

A value that cannot be read keeps its native text and says so; nothing is guessed or dropped.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from landbridge.errors import LandbridgeError
from landbridge.subject import IdentifierScheme, Schemes
from node.node_file import FieldTable, FieldType
from node.sources.amounts import canonical_decimal, compile_money, read_integer
from node.sources.moments import compile_day, compile_timestamp
from node.sources.native import native_text

Scalar = str | int | bool
"""A canonical value; dates, decimals and money in their canonical writing."""

_BOOLEANS: Final = {
    native: meaning
    for meaning, natives in ((True, ("true", "1")), (False, ("false", "0")))
    for written in natives
    for native in (written, written.capitalize(), written.upper())
}
"""How truth is written where a field states no codes."""


class Quality(IntEnum):
    """How well a native value could be read."""

    READ = 0
    EMPTY = 1
    UNREADABLE = 2


@dataclass(frozen=True, slots=True)
class Reading:
    """What a native value reads as; `native` is empty where it equals the canonical writing."""

    value: "Scalar | tuple[Reading, ...] | None"
    native: str
    quality: Quality = Quality.READ


def compile_parser(field: FieldTable, schemes: Schemes) -> Callable[[object], Reading]:
    """Make the function that reads the native values of a field."""
    read = _compile_type(field, schemes)
    empties = empty_signs(field)

    def parse(native: object) -> Reading:
        text = native_text(native)
        if text.strip() in empties:
            return Reading(None, text, Quality.EMPTY)
        value = read(native)
        if value is None:
            return Reading(None, text, Quality.UNREADABLE)
        return Reading(value, "" if write_scalar(value) == text else text)

    if field.separator is None:
        return parse
    separator = field.separator

    def parse_several(native: object) -> Reading:
        cell = native_text(native)
        items = () if cell.strip() in empties else tuple(map(parse, split_cell(cell, separator)))
        if not items:
            return Reading(None, cell, Quality.EMPTY)
        written = separator.join(_write_item(item) for item in items)
        return Reading(items, "" if written == cell else cell)

    return parse_several


def split_cell(cell: str, separator: str) -> list[str]:
    """Split a cell that holds several values; blanks around them and empty ones are dropped."""
    return [item for part in cell.split(separator) if (item := part.strip())]


def empty_signs(field: FieldTable) -> frozenset[str]:
    """Return the signs for "empty" without the blanks around them; a blank cell always is one."""
    return frozenset({"", *(sign.strip() for sign in field.empties)})


def codes_of(field: FieldTable) -> dict[str, Scalar]:
    """Return what the native codes of a field mean, without the blanks around them."""
    if field.type is FieldType.BOOLEAN:
        meanings = {code: str(meaning).lower() == "true" for code, meaning in field.codes.items()}
        return {code.strip(): meaning for code, meaning in (meanings or _BOOLEANS).items()}
    return {code.strip(): str(meaning) for code, meaning in field.codes.items()}


def write_scalar(value: object) -> str:
    """Write a canonical value as text."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _write_item(item: Reading) -> str:
    return item.native if item.value is None else write_scalar(item.value)


def _compile_type(field: FieldTable, schemes: Schemes) -> Callable[[object], Scalar | None]:
    """Make the reader of native values that are not empty; it gives None for what is unreadable."""
    if field.type is FieldType.DATE:
        return compile_day(field.dates)
    if field.type is FieldType.TIMESTAMP:
        return compile_timestamp(field.dates)
    read = compile_text(field, schemes)
    return lambda native: read(native_text(native).strip())


def compile_text(field: FieldTable, schemes: Schemes) -> Callable[[str], Scalar | None]:
    """Make the reader of texts that are not empty, without the blanks around them.

    Of days and points in time there are others (`node.sources.moments`).
    """
    match field.type:
        case FieldType.INTEGER:
            return read_integer
        case FieldType.DECIMAL:
            return canonical_decimal
        case FieldType.MONEY:
            return compile_money(field.currency or "")
        case FieldType.CODE | FieldType.BOOLEAN:
            return codes_of(field).get
        case FieldType.IDENTIFIER:
            return _compile_identifier(schemes[field.scheme or ""])
        case _:
            return str


def _compile_identifier(scheme: IdentifierScheme) -> Callable[[str], str | None]:
    def read_identifier(text: str) -> str | None:
        try:
            return scheme.normalise(text)
        except LandbridgeError:
            return None

    return read_identifier
