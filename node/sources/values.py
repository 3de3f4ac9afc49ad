"""Records as the wire writes them, put together from bytes that are made once a native value.

They stay bytes until they leave, unless something has to look inside: joining bytes that are
already made costs a fifth of building the message value by value. The field numbers are those of
answer.proto.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2
from landbridge.wire import part, text_part
from node.sources.parsers import Quality, Reading

Writer = Callable[[object], bytes]
"""Writes a native value as the bytes of one part of a record."""
ColumnWriter = Callable[[Sequence[object]], list[bytes]]
"""Writes the native values of one column, row by row."""

_RECORD: Final = b"\x0a"
_ABOUT: Final = b"\x12"
_SCHEME: Final = b"\x0a"
_IDENTIFIER: Final = b"\x12"
_COVERS_GROUP: Final = b"\x18\x01"
_AS_OF: Final = b"\x22"
_VALUE: Final = b"\x2a"
_CACHED: Final = 512
"""Values that repeat, such as codes and dates, are few; others are not worth their memory."""
_DAY: Final = len("2026-01-31")
_QUALITY: Final = {
    Quality.READ: answer_pb2.QUALITY_UNSPECIFIED,
    Quality.EMPTY: answer_pb2.QUALITY_EMPTY,
    Quality.UNREADABLE: answer_pb2.QUALITY_UNREADABLE,
}


def compile_writer(parse: Callable[[object], Reading]) -> Writer:
    """Make the cached function from native values to the bytes of a record's value."""

    def write(native: object) -> bytes:
        return part(_VALUE, _to_value(parse(native)).SerializeToString())

    # 1, 1.0 and True are equal and are written differently.
    return lru_cache(_CACHED, typed=True)(write)


def compile_as_of_writer(parse: Callable[[object], Reading], dataset_as_of: str) -> Writer:
    """Make the cached function from native dates to a record's as-of day."""

    def write(native: object) -> bytes:
        value = parse(native).value
        day = value[:_DAY] if isinstance(value, str) else ""
        return b"" if day in ("", dataset_as_of) else part(_AS_OF, day.encode())

    return lru_cache(_CACHED, typed=True)(write)


def each(write: Writer) -> ColumnWriter:
    """Write a column value by value."""
    return lambda natives: list(map(write, natives))


def about(subject: SubjectId, covers_group: bool) -> bytes:  # noqa: FBT001 - as it is read
    """Write by which identifier a record was found."""
    value = subject.value.encode()
    known = _about_head(subject.scheme, len(value)) + value
    return known + _COVERS_GROUP if covers_group else known


@lru_cache(_CACHED)
def _about_head(scheme: str, size: int) -> bytes:
    """Write what stands before an identifier of so many bytes."""
    content = text_part(_SCHEME, scheme) + part(_IDENTIFIER, bytes(size))
    return part(_ABOUT, content)[: -size or None]


@lru_cache(2)
def write_truth(truth: bool) -> bytes:  # noqa: FBT001 - a cache key
    """Write yes or no as the value of a record."""
    return part(_VALUE, answer_pb2.Value(boolean=truth).SerializeToString())


def write_name(name: str) -> bytes:
    """Write what a record begins with: its name, which may be empty."""
    return text_part(_RECORD, name)


def _to_value(reading: Reading) -> answer_pb2.Value:
    value = answer_pb2.Value(native=reading.native, quality=_QUALITY[reading.quality])
    match reading.value:
        case bool():
            value.boolean = reading.value
        case int():
            value.integer = reading.value
        case str():
            value.text = reading.value
        case tuple():
            value.list.items.extend(map(_to_value, reading.value))
    return value
