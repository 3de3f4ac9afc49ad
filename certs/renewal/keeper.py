"""Keeps the certificates and trust of parties that serve nothing: requesters and administrators.

Their programs come and go, and find in the party's folder what is valid then.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from certs.renewal.agent import RenewalAgent
from certs.renewal.fetched_trust import take_fetched
from certs.renewal.office import Office
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.party import PartyFolder
from landbridge.process_log import ProcessLog
from landbridge.rpc.certificate import LeafCertificate
from landbridge.rpc.live_party import LiveParty
from landbridge.rpc.serving import stop_signal

_LOOK_S: Final = 2.0
"""How often an unsound folder is looked at again."""
_TAKEN_UP_S: Final = 1.0
"""A process that serves with a folder looks at it twice a second."""


@dataclass(frozen=True, slots=True)
class KeptParty:
    """A party's folder with the agent that keeps it."""

    live: LiveParty
    office: Office
    agent: RenewalAgent

    @classmethod
    def open(cls, folder: Path, *, clock: Clock = system_clock) -> Self:
        """Read a party's folder.

        Raises:
            LandbridgeError: LB-1101, LB-4010, LB-4012, LB-4011, LB-4017 to LB-4020 for a folder
                that is not complete, sound or valid now.
        """
        party = PartyFolder.open(folder, clock=clock)
        facts = ProcessLog({"folder": folder.name}, clock)
        alarms = Alarms(facts.alarm)
        live = LiveParty(party, alarms=alarms, clock=clock)
        facts.facts.update(agency=live.identity.agency, role=str(live.identity.role))
        office = Office(live, clock=clock)
        return cls(live, office, RenewalAgent(live, office, alarms=alarms, clock=clock))

    async def stop(self) -> None:
        """Stop the agent and close every line."""
        await self.agent.stop()
        await self.live.close()


async def keep(folders: Sequence[Path], *, clock: Clock = system_clock) -> None:
    """Keep parties until SIGTERM or SIGINT; what is told is as in `keep_running`."""
    async with stop_signal() as stopping, keep_running(folders, clock=clock):
        await stopping.wait()


@contextlib.asynccontextmanager
async def keep_running(
    folders: Sequence[Path], *, clock: Clock = system_clock
) -> AsyncIterator[Mapping[Path, KeptParty]]:
    """Keep parties within this block, and give those that are kept at the moment.

    One whose folder is not sound, such as an expired one, is told once and taken up as soon as it
    has been put right.
    """
    kept: dict[Path, KeptParty] = {}
    task = asyncio.create_task(_take_up_all(folders, kept, clock))
    try:
        yield kept
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        for party in kept.values():
            await party.stop()


async def renew_once(folder: Path, *, clock: Clock = system_clock) -> LeafCertificate:
    """Fetch the present trust and renew a party's certificate now; return the new certificate.

    A process that serves with this folder takes it up by itself, within a second.

    Raises:
        LandbridgeError: as for `KeptParty.open`; what the authority refuses, LB-2001 or LB-2002
            when it cannot be reached. What the folder holds stays then.
    """
    kept = KeptParty.open(folder, clock=clock)
    try:
        since = kept.live.trust.bundle.number
        received = await kept.office.trust(since)
        take_fetched(kept.live.store, since, received.bundles, received.lists)
        old = kept.live.credential.leaf
        await kept.agent.leaf.renew()
        await asyncio.sleep(_TAKEN_UP_S)
        await kept.office.acknowledge(erased=[f"{old.serial:x}"], trials=(), alarms=())
        return kept.live.credential.leaf
    finally:
        await kept.stop()


async def renew_all(
    folders: Sequence[Path], *, clock: Clock = system_clock
) -> list[LeafCertificate]:
    """Renew the certificates of several parties at the same time, as `renew_once` does each.

    Raises:
        LandbridgeError: the first failure; the others are renewed all the same.
    """
    results = await asyncio.gather(
        *(renew_once(folder, clock=clock) for folder in folders), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if isinstance(result, LeafCertificate)]


async def _take_up_all(folders: Sequence[Path], kept: dict[Path, KeptParty], clock: Clock) -> None:
    alarms = Alarms(ProcessLog({"role": "keeper"}, clock).alarm)
    while len(kept) < len(folders):
        for folder in folders:
            if folder in kept:
                continue
            try:
                kept[folder] = KeptParty.open(folder, clock=clock)
            except LandbridgeError as error:
                alarms.raised(f"folder {folder}", error)
            else:
                alarms.cleared(f"folder {folder}")
                kept[folder].agent.start()
        await asyncio.sleep(_LOOK_S)
