"""The trust bundle as a document: what its JSON holds (RFC 8785), once its signature verified."""

import json
from datetime import datetime
from typing import Annotated

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    ValidationError,
    model_validator,
)

from landbridge.agency import Identity, Role, check_agency, parse_identity
from landbridge.errors import LandbridgeError
from landbridge.keys import KeyUse, public_text
from landbridge.trust.authority import (
    AuthorityPem,
    AuthorityRecord,
    AuthorityState,
    Level,
    Record,
    check_order,
)
from landbridge.trust.signature import MALFORMED, unsound, verify_bundle

__all__ = [
    "MAX_NUMBER",
    "ApprovalRecord",
    "AuthorityPem",
    "AuthorityRecord",
    "AuthorityState",
    "BundleDocument",
    "DeniedRecord",
    "Endorsement",
    "EndpointRecord",
    "KeyRecord",
    "Level",
    "LogRecord",
    "MemberRecord",
    "SignatureRecord",
    "read_document",
    "unix_ms",
    "unsound",
]

MAX_NUMBER = (1 << 53) - 1
"""The largest integer that RFC 8785 JSON holds."""


def _agency(text: str) -> str:
    try:
        return check_agency(text)
    except LandbridgeError as error:
        raise ValueError(error.message) from error


def _well_formed(identity: Identity) -> None:
    try:
        parse_identity(identity.uri, identity.federation)
    except LandbridgeError as error:
        raise ValueError(error.message) from error


AgencyId = Annotated[str, AfterValidator(_agency)]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class Endorsement(Record):
    """An earlier key of the same agency vouches for a later one."""

    key_id: str
    signature: str = Field(pattern=r"^[A-Za-z0-9_-]{86}$")


class KeyRecord(Record):
    """A signing key of an agency; what it signed within its time stays verifiable."""

    key_id: str
    use: KeyUse
    public_key: str
    state: AuthorityState = AuthorityState.ACTIVE
    not_before: AwareDatetime
    not_after: AwareDatetime
    """For a tainted key the moment from which it is no longer believed."""
    endorsement: Endorsement | None = None
    """Over the key's introduction; none for keys that came with the member's acceptance."""

    @model_validator(mode="after")
    def _is_published(self) -> "KeyRecord":
        if self.state is AuthorityState.PREPARED:
            raise ValueError(f"{self.key_id} is only prepared")
        return self


class LogRecord(Record):
    """A verifiable log of an agency, and the keys of its checkpoints, the newest last."""

    origin: str
    key_ids: tuple[str, ...] = Field(min_length=1)


class EndpointRecord(Record):
    """Where a server of an agency listens."""

    role: Role
    name: str
    address: str = Field(pattern=r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")
    dns_name: str


class MemberRecord(Record):
    """An agency of the federation."""

    title: Title
    roles: tuple[Role, ...]
    suspended_at: AwareDatetime | None = None
    left_at: AwareDatetime | None = None
    revision: int = Field(ge=0, le=MAX_NUMBER, default=1)
    """How many acts on this member went before."""
    endpoints: tuple[EndpointRecord, ...]
    keys: tuple[KeyRecord, ...]
    logs: tuple[LogRecord, ...]


class DeniedRecord(Record):
    """A certificate that is no longer accepted: its issuer's key id and its serial, in hex."""

    issuer: str = Field(pattern=r"^[0-9a-f]{40}$")
    serial: str = Field(pattern=r"^[1-9a-f][0-9a-f]{0,39}$")
    until: AwareDatetime
    """The certificate's own end; the entry may be dropped an hour later."""


class SignatureRecord(Record):
    """An administrator's signature."""

    key_id: str
    signature: str = Field(pattern=r"^[A-Za-z0-9_-]{86}$")


class ApprovalRecord(Record):
    """An act as administrators signed it."""

    statement: str = Field(max_length=4096)
    """RFC 8785 JSON."""
    signatures: tuple[SignatureRecord, ...]


class BundleDocument(Record):
    """What the federation's bundle key signs."""

    federation: AgencyId
    number: int = Field(ge=1, le=MAX_NUMBER)
    issued_at: AwareDatetime
    bundle_key: str
    authorities: tuple[AuthorityRecord, ...] = Field(min_length=2)
    members: dict[AgencyId, MemberRecord]
    denied: tuple[DeniedRecord, ...] = ()
    approvals: tuple[ApprovalRecord, ...] = ()

    @model_validator(mode="after")
    def _endpoints_bear_their_own_names(self) -> "BundleDocument":
        for agency, member in self.members.items():
            for endpoint in member.endpoints:
                identity = Identity(agency, self.federation, endpoint.role, endpoint.name)
                _well_formed(identity)
                if endpoint.role not in member.roles or endpoint.dns_name != identity.dns_name:
                    raise ValueError(f"{agency}: the endpoint {endpoint.dns_name!r} is not its own")
        return self

    @model_validator(mode="after")
    def _authorities_stand_in_order(self) -> "BundleDocument":
        check_order(self.authorities)
        return self

    @model_validator(mode="after")
    def _nothing_is_denied_twice(self) -> "BundleDocument":
        if len({(entry.issuer, entry.serial) for entry in self.denied}) != len(self.denied):
            raise ValueError("a certificate is denied twice")
        return self


def read_document(
    document: bytes, anchor: Ed25519PublicKey | None
) -> tuple[BundleDocument, Ed25519PublicKey]:
    """Verify the bytes of a signed bundle, then read them; return the key that signed, too.

    Raises:
        LandbridgeError: LB-4010 when the signature does not verify or the form is not right.
    """
    payload, signer = verify_bundle(document, anchor)
    content = _read(payload)
    if content.bundle_key != public_text(signer):
        raise unsound("it states another bundle key than the one that signed it")
    return content, signer


def unix_ms(moment: datetime) -> int:
    """Turn a document's time into Unix milliseconds."""
    return round(moment.timestamp() * 1000)


def _read(payload: bytes) -> BundleDocument:
    try:
        content = BundleDocument.model_validate_json(payload)
        canonical = rfc8785.dumps(json.loads(payload)) == payload
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise unsound(f"{place}: {first['msg']}" if place else first["msg"]) from error
    except MALFORMED as error:
        raise unsound("its JSON cannot be read") from error
    if not canonical:
        raise unsound("its JSON is not in the form of RFC 8785")
    return content
