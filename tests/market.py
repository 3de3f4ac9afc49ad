"""The federation of docs/federation.md, in one process: real servers, TLS, databases and logs."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from certs.registrar.server import build_authority
from certs.renewal.keeper import keep_running
from gateway.server import Gateway, build_gateway
from landbridge.agency import Identity, Role
from landbridge.client import Client
from landbridge.clock import Clock, system_clock
from landbridge.commands.sandbox import Sandbox
from landbridge.envelope import ANSWER_TYPE, digest, evidence_to_proto
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.profile import profile_document
from landbridge.rpc.credentials import Credential, open_channel
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.subject import SubjectId
from landbridge.trust.bundle import Endpoint, TrustBundle
from landbridge.v1 import answer_pb2, envelope_pb2, log_pb2, profile_pb2
from landbridge.v1.node_service_pb2 import StreamedAnswer
from landbridge.verification import verify_profile
from node.server import Node, build_node
from tests.administrators import Administrators
from tests.free_address import free_address
from tests.relay import Relay

PAGE: Final = Path(__file__).parents[1] / "docs" / "federation.md"
FILES: Final = re.compile(r"^`(market/\S+)`\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BAKERY: Final = SubjectId("company-number", "00000417")
MILL: Final = SubjectId("company-number", "00000520")
REGISTER: Final = "register.gov"
TAX: Final = "tax.gov"
FOOD: Final = "food.gov"
PURPOSE: Final = "stall-permit"


def write_market(top: Path) -> Path:
    """Write the page's files; return the federation's folder."""
    for name, text in FILES.findall(PAGE.read_text()):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return top / "market"


@dataclass(slots=True)
class Market:
    """The running federation."""

    sandbox: Sandbox
    nodes: dict[str, Node]
    gateway: Gateway
    client: Client
    bundle: TrustBundle
    _admins: Administrators | None = None

    @property
    def admins(self) -> Administrators:
        """The two administrators, where the market runs with its authority."""
        assert self._admins is not None
        return self._admins

    def identity(self, agency: str, role: Role) -> Identity:
        name = self.sandbox.federation.gateway.name if role is Role.GATEWAY else "main"
        return Identity(agency, self.sandbox.federation.name, role, name)

    def channel(self, to: Endpoint, agency: str, role: Role) -> grpc.aio.Channel:
        """Open a channel to a server of the federation as the holder of a party's folder."""
        return channel_of(self.sandbox.state(agency, role), to.address, to.dns_name)

    def key(self, agency: str, role: Role, use: KeyUse) -> SigningKey:
        return SigningKey.load(self.sandbox.state(agency, role) / "keys" / f"{use}.key")

    def query(self, subject: SubjectId = BAKERY) -> envelope_pb2.Envelope:
        return self.client.sign([subject], PURPOSE, "M-1")[0]

    async def restart(self, agency: str) -> None:
        """Build and start a node that was stopped, and wait until the gateway has reached it."""
        self.nodes[agency] = build_node(
            self.sandbox.folder / "agencies" / agency / "node.toml",
            self.sandbox.folder / "federation.toml",
            state=self.sandbox.state(agency, Role.NODE),
            listen=self.bundle.members[agency].endpoints[0].address,
        )
        await self.nodes[agency].start()
        await self.connected()

    async def connected(self) -> None:
        """Wait until the gateway has reached every running node."""
        async with asyncio.timeout(20):
            while not all(self.gateway.nodes[agency].connected for agency in self.nodes):
                await asyncio.sleep(0.02)

    async def profile(
        self, subject: SubjectId = BAKERY, *, timeout: float = 5.0
    ) -> profile_pb2.Profile:
        """Ask for a profile and verify it as the command line does."""
        envelope = await self.client.ask(subject, PURPOSE, "M-1", timeout=timeout)
        verify_profile(profile_document(envelope), self.bundle, federation=self.sandbox.federation)
        return profile_pb2.Profile.FromString(envelope.payload)


def channel_of(state: Path, address: str, dns_name: str) -> grpc.aio.Channel:
    """Open a channel with the credential and the roots of a party's folder."""
    trust = PartyFolder.open(state).trust.current
    credential = Credential.read(state / "credential.pem", trust)
    return open_channel(address, dns_name, credential, trust.bundle.roots_pem)


def forge(
    running: Market, agency: str, answer: answer_pb2.Answer, *, at: int | None = None
) -> StreamedAnswer:
    """Sign an answer as a node would, with the keys of an agency and a log of its own.

    The log says that it was at `at`, in Unix milliseconds, or now.
    """
    role = running.bundle.members[agency].endpoints[0].role
    key = SigningKey.load(running.sandbox.state(agency, role) / "keys" / f"{KeyUse.LOG}.key")
    origin = running.identity(agency, role).uri.removeprefix("spiffe://")
    log = LogStore.open(running.sandbox.home_folder / f"forged-{agency}.sqlite", origin, key)
    payload = answer.SerializeToString()
    entry = log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_ANSWER,
        logged_at_unix_ms=system_clock() if at is None else at,
        query_digest=answer.query_digest,
        payload_digest=digest(ANSWER_TYPE, payload),
        step=answer.step,
        round=answer.round,
    )
    (evidence,) = log.append([entry.SerializeToString()])
    log.close()
    forged = StreamedAnswer()
    forged.answer.payload_type = ANSWER_TYPE
    forged.answer.payload = payload
    forged.answer.log.CopyFrom(evidence_to_proto(evidence))
    return forged


def outcomes(profile: profile_pb2.Profile) -> dict[str, int]:
    """Return each source's outcome, by agency."""
    return {source.agency: source.outcome for source in profile.sources}


@asynccontextmanager
async def market(  # noqa: PLR0913  by name, each with a default
    top: Path,
    *,
    without: tuple[str, ...] = (),
    relays: dict[str, Relay] | None = None,
    write: bool = True,
    authority: bool = False,
    clock: Clock = system_clock,
) -> AsyncIterator[Market]:
    """Run the market; a relay stands in for a node, with that node's own keys, and forwards.

    With `authority` it runs too, and every party is kept, as in a sandbox. Nodes, gateway and
    client go by the clock.
    """
    sandbox = Sandbox(write_market(top) if write else top / "market", top / "home", preloaded=True)
    with sandbox.reserved:
        sandbox.prepare()
        federation = sandbox.folder / "federation.toml"
        bundle = TrustBundle.parse((sandbox.home_folder / "trust-bundle.json").read_bytes(), None)
        addresses = {endpoint.agency: endpoint.address for endpoint in bundle.endpoints(Role.NODE)}
        (front,) = bundle.endpoints(Role.GATEWAY)
        nodes: dict[str, Node] = {}
        relays = relays or {}
        stack = AsyncExitStack()
        admins = await _authority(sandbox, bundle, stack) if authority else None
        for agency, address in addresses.items():
            if agency in without:
                continue
            listen = free_address() if agency in relays else address
            node = build_node(
                sandbox.folder / "agencies" / agency / "node.toml",
                federation,
                state=sandbox.state(agency, Role.NODE),
                listen=listen,
                clock=clock,
            )
            await node.start()
            nodes[agency] = node
            if agency in relays:
                party = PartyFolder.open(sandbox.state(agency, Role.NODE))
                credential = Credential.read(party.credential, party.trust.current)
                await relays[agency].start(
                    ServerCertificates(credential, party.bundle.roots_pem).credentials(),
                    address,
                    channel_of(
                        sandbox.state("exchange", Role.GATEWAY),
                        listen,
                        credential.leaf.identity.dns_name,
                    ),
                )
        gateway = build_gateway(
            federation,
            state=sandbox.state("exchange", Role.GATEWAY),
            listen=front.address,
            enrolment_listen=sandbox.enrolment if authority else "",
            clock=clock,
        )
        await gateway.start()
        client = Client.from_home(sandbox.home_folder, clock=clock)
        running = Market(sandbox, nodes, gateway, client, bundle, admins)
        try:
            await running.connected()
            yield running
        finally:
            await client.close()
            for relay in relays.values():
                await relay.stop()
            await running.gateway.stop()
            for node in nodes.values():
                await node.stop()
            await stack.aclose()


async def _authority(
    sandbox: Sandbox, bundle: TrustBundle, stack: AsyncExitStack
) -> Administrators:
    (place,) = bundle.endpoints(Role.AUTHORITY)
    authority = build_authority(sandbox.authority_folder, listen=place.address)
    await authority.start()
    stack.push_async_callback(authority.stop)
    pki = sandbox._pki
    assert pki is not None
    kept = [
        party.folder
        for identity, party in pki.parties.items()
        if identity.role in (Role.REQUESTER, Role.ADMIN)
    ]
    await stack.enter_async_context(keep_running(kept))
    keys = {
        identity.name: party.keys[KeyUse.ADMIN]
        for identity, party in pki.parties.items()
        if identity.role is Role.ADMIN
    }
    return Administrators(authority, keys, pki.root)
