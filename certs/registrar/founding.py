"""The first day of an authority: its folder is made from a federation's new keys and parties.

    registry.sqlite   who has which certificate, invitations, signatures that wait, every bundle
    bundle.key        signs trust bundles
    issuing/<id>.key  the keys of issuing authorities
    party/            the authority's own credential, trust, log key and log

Everything that is private has mode 0600.
"""

import hashlib
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority_files import key_pem
from certs.federation import FederationPki
from certs.party import Party
from certs.registrar.bundle_key import save_bundle_key
from certs.registrar.issued import IssuedLeaf, record_leaf, use_key
from certs.registrar.journal import REGISTRY_FILE, Change
from certs.registrar.parties import EnrolledParty, save_party
from certs.registrar.prepared import key_path
from certs.registrar.present import Present
from certs.registrar.registry import Registry, to_log
from landbridge.agency import Role
from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, read_private, read_public_file, write_whole
from landbridge.trust.authority import subject_key_id
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import unix_ms

PARTY_FOLDER: Final = "party"
ENROLMENT: Final = "enrolment address"


def found_authority(folder: Path, pki: FederationPki, *, enrolment: str = "") -> None:
    """Make the folder of the authority's process from a federation that was just created.

    The authority's own party is moved into it. From now on the authority alone publishes bundles.
    `enrolment` is the address of the gateway's second port, for invitations.

    Raises:
        LandbridgeError: LB-1101 when the folder holds an authority already, or the federation has
            no party in the role of the authority.
    """
    own = next((e for e in pki.parties.values() if e.identity.role is Role.AUTHORITY), None)
    if own is None or KeyUse.LOG not in own.keys:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "the federation has no party in the role of the authority, with a log key",
        )
    if (folder / REGISTRY_FILE).exists():
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            "there is an authority in this folder already",
            where=str(folder),
            next_step="choose another folder; an authority is never made over another",
        )
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    document = read_public_file(own.folder / "trust-bundle.json")
    bundle = TrustBundle.parse(document, pki.bundle_key.public)
    save_bundle_key(folder, pki.bundle_key)
    write_whole(key_path(folder, pki.issuing.id), key_pem(pki.issuing.key))
    unfinished = folder / f".{REGISTRY_FILE}"
    unfinished.unlink(missing_ok=True)
    registry = Registry.create(unfinished)
    try:
        with registry.writing() as connection:
            now = pki.clock()
            connection.execute("INSERT INTO bundle VALUES (?, ?)", (bundle.number, document))
            connection.execute("INSERT INTO meta VALUES (?, ?)", (ENROLMENT, enrolment))
            change = Change(Present(bundle, connection, now), pki.bundle_key)
            for party in pki.parties.values():
                _record_party(party, pki, change)
            key_id = subject_key_id(pki.issuing.certificate)
            signed = read_public_file(own.folder / "revocation" / f"{key_id}.crl")
            connection.execute(
                "INSERT INTO list VALUES (?, ?, ?, ?)", (key_id, pki.list_number, signed, 0)
            )
            change.log(
                {
                    "act": "authority.found",
                    "bundle": hashlib.sha256(document).hexdigest(),
                    "bundle_key": bundle.content.bundle_key,
                }
            )
            to_log(connection, [entry.SerializeToString() for entry in change.entries])
    finally:
        registry.close()
    own.folder.rename(folder / PARTY_FOLDER)
    # Last of all: a folder without its registry holds no authority, and may be made again.
    unfinished.rename(folder / REGISTRY_FILE)


def _record_party(party: Party, pki: FederationPki, change: Change) -> None:
    connection = change.present.connection
    pem = read_private(party.folder / "credential.pem")
    leaf = x509.load_pem_x509_certificates(pem)[0]
    public = leaf.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)  # noqa: S101  our own profile
    issuer, serial = subject_key_id(pki.issuing.certificate), f"{leaf.serial_number:x}"
    use_key(connection, public)
    record_leaf(
        connection,
        IssuedLeaf(
            issuer=issuer,
            serial=serial,
            identity=party.identity.uri,
            der=leaf.public_bytes(Encoding.DER),
            not_after=unix_ms(leaf.not_valid_after_utc),
            trial=False,
            erased=False,
            revoked_at=0,
        ),
    )
    save_party(
        connection,
        EnrolledParty(party.identity.uri, acknowledged=pki.number, issuer=issuer, serial=serial),
    )
    change.log(
        {"act": "certificate.issue", "identity": party.identity.uri, "serial": serial}
        | {"authority": pki.issuing.id}
    )
