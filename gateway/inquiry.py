"""One query on its way through the gateway: what was found, and what is asked next."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.planner import Plan
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError
from landbridge.links import FollowedIdentifiers, LinkingRecord
from landbridge.query import Query
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2, query_pb2, subject_pb2


@dataclass(slots=True)
class Inquiry:
    """One query on its way through the steps."""

    envelope: envelope_pb2.Envelope
    query: Query
    query_digest: bytes
    plan: Plan
    followed: FollowedIdentifiers
    resolved: list[tuple[VerifiedAnswer, tuple[LinkingRecord, ...]]] = field(default_factory=list)
    unresolved: dict[str, LandbridgeError] = field(default_factory=dict)
    """Agencies that could not be asked for the subject's other identifiers."""
    collected: list[VerifiedAnswer] = field(default_factory=list)
    not_answered: list[profile_pb2.Source] = field(default_factory=list)

    def question(
        self,
        agency: str,
        step: query_pb2.Step.ValueType,
        round_: int,
        names: list[str],
    ) -> query_pb2.Question:
        """Write what one node is asked in a step, with no alias that it cannot look by."""
        aliases: list[SubjectId] = []
        if known := self.followed.aliases:
            schemes = self.plan.schemes_of(agency)
            aliases = [alias for alias in known if alias.scheme in schemes]
        return query_pb2.Question(
            query=self.envelope,
            step=step,
            round=round_,
            aliases=[
                subject_pb2.SubjectId(scheme=alias.scheme, value=alias.value) for alias in aliases
            ],
            links=self._proofs(aliases) if aliases else (),
            datasets=names,
        )

    def _proofs(self, aliases: Iterable[SubjectId]) -> list[envelope_pb2.Envelope]:
        """Choose the resolve answers from which the aliases follow: no node is shown others."""
        needed = set(aliases)
        chosen: dict[int, envelope_pb2.Envelope] = {}
        grown = True
        while grown:
            grown = False
            for position, (answer, records) in enumerate(self.resolved):
                known = {
                    record.known for record in records if not needed.isdisjoint(record.identifiers)
                }
                if position in chosen or not known:
                    continue
                chosen[position] = answer.envelope
                needed |= known - {self.query.subject}
                grown = True
        return [chosen[position] for position in sorted(chosen)]
