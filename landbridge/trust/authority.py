"""A root or an issuing authority as the trust bundle records it.

Whatever stands in a bundle as a root is an anchor to TLS, be it a leaf: so the form of each
certificate is checked here, and who signed it.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Annotated

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

# What the parsers of certificates raise on odd input.
ODD_CERTIFICATE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.InvalidVersion,
)
_LONGEST_PEM = 4096


class Level(StrEnum):
    """Where an authority stands."""

    ROOT = "root"
    ISSUING = "issuing"


class AuthorityState(StrEnum):
    """How far an authority, or a signing key, has come; PREPARED never stands in a bundle."""

    PREPARED = "prepared"
    PUBLISHED = "published"
    ACTIVE = "active"
    RETIRING = "retiring"
    REMOVED = "removed"
    TAINTED = "tainted"
    ABORTED = "aborted"


IN_USE = frozenset(
    {
        AuthorityState.PUBLISHED,
        AuthorityState.ACTIVE,
        AuthorityState.RETIRING,
        AuthorityState.TAINTED,
    }
)
"""The states in which an authority is still accepted; a tainted one until its time."""


_NEXT = {
    AuthorityState.PREPARED: {AuthorityState.PUBLISHED, AuthorityState.ABORTED},
    AuthorityState.PUBLISHED: {
        AuthorityState.ACTIVE,
        AuthorityState.TAINTED,
        AuthorityState.ABORTED,
    },
    AuthorityState.ACTIVE: {AuthorityState.RETIRING, AuthorityState.TAINTED},
    AuthorityState.RETIRING: {AuthorityState.REMOVED, AuthorityState.TAINTED},
    AuthorityState.TAINTED: {AuthorityState.REMOVED},
    AuthorityState.REMOVED: set[AuthorityState](),
    AuthorityState.ABORTED: set[AuthorityState](),
}


def may_become(state: AuthorityState, later: AuthorityState) -> bool:
    """Whether a later state can be reached from this one, by one step or several."""
    return any(step is later or may_become(step, later) for step in _NEXT[state])


class Record(BaseModel):
    """A part of the trust bundle, strict in form."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@lru_cache(maxsize=256)
def read_authority(pem: str) -> x509.Certificate:
    """Read the certificate of one authority.

    Raises:
        ValueError: when it is not exactly one, or not an authority's.
    """
    if len(pem) > _LONGEST_PEM:
        raise ValueError("the certificate is longer than an authority's can be")
    try:
        certificates = x509.load_pem_x509_certificates(pem.encode())
        if len(certificates) != 1:
            raise ValueError("each entry holds the certificate of one authority")
        (certificate,) = certificates
        extensions = certificate.extensions
        constraints = extensions.get_extension_for_class(x509.BasicConstraints)
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        if not constraints.value.ca or not (usage.key_cert_sign and usage.crl_sign):
            raise ValueError("each entry holds the certificate of one authority")
        if not isinstance(certificate.public_key(), ec.EllipticCurvePublicKey):
            raise ValueError("an authority's key is on an elliptic curve")  # noqa: TRY004  the form
    except ODD_CERTIFICATE as error:
        raise ValueError(str(error) or "the certificate cannot be read") from error
    return certificate


def is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether this issuer's name stands in the certificate and its signature verifies."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (*ODD_CERTIFICATE, InvalidSignature):
        return False
    return True


def subject_key_id(certificate: x509.Certificate) -> str:
    """Return the certificate's subject key identifier in hexadecimal (RFC 5280, 4.2.1.2)."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return extension.value.digest.hex()


def _authority_pem(text: str) -> str:
    read_authority(text)
    return text


AuthorityPem = Annotated[str, AfterValidator(_authority_pem)]


class AuthorityRecord(Record):
    """A root or an issuing authority, and how far it has come."""

    id: str = Field(pattern=r"^(root|issuing)-[1-9][0-9]{0,5}$")
    level: Level
    state: AuthorityState
    since: AwareDatetime
    until: AwareDatetime | None = None
    """A tainted authority is accepted no longer than this."""
    certificate: AuthorityPem
    cross: AuthorityPem | None = None
    """A root's key certified by the root before it."""
    issuer: str = ""
    """The id of the root above an issuing authority."""

    @model_validator(mode="after")
    def _stands_to_its_level(self) -> "AuthorityRecord":
        if self.id.partition("-")[0] != self.level:
            raise ValueError(f"{self.id} is not of the level '{self.level}'")
        if self.state is AuthorityState.PREPARED:
            raise ValueError(f"{self.id} is only prepared")
        if (self.level is Level.ROOT) == bool(self.issuer):
            raise ValueError(f"{self.id}: an issuing authority names its root, a root names none")
        if self.state is AuthorityState.TAINTED and self.until is None:
            raise ValueError(f"{self.id} is tainted with no end")
        if self.until and self.state not in {AuthorityState.TAINTED, AuthorityState.REMOVED}:
            raise ValueError(f"{self.id} has an end, but is not tainted")
        self._check_certificates()
        return self

    def _check_certificates(self) -> None:
        own = self.x509
        curve = self.key.curve
        if self.level is Level.ISSUING:
            constraints = own.extensions.get_extension_for_class(x509.BasicConstraints).value
            if self.cross or constraints.path_length != 0 or not isinstance(curve, ec.SECP256R1):
                raise ValueError(f"{self.id} has not the form of an issuing authority")
            return
        if not isinstance(curve, ec.SECP384R1) or not is_issued_by(own, own):
            raise ValueError(f"{self.id} is not a root")
        if self.cross:
            cross = read_authority(self.cross)
            constraints = cross.extensions.get_extension_for_class(x509.BasicConstraints).value
            if (
                cross.subject != own.subject
                or cross.public_key() != own.public_key()
                or constraints.path_length == 0
            ):
                raise ValueError(f"{self.id}: the cross-certificate is not over this root")

    @property
    def x509(self) -> x509.Certificate:
        """The authority's certificate, read."""
        return read_authority(self.certificate)

    @property
    def key(self) -> ec.EllipticCurvePublicKey:
        """The authority's public key."""
        key = self.x509.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101  read_authority saw to it
        return key

    def accepted_until(self) -> datetime | None:
        """Return when it ends: its certificate's end, or earlier if tainted; None: not in use."""
        if self.state not in IN_USE:
            return None
        end = self.x509.not_valid_after_utc
        return min(end, self.until.astimezone(UTC)) if self.until else end


def check_order(authorities: tuple[AuthorityRecord, ...]) -> None:
    """Hold the authorities of a bundle against each other.

    Raises:
        ValueError: when an id, name or key stands twice, a level has not exactly one active
            authority, or a certificate is not signed by the authority that should have.
    """
    names = (
        [record.id for record in authorities],
        [record.x509.subject for record in authorities],
        [subject_key_id(record.x509) for record in authorities],
    )
    if any(len(set(each)) != len(authorities) for each in names):
        raise ValueError("an authority's id, name or key stands twice")
    for level in Level:
        states = [record.state for record in authorities if record.level is level]
        if states.count(AuthorityState.ACTIVE) != 1:
            raise ValueError(f"not exactly one authority of the level '{level}' is active")
    roots = {record.id: record for record in authorities if record.level is Level.ROOT}
    for record in authorities:
        if record.level is Level.ISSUING:
            root = roots.get(record.issuer)
            if root is None or not is_issued_by(record.x509, root.x509):
                raise ValueError(f"{record.id} is not signed by its root {record.issuer!r}")
