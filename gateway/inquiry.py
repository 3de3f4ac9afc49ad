"""One query on its way through the gateway: what was found, and what is asked next."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from gateway.asked import Asked
from gateway.planner import Plan
from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError
from landbridge.links import FollowedIdentifiers, LinkingRecord
from landbridge.query import Query
from landbridge.subject import SubjectId
from landbridge.v1 import profile_pb2, query_pb2, subject_pb2
from landbridge.wire import part

# Tags of the Question.
_QUERY: Final = b"\x0a"
_LINKS: Final = b"\x2a"

_REMEMBERED: Final = 1024


@dataclass(slots=True)
class Inquiry:
    """One query on its way through the steps."""

    data: bytes
    """The query's envelope as it came."""
    query: Query
    query_digest: bytes
    plan: Plan
    followed: FollowedIdentifiers
    resolved: list[tuple[VerifiedAnswer, tuple[LinkingRecord, ...]]] = field(default_factory=list)
    unresolved: dict[str, LandbridgeError] = field(default_factory=dict)
    """Agencies that could not be asked for the subject's other identifiers."""
    collected: list[VerifiedAnswer] = field(default_factory=list)
    not_answered: list[profile_pb2.Source] = field(default_factory=list)

    def questions(self, asked: Mapping[str, Asked]) -> dict[str, bytes]:
        """Write the Question to each agency's node, with no alias that it cannot look by."""
        query, aliases = part(_QUERY, self.data), self.followed.aliases
        return {agency: query + self._about(agency, one, aliases) for agency, one in asked.items()}

    def _about(self, agency: str, asked: Asked, known: Sequence[SubjectId]) -> bytes:
        """Write a Question but for its query."""
        aliases: list[SubjectId] = []
        if known:
            schemes = self.plan.schemes_of(agency)
            aliases = [alias for alias in known if alias.scheme in schemes]
        datasets = tuple(asked.datasets)
        if not aliases:
            return _write_asked(asked.step, asked.round, (), datasets)
        known_by = tuple([(alias.scheme, alias.value) for alias in aliases])
        # No two subjects share their aliases, so nothing of these is remembered.
        about = _write_asked.__wrapped__(asked.step, asked.round, known_by, datasets)
        return b"".join([about, *[part(_LINKS, link) for link in self._proofs(aliases)]])

    def _proofs(self, aliases: Iterable[SubjectId]) -> list[bytes]:
        """Choose the resolve answers from which the aliases follow: no node is shown others."""
        needed = set(aliases)
        chosen: dict[int, bytes] = {}
        grown = True
        while grown:
            grown = False
            for position, (answer, records) in enumerate(self.resolved):
                known = {
                    record.known for record in records if not needed.isdisjoint(record.identifiers)
                }
                if position in chosen or not known:
                    continue
                chosen[position] = answer.data
                needed |= known - {self.query.subject}
                grown = True
        return [chosen[position] for position in sorted(chosen)]


@lru_cache(_REMEMBERED)
def _write_asked(
    step: query_pb2.Step.ValueType,
    round_: int,
    aliases: tuple[tuple[str, str], ...],
    datasets: tuple[str, ...],
) -> bytes:
    """Write a Question but for its query and links."""
    return query_pb2.Question(
        step=step,
        round=round_,
        aliases=[subject_pb2.SubjectId(scheme=scheme, value=value) for scheme, value in aliases],
        datasets=datasets,
    ).SerializeToString()
