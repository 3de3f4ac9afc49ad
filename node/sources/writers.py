"""Column writers: from a column of native values to the bytes of a record's values, all at once.

They write exactly what `compile_writer` of `values` writes, for the values that registers hold by
the million; whatever is odd, empty or unreadable takes that way.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from landbridge.subject import Schemes
from landbridge.wire import part, varint
from node.node_file import FieldTable, FieldType
from node.sources.amounts import plain_amount
from node.sources.fixed_forms import YEARS, DayForm
from node.sources.moments import compile_day_text, compile_timestamp_text
from node.sources.parsers import compile_text, empty_signs
from node.sources.values import ColumnWriter, Writer, each

_VALUE: Final = b"\x2a"
_TEXT: Final = b"\x0a"
_INTEGER: Final = b"\x10"
_NATIVE: Final = b"\x2a"
_LARGEST: Final = 2**63 - 1
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_SHORT: Final = 126
_LONG: Final = 2048
_HEADS: Final = tuple(
    part(_VALUE, part(_TEXT, bytes(size)))[: -size or None] for size in range(_LONG)
)
"""What stands before a text in a value, by its length; nearly all texts are shorter."""
_DAY: Final = len("2026-01-31")
_FEW: Final = frozenset((FieldType.CODE, FieldType.BOOLEAN))
"""Types whose values are so few that each is written once."""
_MOST_KNOWN: Final = 2048
"""Codes or numbers of a column that are kept as they are written."""


def compile_column_writer(field: FieldTable, schemes: Schemes, general: Writer) -> ColumnWriter:
    """Make the writer of a field's values; `general` writes any one of them."""
    empties = empty_signs(field)
    if field.separator is not None:
        return each(general)
    if field.type in _FEW:
        return _remembering(general)
    if field.type is FieldType.INTEGER:
        return _compile_integer(empties, general)
    if field.type is FieldType.TEXT:
        return _compile_text(empties, general)
    other = _compile_read(empties, _reader(field, schemes), general)
    return _compile_usual(field, empties, other) or each(other)


def _compile_usual(
    field: FieldTable, empties: frozenset[str], other: Writer
) -> ColumnWriter | None:
    """Make the writer of types of which most values have one simple form, or are few."""
    if field.type is FieldType.DECIMAL:
        return _remembering(other)
    if field.type is FieldType.MONEY:
        return _compile_money(field.currency or "", empties, other)
    if field.type is FieldType.DATE and len(field.dates) == 1:
        form = DayForm.find(field.dates[0])
        if form is not None and not any(len(sign) == form.size for sign in empties):
            return _compile_day(form, other)
    return None


def _remembering(general: Writer) -> ColumnWriter:
    """Write each text once, as long as they are not too many."""
    known: dict[str, bytes] = {}

    def write(native: object) -> bytes:
        written = general(native)
        if type(native) is str and len(known) < _MOST_KNOWN:
            known[native] = written
        return written

    # No other native value equals a text.
    return lambda natives: [known.get(native) or write(native) for native in natives]  # type: ignore[call-overload]


def _compile_text(empties: frozenset[str], general: Writer) -> ColumnWriter:
    heads = _HEADS

    def write_one(native: object) -> bytes:
        if type(native) is not str or native.strip() != native or native in empties:
            return general(native)
        return _write_text(native, "")

    def write(natives: Sequence[object]) -> list[bytes]:
        try:
            if empties.isdisjoint(natives) and tuple(map(str.strip, natives)) == tuple(natives):  # type: ignore[arg-type]
                return [heads[len(text)] + text for text in map(str.encode, natives)]  # type: ignore[arg-type]
        except (TypeError, IndexError):
            pass  # some are empty, or very long: each is written as it is
        return list(map(write_one, natives))

    return write


def _compile_money(currency: str, empties: frozenset[str], other: Writer) -> ColumnWriter:
    """Write amounts such as 40770.00, which take a blank and the currency behind them."""
    is_plain = plain_amount(currency)
    unit = f" {currency}".encode()
    longest = (_SHORT - 4 - len(unit)) // 2
    frames = tuple(
        (
            _VALUE + bytes((2 * size + len(unit) + 4,)) + _TEXT + bytes((size + len(unit),)),
            unit + _NATIVE + bytes((size,)),
        )
        for size in range(longest)
    )
    """What stands before an amount, and between it and its native writing, by its length."""

    def write(native: object) -> bytes:
        if (
            type(native) is not str
            or not is_plain(native)
            or len(native) >= longest
            or native in empties
        ):
            return other(native)
        text = native.encode()
        before, between = frames[len(text)]
        return before + text + between + text

    return each(write)


def _compile_day(form: DayForm, other: Writer) -> ColumnWriter:
    """Write days whose year stands at one end of the form: two look-ups instead of reading them."""
    head, between = _HEADS[_DAY], b""
    if not form.is_iso:
        head = _VALUE + bytes((_DAY + form.size + 4,)) + _TEXT + bytes((_DAY,))
        between = _NATIVE + bytes((form.size,))
    years = {year: head + year.encode() for year in YEARS}
    days = {text: day.encode() + between for text, day in form.days.items()}
    year_at, rest_at, is_iso = form.year, form.rest, form.is_iso
    return lambda natives: [
        year + day + (b"" if is_iso else native.encode())
        if type(native) is str
        and (year := years.get(native[year_at]))
        and (day := days.get(native[rest_at]))
        else other(native)
        for native in natives
    ]


def _compile_read(
    empties: frozenset[str], read: Callable[[str], object], general: Writer
) -> Writer:
    def write(native: object) -> bytes:
        if type(native) is not str:
            return general(native)
        text = native.strip()
        value = None if text in empties else read(text)
        if type(value) is not str:
            return general(native)
        return _write_text(value, "" if value == native else native)

    return write


def _compile_integer(empties: frozenset[str], general: Writer) -> ColumnWriter:
    known: dict[int, bytes] = {}

    def write(native: object) -> bytes:
        if type(native) is int and 0 <= native <= _LARGEST:
            number, text = native, str(native)
        elif type(native) is str and _WHOLE.fullmatch(native):
            number, text = int(native), native
        else:
            return general(native)
        if text in empties:
            return general(native)
        # Zigzag: twice the number, where it is not below zero.
        written = part(_VALUE, _INTEGER + varint(number << 1))
        if type(native) is int:
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known[native] = written
        return written

    return lambda natives: [
        # True equals 1, and is written differently.
        (known.get(native) if type(native) is int else None) or write(native)
        for native in natives
    ]


def _write_text(value: str, native: str) -> bytes:
    """Write a text; `native` is its native writing where that is another."""
    text, other = value.encode(), native.encode()
    size, beside = len(text), len(other)
    if not beside:
        return _HEADS[size] + text if size < _LONG else part(_VALUE, part(_TEXT, text))
    if size + beside < _SHORT - 2:
        head = bytes((_VALUE[0], size + beside + 4, _TEXT[0], size))
        return head + text + bytes((_NATIVE[0], beside)) + other
    return part(_VALUE, part(_TEXT, text) + part(_NATIVE, other))


def _reader(field: FieldTable, schemes: Schemes) -> Callable[[str], object]:
    if field.type is FieldType.DATE:
        return compile_day_text(field.dates)
    if field.type is FieldType.TIMESTAMP:
        return compile_timestamp_text(field.dates)
    return compile_text(field, schemes)
