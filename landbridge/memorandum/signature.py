"""Signatures of memoranda: JWS General JSON (RFC 7515), one Ed25519 signature a party (RFC 9864).

The payload is the memorandum's RFC 8785 writing, the protected header of a signature holds exactly
`alg` and `kid`. A memorandum counts once each of its parties, and nobody else, has signed once.
"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, public_text, split_key_id
from landbridge.memorandum.document import MAX_BYTES, Memorandum

ALGORITHM: Final = "Ed25519"

FindKey = Callable[[str], tuple[str, Ed25519PublicKey]]
"""Returns the agency and the public key of a key id that is trusted for memoranda.

Raises LandbridgeError LB-4002 for any other.
"""

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+")
_MAX_DOCUMENT: Final = 2 * MAX_BYTES
_MAX_SIGNATURES: Final = 200


class _Registry(jws.JWSRegistry):
    max_payload_length = _MAX_DOCUMENT


_REGISTRY: Final = _Registry(algorithms=[ALGORITHM])


@dataclass(frozen=True, slots=True)
class Signature:
    """One party's signature, as the document holds it, and the key id that it names."""

    protected: str
    signature: str
    key_id: str


@dataclass(frozen=True, slots=True)
class SignedForm:
    """A memorandum with the signatures that it has so far."""

    payload: bytes
    signatures: tuple[Signature, ...] = ()

    @classmethod
    def parse(cls, document: bytes) -> Self:
        """Read the signed form, without verifying any signature.

        Raises:
            LandbridgeError: LB-4101 when it is not JWS General JSON; LB-4001 for an algorithm or a
                header that memoranda do not use.
        """
        if len(document) > _MAX_DOCUMENT:
            raise _malformed(f"larger than {_MAX_DOCUMENT} bytes")
        fields = _read_object(document, "the document")
        if set(fields) != {"payload", "signatures"} or not isinstance(fields["signatures"], list):
            raise _malformed("it holds exactly `payload` and the list `signatures`")
        if len(fields["signatures"]) > _MAX_SIGNATURES:
            raise _malformed(f"more than {_MAX_SIGNATURES} signatures")
        return cls(
            _decode(fields["payload"], "payload"),
            tuple(_read_signature(entry) for entry in fields["signatures"]),
        )

    def to_bytes(self) -> bytes:
        """Write the document."""
        document = {
            "payload": _encode(self.payload),
            "signatures": [
                {"protected": each.protected, "signature": each.signature}
                for each in self.signatures
            ],
        }
        return json.dumps(document, indent=1).encode() + b"\n"

    def add(self, key: SigningKey, agency: str) -> "SignedForm":
        """Add one party's signature.

        Raises:
            LandbridgeError: LB-4102 when the agency is no party or has signed already; LB-4002 when
                the key is another agency's or not for memoranda; LB-4101 for a payload that is not
                a memorandum.
        """
        parties = Memorandum.from_json(self.payload).parties
        if agency not in parties:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"{agency} is no party of this memorandum; its parties are {', '.join(parties)}",
                next_step="only the parties sign; have the memorandum amended to add one",
            )
        if key.agency != agency or key.use is not KeyUse.MEMORANDUM:
            raise refuse(
                Reason.UNTRUSTED_KEY,
                f"the key {key.key_id} is not a key of {agency} for memoranda",
                next_step=f"sign with the key {agency}/{KeyUse.MEMORANDUM}/...",
            )
        if agency in {_agency_of(signature) for signature in self.signatures}:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"{agency} has signed already",
                next_step="nothing to do: each party signs exactly once",
            )
        return SignedForm(self.payload, (*self.signatures, sign(self.payload, key)))

    def missing(self) -> tuple[str, ...]:
        """Name the parties that have not signed yet, going by the key ids alone."""
        signers = {_agency_of(signature) for signature in self.signatures}
        parties = Memorandum.from_json(self.payload).parties
        return tuple(party for party in parties if party not in signers)


def sign(payload: bytes, key: SigningKey) -> Signature:
    """Sign a payload as one party."""
    protected = _encode(rfc8785.dumps({"alg": ALGORITHM, "kid": key.key_id}))
    signed = f"{protected}.{_encode(payload)}".encode()
    return Signature(protected, _encode(key.sign(signed)), key.key_id)


def verify_memorandum(document: bytes, keys: FindKey) -> Memorandum:
    """Return the memorandum if each of its parties, and nobody else, has signed it once.

    1. Read the signatures, and of each the key id.
    2. Find each key among the trusted ones.
    3. Verify each signature over the bytes received.
    4. Read the memorandum from these bytes.
    5. Hold the signers against the parties.

    Raises:
        LandbridgeError: LB-4101 malformed; LB-4001 a signature that does not verify; LB-4002 a key
            that is not trusted; LB-4102 signers that are not exactly the parties.
    """
    form = SignedForm.parse(document)  # 1
    signers: list[str] = []
    for signature in form.signatures:
        agency, public = keys(signature.key_id)  # 2
        _verify(form.payload, signature, agency, public)  # 3
        signers.append(agency)
    if not signers:
        raise refuse(Reason.SIGNERS_NOT_PARTIES, "nobody has signed the memorandum")
    memorandum = Memorandum.from_json(form.payload)  # 4
    _compare(signers, memorandum)  # 5
    return memorandum


def _verify(payload: bytes, signature: Signature, agency: str, public: Ed25519PublicKey) -> None:
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_text(public)})
    value: jws.FlattenedJSONSerialization = {
        "payload": _encode(payload),
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


def _compare(signers: list[str], memorandum: Memorandum) -> None:
    twice = {agency for agency in signers if signers.count(agency) > 1}
    strangers = set(signers) - set(memorandum.parties)
    missing = set(memorandum.parties) - set(signers)
    for agencies, what in (
        (twice, "signed more than once"),
        (strangers, "signed without being a party"),
        (missing, "did not sign"),
    ):
        if agencies:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"{', '.join(sorted(agencies))} {what}",
                where=f"memorandum {memorandum.id}",
            )


def _agency_of(signature: Signature) -> str:
    return split_key_id(signature.key_id)[0]


def _read_signature(entry: object) -> Signature:
    if not isinstance(entry, dict) or set(entry) != {"protected", "signature"}:
        raise _malformed("a signature holds exactly `protected` and `signature`")
    _decode(entry["signature"], "signature")
    header = _read_object(_decode(entry["protected"], "protected"), "a protected header")
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
            next_step="sign with `landbridge memo sign`",
        )
    return Signature(entry["protected"], entry["signature"], header["kid"])


def _read_object(document: bytes, what: str) -> dict[str, Any]:
    try:
        fields = json.loads(document, object_pairs_hook=_refuse_repeated_keys)
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise _malformed(f"{what} is not a JSON object")
    return fields


def _refuse_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key is written twice")
    return fields


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: object, what: str) -> bytes:
    """Decode base64url in exactly the one form of RFC 7515."""
    if isinstance(text, str) and _BASE64URL.fullmatch(text) and len(text) % 4 != 1:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        if _encode(data) == text:
            return data
    raise _malformed(f"`{what}` is not base64url without padding")


def _malformed(what: str) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_MEMORANDUM,
        f"not the signed form of a memorandum: {what}",
        next_step="use a file that `landbridge memo sign` wrote",
    )
