"""What administrators sign: one act on one subject, and who has to sign it.

A statement fits once: authorities never return to a state, and for anything else the number of acts
that went before stands in the statement.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256
from typing import Self

import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role, check_agency
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, pae
from landbridge.trust.document import MAX_NUMBER, Level

STATEMENT_TYPE = "application/vnd.landbridge.act.v1"
TWO_ADMINS = 2
# What the parsers of JSON and the checks of its types raise on hostile input.
_MALFORMED = (ValueError, TypeError, AttributeError, KeyError, RecursionError, LandbridgeError)
_LONGEST_STATEMENT = 4096
_LONGEST_SUBJECT = 512
_DIGEST_LENGTH = 64


class Act(StrEnum):
    """What administrators decide."""

    AUTHORITY_PREPARE = "authority.prepare"
    AUTHORITY_PUBLISH = "authority.publish"
    AUTHORITY_ACTIVATE = "authority.activate"
    AUTHORITY_RETIRE = "authority.retire"
    AUTHORITY_REMOVE = "authority.remove"
    AUTHORITY_TAINT = "authority.taint"
    AUTHORITY_ABORT = "authority.abort"
    MEMBER_ACCEPT = "member.accept"
    MEMBER_SUSPEND = "member.suspend"
    MEMBER_RESUME = "member.resume"
    MEMBER_LEAVE = "member.leave"
    INVITE = "party.invite"
    CERTIFICATE_REVOKE = "certificate.revoke"
    KEY_ACTIVATE = "key.activate"
    KEY_TAINT = "key.taint"
    KEY_REMOVE = "key.remove"
    BUNDLE_KEY_REPLACE = "bundle-key.replace"


_OF_A_ROOT = {Act.AUTHORITY_ACTIVATE, Act.AUTHORITY_REMOVE, Act.AUTHORITY_TAINT}
_OF_TWO = {Act.MEMBER_ACCEPT, Act.MEMBER_RESUME, Act.BUNDLE_KEY_REPLACE}


@dataclass(frozen=True, slots=True)
class Statement:
    """One act, as its administrators sign it."""

    federation: str
    act: Act
    subject: str
    """Authority id, agency, identity, `<issuer>/<serial>`, key id, or the bundle key in use."""
    revision: int = 0
    """How many acts on this subject went before; 0 for authorities and the bundle key."""
    detail: str = ""
    """SHA-256 in hexadecimal of what the act needs beside it, or empty."""
    override: bool = False
    """Whether the gates are known to stand against it."""

    def to_bytes(self) -> bytes:
        """Write it as RFC 8785 JSON: what is signed, under its payload type."""
        return rfc8785.dumps({**asdict(self), "act": str(self.act)})

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote, in exactly that form.

        Raises:
            LandbridgeError: LB-1001 when it is of another form.
        """
        try:
            content = json.loads(data) if len(data) <= _LONGEST_STATEMENT else None
            found = cls(**{**content, "act": Act(content["act"])}) if content else None
            if found is None or not _is_sound(found) or found.to_bytes() != data:
                raise _malformed()
        except _MALFORMED as error:
            raise _malformed() from error
        return found

    def sign(self, key: SigningKey) -> bytes:
        """Sign it as an administrator: 64 bytes, Ed25519."""
        return key.sign(pae(STATEMENT_TYPE, self.to_bytes()))


@dataclass(frozen=True, slots=True)
class AdminKey:
    """An administrator's key, and the person: the first key in the line that led to it."""

    public: Ed25519PublicKey
    person: str


def admins_needed(statement: Statement, level: Level | None = None) -> int:
    """Return how many administrators must sign; the level is that of the act's authority.

    A root that no root in use vouches for is published with the digest of its certificate, by two.
    """
    is_alone = statement.act is Act.AUTHORITY_PUBLISH and bool(statement.detail)
    both = (
        statement.override
        or statement.act in _OF_TWO
        or (level is Level.ROOT and (statement.act in _OF_A_ROOT or is_alone))
    )
    return TWO_ADMINS if both else 1


def count_admins(
    statement: bytes,
    signatures: Iterable[tuple[str, bytes]],
    keys: Mapping[str, AdminKey],
) -> int:
    """Count the administrators who signed these bytes; one with several keys counts once."""
    signed = pae(STATEMENT_TYPE, statement)
    people: set[str] = set()
    for key_id, signature in signatures:
        key = keys.get(key_id)
        if key is None:
            continue
        try:
            key.public.verify(signature, signed)
        except InvalidSignature:
            continue
        people.add(key.person)
    return len(people)


def admission(  # noqa: PLR0913  what two administrators see
    federation: str,
    agency: str,
    title: str,
    roles: Iterable[Role],
    keys: Iterable[tuple[KeyUse, str]],
    *,
    servers: Iterable[tuple[Role, str, str]],
) -> bytes:
    """Write what an agency is accepted with, as RFC 8785 JSON.

    Keys by use and public text; servers by role, name and `host:port`, those with an address alone.
    The SHA-256 of it is the `detail` of a MEMBER_ACCEPT, so that nobody can put another key or
    address in the place of those that the administrators saw. For a member that is known already,
    the keys are the new ones alone.
    """
    return rfc8785.dumps(
        {
            "agency": agency,
            "federation": federation,
            "keys": sorted([str(use), public] for use, public in keys),
            "roles": sorted({str(role) for role in roles}),
            "servers": sorted([str(role), name, address] for role, name, address in servers),
            "title": title,
        }
    )


def digest_of(attachment: bytes) -> str:
    """Return an attachment's SHA-256 in hexadecimal: a statement's `detail`."""
    return sha256(attachment).hexdigest()


def _is_sound(statement: Statement) -> bool:
    """Hold the fields, which came out of JSON, against their types and bounds."""
    check_agency(statement.federation)
    number: object = statement.revision
    override: object = statement.override
    digest = statement.detail
    return (
        type(number) is int
        and 0 <= number <= MAX_NUMBER
        and type(override) is bool
        and 0 < len(statement.subject) <= _LONGEST_SUBJECT
        and statement.subject.isprintable()
        and digest.strip("0123456789abcdef") == ""
        and len(digest) in {0, _DIGEST_LENGTH}
    )


def _malformed() -> LandbridgeError:
    return refuse(Reason.MALFORMED_REQUEST, "it is not the statement of an act")
