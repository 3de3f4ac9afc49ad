"""What a gateway's log entry says of each source: names, counts and its log, never values."""

from collections.abc import Iterable, Iterator

from landbridge.assembler import VerifiedAnswer
from landbridge.v1 import log_pb2, profile_pb2


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
