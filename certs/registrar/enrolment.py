"""First certificates by invitation, and renewals by the certificate in use.

What a request asks for does not count: names come from the invitation or from the certificate that
was issued before, everything else from the profile. Exactly the same request gets exactly the same
certificate again, since its answer may have been lost on the way; anything else uses the invitation
or the key a second time and is refused.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Final, TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from google.protobuf.message import DecodeError

from certs.csr import read_signing_request
from certs.enrolment_request import held_keys_payload, read_held_keys
from certs.invitation import SECRET_BYTES
from certs.proof import RENEWAL_TYPE, check_proof, enrolment_mac
from certs.registrar.issuance import Issuers, issue_leaf, repeat_answer
from certs.registrar.issued import IssuedLeaf, find_answer, find_leaf, give_up_leaves, leaves_of
from certs.registrar.joining import (
    find_invitation,
    use_invitation,
)
from certs.registrar.journal import Change
from certs.registrar.key_acts import check_held_keys
from certs.registrar.parties import EnrolledParty, find_party, save_party
from certs.registrar.present import Present
from landbridge.clock import Clock, to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.v1 import authority_service_pb2

INVITATION_LIFE: Final = timedelta(hours=24)
CLOCKS_MAY_DIFFER_MS: Final = 5 * 60 * 1000
Message = TypeVar("Message")
_LARGEST_REQUEST: Final = 16 * 1024
_MOST_LEAVES: Final = 2000
"""Certificates of one party that have not expired: far more than any drill needs."""


@dataclass(frozen=True, slots=True)
class EnrolmentDesk:
    """Answers requests for certificates, each within one change of the journal."""

    issuers: Issuers
    clock: Clock

    def enrol(
        self, request: authority_service_pb2.EnrolRequest, change: Change
    ) -> tuple[bytes, int]:
        """Certify the first key of an invited party; return the chain in PEM.

        Also the number of the bundle that the party had acknowledged when it was invited, 0 for a
        new one: it may hold that bundle still, and needs those that followed.

        Raises:
            LandbridgeError: LB-4014 for the invitation or its proof; LB-4013 for the key request;
                LB-4001 and LB-4002 for the signing keys; LB-4005 when the party may have none.
        """
        enrolment = parse_request(authority_service_pb2.Enrolment.FromString, request.enrolment)
        present = change.present
        connection = present.connection
        invitation = find_invitation(connection, enrolment.invitation[:64])
        secret = invitation.secret if invitation else bytes(SECRET_BYTES)
        proven = hmac.compare_digest(enrolment_mac(secret, request.enrolment), request.mac)
        if invitation is None or not proven:
            raise _refused("it is unknown, or its secret is another one")
        digest = sha256(request.enrolment).digest()
        before = find_party(connection, invitation.identity) or EnrolledParty(invitation.identity)
        if invitation.used_by == digest and (known := find_answer(connection, digest)):
            return repeat_answer(known, self.issuers), invitation.since
        if invitation.used_by is not None:
            raise _refused("it was used before")
        if present.now >= invitation.expires_at:
            raise _refused(f"it was good until {to_iso(invitation.expires_at)}")
        identity = present.check_party(invitation.identity)
        public = read_signing_request(enrolment.signing_request)
        check_held_keys(
            read_held_keys(enrolment.keys),
            identity.agency,
            present,
            held_keys_payload(invitation.id, enrolment.signing_request),
        )
        issuing, _ = self.issuers.pick("")
        give_up_leaves(connection, identity.uri)
        chain, act = issue_leaf(
            connection, issuing, identity, public, clock=self.clock, request=digest
        )
        use_invitation(connection, invitation.id, digest)
        leaf = find_answer(connection, digest)
        save_party(
            connection,
            EnrolledParty(
                identity=identity.uri,
                # The newest bundle goes with the chain, and it replaces whatever was there.
                acknowledged=present.bundle.number,
                heard_at=present.now,
                signed_at=before.signed_at,
                issuer=leaf.issuer if leaf else "",
                serial=leaf.serial if leaf else "",
            ),
        )
        change.log({**act, "invitation": invitation.id})
        return chain, invitation.since

    def renew(self, request: authority_service_pb2.RenewRequest, change: Change) -> bytes:
        """Certify a new key of a party, or make it a trial certificate; return the chain in PEM.

        Raises:
            LandbridgeError: LB-4001 and LB-4006 for the proof; LB-4003 when the party's clock
                stands off; LB-4018, LB-4019, LB-4020, LB-4005 when the certificate or its holder is
                no longer accepted; LB-4013 for the key request.
        """
        renewal = parse_request(authority_service_pb2.Renewal.FromString, request.renewal)
        present = change.present
        connection = present.connection
        held = check_holder(
            check_proof(RENEWAL_TYPE, request.renewal, request.proof),
            renewal.federation,
            renewal.signed_at_unix_ms,
            present,
        )
        digest = sha256(request.renewal).digest()
        known = find_answer(connection, digest)
        if known is not None and known.identity == held.identity:
            return repeat_answer(known, self.issuers)
        identity = present.check_party(held.identity)
        public = read_signing_request(renewal.signing_request)
        if len(leaves_of(connection, held.identity, present.now)) >= _MOST_LEAVES:
            raise refuse(
                Reason.BUSY,
                f"{identity.uri} has {_MOST_LEAVES} certificates that have not expired",
                next_step="find out why it renews so often",
            )
        issuing, trial = self.issuers.pick(renewal.authority)
        chain, act = issue_leaf(
            connection, issuing, identity, public, clock=self.clock, trial=trial, request=digest
        )
        change.log({**act, "renews": held.serial})
        return chain


def check_holder(
    leaf: x509.Certificate, federation: str, signed_at: int, present: Present
) -> IssuedLeaf:
    """Check that a certificate which signed a request was issued here and is still accepted.

    Raises:
        LandbridgeError: LB-4006 when it was not issued here, or for a trial; LB-4005, LB-4018,
            LB-4019 and LB-4020 when it is no longer accepted; LB-4003 when the request is not of
            now.
    """
    if federation != present.bundle.federation:
        raise refuse(Reason.CALLER_REFUSED, "the request is for another federation")
    held = _issued(leaf, present)
    if held is None or held.trial or held.erased:
        raise refuse(
            Reason.CERTIFICATE_REFUSED,
            "the certificate was not issued here, is for a trial alone, or was given up",
        )
    if held.revoked_at:
        raise refuse(Reason.CERTIFICATE_REVOKED, f"the certificate {held.serial} is revoked")
    if present.now >= held.not_after:
        raise refuse(
            Reason.CERTIFICATE_EXPIRED,
            f"the certificate was valid until {to_iso(held.not_after)},"
            f" and now it is {to_iso(present.now)}",
            next_step="ask the federation's operator for an invitation, and enrol again",
        )
    issuer = present.bundle.issuers.get(held.issuer)
    if issuer is None or (issuer.until_ms is not None and present.now >= issuer.until_ms):
        raise refuse(
            Reason.ISSUER_REFUSED,
            "the authority that issued the certificate is no longer accepted",
            next_step="ask the federation's operator for an invitation, and enrol again",
        )
    present.check_party(held.identity)
    difference = signed_at - present.now
    if abs(difference) > CLOCKS_MAY_DIFFER_MS:
        ahead = "ahead of" if difference > 0 else "behind"
        raise refuse(
            Reason.STALE_QUERY,
            f"the request is dated {to_iso(signed_at)}: the clock that signed it stands"
            f" {abs(difference) // 1000} s {ahead} the authority's"
            if abs(difference) < 1 << 50
            else "the request bears no possible date",
            next_step="set the clock of this machine, and let it follow a time server",
        )
    return held


def _issued(leaf: x509.Certificate, present: Present) -> IssuedLeaf | None:
    der = leaf.public_bytes(Encoding.DER)
    serial = f"{leaf.serial_number:x}"
    for key_id in present.issuer_ids:
        found = find_leaf(present.connection, key_id, serial)
        if found is not None and found.der == der:
            return found
    return None


def parse_request(read: Callable[[bytes], Message], data: bytes) -> Message:
    """Read the part of a request that is signed.

    Raises:
        LandbridgeError: LB-1001 when it is malformed or too large.
    """
    try:
        message = read(data) if len(data) <= _LARGEST_REQUEST else None
    except DecodeError:
        message = None
    if message is None:
        raise refuse(Reason.MALFORMED_REQUEST, "the request cannot be read, or is too large")
    return message


def _refused(message: str) -> LandbridgeError:
    return refuse(Reason.INVITATION_REFUSED, f"the invitation is not accepted: {message}")
