"""A person's own signing key: Ed25519 or P-256, named by its JWK thumbprint (RFC 7638)."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self

import rfc8785
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from pydantic import Field, model_validator

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_private, read_public_file
from landbridge.memorandum.signed_form import encode
from landbridge.statement.form import Part, What, malformed
from landbridge.statement.signed import ED25519, ES256, SignedByOne

_COORDINATE: Final = 32
"""Bytes of a coordinate of P-256, and of each half of its signatures (RFC 7518)."""
_KINDS: Final = {("OKP", "Ed25519", False), ("EC", "P-256", True)}

Public = Ed25519PublicKey | ec.EllipticCurvePublicKey


class PublicJwk(Part):
    """A person's public key, as RFC 7517 writes it."""

    kty: Literal["OKP", "EC"]
    crv: Literal["Ed25519", "P-256"]
    x: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$")
    y: str = Field(default="", pattern=r"^[A-Za-z0-9_-]{43}$")

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        if (self.kty, self.crv, bool(self.y)) not in _KINDS:
            raise ValueError("not the members of an Ed25519 or P-256 key")
        return self

    @classmethod
    def of(cls, public: Public) -> Self:
        """Write a public key."""
        if isinstance(public, Ed25519PublicKey):
            return cls(kty="OKP", crv="Ed25519", x=encode(public.public_bytes_raw()))
        numbers = public.public_numbers()
        x, y = (number.to_bytes(_COORDINATE) for number in (numbers.x, numbers.y))
        return cls(kty="EC", crv="P-256", x=encode(x), y=encode(y))

    @property
    def members(self) -> dict[str, Any]:
        """The key's members, as a JSON object holds them."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def thumbprint(self) -> str:
        """The key's name: base64url of the SHA-256 of its required members (RFC 7638)."""
        # RFC 7638 wants the members in order and no spaces: that is what RFC 8785 writes.
        return encode(hashlib.sha256(rfc8785.dumps(self.members)).digest())

    def verify(self, signed: SignedByOne, what: What) -> None:
        """Verify a signature with this key.

        Raises:
            LandbridgeError: LB-4105 when this is no public key, LB-4001 when it did not sign.
        """
        expected = ED25519 if self.kty == "OKP" else ES256
        if signed.algorithm != expected or signed.key_id != self.thumbprint:
            raise refuse(Reason.BAD_SIGNATURE, "it is signed with another key", where=what)
        signed.verify(self._open(what), what)

    def _open(self, what: What) -> OKPKey | ECKey:
        try:
            if self.kty == "OKP":
                return OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": self.x})
            return ECKey.import_key({"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y})
        except (JoseError, ValueError, TypeError):
            raise malformed(what, "the person's key is no public key") from None


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A person's private key."""

    public: PublicJwk
    private: Ed25519PrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a private key in PEM, such as `openssl genpkey -algorithm ed25519` makes.

        Raises:
            LandbridgeError: LB-4011 when others may read the file; LB-1101 when it holds no such
                key.
        """
        try:
            private = serialization.load_pem_private_key(read_private(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise _no_key(path) from None
        if not isinstance(private, Ed25519PrivateKey | ec.EllipticCurvePrivateKey):
            raise _no_key(path)
        return cls(_write(private.public_key(), path), private)

    def sign(self, payload: bytes) -> SignedByOne:
        """Sign a payload as the person."""
        return SignedByOne.sign(
            payload,
            algorithm=ED25519 if self.public.kty == "OKP" else ES256,
            key_id=self.public.thumbprint,
            sign=self._sign,
        )

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self.private, Ed25519PrivateKey):
            return self.private.sign(data)
        r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(_COORDINATE) + s.to_bytes(_COORDINATE)


def read_public_key(path: Path) -> PublicJwk:
    """Read a person's public key in PEM.

    Raises:
        LandbridgeError: LB-1101 when the file holds no Ed25519 or P-256 public key.
    """
    try:
        public = serialization.load_pem_public_key(read_public_file(path))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise _no_key(path) from None
    return _write(public, path)


def _write(public: object, path: Path) -> PublicJwk:
    if isinstance(public, Ed25519PublicKey) or (
        isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1)
    ):
        return PublicJwk.of(public)
    raise _no_key(path)


def _no_key(path: Path) -> LandbridgeError:
    return refuse(
        Reason.INVALID_CONFIGURATION,
        "the file holds no Ed25519 or P-256 key of the kind that is needed",
        where=str(path),
        next_step="make one, without a passphrase, with `openssl genpkey -algorithm ed25519`; "
        "`openssl pkey -pubout` gives its public half",
    )
