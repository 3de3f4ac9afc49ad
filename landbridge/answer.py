"""Whether an answer is one that the rest may rely on: the check that all who read answers share.

A proof says who signed an answer, not that it makes sense. What passes here is bound to its query
and its log entry, is of bounded size, and names nothing that later steps would stumble over. Sealed
answers are checked by their cover here, and by their contents where these are opened.
"""

from collections.abc import Iterable
from typing import Final

from landbridge.agency import Role
from landbridge.answer_contents import MAX_NAME, MAX_TEXT, check_contents, check_fields
from landbridge.envelope import VerifiedEntry
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.query import Query
from landbridge.read_answer import ReadDataset, read_datasets
from landbridge.sealing import OVERHEAD_BYTES
from landbridge.v1 import answer_pb2, log_pb2, query_pb2

_SEALED: Final = Reason.SEALED.value
_RESOLVE: Final = query_pb2.STEP_RESOLVE
_COLLECT: Final = query_pb2.STEP_COLLECT
_MAX_MEMORANDA: Final = 200
_DIGEST_BYTES: Final = 32


def check_answer(
    answer: answer_pb2.Answer,
    entry: VerifiedEntry,
    *,
    query_digest: bytes,
    federation: Federation,
) -> list[ReadDataset]:
    """Check an answer whose proof held: its binding first, then its contents.

    Returns its datasets, taken apart.

    Raises:
        LandbridgeError: LB-4007 when it is bound to something else or its parts do not fit each
            other or the federation; LB-4009 when it holds more than an answer may.
    """
    check_binding(answer, entry, query_digest=query_digest, federation=federation.name)
    if answer.round > federation.limits.max_rounds:
        raise _mismatched(f"{answer.agency} answered in a round that the federation does not have")
    if answer.HasField("sealed"):
        _check_cover(answer)
        return read_datasets(answer)
    return check_contents(answer, federation)


def check_wanted(answer: answer_pb2.Answer, datasets: Iterable[ReadDataset], query: Query) -> None:
    """Check that an answer with records holds what its query wants, and as it wants it.

    Raises:
        LandbridgeError: LB-4007 when it came in the clear though the query names a key to seal to,
            or sealed though it names none; LB-4009 when it holds a field that is not wanted.
    """
    if answer.step != _COLLECT:
        return
    if answer.HasField("sealed") is not bool(query.seal_to):
        came = "in the clear what the query wants sealed" if query.seal_to else "sealed, unasked"
        raise _mismatched(f"{answer.agency} sent its answer {came}")
    check_fields(answer.agency, datasets, query)


def check_binding(
    answer: answer_pb2.Answer, entry: VerifiedEntry, *, query_digest: bytes, federation: str
) -> None:
    """Check that a node's own log entry and the answer speak of one step of this query.

    Raises:
        LandbridgeError: LB-4007 when they do not.
    """
    step, round_, logged = answer.step, answer.round, entry.entry
    if entry.role is not Role.NODE or entry.agency != answer.agency:
        raise _mismatched(f"an answer of {answer.agency[:MAX_NAME]!r} is from {entry.origin}")
    if not (
        answer.query_digest == query_digest == logged.query_digest
        and answer.federation == federation
        and logged.kind == log_pb2.ENTRY_KIND_ANSWER
        and logged.step == step
        and logged.round == round_
    ):
        raise _mismatched(f"{entry.agency} gave this answer to another question")
    # The records are given once: only resolving has further rounds.
    if not (round_ == 1 if step == _COLLECT else step == _RESOLVE and round_ >= 1):
        raise _mismatched(f"{entry.agency} answered a step or round that no query has")


def _check_cover(answer: answer_pb2.Answer) -> None:
    """Check what stands around sealed contents: names, and nothing that says more."""
    sealed, agency = answer.sealed, answer.agency
    if answer.step != _COLLECT:
        raise _mismatched(f"{agency} sealed an answer that is not about records")
    memoranda = list(sealed.memoranda)
    if (
        len(sealed.contents_digest) != _DIGEST_BYTES
        or len(sealed.ciphertext) <= OVERHEAD_BYTES
        or memoranda != sorted(set(memoranda))
    ):
        raise _mismatched(f"{agency} sent a sealed answer that has not the form of one")
    if len(memoranda) > _MAX_MEMORANDA or max(map(len, memoranda), default=0) > MAX_TEXT:
        raise refuse(
            Reason.OVERSIZED_ANSWER, f"{agency} sealed to more memoranda than an answer may name"
        )
    names = [dataset.dataset for dataset in answer.datasets]
    if len(names) != len(set(names)) or max(map(len, names), default=0) > MAX_NAME:
        raise _mismatched(f"{agency} names a dataset twice, or at length")
    if any(
        dataset != answer_pb2.DatasetAnswer(dataset=dataset.dataset, outcome=dataset.outcome)
        or dataset.outcome != _SEALED
        for dataset in answer.datasets
    ):
        raise _mismatched(f"{agency} says of a sealed dataset more than that it is sealed")


def _mismatched(message: str) -> LandbridgeError:
    return refuse(Reason.MISMATCHED_ANSWER, message)
