"""Builds a gateway from its files, and serves it."""

from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_reflection.v1alpha import reflection

from certs.registrar.authority_rpcs import PERMITTED_AT_GATEWAY
from certs.renewal.agent import RenewalAgent
from certs.renewal.office import Office
from certs.renewal.signing_keys import signs_log
from gateway import rights
from gateway.courier import Courier
from gateway.federator import Federator
from gateway.forked_logs import ForkedLogs
from gateway.node_client import NodeClient
from gateway.node_lines import NodeLines
from gateway.planner import Planner
from gateway.provider_policies import ProviderPolicies
from gateway.relay import Relay
from gateway.rights import RightsRelay
from gateway.seen_heads import SeenHeads
from gateway.service import SERVICE, GatewayService
from gateway.verifier import AnswerVerifier
from gateway.witnessing import Witnessing
from gateway.worker import ALONE, ForkFollower, OtherWorkers, Worker
from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.envelope import BatchVerifier, EvidenceVerifier
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.live_policy import LivePolicy
from landbridge.log.committer import Committer
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.process_log import ProcessLog
from landbridge.replay import ReplayGuard
from landbridge.rpc import documents, log_service
from landbridge.rpc.guard import Guard
from landbridge.rpc.live_library import LiveLibrary
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.live_witness import LiveWitness
from landbridge.rpc.serving import (
    GRACE_S,
    HEALTH_METHODS,
    Health,
    bind,
    server_options,
    settle,
    stop_signal,
)
from landbridge.v1 import rights_service_pb2_grpc

_LARGEST_OF_NEWCOMERS = 64 * 1024
PERMITTED = {
    f"/{SERVICE}/GetProfile": frozenset({Role.REQUESTER}),
    f"/{SERVICE}/StreamProfiles": frozenset({Role.REQUESTER}),
    f"/{SERVICE}/GetDirectory": frozenset({Role.REQUESTER, Role.ADMIN}),
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": frozenset({Role.ADMIN}),
    # Whoever calls the gateway tries a new certificate on it first.
    **dict.fromkeys(HEALTH_METHODS, frozenset(Role)),
    **documents.PERMITTED,
    **rights.PERMITTED,
    **log_service.PERMITTED,
    **PERMITTED_AT_GATEWAY,
}


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that is built and can be started."""

    server: grpc.aio.Server
    enrolment: grpc.aio.Server | None
    service: GatewayService
    health: Health
    nodes: NodeLines
    relay: Relay
    committer: Committer
    log: LogStore
    documents: LiveLibrary
    courier: Courier
    witness: LiveWitness
    witnessing: Witnessing
    forks: ForkFollower
    worker: Worker
    live: LiveParty
    agent: RenewalAgent
    address: str
    port: int

    async def start(self) -> None:
        """Begin to answer."""
        await self.server.start()
        if self.enrolment is not None:
            await self.enrolment.start()
        await self.health.serving(yes=True)
        self.documents.start()
        self.witness.start()
        if self.worker.leads:
            self.courier.start()
            self.witnessing.start()
        else:
            self.forks.start()
        self.agent.start()

    async def stop(self) -> None:
        """Take nothing new, finish what was taken, and close everything."""
        await self.health.serving(yes=False)
        self.service.close()
        self.documents.retire()
        self.relay.retire()
        await self.server.stop(GRACE_S)
        if self.enrolment is not None:
            await self.enrolment.stop(GRACE_S)
        await self.relay.close()
        await self.agent.stop()
        if self.worker.leads:
            await self.courier.stop()
            await self.witnessing.stop()
        else:
            await self.forks.stop()
        await self.witness.stop()
        await self.documents.stop()
        await self.nodes.close()
        await self.live.close()
        await self.committer.close()
        self.log.close()


def build_gateway(  # noqa: PLR0913  built once, by name
    federation_path: Path,
    *,
    state: Path,
    listen: str,
    enrolment_listen: str = "",
    worker: Worker = ALONE,
    clock: Clock = system_clock,
) -> Gateway:
    """Build a gateway; call it on the event loop that will run it.

    On `enrolment_listen` it takes calls of those who have no certificate yet. `worker` says which
    of several processes that serve together this is.

    Raises:
        LandbridgeError: LB-11xx for a wrong configuration, LB-4010 and LB-4011 for the party's
            folder, LB-5001 and LB-5002 for its log.
    """
    federation = Federation.load(federation_path)
    party = PartyFolder.open(state, clock=clock)
    identity = party.identity(Role.GATEWAY)
    named = {"worker": str(worker.number + 1)} if worker.shares else {}
    telling = ProcessLog({"agency": identity.agency, "role": "gateway", **named}, clock)
    alarms = Alarms(telling.alarm)
    live = LiveParty(party, alarms=alarms, clock=clock)
    log = party.open_log(identity)
    # Before anything is appended: a log that is older than what others have seen takes no entry.
    witness = LiveWitness(party, log, alarms=alarms, clock=clock)
    seen = SeenHeads(log, witness.file, witness.keys.past)
    forked = ForkedLogs(witness.file, witness.keys.past, witness.is_log_of)
    replay = ReplayGuard()
    replay.restore(
        (entry for _, entry in log.entries_backwards()),
        at=clock(),
        max_lifetime_ms=federation.limits.longest_ms,
    )
    others = OtherWorkers(log, replay, seen.sizes) if worker.shares else None
    if others is not None:
        seen.read_until = others.known
    committer = Committer(log)
    nodes = NodeLines(
        party.trust,
        lambda endpoint: NodeClient(
            endpoint.agency, live.channel(endpoint.address, endpoint.dns_name)
        ),
    )
    live_library = LiveLibrary(
        party.folder, party.trust, log, telling=telling, alarms=alarms, clock=clock
    )
    federator = Federator(
        gateway=f"{identity.agency}/{identity.name}",
        federation=federation,
        nodes=nodes,
        planner=Planner(
            LivePolicy(live_library.library, ProviderPolicies),
            lambda at: live.trust.stale_since(at) is not None,
        ),
        verifier=AnswerVerifier(
            EvidenceVerifier(lambda origin, _: live.trust.bundle.log_keys(origin, clock())),
            federation,
            seen.sizes,
            forked,
        ),
        queries=BatchVerifier(
            lambda key: live.trust.bundle.verifying_key(key, KeyUse.QUERY, clock())
        ),
        log=committer,
        replay=replay,
        others=others,
        clock=clock,
    )
    server = grpc.aio.server(
        interceptors=[Guard(PERMITTED, party.trust, clock=clock)],
        options=server_options(shares_port=worker.shares),
    )
    service = GatewayService(federator, nodes, failed=telling.failure)
    server.add_generic_rpc_handlers((service.handlers(),))
    live_library.serve_on(server)
    witness.serve_on(server)
    rights_service_pb2_grpc.add_RightsServiceServicer_to_server(RightsRelay(nodes), server)
    relay = Relay(live)
    server.add_generic_rpc_handlers((relay.handlers(),))
    health = Health(server, (SERVICE, documents.SERVICE, log_service.SERVICE, rights.SERVICE))
    reflection.enable_server_reflection(
        (
            SERVICE,
            documents.SERVICE,
            log_service.SERVICE,
            rights.SERVICE,
            reflection.SERVICE_NAME,
        ),
        server,
    )
    port = bind(server, listen, live.server_credentials())
    enrolment = (
        _enrolment_server(relay, live, enrolment_listen)
        if enrolment_listen and worker.leads
        else None
    )
    agent = RenewalAgent(
        live,
        Office(live, clock=clock),
        alarms=alarms,
        switched=signs_log(log, witness.use_key),
        clock=clock,
    )
    telling.info("gateway is built", address=listen, port=port, log_size=log.size)
    return Gateway(
        server=server,
        enrolment=enrolment,
        service=service,
        health=health,
        nodes=nodes,
        relay=relay,
        committer=committer,
        log=log,
        documents=live_library,
        courier=Courier(live_library.library, live_library.intake, nodes, failed=telling.failure),
        witness=witness,
        witnessing=Witnessing(
            witness,
            log,
            nodes,
            seen=seen,
            forked=forked,
            alarms=alarms,
            failed=telling.failure,
            clock=clock,
        ),
        forks=ForkFollower(forked, alarms=alarms, failed=telling.failure),
        worker=worker,
        live=live,
        agent=agent,
        address=listen,
        port=port,
    )


def _enrolment_server(relay: Relay, live: LiveParty, listen: str) -> grpc.aio.Server:
    """Build the server for callers who show no certificate; the relay bounds what they may do."""
    server = grpc.aio.server(
        options=(*server_options(), ("grpc.max_receive_message_length", _LARGEST_OF_NEWCOMERS))
    )
    server.add_generic_rpc_handlers((relay.enrolment_handlers(),))
    bind(server, listen, live.server_credentials(ask_client=False))
    return server


async def serve(
    federation_path: Path,
    *,
    state: Path,
    listen: str,
    enrolment_listen: str = "",
    worker: Worker = ALONE,
) -> None:
    """Serve a gateway, or one of its workers, until SIGTERM or SIGINT.

    Raises:
        LandbridgeError: as for `build_gateway`.
    """
    async with stop_signal() as stopping:
        gateway = build_gateway(
            federation_path,
            state=state,
            listen=listen,
            enrolment_listen=enrolment_listen,
            worker=worker,
        )
        settle()
        await gateway.start()
        await stopping.wait()
        await gateway.stop()
