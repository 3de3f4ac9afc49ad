"""Takes up an invitation: a party's first certificate, or a new one after the last has expired.

The TLS key is made here and stays here; the invitation's secret is never sent. What a folder holds
already, its signing keys, its log and its trust, stays and must fit.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import grpc
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority_files import key_pem
from certs.enrolment_request import make_enrolment
from certs.invitation import Invitation
from landbridge.agency import Identity, parse_identity
from landbridge.clock import Clock, system_clock, to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, read_public, write_whole
from landbridge.rpc.credential_file import replace_credential
from landbridge.rpc.credentials import Credential
from landbridge.rpc.options import CHANNEL_OPTIONS
from landbridge.rpc.status import from_rpc_error
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import unix_ms
from landbridge.trust.store import ANCHOR_FILE, BUNDLE_FILE, TrustStore
from landbridge.v1 import authority_service_pb2, authority_service_pb2_grpc

_TIMEOUT_S: Final = 15.0
_TRIES: Final = 3
_CREDENTIAL: Final = "credential.pem"


async def enrol(document: bytes, folder: Path, *, clock: Clock = system_clock) -> Identity:
    """Enrol with an invitation; return who the folder belongs to now.

    A process that serves with this folder takes the new certificate up by itself.

    Raises:
        LandbridgeError: LB-4014 for the invitation; LB-4010 when the folder belongs to another
            federation, or the trust that comes does not follow from its own; LB-4017 when the
            folder is another party's; LB-2001 and LB-2002 when the gateway cannot be reached;
            LB-1101 when the folder cannot be written.
    """
    invitation = Invitation.read(document)
    identity = parse_identity(invitation.identity, invitation.federation)
    now = clock()
    if now >= unix_ms(invitation.expires_at):
        raise refuse(
            Reason.INVITATION_REFUSED,
            f"the invitation was good until {to_iso(unix_ms(invitation.expires_at))}",
        )
    _check_folder(folder, invitation)
    key = ec.generate_private_key(ec.SECP256R1())
    # Exactly the same request gets exactly the same answer, should one be lost on the way.
    request = make_enrolment(invitation, key, _signing_keys(folder, identity))
    response = await _ask(invitation, lambda stub: stub.Enrol(request, timeout=_TIMEOUT_S))
    trust = _take_trust(folder, invitation, response.trust, clock).current
    pem = key_pem(key) + response.chain
    credential = Credential.parse(pem, trust, where="the new credential", clock=clock)
    if credential.leaf.identity != identity:
        raise refuse(
            Reason.BAD_CREDENTIAL,
            f"the certificate that came is that of {credential.leaf.identity.uri}",
        )
    replace_credential(folder / _CREDENTIAL, pem)
    return identity


def _check_folder(folder: Path, invitation: Invitation) -> None:
    """Find out that a folder cannot be used before the invitation is used up."""
    try:
        anchors = (folder / ANCHOR_FILE).read_text().split()
    except FileNotFoundError:
        anchors = []
    except OSError as error:
        raise _unusable(folder, error) from error
    if anchors and not (folder / BUNDLE_FILE).is_file():
        if invitation.anchor not in anchors:
            raise _foreign(folder)
    elif anchors:
        held = TrustStore.open(folder).current.bundle
        if held.federation != invitation.federation:
            raise _foreign(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / ".room", b"\0" * 65_536)
        (folder / ".room").unlink()
    except OSError as error:
        raise _unusable(folder, error) from error


def _signing_keys(folder: Path, identity: Identity) -> list[SigningKey]:
    """Load the signing keys that the folder holds.

    Raises:
        LandbridgeError: LB-4017 when they are another agency's.
    """
    paths = [folder / "keys" / f"{use}.key" for use in KeyUse]
    keys = [SigningKey.load(path) for path in paths if path.exists()]
    foreign = next((key for key in keys if key.agency != identity.agency), None)
    if foreign is not None:
        raise refuse(
            Reason.BAD_CREDENTIAL,
            f"the folder holds keys of {foreign.agency}, and {identity.uri} is invited",
            where=str(folder),
            next_step="give the folder in which `landbridge federation apply` made the keys",
        )
    return keys


async def _ask(
    invitation: Invitation,
    call: Callable[
        ["authority_service_pb2_grpc.EnrolmentServiceAsyncStub"],
        Awaitable[authority_service_pb2.EnrolResponse],
    ],
) -> authority_service_pb2.EnrolResponse:
    channel = grpc.aio.secure_channel(
        f"dns:///{invitation.address}",
        grpc.ssl_channel_credentials(invitation.roots.encode()),
        options=(*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", invitation.dns_name)),
    )
    async with channel:
        stub: authority_service_pb2_grpc.EnrolmentServiceAsyncStub = (
            authority_service_pb2_grpc.EnrolmentServiceStub(channel)
        )
        tried = 0
        while True:
            tried += 1
            try:
                return await call(stub)
            except grpc.aio.AioRpcError as error:
                failure = from_rpc_error(error, peer="the gateway")
                if failure.reason not in (Reason.UNREACHABLE, Reason.LATE) or tried == _TRIES:
                    raise failure from error


def _take_trust(
    folder: Path,
    invitation: Invitation,
    received: authority_service_pb2.GetTrustResponse,
    clock: Clock,
) -> TrustStore:
    """Bring the folder's trust up to date; a new folder begins with the invitation's anchor."""
    try:
        bundles: Sequence[bytes] = received.bundles
        if not (folder / BUNDLE_FILE).is_file():
            # Nothing is held yet, so the newest one, which its anchor vouches for, is enough.
            newest, bundles = (bundles[-1] if bundles else b""), ()
            TrustBundle.parse(newest, read_public(invitation.anchor))
            write_whole(folder / ANCHOR_FILE, f"{invitation.anchor}\n".encode(), mode=0o644)
            write_whole(folder / BUNDLE_FILE, newest, mode=0o644)
        store = TrustStore.open(folder, clock=clock)
        store.offer(bundles, received.revocation_lists)
    except OSError as error:
        raise _unusable(folder, error) from error
    return store


def _foreign(folder: Path) -> LandbridgeError:
    return refuse(
        Reason.BAD_TRUST_BUNDLE,
        "the folder belongs to another federation than the invitation",
        where=str(folder),
        next_step="name another folder",
    )


def _unusable(folder: Path, error: OSError) -> LandbridgeError:
    return refuse(
        Reason.INVALID_CONFIGURATION,
        f"the folder cannot be used: {error.strerror}",
        where=str(error.filename or folder),
        next_step="give a folder that may be written",
    )
