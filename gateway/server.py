"""Builds a gateway from its files, and serves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_reflection.v1alpha import reflection

from gateway.federator import Federator
from gateway.node_client import NodeClient
from gateway.planner import Planner
from gateway.service import GatewayService
from gateway.verifier import AnswerVerifier
from landbridge.agency import Role
from landbridge.clock import Clock, system_clock
from landbridge.envelope import BatchVerifier, EvidenceVerifier
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.log.committer import Committer
from landbridge.log.store import LogStore
from landbridge.memorandum_folder import read_memoranda
from landbridge.party import PartyFolder
from landbridge.policy import Policy
from landbridge.process_log import ProcessLog
from landbridge.replay import ReplayGuard
from landbridge.rpc.credentials import (
    SERVER_OPTIONS,
    ServerCertificates,
    TlsFiles,
    open_channel,
)
from landbridge.rpc.guard import Guard
from landbridge.rpc.serving import GRACE_S, HEALTH_METHODS, Health, bind, stop_signal
from landbridge.v1 import gateway_service_pb2_grpc

SERVICE = "landbridge.v1.GatewayService"
PERMITTED = {
    f"/{SERVICE}/GetProfile": frozenset({Role.REQUESTER}),
    f"/{SERVICE}/StreamProfiles": frozenset({Role.REQUESTER}),
    f"/{SERVICE}/GetDirectory": frozenset({Role.REQUESTER, Role.ADMIN}),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": frozenset({Role.ADMIN}),
    **dict.fromkeys(HEALTH_METHODS, frozenset({Role.REQUESTER, Role.ADMIN})),
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is built and can be started."""

    server: grpc.aio.Server
    service: GatewayService
    health: Health
    nodes: Mapping[str, NodeClient]
    committer: Committer
    log: LogStore
    address: str
    port: int

    async def start(self) -> None:
        """Begin to answer."""
        await self.server.start()
        await self.health.serving(yes=True)

    async def stop(self) -> None:
        """Take nothing new, finish what was taken, and close everything."""
        await self.health.serving(yes=False)
        self.service.close()
        await self.server.stop(GRACE_S)
        for node in self.nodes.values():
            await node.close()
        await self.committer.close()
        self.log.close()


def build_gateway(
    federation_path: Path, *, state: Path, listen: str, clock: Clock = system_clock
) -> Gateway:
    """Build a gateway; call it on the event loop that will run it.

    Raises:
        LandbridgeError: LB-11xx for a wrong configuration, LB-4010 and LB-4011 for the party's
            folder, LB-5001 and LB-5002 for its log.
    """
    federation = Federation.load(federation_path)
    party = PartyFolder.open(state)
    bundle = party.bundle
    identity = party.identity(Role.GATEWAY)
    tls = TlsFiles.read(party.tls, federation.name, clock=clock)
    telling = ProcessLog({"agency": identity.agency, "role": "gateway"}, clock)

    def refused(path: Path, error: LandbridgeError) -> None:
        telling.error("memorandum refused", file=path.name, code=error.code, why=str(error))

    log = party.open_log(identity)
    replay = ReplayGuard()
    replay.restore(
        (entry for _, entry in log.entries_backwards()),
        at=clock(),
        max_lifetime_ms=federation.limits.longest_ms,
    )
    committer = Committer(log)
    nodes = {
        endpoint.agency: NodeClient(
            endpoint.agency, open_channel(endpoint.address, endpoint.dns_name, tls)
        )
        for endpoint in bundle.endpoints(Role.NODE)
    }
    federator = Federator(
        gateway=f"{identity.agency}/{identity.name}",
        federation=federation,
        nodes=nodes,
        planner=Planner(
            Policy(read_memoranda(party.memoranda, bundle, at=clock(), refused=refused))
        ),
        verifier=AnswerVerifier(
            EvidenceVerifier(lambda origin: bundle.log_key(origin, clock())),
            federation,
        ),
        queries=BatchVerifier(lambda key: bundle.verifying_key(key, KeyUse.QUERY, clock())),
        log=committer,
        pseudonyms=party.pseudonyms(),
        replay=replay,
        clock=clock,
    )
    server = grpc.aio.server(
        interceptors=[Guard(PERMITTED, lambda: bundle, clock=clock)], options=SERVER_OPTIONS
    )
    service = GatewayService(federator, nodes, failed=telling.failure)
    gateway_service_pb2_grpc.add_GatewayServiceServicer_to_server(service, server)
    health = Health(server, (SERVICE,))
    reflection.enable_server_reflection((SERVICE, reflection.SERVICE_NAME), server)
    port = bind(server, listen, ServerCertificates(tls).credentials())
    telling.info("gateway is built", address=listen, port=port, log_size=log.size)
    return Gateway(server, service, health, nodes, committer, log, listen, port)


async def serve(federation_path: Path, *, state: Path, listen: str) -> None:
    """Serve a gateway until SIGTERM or SIGINT.

    Raises:
        LandbridgeError: as for `build_gateway`.
    """
    async with stop_signal() as stopping:
        gateway = build_gateway(federation_path, state=state, listen=listen)
        await gateway.start()
        await stopping.wait()
        await gateway.stop()
