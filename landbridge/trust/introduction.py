"""The introduction of a new signing key: what an earlier key of the same agency signs for it."""

import json
from dataclasses import dataclass
from typing import Self

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import check_agency
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, pae, public_text, read_public

INTRODUCTION_TYPE = "application/vnd.landbridge.key.v1"
_MEMBERS = {"agency", "federation", "public_key", "use"}
_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class Introduction:
    """A public key, whose it is and what it is for."""

    federation: str
    agency: str
    use: KeyUse
    public: Ed25519PublicKey

    def to_bytes(self) -> bytes:
        """Write it as RFC 8785 JSON: what is signed, under its payload type."""
        return rfc8785.dumps(
            {
                "agency": self.agency,
                "federation": self.federation,
                "public_key": public_text(self.public),
                "use": str(self.use),
            }
        )

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote, in exactly that form.

        Raises:
            LandbridgeError: LB-1001 when it is of another form.
        """
        try:
            content = json.loads(data) if len(data) <= _LONGEST else None
            if not isinstance(content, dict) or content.keys() != _MEMBERS:
                raise _malformed()
            found = cls(
                check_agency(content["federation"]),
                check_agency(content["agency"]),
                KeyUse(content["use"]),
                read_public(content["public_key"]),
            )
            canonical = found.to_bytes() == data
        except (ValueError, TypeError, RecursionError, LandbridgeError) as error:
            raise _malformed() from error
        if not canonical:
            raise _malformed()
        return found

    def sign(self, key: SigningKey) -> bytes:
        """Sign it: an earlier key vouches, or the key itself shows that it is held."""
        return key.sign(pae(INTRODUCTION_TYPE, self.to_bytes()))

    def is_signed_by(self, public: Ed25519PublicKey, signature: bytes) -> bool:
        """Whether this key signed it."""
        try:
            public.verify(signature, pae(INTRODUCTION_TYPE, self.to_bytes()))
        except InvalidSignature:
            return False
        return True


def may_vouch(earlier: KeyUse, later: KeyUse) -> bool:
    """Whether a key of one use may introduce one of another.

    A memorandum key binds its agency, so it speaks for the agency's other keys too; an
    administrator's key speaks for a person and is introduced by that person's key alone.
    """
    return earlier is later or (earlier is KeyUse.MEMORANDUM and later is not KeyUse.ADMIN)


def _malformed() -> LandbridgeError:
    return refuse(Reason.MALFORMED_REQUEST, "it is not the introduction of a signing key")
