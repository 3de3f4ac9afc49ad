"""What a log calls a subject, and how the keys for that are concealed in its database.

A subject's key of a month is found by one half of a secret that only the party's `pseudonym.key`
gives, and masked by what follows from the whole of it.
"""

import struct
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from landbridge.clock import to_datetime
from landbridge.errors import Reason, refuse
from landbridge.keys import read_private

LOOK_UP_FILE: Final = "pseudonym.key"
PSEUDONYM_BYTES: Final = 16
KEY_BYTES: Final = 32
_BLOCK_BYTES: Final = 64
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
"""What HMAC (RFC 2104) makes of each byte of a key."""
_LENGTHS: Final = struct.Struct(">II")
_DAY_MS: Final = 86_400_000


class Pseudonym(NamedTuple):
    """What a log calls a subject in one month, such as 2026-11."""

    value: bytes
    period: str


def load_look_up_key(path: Path) -> bytes:
    """Read a party's `pseudonym.key`: 64 hexadecimal digits, readable by its owner alone.

    Raises:
        LandbridgeError: LB-4011 when others may read it; LB-1101 when it cannot be read or does
            not hold 32 bytes.
    """
    try:
        key = bytes.fromhex(read_private(path).decode("ascii").strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"the file does not hold a pseudonym key of {KEY_BYTES} bytes in hexadecimal",
            where=str(path),
            next_step="restore the file as it was made: a new one cannot find the subjects' keys",
        )
    return key


def pseudonym(key: bytes, scheme: str, value: str) -> bytes:
    """Return the pseudonym of an identifier in its normal form: 16 bytes of HMAC-SHA256.

    Scheme and value are written with their lengths, so that no two pairs read the same.
    """
    return pseudonym_of(key, write_subject(scheme, value))


class Concealment:
    """A party's `pseudonym.key` at work."""

    def __init__(self, look_up_key: bytes) -> None:
        # HMAC-SHA256 with the key's two blocks hashed already.
        block = look_up_key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(block.translate(_INNER))
        self._outer = sha256(block.translate(_OUTER))

    def conceal(self, month: str, written: bytes) -> tuple[bytes, bytes]:
        """Return what a subject's key is found by, and what masks it."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(month.encode() + written)
        outer.update(inner.digest())
        secret = outer.digest()
        # Half of the secret is stored; without the other half nobody comes to the mask.
        return secret[:PSEUDONYM_BYTES], sha256(secret).digest()


def pseudonym_of(key: bytes, written: bytes) -> bytes:
    """Return the pseudonym of what `write_subject` wrote."""
    # HMAC-SHA256 by hand: one call of `hmac.digest` takes half as long again.
    block = key.ljust(_BLOCK_BYTES, b"\0")
    inner = sha256(block.translate(_INNER) + written).digest()
    return sha256(block.translate(_OUTER) + inner).digest()[:PSEUDONYM_BYTES]


def write_subject(scheme: str, value: str) -> bytes:
    """Write scheme and value, each with its length."""
    first, second = scheme.encode(), value.encode()
    return _LENGTHS.pack(len(first), len(second)) + first + second


def masked_with(one: bytes, other: bytes) -> bytes:
    """Mask a key, or take the mask off again."""
    return (int.from_bytes(one) ^ int.from_bytes(other)).to_bytes(KEY_BYTES)


def month_of(at: int) -> str:
    """Return the month of a time in Unix milliseconds, in UTC: such as 2026-11."""
    return _month(at // _DAY_MS)


@lru_cache(maxsize=64)
def _month(day: int) -> str:
    return f"{to_datetime(day * _DAY_MS):%Y-%m}"
