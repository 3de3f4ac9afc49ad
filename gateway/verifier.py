"""Verifies a node's answer before any of it is used."""

from collections.abc import Iterable, Mapping

from google.protobuf.message import DecodeError

from gateway.asked import Asked
from gateway.forked_logs import ForkedLogs
from landbridge.answer import check_answer, check_logged_at, check_wanted
from landbridge.assembler import VerifiedAnswer
from landbridge.envelope import ANSWER_TYPE, EvidenceVerifier, check_bare
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.log.seen_sizes import SeenSizes
from landbridge.query import Query
from landbridge.read_answer import read_answer
from landbridge.sealed_answer import LARGEST_STEP_BYTES
from landbridge.v1 import envelope_pb2

# Sealing pads what is large to a full mebibyte.
_MAX_ANSWER_BYTES = 8 * 1024 * 1024 + 2 * LARGEST_STEP_BYTES


class AnswerVerifier:
    """Holds answers against their proof and against the question.

    `seen` are the nodes' logs, `forked` those of them that have signed two histories.
    """

    def __init__(
        self,
        evidence: EvidenceVerifier,
        federation: Federation,
        seen: SeenSizes,
        forked: ForkedLogs,
    ) -> None:
        self._evidence = evidence
        self._federation = federation
        self._seen = seen
        self._forked = forked

    def sizes_seen(self) -> Mapping[str, int]:
        """Return how large each log was seen to be; take it before asking."""
        return self._seen.sizes

    def not_to_be_asked(self, agencies: Iterable[str]) -> dict[str, LandbridgeError]:
        """Return why some agencies' nodes are asked nothing: their logs show two histories."""
        if not self._forked:
            return {}
        found = {agency: self._forked.of_node(agency) for agency in agencies}
        return {agency: error for agency, error in found.items() if error is not None}

    def verify(  # noqa: PLR0913  by name
        self,
        data: bytes,
        *,
        agency: str,
        asked: Asked,
        query: Query,
        query_digest: bytes,
        sizes_before: Mapping[str, int],
        asked_at: int,
    ) -> VerifiedAnswer:
        """Verify one answer, an Envelope as it came: size, proof, binding, contents, question.

        `sizes_before` are the sizes that were seen before it was asked for, `asked_at` is when that
        was, in Unix milliseconds.

        Raises:
            LandbridgeError: LB-4009 (too large, or holds what was not asked), LB-4008, LB-4001,
                LB-4002 (proof, or the time that its log states), LB-4007 (for another query, step
                or agency, or unfit), LB-5003 (logged at a place that its log had filled before),
                LB-4302 (in a log that has signed two histories).
        """
        if len(data) > _MAX_ANSWER_BYTES:
            raise refuse(Reason.OVERSIZED_ANSWER, f"{agency} sent {len(data)} bytes")
        try:
            envelope = envelope_pb2.Envelope.FromString(data)
        except DecodeError as error:
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} sent no envelope") from error
        signer = self._evidence.verify(envelope, ANSWER_TYPE)
        check_bare(envelope)
        if forked := self._forked.of_log(signer.origin):
            raise forked
        self._seen.saw(signer.origin, signer.head.size, signer.checkpoint)
        try:
            read = read_answer(envelope.payload)
        except DecodeError as error:
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} sent no answer") from error
        outline = read.outline
        if outline.agency != agency:
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} answered as another agency")
        check_answer(read, signer, query_digest=query_digest, federation=self._federation)
        check_logged_at(signer.entry, query.issued_at, asked_at)
        self._seen.check(sizes_before, signer.origin, signer.index)
        if not (
            outline.step == asked.step
            and outline.round == asked.round
            and outline.names == asked.datasets
        ):
            raise refuse(Reason.MISMATCHED_ANSWER, f"{agency} answered another question")
        check_wanted(read, query)
        return VerifiedAnswer(envelope, read, signer, data)
