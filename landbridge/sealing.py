"""Sealing to a requester: what is sealed to its key, nobody on the way can read.

RFC 9180 (HPKE), base mode, single shot: the key encapsulation is ML-KEM-768 with X25519, so that
what is recorded today stays closed to a quantum computer; then HKDF with SHA-256 and AES-256-GCM.
Base mode does not say who sealed: whoever relies on the contents verifies a signature, too.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from landbridge.errors import LandbridgeError, Reason, refuse

PUBLIC_KEY_BYTES: Final = 1216
OVERHEAD_BYTES: Final = 1136
"""What sealing adds: the encapsulated key and the tag."""

_ML_KEM_BYTES: Final = 1184
_SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_PROBE: Final = X25519PrivateKey.generate()
_INFO: Final = b"landbridge sealed answer v1 "


@dataclass(frozen=True, slots=True)
class SealingKey:
    """A private key, made for one batch of queries, held in memory alone and then forgotten."""

    public: bytes = field(repr=False)
    """What a query names as `seal_to`: 1184 bytes of ML-KEM-768, 32 of X25519."""
    _private: MLKEM768X25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> Self:
        """Make a new key."""
        lattice, curve = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        public = lattice.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()
        return cls(public, MLKEM768X25519PrivateKey(lattice, curve))

    def open(self, ciphertext: bytes, info: bytes) -> bytes:
        """Open what was sealed to this key under this `info`.

        Raises:
            LandbridgeError: LB-4202 when it was sealed to another key or under another info, or
                was changed or cut.
        """
        try:
            return _SUITE.decrypt(ciphertext, self._private, info=info)
        except (InvalidTag, ValueError):
            raise refuse(
                Reason.SEAL_BROKEN, "the seal does not open with this key, for this query"
            ) from None


@lru_cache(maxsize=64)
def check_public_key(public: bytes) -> MLKEM768X25519PublicKey:
    """Check and read the public key to which a query wants its answers sealed.

    Raises:
        LandbridgeError: LB-1001 when it has not the form of one, or could not keep a secret.
    """
    if len(public) != PUBLIC_KEY_BYTES:
        raise _no_key(f"has {len(public)} bytes instead of {PUBLIC_KEY_BYTES}")
    try:
        # FIPS 203 asks for the check that this constructor makes of the numbers in the key.
        lattice = MLKEM768PublicKey.from_public_bytes(public[:_ML_KEM_BYTES])
        curve = X25519PublicKey.from_public_bytes(public[_ML_KEM_BYTES:])
        # A point of low order, which shares the same secret with everybody, fails here.
        _PROBE.exchange(curve)
    except ValueError:
        raise _no_key("is not one of ML-KEM-768 with X25519") from None
    return MLKEM768X25519PublicKey(lattice, curve)


def seal(plaintext: bytes, *, seal_to: bytes, info: bytes) -> bytes:
    """Seal to a public key, bound to `info`: the encapsulated key, then the ciphertext.

    Raises:
        LandbridgeError: LB-1001 when `seal_to` is no such key.
    """
    return _SUITE.encrypt(plaintext, check_public_key(seal_to), info=info)


def seal_info(
    *, federation: str, requester: str, agency: str, query_digest: bytes, memoranda: Iterable[str]
) -> bytes:
    """Write what a seal is bound to: it opens for no other query, agency or memoranda.

    Each part is written with its length, so that no two lists of parts read the same.
    """
    parts = [federation.encode(), requester.encode(), agency.encode(), query_digest]
    parts += [memorandum.encode() for memorandum in memoranda]
    return _INFO + sha256(b"".join(struct.pack(">I", len(p)) + p for p in parts)).digest()


def _no_key(why: str) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_REQUEST,
        f"the key to which answers are to be sealed {why}",
        where="seal_to",
        next_step="make the key anew for each batch of queries, as `landbridge profile --sealed`",
    )
