"""An authority that serves, and what its administrators do with it, for tests of the wire."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from certs.federation import FederationPki
from certs.registrar.founding import found_authority
from certs.registrar.server import Authority, build_authority
from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.keys import KeyUse
from landbridge.party import PartyFolder
from landbridge.rpc.live_party import LiveParty
from landbridge.trust.approval import Act, Statement, digest_of
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import authority_service_pb2 as messages
from tests.authority import AUTHORITY, FRONT
from tests.free_address import free_address
from tests.pki import FEDERATION, OPERATIONS, make_federation

FIRST = Identity(OPERATIONS, FEDERATION, Role.ADMIN, "first")


def act_request(
    pki: FederationPki, act: Act, subject: str, *, revision: int = 0, attachment: bytes = b""
) -> messages.SubmitRequest:
    """Sign an act as the first administrator."""
    detail = digest_of(attachment) if attachment else ""
    statement = Statement(FEDERATION, act, subject, revision, detail)
    key = pki.parties[FIRST].keys[KeyUse.ADMIN]
    return messages.SubmitRequest(
        statement=statement.to_bytes(),
        key_id=key.key_id,
        signature=statement.sign(key),
        attachment=attachment,
    )


@dataclass
class ServedAuthority:
    """A running authority with the keys of everybody."""

    pki: FederationPki
    authority: Authority

    @property
    def bundle(self) -> TrustBundle:
        return self.authority.registrar.journal.bundle

    async def act(self, act: Act, subject: str, *, revision: int = 0) -> messages.SubmitResponse:
        """Have the first administrator carry an act out."""
        request = act_request(self.pki, act, subject, revision=revision)
        return await self.authority.desk.run(self.authority.registrar.submit, request)

    @asynccontextmanager
    async def party(self, identity: Identity) -> AsyncIterator[LiveParty]:
        folder = PartyFolder.open(self.pki.parties[identity].folder)
        live = LiveParty(folder, alarms=Alarms(pass_over))
        try:
            yield live
        finally:
            await live.close()


def founded(folder: Path) -> tuple[FederationPki, Path, str]:
    """Found an authority; return keys, folder and the address where it is to listen."""
    pki = make_federation(folder / "parties")
    listen = free_address()
    pki.publish(addresses={AUTHORITY: listen, FRONT: free_address()})
    found_authority(folder / "authority", pki, enrolment=free_address())
    return pki, folder / "authority", listen


@asynccontextmanager
async def served_authority(folder: Path) -> AsyncIterator[ServedAuthority]:
    pki, own, listen = founded(folder)
    authority = build_authority(own, listen=listen)
    await authority.start()
    try:
        yield ServedAuthority(pki, authority)
    finally:
        await authority.stop()


def pass_over(kind: str, why: object) -> None:
    """Nobody reads these parties' alarms."""
    del kind, why
