"""Native values as text: what a reader of the agency's own database would see."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final


def native_text(value: object) -> str:
    """Write a value of a database driver as text; SQL NULL as the empty text.

    PostgreSQL's own casts to text write whole and decimal numbers, booleans and UUIDs in the same
    way, so that row conditions over the cast mean what the reader sees.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    for kind, write in _WRITINGS:
        if isinstance(value, kind):
            return write(value)
    return str(value)


def _write_float(value: float) -> str:
    text = format(Decimal(repr(value)), "f")
    return text.removesuffix(".0")


def _write_items(value: list[object] | tuple[object, ...]) -> str:
    return ", ".join(map(native_text, value))


_WRITINGS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (bool, lambda value: "true" if value else "false"),
    (float, _write_float),
    (Decimal, lambda value: format(value, "f")),
    (date, lambda value: value.isoformat()),
    ((bytes, bytearray, memoryview), lambda value: bytes(value).hex()),
    ((list, tuple), _write_items),
)
