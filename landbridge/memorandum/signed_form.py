"""Signed documents: JWS General JSON (RFC 7515) with Ed25519 signatures (RFC 9864), of any kind.

The payload is RFC 8785 JSON; the protected header of a signature holds exactly `alg` and `kid`.
What is signed are the bytes `BASE64URL(header) . BASE64URL(payload)`, so that a machine without
Landbridge can sign, too.
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Self

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey, public_text, split_key_id

ALGORITHM: Final = "Ed25519"
MAX_DOCUMENT: Final = 2_000_000
"""Largest signed document that is read, in bytes."""

FindKey = Callable[[str], tuple[str, Ed25519PublicKey]]
"""Returns the agency and the public key of a key id that is trusted for memoranda.

Raises LandbridgeError LB-4002 for any other.
"""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_MAX_SIGNATURES: Final = 200


class _Registry(jws.JWSRegistry):
    max_payload_length = MAX_DOCUMENT


_REGISTRY: Final = _Registry(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature, as the document holds it, and the key id that it names."""

    protected: str
    signature: str
    key_id: str

    @property
    def agency(self) -> str:
        """The agency that the key id names."""
        return split_key_id(self.key_id)[0]


@dataclass(frozen=True, slots=True)
class SignedDocument:
    """A payload with the signatures that it has so far."""

    reason: ClassVar[Reason] = Reason.MALFORMED_MEMORANDUM
    """With what code a malformed one is refused."""
    name: ClassVar[str] = "a signed document"

    payload: bytes
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """Read the signed form, without verifying any signature.

        Raises:
            LandbridgeError: the kind's own code when it is not JWS General JSON; LB-4001 for an
                algorithm or a header that is not used here.
        """
        payload, signatures = cls.read_payload(document)
        return cls(payload, tuple(cls._read_signature(entry) for entry in signatures))

    @classmethod
    def read_payload(cls, document: bytes) -> tuple[bytes, list[object]]:
        """Read the payload and the signatures as they stand there, without a look into these.

        Raises:
            LandbridgeError: the kind's own code when it is not JWS General JSON.
        """
        if len(document) > MAX_DOCUMENT:
            raise cls.malformed(f"larger than {MAX_DOCUMENT} bytes")
        fields = cls._read_object(document, "the document")
        if set(fields) != {"payload", "signatures"} or not isinstance(fields["signatures"], list):
            raise cls.malformed("it holds exactly `payload` and the list `signatures`")
        if len(fields["signatures"]) > _MAX_SIGNATURES:
            raise cls.malformed(f"more than {_MAX_SIGNATURES} signatures")
        return cls._decode(fields["payload"], "payload"), fields["signatures"]

    def to_bytes(self) -> bytes:
        """Write the document."""
        document = {
            "payload": encode(self.payload),
            "signatures": [
                {"protected": each.protected, "signature": each.signature}
                for each in self.signatures
            ],
        }
        return json.dumps(document, indent=1).encode() + b"\n"

    def canonical(self) -> Self:
        """Return the same document with its signatures in the order of their key ids."""
        ordered = sorted(self.signatures, key=lambda each: (each.key_id, each.signature))
        return replace(self, signatures=tuple(ordered))

    def with_signature(self, signature: Signature) -> Self:
        """Return the document with one more signature, which is not verified here."""
        return replace(self, signatures=(*self.signatures, signature))

    def verify(self, signature: Signature, agency: str, public: Ed25519PublicKey) -> None:
        """Verify one signature over the bytes received.

        Raises:
            LandbridgeError: LB-4001 when it does not verify.
        """
        key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_text(public)})
        value: jws.FlattenedJSONSerialization = {
            "payload": encode(self.payload),
            "protected": signature.protected,
            "signature": signature.signature,
        }
        try:
            jws.deserialize_json(value, key, registry=_REGISTRY)
        except (JoseError, ValueError):
            raise refuse(
                Reason.BAD_SIGNATURE,
                f"the signature of {agency} with the key {signature.key_id} does not verify",
            ) from None

    def verify_signers(self, keys: FindKey) -> tuple[str, ...]:
        """Verify every signature and return the agencies that signed, in order.

        Raises:
            LandbridgeError: LB-4001 for a signature that does not verify; LB-4002 for a key that is
                not trusted; LB-4102 when nobody signed, or an agency did twice.
        """
        signers: list[str] = []
        for signature in self.signatures:
            agency, public = keys(signature.key_id)
            self.verify(signature, agency, public)
            signers.append(agency)
        if not signers:
            raise refuse(Reason.SIGNERS_NOT_PARTIES, f"nobody has signed {self.name}")
        twice = sorted({agency for agency in signers if signers.count(agency) > 1})
        if twice:
            raise refuse(Reason.SIGNERS_NOT_PARTIES, f"{', '.join(twice)} signed more than once")
        return tuple(signers)

    @classmethod
    def malformed(cls, what: str) -> LandbridgeError:
        """Make the error for a document that is not in its form."""
        return refuse(
            cls.reason,
            f"not the signed form of {cls.name}: {what}",
            next_step="use a file that Landbridge wrote",
        )

    @classmethod
    def _read_signature(cls, entry: object) -> Signature:
        if not isinstance(entry, dict) or set(entry) != {"protected", "signature"}:
            raise cls.malformed("a signature holds exactly `protected` and `signature`")
        cls._decode(entry["signature"], "signature")
        header = cls._read_object(cls._decode(entry["protected"], "protected"), "a header")
        if header.get("alg") != ALGORITHM:
            raise refuse(
                Reason.BAD_SIGNATURE,
                f"a signature with the algorithm {str(header.get('alg'))[:40]!r} is not accepted",
                next_step=f"sign with {ALGORITHM}, as `landbridge memo sign` does",
            )
        if set(header) != {"alg", "kid"} or not isinstance(header["kid"], str):
            raise refuse(
                Reason.BAD_SIGNATURE,
                "the protected header of a signature holds exactly `alg` and `kid`",
            )
        return Signature(entry["protected"], entry["signature"], header["kid"])

    @classmethod
    def _read_object(cls, document: bytes, what: str) -> dict[str, Any]:
        try:
            fields = json.loads(document, object_pairs_hook=refuse_repeated_keys)
        except (ValueError, RecursionError):
            fields = None
        if not isinstance(fields, dict):
            raise cls.malformed(f"{what} is not a JSON object")
        return fields

    @classmethod
    def _decode(cls, text: object, what: str) -> bytes:
        """Decode base64url in exactly the one form of RFC 7515."""
        if isinstance(text, str) and _BASE64URL.fullmatch(text) and len(text) % 4 != 1:
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if encode(data) == text:
                return data
        raise cls.malformed(f"`{what}` is not base64url without padding")


def payload_of(document: bytes) -> bytes:
    """Return what a signed document of any kind and algorithm holds, without verifying anything.

    Raises:
        LandbridgeError: LB-4101 when it is no signed document.
    """
    return SignedDocument.read_payload(document)[0]


def sign(payload: bytes, key: SigningKey) -> Signature:
    """Sign a payload with a key."""
    return Signature(
        protected_header(key.key_id),
        encode(key.sign(signing_input(payload, key.key_id))),
        key.key_id,
    )


def signing_input(payload: bytes, key_id: str) -> bytes:
    """Return the bytes that the holder of a key signs (RFC 7515, section 5.1)."""
    return f"{protected_header(key_id)}.{encode(payload)}".encode()


def protected_header(key_id: str) -> str:
    """Return the protected header of a signature by a key."""
    return encode(rfc8785.dumps({"alg": ALGORITHM, "kid": key_id}))


def encode(data: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Read a JSON object in which no key stands twice; for `object_pairs_hook`.

    Raises:
        ValueError: when one does.
    """
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is written twice")
    return fields
