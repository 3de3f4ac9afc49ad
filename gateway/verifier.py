"""Verifies a node's answer before any of it is used."""

from google.protobuf.message import DecodeError

from landbridge.assembler import VerifiedAnswer
from landbridge.envelope import ANSWER_TYPE, EvidenceVerifier
from landbridge.errors import Reason, refuse
from landbridge.query import Query
from landbridge.v1 import answer_pb2, envelope_pb2, query_pb2

_MAX_ANSWER_BYTES = 8 * 1024 * 1024


class AnswerVerifier:
    """Holds answers against their proof and against the question."""

    def __init__(self, evidence: EvidenceVerifier, *, max_records: int) -> None:
        self._evidence = evidence
        self._max_records = max_records

    def verify(
        self,
        envelope: envelope_pb2.Envelope,
        *,
        agency: str,
        question: query_pb2.Question,
        query: Query,
        query_digest: bytes,
    ) -> VerifiedAnswer:
        """Verify one answer, in this order: size, evidence and signature, binding, contents.

        Raises:
            LandbridgeError: LB-4009 (too large, or holds what was not asked), LB-4008, LB-4001,
                LB-4002 (proof), LB-4007 (for another query, step or agency).
        """
        if len(envelope.payload) > _MAX_ANSWER_BYTES:
            raise refuse(Reason.OVERSIZED_ANSWER, f"{agency} sent {len(envelope.payload)} bytes")
        signer = self._evidence.verify(envelope, ANSWER_TYPE)
        try:
            answer = answer_pb2.Answer.FromString(envelope.payload)
        except DecodeError as error:
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} sent no answer") from error
        if not (
            signer.agency == answer.agency == agency
            and answer.query_digest == query_digest
            and answer.step == question.step
            and answer.round == question.round
            and [dataset.dataset for dataset in answer.datasets] == list(question.datasets)
        ):
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} answered another question")
        if answer.step == query_pb2.STEP_COLLECT and query.wanted:
            self._check_fields(answer, query)
        for dataset in answer.datasets:
            if sum(len(extract.records) for extract in dataset.extracts) > self._max_records:
                raise refuse(
                    Reason.OVERSIZED_ANSWER,
                    f"{agency} sent more than {self._max_records} records of {dataset.dataset}",
                )
            for extract in dataset.extracts:
                width = len(extract.columns)
                if any(len(record.values) != width for record in extract.records):
                    raise refuse(
                        Reason.MISMATCHED_ANSWER,
                        f"{agency} sent records of {dataset.dataset} that do not fit its columns",
                    )
        return VerifiedAnswer(envelope, answer)

    def _check_fields(self, answer: answer_pb2.Answer, query: Query) -> None:
        for dataset in answer.datasets:
            wanted = query.fields_wanted(answer.agency, dataset.dataset)
            if not wanted:
                continue
            for extract in dataset.extracts:
                extra = [c.field for c in extract.columns if c.field not in wanted]
                if extra:
                    raise refuse(
                        Reason.OVERSIZED_ANSWER,
                        f"{answer.agency} sent {extra[0]!r} of {dataset.dataset}, unasked",
                    )
