"""An enrolment as the invited party makes it: a key request, proof of its signing keys, the MAC.

The invitation's secret itself is never sent, so that who passes the request on cannot use it.
"""

import json
from collections.abc import Iterable
from hashlib import sha256
from typing import Final

import rfc8785
from cryptography.hazmat.primitives.asymmetric import ec

from certs.csr import make_signing_request
from certs.invitation import Invitation
from certs.proof import enrolment_mac
from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey, pae
from landbridge.v1 import authority_service_pb2

HELD_KEYS_TYPE: Final = "application/vnd.landbridge.held-keys.v1"
_LARGEST_KEYS: Final = 8192
_MOST_KEYS: Final = 20


def make_enrolment(
    invitation: Invitation, key: ec.EllipticCurvePrivateKey, held: Iterable[SigningKey] = ()
) -> authority_service_pb2.EnrolRequest:
    """Ask for the first certificate of a TLS key; `held` are the party's signing keys.

    The signing keys must be listed in the trust bundle already: they came with the application.
    """
    request = make_signing_request(key)
    signed = held_keys_payload(invitation.id, request)
    enrolment = authority_service_pb2.Enrolment(
        federation=invitation.federation,
        invitation=invitation.id,
        signing_request=request,
        keys=rfc8785.dumps({each.key_id: each.sign(signed).hex() for each in held}),
    ).SerializeToString()
    return authority_service_pb2.EnrolRequest(
        enrolment=enrolment, mac=enrolment_mac(bytes.fromhex(invitation.secret), enrolment)
    )


def held_keys_payload(invitation: str, signing_request: bytes) -> bytes:
    """Return what each signing key signs, so that its holder is known to be the one who enrols."""
    named = {"invitation": invitation, "signing_request": sha256(signing_request).hexdigest()}
    return pae(HELD_KEYS_TYPE, rfc8785.dumps(named))


def read_held_keys(document: bytes) -> dict[str, str]:
    """Read the signatures by key id; an empty document holds none.

    Raises:
        LandbridgeError: LB-1001 when it is of another form.
    """
    if not document:
        return {}
    try:
        read = json.loads(document) if len(document) <= _LARGEST_KEYS else None
        if (
            not isinstance(read, dict)
            or len(read) > _MOST_KEYS
            or not all(isinstance(each, str) for each in read.values())
        ):
            raise ValueError  # noqa: TRY301  one error for all of them
    except (ValueError, RecursionError) as error:
        raise refuse(
            Reason.MALFORMED_REQUEST, "the enrolment's signing keys cannot be read"
        ) from error
    return read
