"""What clients hold after a run, and whether every log holds it too, to the very bytes.

A client holds a profile once it has verified it. From then on an entry on it must stand in the
client's own log, in the gateway's and in that of each node whose answer is in it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from landbridge.agency import Identity
from landbridge.envelope import PROFILE_TYPE, QUERY_TYPE, digest
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.log.merkle import leaf_hash
from landbridge.log.note import parse_note
from landbridge.party import PartyFolder
from landbridge.profile import read_profile, write_document
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2, log_pb2
from landbridge.verification import verify_profile

_NAMED: Final = 10
_STEPS: Final = (log_pb2.ENTRY_KIND_QUERY, log_pb2.ENTRY_KIND_RECEIPT)
_Step = tuple[int, bytes, bytes]


@dataclass(frozen=True, slots=True)
class _Held:
    """A profile that a client holds: its query, its own digest, and the entries that prove it."""

    query: bytes
    profile: bytes
    places: tuple[tuple[str, int, bytes], ...]
    """Log, index and leaf hash."""


@dataclass(slots=True)
class Holdings:
    """The profiles that the clients of a run hold."""

    bundle: TrustBundle
    federation: Federation
    held: list[_Held] = field(default_factory=list, repr=False)
    whole: int = 0
    """Profiles in which no source is missing."""

    def take(self, envelope: envelope_pb2.Envelope, asked: envelope_pb2.Envelope) -> None:
        """Verify a profile as its reader does, and hold it.

        Raises:
            LandbridgeError: what does not verify.
        """
        signed = read_profile(envelope)
        verify_profile(write_document(signed), self.bundle, federation=self.federation, asked=asked)
        proofs = [envelope.log, *(answer.log for answer in signed.profile.answers)]
        self.held.append(
            _Held(
                digest(QUERY_TYPE, asked.payload),
                digest(PROFILE_TYPE, envelope.payload),
                tuple((_origin(proof), proof.index, leaf_hash(proof.entry)) for proof in proofs),
            )
        )
        self.whole += not signed.profile.completeness.failed


@dataclass(slots=True)
class Shown:
    """What the logs show when all is over; `missing` names what clients hold and no log shows."""

    leaves: dict[str, list[bytes]] = field(default_factory=dict, repr=False)
    steps: set[_Step] = field(default_factory=set, repr=False)
    """What requesters put down: kind of entry, query and profile."""
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def entries(self) -> dict[str, int]:
        """How many entries each log has."""
        return {origin: len(leaves) for origin, leaves in self.leaves.items()}


def compare(holdings: Holdings, logs: Iterable[tuple[Identity, Path]]) -> Shown:
    """Read every log whole, check it against its head, and look up what the clients hold.

    Call it when nothing appends any more.
    """
    shown = Shown()
    for identity, folder in logs:
        origin = identity.uri.removeprefix("spiffe://")
        leaves = shown.leaves[origin] = []
        try:
            for entry in _entries(identity, folder):
                leaves.append(leaf_hash(entry))
                read = log_pb2.LogEntry.FromString(entry)
                if read.kind in _STEPS:
                    shown.steps.add((read.kind, read.query_digest, read.payload_digest))
        except LandbridgeError as error:
            shown.damaged.append(f"{origin}: {error}")
    shown.missing.extend(find_missing(holdings, shown))
    return shown


def find_missing(holdings: Holdings, shown: Shown) -> Iterator[str]:
    """Name each entry that proves what a client holds, and that no log shows."""
    for held in holdings.held:
        yield from _missing(held, shown)


def count_controls(holdings: Holdings, shown: Shown) -> int:
    """Count in how many logs one entry could be left out unnoticed: none, or nothing is proven."""
    unnoticed = 0
    for held in holdings.held[-1:]:
        for origin, index, _ in held.places:
            leaves = list(shown.leaves[origin])
            leaves[index] = bytes(32)
            unnoticed += not any(
                _missing(held, Shown({**shown.leaves, origin: leaves}, shown.steps))
            )
        receipt = (log_pb2.ENTRY_KIND_RECEIPT, held.query, held.profile)
        unnoticed += not any(_missing(held, Shown(shown.leaves, shown.steps - {receipt})))
    return unnoticed


def check_named(shown: Shown) -> list[str]:
    """Return the first of what is wrong, in words."""
    return [*shown.damaged, *shown.missing][:_NAMED]


def _missing(held: _Held, shown: Shown) -> Iterator[str]:
    name = held.query.hex()[:16]
    if (log_pb2.ENTRY_KIND_QUERY, held.query, b"") not in shown.steps:
        yield f"the query {name} in its requester's log"
    if (log_pb2.ENTRY_KIND_RECEIPT, held.query, held.profile) not in shown.steps:
        yield f"the receipt of {name} in its requester's log"
    for origin, index, leaf in held.places:
        log = shown.leaves.get(origin, [])
        if index >= len(log) or log[index] != leaf:
            yield f"entry {index} of {origin}, for {name}"


def _entries(identity: Identity, folder: Path) -> Iterator[bytes]:
    log = PartyFolder.open(folder).open_log(identity)
    try:
        log.check()
        yield from log.entries()
    finally:
        log.close()


def _origin(proof: envelope_pb2.LogEvidence) -> str:
    text, _, _ = parse_note(proof.checkpoint).text.partition("\n")
    if not text:
        raise refuse(Reason.BAD_LOG_EVIDENCE, "the head names no log")
    return text
