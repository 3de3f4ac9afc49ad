"""The negative controls of the rotation drill: what fails when it is done wrongly.

Were nothing to fail here, the drill would prove nothing.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import grpc

from bench.callers import Callers, Tally, calling
from bench.drill import Conditions, DrillSandbox
from certs.bundle import authority_record
from certs.federation import FederationPki
from certs.party import issue_credential
from certs.renewal.keeper import renew_once
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock, to_datetime
from landbridge.commands.sandbox import AUTHORITY, KEEPER
from landbridge.keys import write_whole
from landbridge.rpc.channel import RotatingChannel
from landbridge.trust.approval import Act
from landbridge.trust.authority import AuthorityState
from landbridge.trust.store import BUNDLE_FILE

_CALLERS: Final = 16
_STREAMS: Final = 3
_RENEWALS: Final = 3
_SETTLED_S: Final = 1.0
_AFTER_S: Final = 5.0
_LOOK_S: Final = 0.05
Say = Callable[[str], None]


async def close_hard(
    folder: Path, home: Path, conditions: Conditions, callers: Callers, say: Say
) -> Tally:
    """Renew the requester's leaf, with channels that close the former one at once.

    Raises:
        LandbridgeError: when the federation does not start, or the leaf is not renewed.
    """
    replace = RotatingChannel.replace

    async def replace_hard(self: RotatingChannel, new: grpc.aio.Channel) -> None:
        former = self.channel
        await replace(self, new)
        await former.close()

    with DrillSandbox(folder, home, conditions) as sandbox:
        await sandbox.wait_ready()
        state = sandbox.state(sandbox.requesters[0], Role.REQUESTER)
        setattr(RotatingChannel, "replace", replace_hard)  # noqa: B010  no knob for this
        try:
            async with calling(home, callers, unary=_CALLERS, streams=_STREAMS) as tally:
                await asyncio.sleep(_SETTLED_S)
                for _ in range(_RENEWALS):
                    await renew_once(state)
                    await _until_one_failed(tally, _SETTLED_S)
        finally:
            setattr(RotatingChannel, "replace", replace)  # noqa: B010
    say(f"control, hard close: {tally.failed} of {len(tally.calls)} calls failed")
    return tally


async def swap_without_overlap(
    folder: Path, home: Path, conditions: Conditions, callers: Callers, say: Say
) -> Tally:
    """Put another root in the place of the first, for each party at a moment of its own.

    The authority would not do it; so whoever holds its keys and those of both administrators does.

    Raises:
        LandbridgeError: when the federation does not start.
    """
    with DrillSandbox(folder, home, conditions) as sandbox:
        await sandbox.wait_ready()
        for name in (KEEPER, AUTHORITY):
            sandbox.stop(name)
        async with calling(home, callers, unary=_CALLERS, streams=_STREAMS) as tally:
            await asyncio.sleep(_SETTLED_S)
            await _swap_root(sandbox.pki, conditions)
            await _until_one_failed(tally, _AFTER_S)
    say(f"control, no overlap: {tally.failed} of {len(tally.calls)} calls failed")
    return tally


async def _until_one_failed(tally: Tally, seconds: float) -> None:
    """Wait for what the control is there to show, so many seconds at most."""
    for _ in range(round(seconds / _LOOK_S)):
        if tally.failed:
            return
        await asyncio.sleep(_LOOK_S)


async def _swap_root(pki: FederationPki, conditions: Conditions) -> None:
    """Write the swap to every party's folder, within the longest lag."""
    now, random = to_datetime(system_clock()), Random(conditions.seed)
    root = pki.root.create_next(system_clock)
    issuing = root.create_issuing(system_clock, generation=2)
    active = AuthorityState.ACTIVE
    gone = {
        name: record.model_copy(update={"state": AuthorityState.REMOVED, "since": now})
        for name, record in pki.authorities.items()
    }
    pki.authorities = {
        **gone,
        root.id: authority_record(root.certificate, active, now, cross=root.cross),
        issuing.id: authority_record(issuing.certificate, active, now, issuer=root.id),
    }
    document = pki.sign_next(
        approvals=[
            pki.approve(Act.AUTHORITY_ACTIVATE, root.id),
            pki.approve(Act.AUTHORITY_REMOVE, pki.root.id),
        ]
    )

    async def take(identity: Identity, folder: Path) -> None:
        await asyncio.sleep(random.random() * conditions.lag_s)
        write_whole(folder / BUNDLE_FILE, document, mode=0o644)
        issue_credential(folder, identity, issuing=issuing, clock=system_clock)

    await asyncio.gather(*(take(who, party.folder) for who, party in pki.parties.items()))
