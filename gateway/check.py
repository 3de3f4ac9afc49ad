"""Reads everything that a gateway serves with, before it serves."""

from pathlib import Path
from typing import Any

from landbridge.agency import Role
from landbridge.clock import Clock, system_clock, to_iso
from landbridge.federation import Federation
from landbridge.library.store import read_shelf
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential


def check(federation_path: Path, state: Path, clock: Clock = system_clock) -> dict[str, Any]:
    """Read federation, keys, trust bundle, memoranda and log; return what was found.

    Raises:
        LandbridgeError: the first thing without which the gateway cannot serve.
    """
    federation = Federation.load(federation_path)
    party = PartyFolder.open(state, clock=clock)
    identity = party.identity(Role.GATEWAY)
    credential = Credential.read(party.credential, party.trust.current, clock=clock)
    shelf = read_shelf(party.folder, party.bundle, at=clock())
    log = party.open_log(identity)
    size = log.size
    log.close()
    return {
        "federation": federation.name,
        "identity": identity.uri,
        "certificate until": to_iso(credential.leaf.not_after),
        "trust bundle": party.bundle.number,
        "nodes": {
            endpoint.agency: endpoint.address for endpoint in party.bundle.endpoints(Role.NODE)
        },
        "memoranda": [memorandum.id for memorandum in shelf.memoranda],
        "memoranda refused": [f"{each.path.name}: {each.error}" for each in shelf.refused],
        "log entries": size,
    }
