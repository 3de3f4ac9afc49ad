"""Key bindings: a consent desk says whose key a person's key is.

The desk names the person by a salted digest, so that a binding that travels without its salt, as
with a revocation, tells nobody whom it is about.
"""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import rfc8785
from pydantic import Field

from landbridge.clock import to_iso
from landbridge.consent.desk import sign_as_desk, verify_desk
from landbridge.consent.kind import consent_document
from landbridge.consent.person_key import PublicJwk
from landbridge.document import read_document
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey, read_public_file
from landbridge.memorandum.words import AgencyId, Instant, read_instant
from landbridge.statement.form import Part, make_payload, malformed, read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle

_WHAT: Final = consent_document("key binding")
_SALT_BYTES: Final = 16


class _Payload(Part):
    key_binding: str = Field(pattern=r"^[A-Za-z0-9_-]{43}$")
    """The key's thumbprint."""
    key: PublicJwk
    subject_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    desk: AgencyId
    valid_from: Instant
    valid_until: Instant


class Introduced(Part):
    """A key binding and the salt that opens whom it is about: what the person holds and shows."""

    binding: dict[str, Any]
    """The binding as the desk signed it: JWS in general JSON form."""
    salt: str = Field(pattern=r"^[0-9a-f]{32}$")
    """With it the digest in the binding can be held against a person's identifier."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read the file that `landbridge consent bind` wrote.

        Raises:
            LandbridgeError: LB-4105 when it is of another form, LB-1101 when it cannot be read.
        """
        data = read_public_file(path)
        try:
            return cls.model_validate(read_document(data))
        except (ValueError, LandbridgeError):
            raise malformed(
                consent_document(str(path)), "the file is not a key binding with its salt"
            ) from None

    @property
    def desk(self) -> str:
        """The desk that the binding names; it is not verified here.

        Raises:
            LandbridgeError: LB-4105.
        """
        return read_payload(_Payload, SignedByOne.of(self.binding, _WHAT).payload, _WHAT).desk


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """A verified binding; times are Unix milliseconds."""

    key: PublicJwk
    subject_digest: str
    desk: str
    start: int
    end: int

    def check(self, subject: SubjectId, salt: str, at: int) -> None:
        """Check that the key is this person's at a time.

        Raises:
            LandbridgeError: LB-3012.
        """
        if not secrets.compare_digest(self.subject_digest, _digest(subject, salt)):
            raise refuse(
                Reason.CONSENT_REFUSED,
                f"{self.desk} has bound the signer's key to another person",
                where=_WHAT,
            )
        if not self.start <= at < self.end:
            raise refuse(
                Reason.CONSENT_REFUSED,
                f"the person's key is bound from {to_iso(self.start)} until {to_iso(self.end)}",
                where=_WHAT,
            )


def bind_key(
    key: PublicJwk, subject: SubjectId, *, valid_from: str, valid_until: str, desk: SigningKey
) -> Introduced:
    """Have a consent desk bind a person's key to the person.

    Raises:
        LandbridgeError: LB-4002 when the desk's key is not for consent; LB-4105 for a period
            without length.
    """
    salt = secrets.token_hex(_SALT_BYTES)
    payload = make_payload(
        _Payload,
        {
            "key_binding": key.thumbprint,
            "key": key.members,
            "subject_digest": _digest(subject, salt),
            "desk": desk.agency,
            "valid_from": valid_from,
            "valid_until": valid_until,
        },
        _WHAT,
    )
    _check(read_payload(_Payload, payload, _WHAT))
    signed = sign_as_desk(payload, desk)
    return Introduced(binding=signed.fields(), salt=salt)


def verify_binding(binding: dict[str, Any], bundle: TrustBundle, at: int) -> KeyBinding:
    """Return the binding if a consent desk of the federation has signed it.

    Raises:
        LandbridgeError: LB-4105 malformed; LB-4001 altered; LB-4002 not signed by a consent desk.
    """
    signed = SignedByOne.of(binding, _WHAT)
    desk = verify_desk(signed, bundle, at, _WHAT)
    payload = read_payload(_Payload, signed.payload, _WHAT)
    _check(payload)
    if desk != payload.desk:
        raise refuse(
            Reason.BAD_SIGNATURE, f"the binding of {payload.desk} is signed by {desk}", where=_WHAT
        )
    return KeyBinding(
        payload.key,
        payload.subject_digest,
        desk,
        read_instant(payload.valid_from),
        read_instant(payload.valid_until),
    )


def _check(payload: _Payload) -> None:
    if payload.key_binding != payload.key.thumbprint:
        raise malformed(_WHAT, "it names another key than it holds")
    if read_instant(payload.valid_from) >= read_instant(payload.valid_until):
        raise malformed(_WHAT, "valid_until: must be later than `valid_from`")


def _digest(subject: SubjectId, salt: str) -> str:
    opened = {"salt": salt, "scheme": subject.scheme, "value": subject.value}
    return hashlib.sha256(rfc8785.dumps(opened)).hexdigest()
