"""Invitations: what a party needs to enrol once, and how one reaches the administrator alone.

An administrator's request for an invitation names a key of HPKE (RFC 9180), and the authority seals
the invitation to it: a gateway that passes both on learns nothing that it could enrol with.
"""

from typing import Final, Self

import rfc8785
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from landbridge.agency import parse_identity
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import read_public

SECRET_BYTES: Final = 32
LARGEST_INVITATION: Final = 64 * 1024
_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


class Invitation(BaseModel):
    """A party's one-time invitation, as its JSON document holds it; keep the file 0600."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    federation: str
    identity: str
    address: str = Field(pattern=r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")
    dns_name: str = Field(min_length=1, max_length=253)
    anchor: str
    roots: str
    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    secret: str = Field(pattern=r"^[0-9a-f]{64}$", repr=False)
    expires_at: AwareDatetime

    @field_validator("anchor")
    @classmethod
    def _is_key(cls, text: str) -> str:
        try:
            read_public(text)
        except LandbridgeError as error:
            raise ValueError(error.message) from error
        return text

    @field_validator("roots")
    @classmethod
    def _are_certificates(cls, text: str) -> str:
        x509.load_pem_x509_certificates(text.encode())
        return text

    @classmethod
    def read(cls, document: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            LandbridgeError: LB-4014 when it is no invitation; LB-4005 when whom it invites is no
                identity of its federation.
        """
        if len(document) > LARGEST_INVITATION:
            raise _refused(f"it has {len(document)} bytes; {LARGEST_INVITATION} are allowed")
        try:
            invitation = cls.model_validate_json(document)
        except (ValidationError, RecursionError) as error:
            raise _refused(f"it cannot be read ({type(error).__name__})") from error
        parse_identity(invitation.identity, invitation.federation)
        return invitation

    def to_bytes(self) -> bytes:
        """Write it as JSON (RFC 8785) with a last line end."""
        return rfc8785.dumps(self.model_dump(mode="json")) + b"\n"


class InvitationBox:
    """Where an administrator receives one invitation: `public` goes along with the request."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        """The attachment of the act `party.invite`: 32 bytes."""
        return self._private.public_key().public_bytes_raw()

    def open(self, sealed: bytes, identity: str) -> Invitation:
        """Open what the authority sealed for a party that is to have this identity.

        Raises:
            LandbridgeError: LB-4014 when it is not an invitation for that identity, sealed to this
                box.
        """
        try:
            document = _SUITE.decrypt(sealed, self._private, info=_info(identity))
        except (InvalidTag, ValueError) as error:
            raise _refused("it is not sealed for this request") from error
        return Invitation.read(document)


def seal_invitation(invitation: Invitation, recipient: bytes) -> bytes:
    """Seal an invitation to the key that an administrator's request named.

    Raises:
        LandbridgeError: LB-1001 when it is not an X25519 key.
    """
    try:
        public = X25519PublicKey.from_public_bytes(recipient)
        return _SUITE.encrypt(invitation.to_bytes(), public, info=_info(invitation.identity))
    except ValueError as error:
        raise refuse(
            Reason.MALFORMED_REQUEST,
            "the invitation can only be sealed to an X25519 key of 32 bytes, as the attachment",
        ) from error


def _info(identity: str) -> bytes:
    return b"application/vnd.landbridge.invitation.v1 " + identity.encode()


def _refused(message: str) -> LandbridgeError:
    return refuse(Reason.INVITATION_REFUSED, f"the invitation is not accepted: {message}")
