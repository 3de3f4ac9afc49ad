"""Status lists: which answers of a log were corrected, withdrawn or repaired since.

A list covers every entry of a log with one bit each, so that whoever asks tells nobody about which
answer. It is a signed note (C2SP signed-note) under the log's own name and key:

    landbridge status list v1
    fsa.ed.exchange.institutions.example/node/main
    70211                      how many entries it covers, from 0 on
    2026-11-23T12:00:00Z       when it was issued
    2026-11-24T12:00:00Z       until when it says that an answer is still good
    eJzt...                    base64 of the zlib form (RFC 1950) of the bits

Entry n is bit n % 8 of byte n // 8, the lowest bit first, as IETF Token Status Lists have it. What
is superseded stays so: the end of a list's time ends only what it says to be good.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from landbridge.clock import to_datetime, to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.note import NoteVerifier, check_note, parse_note
from landbridge.memorandum.words import read_instant
from landbridge.trust.bundle import TrustBundle

HEADLINE: Final = "landbridge status list v1"
VALID_MS: Final = 24 * 3600 * 1000
"""How long a list is good."""
MOST_BYTES: Final = 2 * 1024 * 1024
"""Largest signed list: it goes in one message."""
MOST_ENTRIES: Final = 1 << 30
"""Entries that a list covers at most: 128 MiB of bits, once it is opened."""
_SKEW_MS: Final = 60_000
_BYTE: Final = 8
_INSTANT: Final = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
_TEXT: Final = re.compile(
    rf"{HEADLINE}\n([^\n]+)\n(0|[1-9][0-9]{{0,9}})\n({_INSTANT})\n({_INSTANT})\n([0-9A-Za-z+/]+=*)\n"
)


@dataclass(frozen=True, slots=True)
class StatusList:
    """A list that was taken apart; times are Unix milliseconds."""

    origin: str
    size: int
    issued_at: int
    valid_until: int
    bits: bytes

    def is_superseded(self, index: int) -> bool:
        """Whether the answer at an entry is no longer good.

        Raises:
            LandbridgeError: LB-4204 when the list does not reach that far.
        """
        if not 0 <= index < self.size:
            raise _bad(
                f"it covers {self.size} entries, and says nothing of entry {index}", self.origin
            )
        return bool(self.bits[index // _BYTE] >> index % _BYTE & 1)

    def check_fresh(self, at: int) -> None:
        """Check that the list may be relied on for what is still good, at a time.

        Raises:
            LandbridgeError: LB-4204 when it is too old, or of the future.
        """
        if at >= self.valid_until:
            raise _bad(f"it was good until {to_iso(self.valid_until)}", self.origin)
        if self.issued_at > at + _SKEW_MS:
            raise _bad(f"it is issued in the future, at {to_iso(self.issued_at)}", self.origin)

    @property
    def superseded(self) -> int:
        """How many entries are no longer good."""
        return int.from_bytes(self.bits, "little").bit_count()


def write_status_list(origin: str, size: int, superseded: Iterable[int], at: int) -> str:
    """Write the text of a list, good for a day from `at` (Unix milliseconds).

    Raises:
        LandbridgeError: LB-4204 when the log holds more than a list covers.
    """
    if size > MOST_ENTRIES:
        raise _bad(f"the log holds more than {MOST_ENTRIES} entries", origin)
    bits = bytearray(-(-size // _BYTE))
    for index in superseded:
        if index < size:
            bits[index // _BYTE] |= 1 << index % _BYTE
    packed = base64.b64encode(zlib.compress(bytes(bits), 1)).decode()
    return "\n".join(
        (HEADLINE, origin, str(size), _instant(at), _instant(at + VALID_MS), packed, "")
    )


def is_status_list(data: bytes) -> bool:
    """Tell whether a file claims to be a status list."""
    return data.startswith(f"{HEADLINE}\n".encode())


def verify_status_list(data: bytes, bundle: TrustBundle) -> StatusList:
    """Return a list that the log which it names has signed, with a key that was good then.

    Whether it is fresh is asked of it apart.

    Raises:
        LandbridgeError: LB-4204 malformed; LB-4001 when the signature does not verify; LB-4002 when
            the log, or the key, is not trusted at the time that the list states.
    """
    try:
        note = parse_note(data, MOST_BYTES)
    except LandbridgeError as error:
        raise _bad(error.message) from error
    found = _read(note.text)
    _, _, keys = bundle.log_keys(found.origin, found.issued_at)
    check_note(note, [NoteVerifier(found.origin, key) for key in keys])
    return found


def _read(text: str) -> StatusList:
    match = _TEXT.fullmatch(text)
    if match is None:
        raise _bad("it is not written as a status list")
    origin, size = match[1], int(match[2])
    try:
        issued_at, valid_until = read_instant(match[3]), read_instant(match[4])
    except ValueError:
        raise _bad("it states no time", origin) from None
    if size > MOST_ENTRIES or not issued_at < valid_until <= issued_at + VALID_MS:
        raise _bad("it states more entries or a longer time than a list may", origin)
    return StatusList(origin, size, issued_at, valid_until, _unpack(match[5], size, origin))


def _unpack(packed: str, size: int, origin: str) -> bytes:
    """Open the bits, and never more of them than the list says to hold."""
    length = -(-size // _BYTE)
    opening = zlib.decompressobj()
    try:
        data = base64.b64decode(packed, validate=True)
        bits = opening.decompress(data, length + 1)
    except (binascii.Error, zlib.error):
        raise _bad("its bits cannot be opened", origin) from None
    if len(bits) != length or not opening.eof or opening.unused_data:
        raise _bad("it holds another number of bits than it says", origin)
    if size % _BYTE and bits[-1] >> size % _BYTE:
        raise _bad("it holds bits of entries that it does not cover", origin)
    return bits


def _instant(at: int) -> str:
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _bad(message: str, origin: str = "") -> LandbridgeError:
    where = f"status list of {origin}" if origin else "status list"
    return refuse(Reason.BAD_STATUS_LIST, message, where=where)
