"""The measured federation in one process: equal agencies, real servers, TLS, databases and logs."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.federation import (
    DATASET,
    PURPOSE,
    REQUESTER,
    Plan,
    subjects_in_random_order,
    write_federation,
)
from landbridge.client import Client
from landbridge.profile import profile_document
from landbridge.query import Wanted
from landbridge.reasons import Reason
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2
from landbridge.verification import verify_profile
from tests.batch_relay import BatchRelay
from tests.market import Market, market, outcomes
from tests.relay import Relay

CASE: Final = "T-1"
ODD: Final = "register-3"
LONG_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Agencies:
    """The running federation, and subjects of whom every agency has a record."""

    running: Market
    plan: Plan
    subjects: Iterator[SubjectId]

    def some(self, count: int) -> list[SubjectId]:
        """Return the next subjects, in a circle."""
        return list(itertools.islice(self.subjects, count))

    def sign(
        self, count: int, *, of: Sequence[str] = (), consents: Sequence[bytes] = ()
    ) -> list[envelope_pb2.Envelope]:
        """Sign so many queries with one signature, of these agencies or of all."""
        wanted = [Wanted(agency, DATASET) for agency in of]
        subjects = self.some(count)
        return self.running.client.sign(subjects, PURPOSE, CASE, wanted, consents=consents)

    async def stream(
        self, queries: Sequence[envelope_pb2.Envelope], timeout: float = LONG_S
    ) -> list[envelope_pb2.Envelope]:
        """Ask all of them at once, on one stream."""
        client = self.running.client
        return await asyncio.gather(*(client.stream(query, timeout) for query in queries))

    def read(self, envelope: envelope_pb2.Envelope) -> Mapping[str, Reason]:
        """Verify a profile as its reader does; return what became of each agency."""
        running = self.running
        federation = running.sandbox.federation
        verify_profile(profile_document(envelope), running.bundle, federation=federation)
        return what_came(envelope)

    def whole(self) -> dict[str, Reason]:
        """Return what became of each agency where all answered."""
        return dict.fromkeys(self.plan.agencies, Reason.ANSWERED)

    def all_but(self, agency: str, why: Reason) -> dict[str, Reason]:
        """Return what became of each agency where all but one answered."""
        return {**self.whole(), agency: why}

    def another_client(self) -> Client:
        """Make a line of the second requester to the gateway."""
        return Client.from_home(self.running.sandbox.home_folder, f"{REQUESTER}-2")


def asked_in(envelope: envelope_pb2.Envelope) -> bytes:
    """Return the query that a profile says it is about."""
    return profile_pb2.Profile.FromString(envelope.payload).query.payload


def what_came(envelope: envelope_pb2.Envelope) -> dict[str, Reason]:
    """Return what became of each agency, by what a profile says."""
    profile = profile_pb2.Profile.FromString(envelope.payload)
    return {agency: Reason(outcome) for agency, outcome in outcomes(profile).items()}


@asynccontextmanager
async def equal_agencies(
    top: Path, plan: Plan, relays: dict[str, Relay] | None = None
) -> AsyncIterator[Agencies]:
    """Run the federation of a plan; a relay stands in for a node, with that node's own keys."""
    write_federation(top / "market", plan)
    subjects = itertools.cycle(subjects_in_random_order(plan))
    async with market(top, write=False, relays=relays) as running:
        yield Agencies(running, plan, subjects)


@dataclass(frozen=True, slots=True)
class Town:
    """Three agencies; the node of one, `ODD`, is in the hands of a test."""

    agencies: Agencies
    odd: BatchRelay

    @property
    def whole(self) -> dict[str, Reason]:
        """What becomes of each agency where all answer."""
        return self.agencies.whole()

    def without(self, why: Reason) -> dict[str, Reason]:
        """Return what becomes of each agency where the odd one does not answer."""
        return self.agencies.all_but(ODD, why)


@asynccontextmanager
async def town_with_an_odd_node(top: Path) -> AsyncIterator[Town]:
    """Run the three, of which two agencies ask."""
    odd = BatchRelay()
    plan = Plan(nodes=3, subjects=400, requesters=2)
    async with equal_agencies(top, plan, {ODD: odd}) as agencies:
        yield Town(agencies, odd)
