"""Records as the wire writes them, put together from bytes that are made once a native value.

A `Record` is parsed from its own wire form: joining bytes that are already made costs a fifth of
building the message value by value. The field numbers are those of answer.proto.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, subject_pb2
from node.sources.parsers import Quality, Reading

Writer = Callable[[object], bytes]
"""Writes a native value as the bytes of one part of a record."""

_RECORD: Final = b"\x0a"
_ABOUT: Final = b"\x12"
_COVERS_GROUP: Final = b"\x18\x01"
_AS_OF: Final = b"\x22"
_VALUE: Final = b"\x2a"
_CONTINUES: Final = 0x80
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
        return _part(_VALUE, _to_value(parse(native)).SerializeToString())

    # 1, 1.0 and True are equal and are written differently.
    return lru_cache(_CACHED, typed=True)(write)


def compile_as_of_writer(parse: Callable[[object], Reading], dataset_as_of: str) -> Writer:
    """Make the cached function from native dates to a record's as-of day."""

    def write(native: object) -> bytes:
        value = parse(native).value
        day = value[:_DAY] if isinstance(value, str) else ""
        return b"" if day in ("", dataset_as_of) else _part(_AS_OF, day.encode())

    return lru_cache(_CACHED, typed=True)(write)


@lru_cache(_CACHED)
def about(subject: SubjectId, covers_group: bool) -> bytes:  # noqa: FBT001 - a cache key
    """Write by which identifier a record was found."""
    written = subject_pb2.SubjectId(scheme=subject.scheme, value=subject.value)
    part = _part(_ABOUT, written.SerializeToString())
    return part + _COVERS_GROUP if covers_group else part


@lru_cache(2)
def write_truth(truth: bool) -> bytes:  # noqa: FBT001 - a cache key
    """Write yes or no as the value of a record."""
    return _part(_VALUE, answer_pb2.Value(boolean=truth).SerializeToString())


def write_record(name: str, about_part: bytes, parts: Iterable[bytes]) -> answer_pb2.Record:
    """Put a record together from its name, which may be empty, and parts that are written."""
    written = _part(_RECORD, name.encode()) if name else b""
    return answer_pb2.Record.FromString(b"".join((written, about_part, *parts)))


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


def _part(tag: bytes, content: bytes) -> bytes:
    size = len(content)
    if size < _CONTINUES:
        return tag + bytes((size,)) + content
    written = bytearray()
    while size >= _CONTINUES:
        written.append(size & 0x7F | _CONTINUES)
        size >>= 7
    written.append(size)
    return tag + bytes(written) + content
