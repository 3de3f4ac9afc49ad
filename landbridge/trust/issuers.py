"""The authorities that a trust bundle accepts: anchors of TLS, and issuers of leaves."""

from dataclasses import dataclass, field

from cryptography import x509

from landbridge.trust.authority import is_issued_by, read_authority, subject_key_id
from landbridge.trust.document import (
    AuthorityRecord,
    AuthorityState,
    BundleDocument,
    Level,
    unix_ms,
    unsound,
)


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuing authority whose leaves are accepted; times are in Unix milliseconds."""

    id: str
    key_id: str
    state: AuthorityState
    since_ms: int
    until_ms: int | None
    """When its leaves are refused, because it or its root is tainted; None: at their own end."""
    certificate: x509.Certificate = field(repr=False)
    root_id: str


def roots_at(content: BundleDocument, at: int) -> bytes:
    """Return the PEM of the anchors of TLS at that time, in Unix milliseconds.

    These are the roots in use. A client cannot see which certificate a server showed, so a tainted
    authority would go on being served through the root above it: such a root is no anchor while
    the tainted certificate lives, and the sound authorities under it stand in its place.
    """
    anchors: list[str] = []
    for record in content.authorities:
        if record.level is Level.ISSUING or not _is_accepted(record, at):
            continue
        if _vouches_for_tainted(record, content, at):
            anchors += [
                below.certificate
                for below in content.authorities
                if below.issuer == record.id and _is_accepted(below, at)
            ]
        else:
            anchors.append(record.certificate)
    return "".join(pem.rstrip("\n") + "\n" for pem in anchors).encode()


def _is_accepted(record: AuthorityRecord, at: int) -> bool:
    end = record.accepted_until()
    return end is not None and at < unix_ms(end)


def _vouches_for_tainted(root: AuthorityRecord, content: BundleDocument, at: int) -> bool:
    """Whether TLS would come to a tainted authority by way of this root."""
    for record in content.authorities:
        pem = record.cross if record.level is Level.ROOT else record.certificate
        if record.until is None or pem is None:
            continue
        certificate = read_authority(pem)
        if at < unix_ms(certificate.not_valid_after_utc) and is_issued_by(certificate, root.x509):
            return True
    return False


def authority_key_ids(content: BundleDocument) -> frozenset[str]:
    """Return the key ids of all authorities that ever stood in the bundle, in hexadecimal."""
    return frozenset(subject_key_id(record.x509) for record in content.authorities)


def lay_out_issuers(content: BundleDocument) -> dict[str, Issuer]:
    """Lay the accepted issuing authorities out by their key id in hexadecimal.

    Raises:
        LandbridgeError: LB-4010 when the active one is not accepted itself.
    """
    roots = {record.id: record for record in content.authorities if record.level is Level.ROOT}
    issuers: dict[str, Issuer] = {}
    for record in content.authorities:
        if record.level is Level.ROOT or record.accepted_until() is None:
            continue
        root = roots[record.issuer]
        if root.accepted_until() is None:
            continue
        ends = [unix_ms(until) for until in (record.until, root.until) if until]
        key_id = subject_key_id(record.x509)
        issuers[key_id] = Issuer(
            record.id,
            key_id,
            record.state,
            unix_ms(record.since),
            min(ends, default=None),
            record.x509,
            root.id,
        )
    if not any(issuer.state is AuthorityState.ACTIVE for issuer in issuers.values()):
        raise unsound("the root of the active issuing authority is removed")
    return issuers
