"""Which other identifiers of a query's subject are proven, so that a gateway cannot slip one in."""

from collections.abc import Collection

from google.protobuf.message import DecodeError

from landbridge.answer import check_answer
from landbridge.envelope import ANSWER_TYPE, EvidenceVerifier
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.links import FollowedIdentifiers, LinkingRecord, linking_records
from landbridge.read_answer import read_answer
from landbridge.subject import SubjectId
from landbridge.v1 import query_pb2


class AliasProver:
    """Follows the signed answers that a gateway brings, by the rule that all nodes share."""

    def __init__(self, evidence: EvidenceVerifier, federation: Federation) -> None:
        self._evidence = evidence
        self._federation = federation

    def prove(
        self,
        question: query_pb2.Question,
        *,
        asked: SubjectId,
        query_digest: bytes,
        accepted: Collection[str],
    ) -> tuple[SubjectId, ...]:
        """Return those of the question's aliases that follow from links of accepted datasets.

        `accepted` names datasets as `agency/dataset`.

        Raises:
            LandbridgeError: LB-4001, LB-4002, LB-4008 for an answer whose proof does not hold;
                LB-4007 for one to another query or with contents that no node may give, LB-4009
                for one with too many of them; LB-1001 for what is no answer.
        """
        rounds: dict[int, list[LinkingRecord]] = {}
        for envelope in question.links:
            signer = self._evidence.verify(envelope, ANSWER_TYPE)
            try:
                answer = read_answer(envelope.payload)
            except DecodeError as error:
                raise refuse(Reason.MALFORMED_REQUEST, "a link is not an answer") from error
            check_answer(answer, signer, query_digest=query_digest, federation=self._federation)
            if answer.outline.step != query_pb2.STEP_RESOLVE:
                raise refuse(Reason.MISMATCHED_ANSWER, "a link answers another step")
            rounds.setdefault(answer.outline.round, []).extend(
                record
                for record in linking_records(answer)
                if f"{record.agency}/{record.dataset}" in accepted
            )
        followed = FollowedIdentifiers(
            asked, self._federation.schemes, self._federation.limits.max_links
        )
        for number in sorted(rounds):
            followed.add_round(rounds[number])
        proven = frozenset(followed.aliases)
        brought = (SubjectId(alias.scheme, alias.value) for alias in question.aliases)
        return tuple(alias for alias in brought if alias in proven and self._is_normal(alias))

    def _is_normal(self, alias: SubjectId) -> bool:
        """Whether the alias is written as its scheme writes it: a node may sign any text."""
        scheme = self._federation.schemes.get(alias.scheme)
        try:
            return scheme is not None and scheme.normalise(alias.value) == alias.value
        except LandbridgeError:
            return False
