"""Who loses what, and when: what ends by itself as time passes."""

from dataclasses import dataclass
from enum import StrEnum

from landbridge.memorandum.life import NoticeKind
from landbridge.policy.authorization import Policy
from landbridge.policy.clause_difference import Effect
from landbridge.policy.coverage import Clause
from landbridge.policy.difference import Difference, compare_moments
from landbridge.policy.possible_record import RecordFinder


class Cause(StrEnum):
    """Why something ends."""

    LAPSED = "lapses"
    AMENDED = "gives way to its successor"
    SUSPENDED = "is suspended"
    TERMINATED = "is terminated"
    PRECEDED = "stands behind another clause"


@dataclass(frozen=True, slots=True)
class Loss:
    """A field, or records of it, that a requester can no longer see from `difference.start` on."""

    difference: Difference
    cause: Cause


def find_losses(policy: Policy, finder: RecordFinder, first: int, last: int) -> list[Loss]:
    """Return what is lost between two times in Unix milliseconds, in order of time.

    Raises:
        LandbridgeError: LB-1101 when row conditions have to be compared and no solver is installed.
    """
    losses = [
        Loss(one, _cause(policy, one.old, one))
        for one in compare_moments(policy, finder, first, last)
        if one.old is not None and (one.effect is Effect.REFUSED or one.disappears)
    ]
    return sorted(losses, key=lambda loss: (loss.difference.start, loss.difference.access))


def _cause(policy: Policy, clause: Clause, one: Difference) -> Cause:
    at = one.start
    memorandum = clause.memorandum
    settled = policy.settled
    if settled.superseded_at.get(memorandum.id) == at:
        return Cause.AMENDED
    if clause.end == at:
        return Cause.LAPSED
    stopping = {
        notice.kind
        for notice in settled.notices.get(memorandum.id, ())
        if notice.from_ms == at
        and notice.signers & {clause.grant.provider, one.access.requester}
        and (not notice.clauses or clause.grant.clause in notice.clauses)
    }
    if NoticeKind.TERMINATE in stopping:
        return Cause.TERMINATED
    return Cause.SUSPENDED if NoticeKind.SUSPEND in stopping else Cause.PRECEDED
