"""Keyed pseudonyms of subjects: a log names them without saying who they are.

Whoever has the key can find a subject's entries; with the key gone, nobody can.
"""

import hmac
import struct
from pathlib import Path
from typing import Self

from landbridge.errors import Reason, refuse
from landbridge.keys import read_private

PSEUDONYM_BYTES = 16
_KEY_BYTES = 32


class Pseudonyms:
    """The pseudonyms under one key of 32 random bytes."""

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"a pseudonym key has {_KEY_BYTES} bytes, this one has {len(key)}",
                next_step="write 64 hexadecimal digits from a random source into the key file",
            )
        self._key = key
        self.key_id = hmac.digest(key, b"landbridge pseudonym key id", "sha256")[:8].hex()

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the key, in hexadecimal, from a file that only its owner may read.

        Raises:
            LandbridgeError: LB-4011 when others may read it; LB-1101 when it cannot be read or does
                not hold 32 bytes.
        """
        text = read_private(path)
        try:
            key = bytes.fromhex(text.decode("ascii").strip())
        except ValueError:
            key = b""
        if len(key) != _KEY_BYTES:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the file does not hold a pseudonym key of {_KEY_BYTES} bytes in hexadecimal",
                where=str(path),
                next_step="restore the file as it was made: a new key cannot find old entries",
            )
        return cls(key)

    def of(self, scheme: str, value: str) -> bytes:
        """Return the pseudonym of an identifier in its normal form: 16 bytes of HMAC-SHA256.

        Scheme and value are written with their lengths, so that no two pairs read the same.
        """
        first, second = scheme.encode(), value.encode()
        text = struct.pack(">II", len(first), len(second)) + first + second
        return hmac.digest(self._key, text, "sha256")[:PSEUDONYM_BYTES]
