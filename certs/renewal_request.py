"""A renewal as a party makes it: a new key, its signing request, and the proof by the present key.

The same request is answered with the same certificate, so one whose answer was lost is asked again
as it was: else there would be a certificate whose key nobody holds.
"""

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from certs.csr import make_signing_request
from certs.proof import RENEWAL_TYPE, prove
from landbridge.rpc.credentials import Credential
from landbridge.v1 import authority_service_pb2

_REPEATABLE_MS: Final = 120_000


@dataclass(frozen=True, slots=True)
class RenewalAsked:
    """A renewal that was asked for, and the new key; `at` is in Unix milliseconds."""

    key: ec.EllipticCurvePrivateKey = field(repr=False)
    request: authority_service_pb2.RenewRequest
    by: int
    at: int

    def may_be_repeated(self, credential: Credential, now: int) -> bool:
        """Whether the same request still speaks for this credential, and is of now."""
        return self.by == credential.leaf.serial and 0 <= now - self.at <= _REPEATABLE_MS


def ask_renewal(authority: str, credential: Credential, now: int) -> RenewalAsked:
    """Ask an authority to certify a new key; an empty name stands for the active one."""
    key = ec.generate_private_key(ec.SECP256R1())
    renewal = authority_service_pb2.Renewal(
        federation=credential.leaf.identity.federation,
        signing_request=make_signing_request(key),
        authority=authority,
        signed_at_unix_ms=now,
    ).SerializeToString()
    request = authority_service_pb2.RenewRequest(
        renewal=renewal,
        proof=prove(RENEWAL_TYPE, renewal, credential.private, credential.certificate),
    )
    return RenewalAsked(key, request, credential.leaf.serial, now)
