"""What a node tells a subject of who looked, and the proof that its log holds just this.

A disclosure is itself an entry of the log: it names the signed request and, by one digest, every
entry that was told. Whoever saves the answer cannot leave out one of them unseen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError

from landbridge.agency import Role
from landbridge.envelope import digest
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.merkle import leaf_hash, root_from_path
from landbridge.log.note import NoteVerifier, find_signers, parse_note
from landbridge.rights.access_report import Dataset, Look
from landbridge.rights.access_request import WHAT, WhoLooked, verify_access_request
from landbridge.rights.request import VerifiedRequest
from landbridge.statement.form import read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2, log_pb2, query_pb2, rights_service_pb2

ACCESSES_TYPE: Final = "application/vnd.landbridge.accesses.v1"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """A verified answer of one agency: the looks that it told, newest first."""

    agency: str
    request: VerifiedRequest[WhoLooked]
    at: int
    """When it was told, Unix milliseconds, by the agency's log."""
    origin: str
    index: int
    """Of the entry on this disclosure."""
    looks: tuple[Look, ...]
    more: bool
    """Whether there are older ones."""


def told_digest(leaves: Sequence[bytes], *, more: bool) -> bytes:
    """Name what was told: the leaf hashes of the entries in their order, and whether there is more.

    It stands as `payload_digest` in the entry on the disclosure.
    """
    return digest(ACCESSES_TYPE, bytes([more]) + b"".join(leaves))


def is_told(entry: log_pb2.LogEntry, at: int) -> bool:
    """Whether a subject may know of an entry on it at a time, Unix milliseconds.

    One access that is delayed delays the whole entry: nothing of it is told before the last end.
    """
    return entry.kind == log_pb2.ENTRY_KIND_ANSWER and all(
        access.disclosed_from_unix_ms <= at for access in entry.accesses
    )


def verify_disclosed(
    request: bytes, response: rights_service_pb2.ListAccessesResponse, bundle: TrustBundle
) -> Disclosed:
    """Return what an agency told, if the log of its node proves every word of it.

    1. The head of the entry on the disclosure is signed by the log of a node of the agency that the
       request names, and that entry stands under it.
    2. The request is signed by who speaks for the subject, was good when it was answered, and is
       the one that the entry names.
    3. Every entry told stands under one signed head of the same log, newest first.
    4. They are all that the entry on the disclosure says was told, and might be told then.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4003, LB-4107, LB-4108 for request and signatures;
            LB-4008 for what the log does not prove.
    """
    # 1.
    logged = _evidence(response.logged)
    asked = read_payload(WhoLooked, SignedByOne.parse(request, WHAT).payload, WHAT)
    agency, role, keys = bundle.log_keys(logged.head.origin, logged.entry.logged_at_unix_ms)
    if (agency, role) != (asked.agency, Role.NODE):
        raise _unproven(f"the proof is of the log of another party than the node of {asked.agency}")
    _check_head(response.logged.checkpoint, logged.head, keys)
    # 2.
    at = logged.entry.logged_at_unix_ms
    verified = verify_access_request(request, bundle, at, agency=agency, desks=None)
    if (logged.entry.kind, logged.entry.query_digest) != (
        log_pb2.ENTRY_KIND_DISCLOSURE,
        verified.digest,
    ):
        raise _unproven("the log names another request than was signed")
    # 3.
    head = _head(response.checkpoint)
    if head.origin != logged.head.origin:
        raise _unproven("the entries are proven by another log")
    _check_head(response.checkpoint, head, keys)
    looks, leaves = [], []
    before = asked.before if asked.before is not None else head.size
    for told in response.entries:
        if told.index >= before:
            raise _unproven(f"entry {told.index} is not before entry {before}")
        before = told.index
        leaves.append(_check_path(told.entry, told.index, told.path, head))
        entry = _parse(told.entry)
        if not is_told(entry, at):
            raise _unproven(f"entry {told.index} is none that may be told")
        looks.append(_look(agency, head.origin, told.index, entry))
    # 4.
    if logged.entry.payload_digest != told_digest(leaves, more=response.more):
        raise _unproven("the log says that other entries were told")
    return Disclosed(
        agency,
        verified,
        at,
        head.origin,
        response.logged.index,
        tuple(looks),
        response.more,
    )


@dataclass(frozen=True, slots=True)
class _Logged:
    entry: log_pb2.LogEntry
    head: Checkpoint


def _evidence(evidence: envelope_pb2.LogEvidence) -> _Logged:
    head = _head(evidence.checkpoint)
    _check_path(evidence.entry, evidence.index, evidence.path, head)
    return _Logged(_parse(evidence.entry), head)


def _head(checkpoint: bytes) -> Checkpoint:
    return read_checkpoint(parse_note(checkpoint))


def _check_head(data: bytes, head: Checkpoint, keys: Sequence[Ed25519PublicKey]) -> None:
    find_signers(parse_note(data), [NoteVerifier(head.origin, key) for key in keys])


def _check_path(entry: bytes, index: int, path: Sequence[bytes], head: Checkpoint) -> bytes:
    leaf = leaf_hash(entry)
    if root_from_path(leaf, index, head.size, path) != head.root:
        raise _unproven(f"entry {index} does not lead to the signed head")
    return leaf


def _parse(data: bytes) -> log_pb2.LogEntry:
    try:
        return log_pb2.LogEntry.FromString(data)
    except DecodeError:
        raise _unproven("what is told is not a log entry") from None


def _look(agency: str, origin: str, index: int, entry: log_pb2.LogEntry) -> Look:
    return Look(
        agency=agency,
        origin=origin,
        index=index,
        at=entry.logged_at_unix_ms,
        requester=entry.requester,
        purpose=entry.purpose,
        case=entry.case_reference,
        resolving=entry.step == query_pb2.STEP_RESOLVE,
        consents=len(entry.consents),
        datasets=tuple(map(_dataset, entry.accesses)),
    )


def _dataset(access: log_pb2.Access) -> Dataset:
    try:
        reason = Reason(access.outcome)
    except ValueError:
        raise _unproven("an entry has an outcome that is not known here") from None
    return Dataset(
        name=access.dataset,
        reason=reason,
        memorandum=access.memorandum,
        clause=access.clause,
        legal_basis=access.legal_basis,
        released=tuple(access.released),
        withheld=tuple(access.refused),
        records=access.records,
        expired=access.expired,
        told_from=access.disclosed_from_unix_ms,
        delay_basis=access.delay_basis,
    )


def _unproven(message: str) -> LandbridgeError:
    return refuse(Reason.BAD_LOG_EVIDENCE, message)
