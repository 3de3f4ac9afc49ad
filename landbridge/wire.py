"""Protobuf's wire form, as far as messages are joined from bytes that are made already.

What is joined so equals what the message classes write: fields in the order of their numbers, and
none that holds its default. Tags are those of the .proto files.
"""

from typing import Final

_CONTINUES: Final = 0x80
_READY: Final = 2048


def varint(number: int) -> bytes:
    """Write a whole number that is not below zero, seven bits a byte, the lowest first."""
    if _CONTINUES <= number < _CONTINUES << 7:
        return bytes((number & 0x7F | _CONTINUES, number >> 7))
    if _CONTINUES << 7 <= number < _CONTINUES << 14:
        return bytes((number & 0x7F | _CONTINUES, number >> 7 & 0x7F | _CONTINUES, number >> 14))
    written = bytearray()
    while number >= _CONTINUES:
        written.append(number & 0x7F | _CONTINUES)
        number >>= 7
    written.append(number)
    return bytes(written)


_SIZES: Final = tuple(map(varint, range(_READY)))
"""Sizes as they are written; nearly everything in an answer is shorter than the longest of them."""


def part(tag: bytes, content: bytes) -> bytes:
    """Write a field that holds bytes, a text or a message."""
    size = len(content)
    return tag + (_SIZES[size] if size < _READY else varint(size)) + content


def text_part(tag: bytes, text: str) -> bytes:
    """Write a text; nothing for an empty one."""
    return part(tag, text.encode()) if text else b""


def number_part(tag: bytes, number: int) -> bytes:
    """Write a number that is not below zero; nothing for zero."""
    if not number:
        return b""
    return tag + (_SIZES[number] if number < _READY else varint(number))
