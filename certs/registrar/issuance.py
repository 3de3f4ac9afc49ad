"""Issues leaf certificates: from the registry's facts alone, linted before they are handed out."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority_files import load_key, to_pem
from certs.issuing import Issuing
from certs.lint import Kind, lint_certificate, refuse_on
from certs.profiles import LEAF_LIFE, TRIAL_LIFE
from certs.registrar.issued import IssuedLeaf, key_digest, record_leaf, use_key
from certs.registrar.prepared import erase_key, key_path
from certs.rotation import STANDING, Authority, carries_cross
from landbridge.agency import Identity
from landbridge.clock import Clock, to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.trust.authority import read_authority, subject_key_id
from landbridge.trust.document import AuthorityState, BundleDocument, Level, unix_ms


@dataclass(frozen=True)
class Issuers:
    """The issuing authorities of a bundle whose keys lie here, by id."""

    by_id: Mapping[str, Issuing]
    active_id: str
    states: Mapping[str, AuthorityState]

    @classmethod
    def load(cls, folder: Path, content: BundleDocument) -> Self:
        """Load the keys of the authorities that stand in a bundle.

        Raises:
            LandbridgeError: LB-4011 when others may read a key; LB-1101 when one cannot be read, or
                is not that of its certificate.
        """
        records = {each.id: each for each in content.authorities}
        authorities = [Authority(e.id, e.level, e.state, e.issuer) for e in records.values()]
        loaded: dict[str, Issuing] = {}
        active_id = ""
        for record in records.values():
            if record.level is not Level.ISSUING or record.state not in STANDING:
                continue
            if record.state is AuthorityState.ACTIVE:
                active_id = record.id
            path = key_path(folder, record.id)
            if not path.exists():
                # It lies elsewhere: then others sign its revocation lists, too.
                continue
            root = records[record.issuer]
            crossed = root.cross is not None and carries_cross(root.id, authorities)
            loaded[record.id] = Issuing(
                content.federation,
                record.x509,
                load_key(path),
                root.x509,
                read_authority(root.cross) if root.cross and crossed else None,
            )
        return cls(loaded, active_id, {name: each.state for name, each in records.items()})

    @property
    def all(self) -> tuple[Issuing, ...]:
        """Every issuing authority that can sign here."""
        return tuple(self.by_id.values())

    def pick(self, name: str) -> tuple[Issuing, bool]:
        """Return the authority that is to certify, and whether that is a trial.

        Raises:
            LandbridgeError: LB-4020 when it is neither active nor on its way there, or not here.
        """
        wanted = name or self.active_id
        state = self.states.get(wanted)
        if state not in {AuthorityState.ACTIVE, AuthorityState.PUBLISHED}:
            known = f"is {state}" if state else "is not in the trust bundle"
            raise refuse(Reason.ISSUER_REFUSED, f"{wanted[:60]!r} {known}: it certifies nobody now")
        issuing = self.by_id.get(wanted)
        if issuing is None:
            raise refuse(
                Reason.ISSUER_REFUSED,
                f"the key of {wanted} is not in the authority's folder",
                next_step="restore the authority's folder from its newest copy",
            )
        return issuing, state is AuthorityState.PUBLISHED

    def find(self, key_id: str) -> Issuing | None:
        """Find an authority by its key id in hexadecimal."""
        return next((e for e in self.all if subject_key_id(e.certificate) == key_id), None)


def erase_gone(folder: Path, content: BundleDocument) -> None:
    """Erase the keys of authorities that are removed or aborted."""
    for record in content.authorities:
        if record.level is Level.ISSUING and record.state not in STANDING:
            erase_key(folder, record.id)


def issue_leaf(  # noqa: PLR0913  what is certified, for whom, by whom and why
    connection: sqlite3.Connection,
    issuing: Issuing,
    identity: Identity,
    public: ec.EllipticCurvePublicKey,
    *,
    clock: Clock,
    trial: bool = False,
    request: bytes | None = None,
) -> tuple[bytes, dict[str, Any]]:
    """Certify a key once; return the chain in PEM, and what is to be logged of it.

    Raises:
        LandbridgeError: LB-4013 when the key was certified before; LB-4006 when the linters find
            anything; LB-4020 when the authority has itself expired; LB-4005 and LB-1101 when the
            identity cannot be certified.
    """
    use_key(connection, public)
    leaf = issuing.issue(identity, public, clock, TRIAL_LIFE if trial else LEAF_LIFE)
    der = leaf.public_bytes(Encoding.DER)
    refuse_on(lint_certificate(der, Kind.LEAF), f"the certificate of {identity.uri}")
    record = IssuedLeaf(
        issuer=subject_key_id(issuing.certificate),
        serial=f"{leaf.serial_number:x}",
        identity=identity.uri,
        der=der,
        not_after=unix_ms(leaf.not_valid_after_utc),
        trial=trial,
        erased=False,
        revoked_at=0,
    )
    record_leaf(connection, record, request=request)
    act = {
        "act": "certificate.trial" if trial else "certificate.issue",
        "authority": issuing.id,
        "identity": identity.uri,
        "key": key_digest(public).hex(),
        "not_after": to_iso(record.not_after),
        "serial": record.serial,
    }
    return to_pem(leaf) + issuing.chain_pem, act


def repeat_answer(leaf: IssuedLeaf, issuers: Issuers) -> bytes:
    """Write again the chain that a request got before.

    Raises:
        LandbridgeError: LB-4020 when its issuer is gone meanwhile.
    """
    issuing = issuers.find(leaf.issuer)
    if issuing is None:
        raise _gone()
    return to_pem(leaf.certificate) + issuing.chain_pem


def _gone() -> LandbridgeError:
    return refuse(Reason.ISSUER_REFUSED, "the authority that answered this request is gone")
