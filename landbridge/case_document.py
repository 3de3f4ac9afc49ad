"""The JSON document of a case: its signed documents with the proofs of the agency's log.

Everything shown is derived from the evidence: whoever holds the document can derive it anew and
compare. A trust bundle is all that is needed.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from google.protobuf.message import DecodeError

from landbridge.agency import Role
from landbridge.clock import to_iso
from landbridge.document import first_difference
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.merkle import leaf_hash, verify_inclusion
from landbridge.log.note import NoteVerifier, check_note, parse_note
from landbridge.rights.case import Case
from landbridge.rights.opening import read_opening, verify_opening
from landbridge.rights.step_document import verify_step
from landbridge.rights.steps import CaseKind, Step
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import log_pb2, rights_service_pb2

FORMAT: Final = "landbridge-case"
VERSION: Final = 1
_FORMAT: Final = {"name": FORMAT, "version": VERSION}
_UNREADABLE: Final = (KeyError, TypeError, ValueError, AttributeError, binascii.Error)


@dataclass(frozen=True, slots=True)
class ProvenCase:
    """A case every step of which is signed, and stands in the log of the agency's node."""

    case: Case
    head: Checkpoint


def prove_case(response: rights_service_pb2.GetCaseResponse, bundle: TrustBundle) -> ProvenCase:
    """Return the case that an agency gave, if signatures and log prove it.

    1. The head is signed by the log of the node of the agency that the opening names.
    2. Each document has its entry, and the entry stands under the head.
    3. Each document was signed, when it was logged, by whom it names, and follows from the one
       before.

    Raises:
        LandbridgeError: LB-4107, LB-4111, LB-4112 for documents; LB-4001, LB-4002, LB-4108 for
            signatures; LB-4008 for what the log does not prove.
    """
    documents, entries = response.documents, response.entries
    if not documents or len(documents) != len(entries):
        raise _unproven("documents and entries do not belong together")
    opening = read_opening(documents[0]).opening
    # 1.
    times = [_entry(logged.entry).logged_at_unix_ms for logged in entries]
    head = read_checkpoint(parse_note(response.checkpoint))
    agency, role, keys = bundle.log_keys(head.origin, times[-1])
    if (agency, role) != (opening.agency, Role.NODE):
        raise _unproven(f"the proof is not of the log of the node of {opening.agency}")
    verifiers = [NoteVerifier(head.origin, key) for key in keys]
    check_note(parse_note(response.checkpoint), verifiers)
    case: Case | None = None
    for document, logged, at in zip(documents, entries, times, strict=True):
        # 2.
        verify_inclusion(
            leaf_hash(logged.entry), logged.index, head.size, tuple(logged.path), head.root
        )
        # 3.
        case = _follow(case, document, bundle, at).logged(logged.index)
        _check_entry(_entry(logged.entry), case, document)
    if case is None:
        raise _unproven("there is no step")
    return ProvenCase(case, head)


def case_document(
    response: rights_service_pb2.GetCaseResponse, bundle: TrustBundle
) -> dict[str, Any]:
    """Verify a case and write it as the document that people and programs read.

    Raises:
        LandbridgeError: as for `prove_case`.
    """
    proven = prove_case(response, bundle)
    return {
        "format": _FORMAT,
        **show_case(proven.case),
        "log": {"origin": proven.head.origin, "size": proven.head.size},
        "evidence": {
            "documents": [_base64(one) for one in response.documents],
            "entries": [
                {
                    "entry": _base64(one.entry),
                    "index": one.index,
                    "path": [_base64(node) for node in one.path],
                }
                for one in response.entries
            ],
            "checkpoint": _base64(response.checkpoint),
        },
    }


def verify_case_document(
    document: Mapping[str, Any], bundle: TrustBundle, *, passed: Callable[[str, str], None]
) -> None:
    """Verify a saved case, offline; `passed` is told of each check and what it found.

    Raises:
        LandbridgeError: as for `prove_case`; LB-4201 when something else is shown than was signed.
    """
    if document.get("format") != _FORMAT:
        raise _altered(f"the document is not of the format {FORMAT} version {VERSION}", "format")
    response = _read_evidence(document)
    derived = case_document(response, bundle)
    count = len(response.documents)
    stand = "step stands" if count == 1 else "steps stand"
    passed("log", f"{count} {stand} in the log {derived['log']['origin']}")
    passed("signatures", "each step is signed by whom it names, and names the one before")
    difference = first_difference(derived, document)
    if difference is not None:
        raise _altered("what is shown is not what was signed", difference)
    passed("shown", f"the {derived['kind']} is {derived['state']}, as shown")


def show_case(case: Case) -> dict[str, Any]:
    """Write a case as readers see it."""
    opening = case.opening
    return {
        "case": case.id,
        "kind": case.kind.value,
        "state": case.state.value,
        "agency": opening.agency,
        "dataset": opening.dataset,
        "record": opening.record,
        "fields": list(opening.fields),
        "subject": {"scheme": case.subject.scheme, "value": case.subject.value},
        "desk": case.speaker.desk,
        "signer": case.speaker.signer,
        "statement": opening.statement,
        "steps": [
            {
                "step": taken.step.value,
                "by": taken.by,
                "at": to_iso(taken.at),
                "reason": taken.reason,
                "notices": list(taken.notices),
                "digest": taken.digest.hex(),
                "entry": taken.entry,
            }
            for taken in case.taken
        ],
    }


def _follow(case: Case | None, document: bytes, bundle: TrustBundle, at: int) -> Case:
    if case is None:
        opened = verify_opening(document, bundle, at, desks=None)
        deciding = opened.opening.agency if opened.opening.kind is CaseKind.DISPUTE else ""
        return Case.begin(opened, document, deciding=deciding, at=at)
    step = verify_step(document, bundle, at)
    if not case.deciding and step.step is not Step.ISSUED:
        # Who decides on repairs is the node's to say; that it stays the same shows here.
        case = Case(case.opening, case.speaker, step.document.by, case.taken)
    return case.follow(step, document, at=at)


def _check_entry(entry: log_pb2.LogEntry, case: Case, document: bytes) -> None:
    stated = (entry.kind, entry.case_step.id, entry.case_step.step, entry.case_step.digest)
    wanted = (
        log_pb2.ENTRY_KIND_CASE,
        case.id,
        case.last.step.value,
        sha256(document).digest(),
    )
    if stated != wanted:
        raise _unproven(f"entry {case.last.entry} is not on this step")


def _entry(data: bytes) -> log_pb2.LogEntry:
    try:
        return log_pb2.LogEntry.FromString(data)
    except DecodeError:
        raise _unproven("an entry cannot be read") from None


def _read_evidence(document: Mapping[str, Any]) -> rights_service_pb2.GetCaseResponse:
    try:
        evidence = document["evidence"]
        return rights_service_pb2.GetCaseResponse(
            documents=[_bytes(one) for one in evidence["documents"]],
            entries=[
                rights_service_pb2.LoggedEntry(
                    entry=_bytes(one["entry"]),
                    index=one["index"],
                    path=[_bytes(node) for node in one["path"]],
                )
                for one in evidence["entries"]
            ],
            checkpoint=_bytes(evidence["checkpoint"]),
        )
    except _UNREADABLE:
        raise _altered("the evidence is not that of a case", "evidence") from None


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _unproven(why: str) -> LandbridgeError:
    return refuse(Reason.BAD_LOG_EVIDENCE, why, where=FORMAT)


def _altered(why: str, place: str) -> LandbridgeError:
    return refuse(Reason.PROFILE_ALTERED, why, where=place)
