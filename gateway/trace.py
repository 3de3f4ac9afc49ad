"""What a gateway's log entry says of each source: names, counts and its log, never values."""

from collections.abc import Iterable, Iterator
from typing import Final

from landbridge.assembler import VerifiedAnswer
from landbridge.errors import Reason, refuse
from landbridge.log.evidence import MAX_ENTRY_BYTES
from landbridge.v1 import log_pb2, profile_pb2, query_pb2

ROOM: Final = MAX_ENTRY_BYTES - 2048
"""What an entry may take, so that the requester's, which says the same and more, fits too."""
_MOST_OF_RESOLVING: Final = 4096
"""What one answer to resolving may take: it gives identifiers, and stays in whatever comes."""


def accesses(
    answers: Iterable[VerifiedAnswer], not_answered: Iterable[profile_pb2.Source]
) -> Iterator[log_pb2.Access]:
    """List what each dataset gave, when resolving as when collecting, or why it gave nothing."""
    for source in not_answered:
        yield log_pb2.Access(
            agency=source.agency,
            dataset=source.dataset,
            outcome=source.outcome,
            memorandum=source.memorandum,
            clause=source.clause,
        )
    for verified in answers:
        agency = verified.answer.agency
        # Which of several memoranda releases which sealed dataset stands in the node's log alone.
        sealed = verified.answer.sealed.memoranda
        memorandum = sealed[0] if len(sealed) == 1 else ""
        for dataset in verified.answer.datasets:
            refused = [refusal.field for refusal in dataset.refusals if refusal.field]
            if not dataset.extracts:
                yield log_pb2.Access(
                    agency=agency,
                    dataset=dataset.dataset,
                    outcome=dataset.outcome,
                    memorandum=memorandum,
                    refused=refused,
                )
            for position, extract in enumerate(dataset.extracts):
                yield log_pb2.Access(
                    agency=agency,
                    dataset=dataset.dataset,
                    outcome=dataset.outcome,
                    memorandum=extract.memorandum,
                    clause=extract.clause,
                    released=[column.field for column in extract.columns],
                    refused=refused if position == 0 else (),
                    records=len(extract.records),
                )


def heard(answers: Iterable[VerifiedAnswer]) -> Iterator[log_pb2.Heard]:
    """List what each node's log showed with its answer, in the order in which they came."""
    for verified in answers:
        if verified.holder is not None:
            yield verified.holder.heard()


def bytes_of(answer: VerifiedAnswer) -> int:
    """Return what an answer takes of an entry."""
    entry = log_pb2.LogEntry(accesses=list(accesses((answer,), ())), heard=list(heard((answer,))))
    return entry.ByteSize()


def check_room(answer: VerifiedAnswer) -> VerifiedAnswer:
    """Check that an answer to resolving does not take the room of the others in the entry.

    Raises:
        LandbridgeError: LB-4009 when it does.
    """
    if answer.answer.step == query_pb2.STEP_RESOLVE and bytes_of(answer) > _MOST_OF_RESOLVING:
        raise refuse(Reason.OVERSIZED_ANSWER, f"{answer.answer.agency} names too much")
    return answer


def too_large(answer: VerifiedAnswer) -> Iterator[profile_pb2.Source]:
    """Tell that an answer was left out, as the entry has no room for it."""
    for dataset in answer.answer.datasets:
        yield profile_pb2.Source(
            agency=answer.answer.agency,
            dataset=dataset.dataset,
            outcome=Reason.OVERSIZED_ANSWER.value,  # type: ignore[arg-type]
            detail="the answer names more than one entry of the gateway's log holds",
        )
