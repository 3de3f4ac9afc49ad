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

    entries: dict[str, int] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def compare(holdings: Holdings, logs: Iterable[tuple[Identity, Path]]) -> Shown:
    """Read every log whole, check it against its head, and look up what the clients hold.

    Call it when nothing appends any more.
    """
    shown = Shown()
    leaves: dict[str, list[bytes]] = {}
    steps: set[tuple[int, bytes, bytes]] = set()
    for identity, folder in logs:
        origin = identity.uri.removeprefix("spiffe://")
        leaves[origin] = []
        try:
            for entry in _entries(identity, folder):
                leaves[origin].append(leaf_hash(entry))
                read = log_pb2.LogEntry.FromString(entry)
                if read.kind in (log_pb2.ENTRY_KIND_QUERY, log_pb2.ENTRY_KIND_RECEIPT):
                    steps.add((read.kind, read.query_digest, read.payload_digest))
        except LandbridgeError as error:
            shown.damaged.append(f"{origin}: {error}")
        shown.entries[origin] = len(leaves[origin])
    for held in holdings.held:
        shown.missing.extend(_missing(held, leaves, steps))
    return shown


def check_named(shown: Shown) -> list[str]:
    """Return the first of what is wrong, in words."""
    return [*shown.damaged, *shown.missing][:_NAMED]


def _missing(
    held: _Held, leaves: dict[str, list[bytes]], steps: set[tuple[int, bytes, bytes]]
) -> Iterator[str]:
    name = held.query.hex()[:16]
    if (log_pb2.ENTRY_KIND_QUERY, held.query, b"") not in steps:
        yield f"the query {name} in its requester's log"
    if (log_pb2.ENTRY_KIND_RECEIPT, held.query, held.profile) not in steps:
        yield f"the receipt of {name} in its requester's log"
    for origin, index, leaf in held.places:
        log = leaves.get(origin, [])
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
