"""Verifier keys as C2SP signed-note writes them: a name, a key hash and an Ed25519 key of a type.

The type says what the key signs: notes, or cosignatures of other logs' checkpoints.
"""

import base64
import binascii
import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import ClassVar, Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import Reason, refuse

ID_BYTES: Final = 4
"""Length of a key hash, in bytes."""
_NAME: Final = re.compile(r"[^\s+]+")
_VERIFIER_KEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([0-9A-Za-z+/]+={0,2})")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name and the Ed25519 key that signs under it. Each kind of key derives from this."""

    kind: ClassVar[bytes]
    called: ClassVar[str]

    name: str
    public: Ed25519PublicKey
    key_hash: bytes = field(init=False)

    def __post_init__(self) -> None:
        """Compute which key of this name signature lines mean."""
        if not is_name(self.name):
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"{self.name!r} cannot sign notes: a name holds no space and no plus sign",
            )
        hashed = sha256(self.name.encode() + b"\n" + self.kind + self.public.public_bytes_raw())
        object.__setattr__(self, "key_hash", hashed.digest()[:ID_BYTES])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key of this kind: name, key hash and key, joined by plus signs.

        Raises:
            LandbridgeError: LB-1101 when it has another form, another algorithm or a wrong hash.
        """
        match = _VERIFIER_KEY.fullmatch(text)
        raw = decode_base64(match[3]) if match else None
        if match is None or raw is None:
            raise refuse(Reason.INVALID_CONFIGURATION, f"{text[:200]!r} is not a verifier key")
        if raw[:1] == cls.kind and len(raw) == 33:  # noqa: PLR2004
            verifier = cls(match[1], Ed25519PublicKey.from_public_bytes(raw[1:]))
            if verifier.key_hash == bytes.fromhex(match[2]):
                return verifier
        raise refuse(Reason.INVALID_CONFIGURATION, f"{text[:200]!r} is not {cls.called}")

    def __str__(self) -> str:
        """Write the verifier key as `parse` reads it."""
        key = base64.b64encode(self.kind + self.public.public_bytes_raw()).decode()
        return f"{self.name}+{self.key_hash.hex()}+{key}"


def is_name(name: str) -> bool:
    """Tell whether a name can stand in a signature line."""
    return _NAME.fullmatch(name) is not None


def decode_base64(encoded: str) -> bytes | None:
    """Decode base64 in the one form in which it is written, or return None."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if base64.b64encode(raw).decode() == encoded else None
