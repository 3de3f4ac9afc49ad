"""What comes back on a case through a gateway, held against what was signed and the agency's log.

A gateway only carries: it can be believed neither that a step was taken, nor which case it shows,
nor that it shows it as it is today. The log of the agency's node says so, with a key that is good
now.
"""

from hashlib import sha256

from google.protobuf.message import DecodeError

from landbridge.agency import Role
from landbridge.case_document import ProvenCase, prove_case
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.merkle import leaf_hash, verify_inclusion
from landbridge.log.note import NoteVerifier, find_signers, parse_note
from landbridge.rights.case_request import wanted_case
from landbridge.rights.sent_step import SentStep
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2, log_pb2, rights_service_pb2


def prove_taken(
    answer: rights_service_pb2.SubmitStepResponse, sent: SentStep, bundle: TrustBundle, at: int
) -> int:
    """Return the entry of the agency's log on a step, if it proves that just this step was taken.

    `at` is now, in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4008 for another case, agency or step, or no proof; LB-4001, LB-4002 for
            a head that is not signed by the log of the node of that agency.
    """
    if answer.case_id != sent.case_id:
        raise _unproven(f"the answer is on another case than {sent.case_id}")
    entry = _verify(answer.logged, sent.agency, bundle, at)
    stated = (entry.kind, entry.case_step.id, entry.case_step.step, entry.case_step.digest)
    wanted = (log_pb2.ENTRY_KIND_CASE, sent.case_id, sent.step.value, sent.digest)
    if stated != wanted:
        raise _unproven(f"entry {answer.logged.index} is not on the step that was sent")
    return answer.logged.index


def prove_shown(
    response: rights_service_pb2.GetCaseResponse,
    request: SignedByOne,
    bundle: TrustBundle,
    at: int,
) -> ProvenCase:
    """Return the case that was asked for, as it is now: the agency logged that it answered so.

    1. The node's log holds an entry on the answer to just this request, which is good only once.
    2. That entry names the case, and its last document.
    3. The case is proven up to the same head.

    Raises:
        LandbridgeError: LB-4008 for another case, an older answer, or no proof; others as for
            `prove_case`.
    """
    agency, case_id = wanted_case(request)
    # 1.
    entry = _verify(response.logged, agency, bundle, at)
    place = f"entry {response.logged.index}"
    if (entry.kind, entry.query_digest) != (
        log_pb2.ENTRY_KIND_DISCLOSURE,
        sha256(request.payload).digest(),
    ):
        raise _unproven(f"{place} is not on the answer to this request")
    # 2.
    last = response.documents[-1] if response.documents else b""
    if (entry.case_step.id, entry.case_step.digest) != (case_id, sha256(last).digest()):
        raise _unproven(f"{place} is on another case, or on another step of it")
    # 3.
    if response.checkpoint != response.logged.checkpoint:
        raise _unproven("the case is proven by another head than its answer")
    proven = prove_case(response, bundle)
    if (proven.case.id, proven.case.opening.agency) != (case_id, agency):
        raise _unproven(f"the answer is on another case than {case_id}")
    return proven


def _verify(
    evidence: envelope_pb2.LogEvidence, agency: str, bundle: TrustBundle, at: int
) -> log_pb2.LogEntry:
    """Return an entry that stands under a head signed by the log of the node of an agency."""
    note = parse_note(evidence.checkpoint)
    head = read_checkpoint(note)
    holder, role, keys = bundle.log_keys(head.origin, at)
    if (holder, role) != (agency, Role.NODE):
        raise _unproven(f"the proof is not of the log of the node of {agency}")
    find_signers(note, [NoteVerifier(head.origin, key) for key in keys])
    verify_inclusion(
        leaf_hash(evidence.entry), evidence.index, head.size, tuple(evidence.path), head.root
    )
    try:
        return log_pb2.LogEntry.FromString(evidence.entry)
    except DecodeError:
        raise _unproven(f"entry {evidence.index} cannot be read") from None


def _unproven(why: str) -> LandbridgeError:
    return refuse(
        Reason.BAD_LOG_EVIDENCE,
        why,
        where="what the gateway brought back",
        next_step="nothing shows that the agency has seen it: ask again, and tell the agency by"
        " another way if this stays so",
    )
