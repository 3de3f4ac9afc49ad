"""Signed documents in a running market: who signs, and what each party holds."""

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from landbridge.agency import Role
from landbridge.heading import read_heading
from landbridge.home import VARIABLE
from landbridge.keys import KeyUse
from landbridge.library.shelf import Shelf
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm
from landbridge.v1 import answer_pb2, profile_pb2
from tests.market import TAX, Market
from tests.preloaded import run_preloaded

CITY: Final = "city"
STALLS: Final = "stalls-2026"
_ROLES: Final = {CITY: Role.REQUESTER}
_DEADLINE_S: Final = 60.0


def state(running: Market, agency: str) -> Path:
    return running.sandbox.state(agency, _ROLES.get(agency, Role.NODE))


def key_file(running: Market, agency: str) -> str:
    return str(state(running, agency) / "keys" / "memorandum.key")


def signed(running: Market, text: Memorandum, agencies: Sequence[str] = ()) -> bytes:
    form = SignedForm(text.to_json())
    for agency in agencies or text.parties:
        form = form.add(
            running.key(agency, _ROLES.get(agency, Role.NODE), KeyUse.MEMORANDUM), agency
        )
    return form.to_bytes()


def shelves(running: Market) -> dict[str, Shelf]:
    found = {agency: node.documents.library.shelf for agency, node in running.nodes.items()}
    return found | {"exchange": running.gateway.documents.library.shelf}


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, or fail."""
    async with asyncio.timeout(_DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.05)


async def command(running: Market, *arguments: str) -> str:
    """Run a command of its own process, as a party does; return what it printed."""
    environment = {**os.environ, VARIABLE: str(running.sandbox.home_folder)}
    done = await asyncio.to_thread(run_preloaded, *arguments, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def columns(profile: profile_pb2.Profile, agency: str) -> tuple[str, set[str]]:
    """Return by which memorandum an agency released which fields."""
    for envelope in profile.answers:
        answer = answer_pb2.Answer.FromString(envelope.payload)
        for dataset in answer.datasets:
            for extract in dataset.extracts:
                if answer.agency == agency:
                    return extract.memorandum, set(read_heading(extract.heading).fields)
    return "", set()


def between(running: Market, *parties: str) -> Memorandum:
    """Make a memorandum by which the first party releases arrears to the city."""
    old = Memorandum.from_yaml(running.sandbox.folder / "memoranda" / "stalls.yaml")
    grant = next(grant for grant in old.grants if grant.provider == TAX)
    return Memorandum.model_validate(
        old.model_dump(by_alias=True, exclude={"grants", "amends"})
        | {"memorandum": "between", "parties": parties, "grants": (grant,)}
    )
