"""Whether an answer is one that the rest may rely on: the check that all who read answers share.

A proof says who signed an answer, not that it makes sense. What passes here is bound to its query
and its log entry, is of bounded size, and names nothing that later steps would stumble over. Sealed
answers are checked by their cover here, and by their contents where these are opened.
"""

from typing import Final

from landbridge.agency import Role
from landbridge.answer_contents import check_contents, check_fields
from landbridge.clock import to_iso
from landbridge.envelope import VerifiedEntry
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.outline_fault import MAX_NAME
from landbridge.query import Query
from landbridge.read_answer import ReadAnswer
from landbridge.v1 import log_pb2, query_pb2

_RESOLVE: Final = query_pb2.STEP_RESOLVE
_COLLECT: Final = query_pb2.STEP_COLLECT
_ANSWER: Final = log_pb2.ENTRY_KIND_ANSWER
_SLACK_MS: Final = 15 * 60_000
"""How far the times in one profile may stand off: clocks differ, and answering takes its time."""


def check_answer(
    read: ReadAnswer, entry: VerifiedEntry, *, query_digest: bytes, federation: Federation
) -> None:
    """Check an answer whose proof held: its binding first, then its contents.

    Raises:
        LandbridgeError: LB-4007 when it is bound to something else or its parts do not fit each
            other or the federation; LB-4009 when it holds more than an answer may.
    """
    check_binding(read, entry, query_digest=query_digest, federation=federation.name)
    outline = read.outline
    if outline.round > federation.limits.max_rounds:
        raise _mismatched(f"{outline.agency} answered in a round that the federation does not have")
    check_contents(read, federation)


def check_wanted(read: ReadAnswer, query: Query) -> None:
    """Check that an answer with records holds what its query wants, and as it wants it.

    Raises:
        LandbridgeError: LB-4007 when it came in the clear though the query names a key to seal to,
            or sealed though it names none; LB-4009 when it holds a field that is not wanted.
    """
    outline = read.outline
    if outline.step != _COLLECT:
        return
    if outline.sealed is not bool(query.seal_to):
        came = "in the clear what the query wants sealed" if query.seal_to else "sealed, unasked"
        raise _mismatched(f"{outline.agency} sent its answer {came}")
    if query.wanted:
        check_fields(outline, query)


def check_binding(
    read: ReadAnswer, entry: VerifiedEntry, *, query_digest: bytes, federation: str
) -> None:
    """Check that a node's own log entry and the answer speak of one step of this query.

    Raises:
        LandbridgeError: LB-4007 when they do not.
    """
    outline, logged = read.outline, entry.entry
    step, round_ = outline.step, outline.round
    if entry.role is not Role.NODE or entry.agency != outline.agency:
        raise _mismatched(f"an answer of {outline.agency[:MAX_NAME]!r} is from {entry.origin}")
    if not (
        read.query_digest == query_digest == logged.query_digest
        and outline.federation == federation
        and logged.kind == _ANSWER
        and logged.step == step
        and logged.round == round_
    ):
        raise _mismatched(f"{entry.agency} gave this answer to another question")
    # The records are given once: only resolving has further rounds.
    if not (round_ == 1 if step == _COLLECT else step == _RESOLVE and round_ >= 1):
        raise _mismatched(f"{entry.agency} answered a step or round that no query has")


def check_logged_at(entry: log_pb2.LogEntry, first: int, last: int) -> None:
    """Check that an entry was made when it can have been: a stolen key may not choose its time.

    Times are Unix milliseconds.

    Raises:
        LandbridgeError: LB-4008.
    """
    at = entry.logged_at_unix_ms
    if not first - _SLACK_MS <= at <= last + _SLACK_MS:
        raise refuse(
            Reason.BAD_LOG_EVIDENCE,
            f"it was logged at {to_iso(at)}, which does not fit its query and its profile",
        )


def _mismatched(message: str) -> LandbridgeError:
    return refuse(Reason.MISMATCHED_ANSWER, message)
