"""Verifies a node's answer before any of it is used."""

from google.protobuf.message import DecodeError

from landbridge.answer import check_answer, check_wanted
from landbridge.assembler import VerifiedAnswer
from landbridge.envelope import ANSWER_TYPE, EvidenceVerifier
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.query import Query
from landbridge.sealed_answer import LARGEST_STEP_BYTES
from landbridge.v1 import answer_pb2, envelope_pb2, query_pb2

# Sealing pads what is large to a full mebibyte.
_MAX_ANSWER_BYTES = 8 * 1024 * 1024 + 2 * LARGEST_STEP_BYTES


class AnswerVerifier:
    """Holds answers against their proof and against the question."""

    def __init__(self, evidence: EvidenceVerifier, federation: Federation) -> None:
        self._evidence = evidence
        self._federation = federation

    def verify(
        self,
        envelope: envelope_pb2.Envelope,
        *,
        agency: str,
        question: query_pb2.Question,
        query: Query,
        query_digest: bytes,
    ) -> VerifiedAnswer:
        """Verify one answer: size, evidence and signature, binding and contents, question.

        Raises:
            LandbridgeError: LB-4009 (too large, or holds what was not asked), LB-4008, LB-4001,
                LB-4002 (proof), LB-4007 (for another query, step or agency, or unfit).
        """
        if len(envelope.payload) > _MAX_ANSWER_BYTES:
            raise refuse(Reason.OVERSIZED_ANSWER, f"{agency} sent {len(envelope.payload)} bytes")
        signer = self._evidence.verify(envelope, ANSWER_TYPE)
        try:
            answer = answer_pb2.Answer.FromString(envelope.payload)
        except DecodeError as error:
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} sent no answer") from error
        if answer.agency != agency:
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} answered as another agency")
        check_answer(answer, signer, query_digest=query_digest, federation=self._federation)
        if not (
            answer.step == question.step
            and answer.round == question.round
            and [dataset.dataset for dataset in answer.datasets] == list(question.datasets)
        ):
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} answered another question")
        check_wanted(answer, query)
        return VerifiedAnswer(envelope, answer, signer)
