"""Direct writers: from a native value to the bytes of a record's value, with nothing in between.

They write exactly what `compile_writer` of `values` writes, for the values that registers hold by
the million; whatever is odd, empty or unreadable takes that way.
"""

import re
from collections.abc import Callable
from typing import Final

from landbridge.subject import Schemes
from landbridge.wire import part, varint
from node.node_file import FieldTable, FieldType
from node.sources.moments import compile_day_text, compile_timestamp_text
from node.sources.parsers import compile_text, empty_signs
from node.sources.values import Writer

_VALUE: Final = b"\x2a"
_TEXT: Final = b"\x0a"
_INTEGER: Final = b"\x10"
_NATIVE: Final = b"\x2a"
_LARGEST: Final = 2**63 - 1
_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_SHORT: Final = 126
_HEADS: Final = tuple(
    _VALUE + bytes((size + 2,)) + _TEXT + bytes((size,)) for size in range(_SHORT)
)
"""What stands before a short text in a value, by its length."""
_FEW: Final = frozenset((FieldType.CODE, FieldType.BOOLEAN))
"""Types whose values are so few that each is written once."""


def compile_direct_writer(field: FieldTable, schemes: Schemes, general: Writer) -> Writer:
    """Make the writer of a field's values; `general` writes any of them."""
    if field.separator is not None or field.type in _FEW:
        return general
    empties = empty_signs(field)
    if field.type is FieldType.INTEGER:
        return _compile_integer(empties, general)
    if field.type is FieldType.TEXT:
        return _compile_text(empties, general)
    return _compile_read(empties, _reader(field, schemes), general)


def _compile_text(empties: frozenset[str], general: Writer) -> Writer:
    def write(native: object) -> bytes:
        if type(native) is not str or native.strip() != native or native in empties:
            return general(native)
        text = native.encode()
        size = len(text)
        return _HEADS[size] + text if size < _SHORT else part(_VALUE, part(_TEXT, text))

    return write


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


def _compile_integer(empties: frozenset[str], general: Writer) -> Writer:
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
        return part(_VALUE, _INTEGER + varint(number << 1))

    return write


def _write_text(value: str, native: str) -> bytes:
    """Write a text; `native` is its native writing where that is another."""
    text, other = value.encode(), native.encode()
    size, beside = len(text), len(other)
    if not beside:
        return _HEADS[size] + text if size < _SHORT else part(_VALUE, part(_TEXT, text))
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
