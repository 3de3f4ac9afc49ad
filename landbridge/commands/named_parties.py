"""The parties of an agency as `federation apply` names them: ROLE[/NAME]=FOLDER[@HOST:PORT]."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.agency import Identity, Role
from landbridge.commands.party_name import read_party
from landbridge.errors import Reason, refuse

_PARTY: Final = re.compile(
    r"(?P<name>[^=]+)=(?P<folder>.+?)(?:@(?P<address>(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):\d{1,5}))?"
)


@dataclass(frozen=True, slots=True)
class NamedParty:
    """A party as the command line names it."""

    identity: Identity
    folder: Path
    address: str


def _named(text: str, agency: str, federation: str) -> NamedParty:
    match = _PARTY.fullmatch(text)
    if match is None:
        raise refuse(
            Reason.USAGE,
            f"{text!r} does not name a party",
            where="--party",
            next_step="write it as node=/var/lib/landbridge@10.1.0.5:7101",
        )
    identity = read_party(f"{agency}/{match['name']}", federation)
    address = match["address"] or ""
    if identity.role in (Role.NODE, Role.GATEWAY) and not address:
        raise refuse(
            Reason.USAGE,
            f"a {identity.role} serves, so others have to know where",
            where=f"--party {text}",
            next_step=f"write it as {match['name']}={match['folder']}@HOST:PORT",
        )
    return NamedParty(identity, Path(match["folder"]), address)


def read_parties(texts: Sequence[str], agency: str, federation: str) -> list[NamedParty]:
    """Read the parties that the command line names, each once.

    Raises:
        LandbridgeError: LB-1106 when one cannot be, stands twice, or none is named.
    """
    parties = [_named(text, agency, federation) for text in texts]
    if not parties:
        raise refuse(Reason.USAGE, "no party is named", where="--party")
    folders = [each.folder.resolve() for each in parties]
    if len(set(folders)) != len(parties) or len({each.identity for each in parties}) != len(
        parties
    ):
        raise refuse(Reason.USAGE, "each party is named once, with a folder of its own")
    return parties
