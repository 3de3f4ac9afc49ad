"""A stolen authority, or whoever poses as it, hands out what is wrong: nothing good is replaced."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Root
from certs.authority_files import to_pem
from certs.csr import read_signing_request
from certs.federation import FederationPki
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock
from landbridge.keys import KeyUse, SigningKey
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.rpc.serving import server_options
from landbridge.v1 import authority_service_pb2 as messages
from landbridge.v1 import authority_service_pb2_grpc
from tests.free_address import free_address
from tests.kept_party import Kept, until
from tests.pki import GATEWAY, OPERATIONS, REGISTRY, make_federation
from tests.running_authority import aged

Certify = Callable[[FederationPki, ec.EllipticCurvePublicKey], bytes]
Tell = Callable[[FederationPki], messages.GetTrustResponse]
GATEWAY_MAIN = (GATEWAY, Role.GATEWAY)


class Liar(authority_service_pb2_grpc.AuthorityServiceServicer):
    """It holds the authority's own certificate, and answers as a test wants it."""

    def __init__(self, pki: FederationPki) -> None:
        self.pki = pki
        self.certify: Certify = _good
        self.tell: Tell = lambda _: messages.GetTrustResponse(now_unix_ms=system_clock())
        self.asked = 0

    async def Renew(  # noqa: N802
        self, request: messages.RenewRequest, context: Any
    ) -> messages.RenewResponse:
        del context
        self.asked += 1
        renewal = messages.Renewal.FromString(request.renewal)
        public = read_signing_request(renewal.signing_request)
        return messages.RenewResponse(chain=self.certify(self.pki, public))

    async def Acknowledge(  # noqa: N802
        self, request: messages.AcknowledgeRequest, context: Any
    ) -> messages.AcknowledgeResponse:
        del request, context
        return messages.AcknowledgeResponse(now_unix_ms=system_clock())

    async def WatchTrust(  # noqa: N802
        self, request: messages.WatchTrustRequest, context: Any
    ) -> AsyncIterator[messages.WatchTrustResponse]:
        del request, context
        yield messages.WatchTrustResponse(trust=self.tell(self.pki))
        await asyncio.sleep(600)


def _identity(pki: FederationPki, agency: str = GATEWAY, role: Role = Role.GATEWAY) -> Identity:
    return Identity(agency, pki.federation, role, "main")


def _good(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    leaf = pki.issuing.issue(_identity(pki), public, system_clock)
    return to_pem(leaf) + pki.issuing.chain_pem


def _another_key(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    del public
    return _good(pki, ec.generate_private_key(ec.SECP256R1()).public_key())


def _another_party(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    leaf = pki.issuing.issue(_identity(pki, REGISTRY, Role.NODE), public, system_clock)
    return to_pem(leaf) + pki.issuing.chain_pem


def _another_federation(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    issuing = Root.create(pki.federation, system_clock).create_issuing(system_clock)
    leaf = issuing.issue(_identity(pki), public, system_clock)
    return to_pem(leaf) + issuing.chain_pem


def _expired(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    leaf = pki.issuing.issue(_identity(pki), public, aged(30))
    return to_pem(leaf) + pki.issuing.chain_pem


def _garbage(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    return _good(pki, public).replace(b"MII", b"MIJ", 1)


def _truncated(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    return _good(pki, public)[:-40]


def _without_issuer(pki: FederationPki, public: ec.EllipticCurvePublicKey) -> bytes:
    return to_pem(pki.issuing.issue(_identity(pki), public, system_clock))


def _bundle_of_another_key(pki: FederationPki) -> messages.GetTrustResponse:
    true_key, pki.bundle_key = pki.bundle_key, SigningKey.generate(pki.federation, KeyUse.BUNDLE)
    try:
        document = pki.sign_next()
    finally:
        pki.bundle_key = true_key
    return messages.GetTrustResponse(bundles=[document], now_unix_ms=system_clock())


def _bundle_backwards(pki: FederationPki) -> messages.GetTrustResponse:
    pki.number = 0
    return messages.GetTrustResponse(bundles=[pki.sign_next()], now_unix_ms=system_clock())


def _bundle_with_a_new_root(pki: FederationPki) -> messages.GetTrustResponse:
    """Whoever holds the bundle key alone adds a root of their own, with no administrator."""
    assert pki.content is not None
    foreign = make_federation(pki.state(*GATEWAY_MAIN).parent / "foreign")
    pki.authorities = foreign.authorities
    return messages.GetTrustResponse(bundles=[pki.sign_next()], now_unix_ms=system_clock())


def _garbage_bundle(pki: FederationPki) -> messages.GetTrustResponse:
    del pki
    return messages.GetTrustResponse(bundles=[b"{}"], now_unix_ms=system_clock())


def _list_backwards(pki: FederationPki) -> messages.GetTrustResponse:
    old = pki.issuing.sign_crl(0, [], system_clock)
    return messages.GetTrustResponse(revocation_lists=[old], now_unix_ms=system_clock())


def _foreign_list(pki: FederationPki) -> messages.GetTrustResponse:
    issuing = Root.create(pki.federation, system_clock).create_issuing(system_clock)
    return messages.GetTrustResponse(
        revocation_lists=[issuing.sign_crl(9, [], system_clock)], now_unix_ms=system_clock()
    )


@asynccontextmanager
async def lying(folder: Path) -> AsyncIterator[Liar]:
    """Run a liar at the authority's address."""
    pki = make_federation(folder)
    place = Identity(OPERATIONS, pki.federation, Role.AUTHORITY, "main")
    listen = free_address()
    pki.publish(addresses={place: listen})
    party = PartyFolder.open(pki.parties[place].folder)
    credential = Credential.read(party.credential, party.trust.current)
    server = grpc.aio.server(options=server_options())
    liar = Liar(pki)
    authority_service_pb2_grpc.add_AuthorityServiceServicer_to_server(liar, server)
    server.add_secure_port(
        listen, ServerCertificates(credential, party.bundle.roots_pem).credentials()
    )
    await server.start()
    try:
        yield liar
    finally:
        await server.stop(0)


@pytest.mark.parametrize(
    "certify",
    [
        _another_key,
        _another_party,
        _another_federation,
        _expired,
        _garbage,
        _truncated,
        _without_issuer,
    ],
)
async def test_a_bad_certificate_never_replaces_the_good_one(
    tmp_path: Path, certify: Certify
) -> None:
    async with lying(tmp_path) as liar:
        liar.certify = certify
        party = Kept(liar.pki.state(*GATEWAY_MAIN))
        before = (party.folder / "credential.pem").read_bytes()
        # Due at once, as if it were late in its life.
        party.agent.leaf._is_orphaned = lambda: True  # type: ignore[method-assign]
        party.agent.start()
        try:
            await until(lambda: liar.asked >= 3)
            assert party.told == ["renewal"]
            assert (party.folder / "credential.pem").read_bytes() == before
            assert party.live.credential.pem == before
            liar.certify = _good
            await until(lambda: "renewal" in party.over)
            assert (party.folder / "credential.pem").read_bytes() != before
        finally:
            await party.agent.stop()
            await party.live.close()


@pytest.mark.parametrize(
    "tell",
    [
        _bundle_of_another_key,
        _bundle_backwards,
        _bundle_with_a_new_root,
        _garbage_bundle,
        _list_backwards,
        _foreign_list,
    ],
)
async def test_bad_trust_never_replaces_the_good_one(tmp_path: Path, tell: Tell) -> None:
    async with lying(tmp_path) as liar:
        party = Kept(liar.pki.state(*GATEWAY_MAIN))
        before = {
            path: path.read_bytes()
            for path in (
                party.folder / "trust-bundle.json",
                *(party.folder / "revocation").iterdir(),
            )
        }
        trust = party.live.trust
        liar.tell = tell
        party.agent.start()
        try:
            await until(lambda: "trust" in party.told)
            await asyncio.sleep(1)
            assert party.told == ["trust"]
            assert {path: path.read_bytes() for path in before} == before
            assert party.live.trust is trust
        finally:
            await party.agent.stop()
            await party.live.close()
