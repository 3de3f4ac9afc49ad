"""Signed statements: JWS General JSON (RFC 7515) with exactly one signature.

Agencies sign with Ed25519 (RFC 9864), subjects with a key of their own, Ed25519 or P-256 (ES256,
RFC 7518). The protected header holds `alg` and `kid` alone.
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import rfc8785
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey

from landbridge.errors import Reason, refuse
from landbridge.memorandum.signed_form import encode, refuse_repeated_keys
from landbridge.statement.form import What, malformed

MAX_DOCUMENT: Final = 16 * 1024
"""Largest signed document that is read, in bytes."""

ED25519: Final = "Ed25519"
ES256: Final = "ES256"

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_REGISTRY: Final = jws.JWSRegistry(algorithms=[ED25519, ES256])
_LONGEST_KEY_ID: Final = 300


@dataclass(frozen=True, slots=True)
class SignedByOne:
    """What was signed, by which key, and the signature; nothing is verified yet."""

    payload: bytes
    algorithm: str
    key_id: str
    protected: str
    signature: str

    @classmethod
    def parse(cls, document: bytes, what: What) -> Self:
        """Read a signed document, without verifying it.

        Raises:
            LandbridgeError: the kind's own when it is larger than 16 KiB or not of this form.
        """
        if len(document) > MAX_DOCUMENT:
            raise malformed(what, f"it is larger than {MAX_DOCUMENT} bytes")
        return cls.of(_read_object(document, what, "it"), what)

    @classmethod
    def of(cls, fields: object, what: What) -> Self:
        """Read a signed document that stands within another one.

        Raises:
            LandbridgeError: the kind's own.
        """
        signatures = fields.get("signatures") if isinstance(fields, dict) else None
        if (
            not isinstance(fields, dict)
            or fields.keys() != {"payload", "signatures"}
            or not isinstance(signatures, list)
            or len(signatures) != 1
            or not isinstance(signatures[0], dict)
            or signatures[0].keys() != {"protected", "signature"}
        ):
            raise malformed(what, "it is not a JWS in general JSON form with one signature")
        (signature,) = signatures
        _decode(signature["signature"], what, "signature")
        header = _read_object(
            _decode(signature["protected"], what, "protected"), what, "the protected header"
        )
        if (
            header.keys() != {"alg", "kid"}
            or header["alg"] not in (ED25519, ES256)
            or not isinstance(header["kid"], str)
            or len(header["kid"]) > _LONGEST_KEY_ID
        ):
            raise malformed(what, f"its header holds `alg` ({ED25519} or {ES256}) and `kid` alone")
        return cls(
            _decode(fields["payload"], what, "payload"),
            header["alg"],
            header["kid"],
            signature["protected"],
            signature["signature"],
        )

    @classmethod
    def sign(
        cls, payload: bytes, *, algorithm: str, key_id: str, sign: Callable[[bytes], bytes]
    ) -> Self:
        """Sign a payload; `sign` gives the signature of bytes as the algorithm writes it."""
        protected = encode(rfc8785.dumps({"alg": algorithm, "kid": key_id}))
        signature = sign(f"{protected}.{encode(payload)}".encode())
        return cls(payload, algorithm, key_id, protected, encode(signature))

    def verify(self, key: OKPKey | ECKey, what: What) -> None:
        """Verify the signature over the bytes received.

        Raises:
            LandbridgeError: LB-4001.
        """
        value: jws.FlattenedJSONSerialization = {
            "payload": encode(self.payload),
            "protected": self.protected,
            "signature": self.signature,
        }
        try:
            jws.deserialize_json(value, key, registry=_REGISTRY)
        except (JoseError, ValueError, TypeError):
            raise refuse(
                Reason.BAD_SIGNATURE, "the signature does not verify", where=what
            ) from None

    def fields(self) -> dict[str, Any]:
        """Write the document as JSON holds it."""
        return {
            "payload": encode(self.payload),
            "signatures": [{"protected": self.protected, "signature": self.signature}],
        }

    def to_bytes(self) -> bytes:
        """Write the document as a file holds it."""
        return json.dumps(self.fields(), indent=1).encode() + b"\n"


def _read_object(document: bytes, what: What, part: str) -> dict[str, Any]:
    try:
        fields = json.loads(document, object_pairs_hook=refuse_repeated_keys)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise malformed(what, f"{part} is not a JSON object, or names a key twice")
    return fields


def _decode(text: object, what: What, part: str) -> bytes:
    """Decode base64url in exactly the one form of RFC 7515."""
    if isinstance(text, str) and _BASE64URL.fullmatch(text) and len(text) % 4 != 1:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if encode(data) == text:
            return data
    raise malformed(what, f"its `{part}` is not base64url without padding")
