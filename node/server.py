"""Builds one agency's node from its files, and serves it."""

from dataclasses import dataclass
from pathlib import Path

import grpc

from certs.renewal.agent import RenewalAgent
from certs.renewal.office import Office
from certs.renewal.signing_keys import signs_log
from landbridge.agency import Role
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.envelope import BatchVerifier, EvidenceVerifier
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.live_policy import LivePolicy
from landbridge.log.store import LogStore
from landbridge.party import PartyFolder
from landbridge.process_log import ProcessLog
from landbridge.replay import ReplayGuard
from landbridge.rights.erratum import read_errata
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
from node import rights_service
from node.aliases import AliasProver
from node.catalogue import build_catalogue
from node.config import NodeConfig, load_node_config
from node.consents import Consents
from node.dispatcher import Dispatcher
from node.executable import check_executable, check_expiries
from node.expiry import expiries
from node.judge import Judge
from node.node_rights import NodeRights
from node.published import published_datasets
from node.quota import Quotas
from node.reader import Reader
from node.responder import Responder
from node.service import SERVICE, NodeService
from node.sources.errata import Errata
from node.sources.source import Source
from node.status_list import StatusLists

_WORKERS = 2
"""Batches that read a database server at once; look-ups in a local file never wait for long."""
PERMITTED = {
    f"/{SERVICE}/GetAnswer": frozenset({Role.GATEWAY}),
    f"/{SERVICE}/StreamAnswers": frozenset({Role.GATEWAY}),
    f"/{SERVICE}/GetCatalogue": frozenset({Role.GATEWAY, Role.ADMIN}),
    **documents.PERMITTED,
    **log_service.PERMITTED,
    **rights_service.PERMITTED,
    **dict.fromkeys(HEALTH_METHODS, frozenset({Role.GATEWAY, Role.ADMIN})),
}


@dataclass(frozen=True, slots=True)
class Node:
    """A node that is built and can be started."""

    server: grpc.aio.Server
    service: NodeService
    health: Health
    dispatcher: Dispatcher
    log: LogStore
    quotas: Quotas
    source: Source
    documents: LiveLibrary
    witness: LiveWitness
    rights: NodeRights
    live: LiveParty
    agent: RenewalAgent
    address: str
    port: int

    async def start(self) -> None:
        """Begin to answer."""
        await self.server.start()
        await self.health.serving(yes=True)
        self.documents.start()
        self.rights.start()
        self.witness.start()
        self.agent.start()

    async def stop(self) -> None:
        """Take nothing new, finish what was taken, and close everything."""
        await self.health.serving(yes=False)
        self.service.close()
        self.documents.retire()
        await self.server.stop(GRACE_S)
        await self.agent.stop()
        await self.documents.stop()
        await self.rights.stop()
        await self.witness.stop()
        await self.live.close()
        await self.dispatcher.drain()
        self.quotas.close()
        self.log.close()
        self.source.close()


def build_node(
    config_path: Path,
    federation_path: Path,
    *,
    state: Path | None = None,
    listen: str = "",
    clock: Clock = system_clock,
) -> Node:
    """Build one agency's node; call it on the event loop that will run it.

    Raises:
        LandbridgeError: LB-11xx for a wrong configuration, LB-4010 and LB-4011 for the party's
            folder, LB-5001 and LB-5002 for its log.
    """
    federation = Federation.load(federation_path)
    config = load_node_config(config_path, federation)
    party = PartyFolder.open(_folder(config, state), clock=clock)
    identity = party.identity(Role.NODE)
    telling = ProcessLog({"agency": identity.agency, "role": "node"}, clock)
    alarms = Alarms(telling.alarm)
    live = LiveParty(party, alarms=alarms, clock=clock)
    if identity.agency != config.node.agency:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"the folder belongs to {identity.agency}, the configuration to {config.node.agency}",
            where=str(config_path),
        )
    errata = Errata(
        read_errata(party.folder, party.bundle, identity.agency),
        lambda unfit: telling.error("erratum ended", case=unfit.erratum.case, why=unfit.why),
    )
    source = Source.open(config, federation, party.folder, errata)
    catalogue = build_catalogue(config, federation)
    terms = expiries(config.datasets)
    check_expiries(config, terms, source, clock())
    log = party.open_log(identity)
    # Before anything is appended: a log that is older than what others have seen takes no entry.
    witness = LiveWitness(party, log, alarms=alarms, clock=clock)
    live_library = LiveLibrary(
        party.folder,
        party.trust,
        log,
        telling=telling,
        alarms=alarms,
        agency=identity.agency,
        accept=lambda memorandum: check_executable(memorandum, config, source),
        clock=clock,
    )
    replay = ReplayGuard()
    restored = replay.restore(
        (entry for _, entry in log.entries_backwards()),
        at=clock(),
        max_lifetime_ms=federation.limits.longest_ms,
    )
    quotas = Quotas.restore(
        log,
        party.folder,
        longest_ms=federation.limits.longest_ms,
        failed=telling.failure,
        clock=clock,
    )
    published = published_datasets(catalogue)
    rights = NodeRights(
        party.folder,
        config,
        federation,
        source=source,
        log=log,
        bundle=lambda: live.trust.bundle,
        status_lists=StatusLists(live_library.library, log),
        alarms=alarms,
        failed=telling.failure,
        clock=clock,
    )
    responder = Responder(
        agency=identity.agency,
        federation=federation,
        published=published,
        policy=LivePolicy(live_library.library),
        queries=BatchVerifier(
            lambda key: live.trust.bundle.verifying_key(key, KeyUse.QUERY, clock())
        ),
        aliases=AliasProver(
            EvidenceVerifier(lambda origin, _: live.trust.bundle.log_keys(origin, clock())),
            federation,
        ),
        judge=Judge(
            identity.agency,
            published,
            Consents(lambda: live.trust.bundle, lambda: live_library.library.shelf.revocations),
            lambda at: live.trust.stale_since(at) is not None,
            terms,
        ),
        replay=replay,
        quotas=quotas,
        reader=Reader(
            source, published, federation.limits.max_records, telling.failure, rights.flags
        ),
        log=log,
        notices=live_library.library.lock,
        failed=telling.failure,
        clock=clock,
    )
    dispatcher = Dispatcher(
        responder,
        failed=telling.failure,
        workers=1 if source.is_local else _WORKERS,
        at_hand=log.takes_at_once if source.is_local else None,
    )
    server = grpc.aio.server(
        interceptors=[Guard(PERMITTED, party.trust, clock=clock)], options=server_options()
    )
    service = NodeService(dispatcher, catalogue)
    server.add_generic_rpc_handlers((service.handlers(),))
    live_library.serve_on(server)
    witness.serve_on(server)
    rights.serve_on(server)
    health = Health(
        server, (SERVICE, documents.SERVICE, log_service.SERVICE, rights_service.SERVICE)
    )
    address = listen or config.node.listen
    port = bind(server, address, live.server_credentials())
    agent = RenewalAgent(
        live,
        Office(live, clock=clock),
        alarms=alarms,
        switched=signs_log(log, witness.use_key),
        clock=clock,
    )
    telling.info(
        "node is built", address=address, port=port, log_size=log.size, replay_restored=restored
    )
    return Node(
        server,
        service,
        health,
        dispatcher,
        log,
        quotas,
        source,
        live_library,
        witness,
        rights,
        live,
        agent,
        address,
        port,
    )


async def serve(
    config_path: Path, federation_path: Path, *, state: Path | None = None, listen: str = ""
) -> None:
    """Serve one agency's node until SIGTERM or SIGINT.

    Raises:
        LandbridgeError: as for `build_node`.
    """
    async with stop_signal() as stopping:
        node = build_node(config_path, federation_path, state=state, listen=listen)
        settle()
        await node.start()
        await stopping.wait()
        await node.stop()


def _folder(config: NodeConfig, state: Path | None) -> Path:
    if state is not None:
        return state
    if config.node.state is not None:
        return config.path.parent / config.node.state
    raise refuse(
        Reason.INVALID_CONFIGURATION,
        "neither the configuration nor the command names the party's folder",
        where=str(config.path),
        next_step="give --state DIR or write [node] state",
    )
