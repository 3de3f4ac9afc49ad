"""Builds the authority's process from its folder, and serves it: `landbridge cert serve DIR`."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import grpc
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority_files import key_pem
from certs.registrar.authority_rpcs import AUTHORITY_SERVICE, ENROLMENT_SERVICE, PERMITTED
from certs.registrar.founding import ENROLMENT, PARTY_FOLDER
from certs.registrar.job import Registrar
from certs.registrar.journal import Journal
from certs.registrar.service import AuthorityService, EnrolmentService, RegistrarDesk
from certs.renewal.agent import RenewalAgent
from certs.renewal.office import Office
from certs.renewal.signing_keys import signs_log
from landbridge.agency import Identity, Role
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import write_whole
from landbridge.party import PartyFolder
from landbridge.process_log import ProcessLog
from landbridge.rpc.credentials import Credential
from landbridge.rpc.guard import Guard
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.serving import (
    GRACE_S,
    HEALTH_METHODS,
    Health,
    bind,
    server_options,
    stop_signal,
)
from landbridge.v1 import authority_service_pb2_grpc

_MAINTAIN_EVERY_S: Final = 60.0
_LARGEST_REQUEST: Final = 256 * 1024
_OPTIONS: Final = {
    "grpc.max_receive_message_length": _LARGEST_REQUEST,
}
_LISTS: Final = "maintenance"
_OWN_TRUST: Final = "own trust"


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that is built and can be started."""

    server: grpc.aio.Server
    health: Health
    registrar: Registrar
    desk: RegistrarDesk
    live: LiveParty
    agent: RenewalAgent
    alarms: Alarms
    address: str
    port: int
    certify_itself: Callable[[], None]
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Begin to answer, to keep itself certified, and to sign revocation lists."""
        await self.server.start()
        await self.health.serving(yes=True)
        self.agent.start()
        self.tasks.add(asyncio.create_task(self._maintain()))

    async def stop(self) -> None:
        """Take nothing new, finish what was taken, and close everything."""
        await self.health.serving(yes=False)
        for task in self.tasks:
            task.cancel()
        await self.agent.stop()
        self.desk.close()
        await self.server.stop(GRACE_S)
        await self.live.close()
        await self.desk.finish()
        self.registrar.journal.close()

    async def _maintain(self) -> None:
        while True:
            try:
                await self.desk.run(self.registrar.maintain)
                # Its agent renews in time; this is for when it cannot, such as after a revocation.
                await self.desk.run(self.certify_itself)
            except LandbridgeError as error:
                self.alarms.raised(_LISTS, error)
            else:
                self.alarms.cleared(_LISTS)
            await asyncio.sleep(_MAINTAIN_EVERY_S)


def build_authority(
    folder: Path, *, listen: str, enrolment: str = "", clock: Clock = system_clock
) -> Authority:
    """Build an authority; call it on the event loop that will run it.

    `enrolment` is the address where the gateway takes enrolments; it is remembered.

    Raises:
        LandbridgeError: LB-1101 when the folder is not complete or in use, or the address cannot be
            bound; LB-4011 when others may read a key; LB-4010 and LB-4012 for the trust; LB-5001
            and LB-5002 for registry and log.
    """
    party = PartyFolder.open(folder / PARTY_FOLDER, clock=clock)
    identity = party.identity(Role.AUTHORITY)
    telling = ProcessLog({"agency": identity.agency, "role": "authority"}, clock)
    alarms = Alarms(telling.alarm)
    log = party.open_log(identity)
    with contextlib.ExitStack() as undo:
        journal = Journal(folder, log, clock=clock)
        undo.callback(journal.close)
        registrar = Registrar(folder, journal, enrolment=_remember(journal, enrolment))
        registrar.maintain()
        _follow(registrar, party)
        certify_itself = partial(_certify_itself, registrar, party, identity, telling, clock)
        certify_itself()
        live = LiveParty(party, alarms=alarms, clock=clock)

        def follow() -> None:
            try:
                _follow(registrar, party)
            except (LandbridgeError, OSError) as error:
                alarms.raised(_OWN_TRUST, str(error))
            else:
                alarms.cleared(_OWN_TRUST)

        # Before those who watch are told, so that the guard here is never behind them.
        journal.subscribe(follow)
        desk = RegistrarDesk(registrar, failed=telling.failure)
        server = grpc.aio.server(
            interceptors=[
                Guard(
                    {**PERMITTED, **dict.fromkeys(HEALTH_METHODS, frozenset(Role))},
                    party.trust,
                    clock=clock,
                )
            ],
            options=tuple({**dict(server_options()), **_OPTIONS}.items()),
        )
        authority_service_pb2_grpc.add_AuthorityServiceServicer_to_server(
            AuthorityService(desk), server
        )
        authority_service_pb2_grpc.add_EnrolmentServiceServicer_to_server(
            EnrolmentService(desk), server
        )
        health = Health(server, (AUTHORITY_SERVICE, ENROLMENT_SERVICE))
        port = bind(server, listen, live.server_credentials())
        agent = RenewalAgent(
            live, Office(live, clock=clock), alarms=alarms, switched=signs_log(log), clock=clock
        )
        undo.pop_all()
    telling.info(
        "authority is built",
        address=listen,
        port=port,
        log_size=log.size,
        bundle=journal.bundle.number,
    )
    return Authority(
        server, health, registrar, desk, live, agent, alarms, listen, port, certify_itself
    )


async def serve(folder: Path, *, listen: str, enrolment: str = "") -> None:
    """Serve an authority until SIGTERM or SIGINT.

    Raises:
        LandbridgeError: as for `build_authority`.
    """
    async with stop_signal() as stopping:
        authority = build_authority(folder, listen=listen, enrolment=enrolment)
        await authority.start()
        await stopping.wait()
        await authority.stop()


def _remember(journal: Journal, enrolment: str) -> str:
    with journal.change() as change:
        connection = change.present.connection
        if enrolment:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (ENROLMENT, enrolment))
        row = connection.execute("SELECT value FROM meta WHERE name = ?", (ENROLMENT,)).fetchone()
    return str(row[0]) if row else ""


def _follow(registrar: Registrar, party: PartyFolder) -> None:
    """Bring the authority's own trust to what it has published last."""
    while True:
        since = party.bundle.number
        trust, last = registrar.trust(since)
        party.trust.offer(tuple(trust.bundles), tuple(trust.revocation_lists))
        if last <= since or last == registrar.journal.bundle.number:
            return


def _certify_itself(
    registrar: Registrar, party: PartyFolder, identity: Identity, telling: ProcessLog, clock: Clock
) -> None:
    """Give the authority's own party a certificate if it has none that is accepted now.

    It was off for a day, perhaps: nobody else could certify it.
    """
    try:
        Credential.read(party.credential, party.trust.current, clock=clock)
    except LandbridgeError as error:
        if error.reason is Reason.KEY_EXPOSED:
            raise
        key = ec.generate_private_key(ec.SECP256R1())
        chain = registrar.certify_itself(identity, key.public_key())
        write_whole(party.credential, key_pem(key) + chain)
        telling.info("authority has certified itself", why=str(error))
