"""The trust bundle as a document: what its JSON holds, and how its signature is checked.

RFC 8785 JSON under a JWS in flattened form (RFC 7515, section 7.2.2), made with the federation's
bundle key. The bytes received are verified; only then are they parsed.
"""

import base64
import json
from datetime import datetime
from typing import Annotated

import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import FlattenedJSONSerialization
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from landbridge.agency import Identity, Role, check_agency, parse_identity
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, public_text, read_public

_JWS_MEMBERS = {"payload", "protected", "signature"}
# What the parsers of JSON and JWS raise on hostile input.
_MALFORMED = (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError)


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


def _authority_pem(text: str) -> str:
    """Accept one certificate of an authority: all that stands here is a trust anchor to TLS."""
    certificates = x509.load_pem_x509_certificates(text.encode())
    try:
        constraints = certificates[0].extensions.get_extension_for_class(x509.BasicConstraints)
    except (x509.ExtensionNotFound, x509.DuplicateExtension) as error:
        raise ValueError(str(error)) from error
    if len(certificates) != 1 or not constraints.value.ca:
        raise ValueError("each entry holds the certificate of one authority")
    return text


AgencyId = Annotated[str, AfterValidator(_agency)]
AuthorityPem = Annotated[str, AfterValidator(_authority_pem)]
Title = Annotated[str, Field(min_length=1, max_length=200)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class KeyRecord(_Record):
    """A signing key of an agency."""

    key_id: str
    use: KeyUse
    public_key: str
    not_before: AwareDatetime
    not_after: AwareDatetime


class LogRecord(_Record):
    """A verifiable log of an agency, and the key of its checkpoints."""

    origin: str
    key_id: str


class EndpointRecord(_Record):
    """Where a server of an agency listens."""

    role: Role
    name: str
    address: str = Field(pattern=r"^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}$")
    dns_name: str


class MemberRecord(_Record):
    """An agency of the federation."""

    title: Title
    roles: tuple[Role, ...]
    suspended: bool
    endpoints: tuple[EndpointRecord, ...]
    keys: tuple[KeyRecord, ...]
    logs: tuple[LogRecord, ...]


class DeniedRecord(_Record):
    """A certificate that is no longer accepted: its issuer's key id and its serial, in hex."""

    issuer: str = Field(pattern=r"^[0-9a-f]{40}$")
    serial: str = Field(pattern=r"^[1-9a-f][0-9a-f]{0,39}$")


class BundleDocument(_Record):
    """What the federation's bundle key signs."""

    federation: AgencyId
    number: int = Field(ge=1)
    issued_at: AwareDatetime
    bundle_key: str
    roots: tuple[AuthorityPem, ...] = Field(min_length=1)
    issuing: tuple[AuthorityPem, ...] = Field(min_length=1)
    members: dict[AgencyId, MemberRecord]
    denied: tuple[DeniedRecord, ...]

    @model_validator(mode="after")
    def _endpoints_bear_their_own_names(self) -> "BundleDocument":
        for agency, member in self.members.items():
            for endpoint in member.endpoints:
                identity = Identity(agency, self.federation, endpoint.role, endpoint.name)
                _well_formed(identity)
                if endpoint.role not in member.roles or endpoint.dns_name != identity.dns_name:
                    raise ValueError(f"{agency}: the endpoint {endpoint.dns_name!r} is not its own")
        return self


def read_document(
    document: bytes, anchor: Ed25519PublicKey | None
) -> tuple[BundleDocument, Ed25519PublicKey]:
    """Verify the bytes of a signed bundle, then read them; return the key that signed, too.

    Raises:
        LandbridgeError: LB-4010 when the signature does not verify or the form is not right.
    """
    payload, signer = _verify(document, anchor)
    content = _read(payload)
    if content.bundle_key != public_text(signer):
        raise unsound("it states another bundle key than the one that signed it")
    return content, signer


def unix_ms(moment: datetime) -> int:
    """Turn a document's time into Unix milliseconds."""
    return round(moment.timestamp() * 1000)


def unsound(message: str) -> LandbridgeError:
    """Make the error for a bundle that is not acceptable."""
    return refuse(Reason.BAD_TRUST_BUNDLE, message, where="trust bundle")


def _verify(document: bytes, anchor: Ed25519PublicKey | None) -> tuple[bytes, Ed25519PublicKey]:
    """Return the signed bytes and the key that signed them."""
    try:
        outer = json.loads(document)
        if not isinstance(outer, dict) or outer.keys() != _JWS_MEMBERS:
            raise unsound("it is not a JWS in flattened form")
        parts: FlattenedJSONSerialization = {
            "payload": outer["payload"],
            "protected": outer["protected"],
            "signature": outer["signature"],
        }
        signer = anchor or _stated_key(parts["payload"])
        signed = jws.deserialize_json(parts, OKPKey.import_key(signer), algorithms=["Ed25519"])
    except _MALFORMED as error:
        raise unsound("its signature does not verify") from error
    return signed.payload, signer


def _stated_key(payload: str) -> Ed25519PublicKey:
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    try:
        return read_public(content["bundle_key"])
    except LandbridgeError as error:
        raise unsound(error.message) from error


def _read(payload: bytes) -> BundleDocument:
    try:
        content = BundleDocument.model_validate_json(payload)
        canonical = rfc8785.dumps(json.loads(payload)) == payload
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise unsound(f"{place}: {first['msg']}" if place else first["msg"]) from error
    except _MALFORMED as error:
        raise unsound("its JSON cannot be read") from error
    if not canonical:
        raise unsound("its JSON is not in the form of RFC 8785")
    return content
