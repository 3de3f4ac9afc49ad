"""Why policy allows or refuses, and what would have to change: for readers of the memoranda.

An explanation follows the decision of `authorize` field by field and never decides anything itself.
It names clauses of memoranda that the requester may be no party of, so that it is not for the wire.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from landbridge.clock import to_iso
from landbridge.errors import Reason
from landbridge.memorandum.condition import Rule
from landbridge.policy.authorization import (
    WHOLE_DATASET,
    AccessRequest,
    Allowance,
    Clause,
    FieldRefusal,
    Policy,
    authorize,
)

_MAX_CHANGES: Final = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What would have to change for the field to be released.

    Memorandum and clause are empty where no clause is on the dataset at all.
    """

    memorandum: str
    clause: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What policy says of one field, or of the whole dataset where the field is empty."""

    field: str
    allowed: bool
    reason: Reason
    """ANSWERED where allowed."""
    memorandum: str
    clause: str
    legal_basis: str
    where: tuple[Rule, ...]
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a request is decided as it is."""

    request: AccessRequest
    verdicts: tuple[Verdict, ...]

    @property
    def allowed(self) -> int:
        """How many fields are released."""
        return sum(verdict.allowed for verdict in self.verdicts)


def explain(policy: Policy, request: AccessRequest) -> Explanation:
    """Explain the decision on a request, in the order of its fields."""
    decision = authorize(policy, request)
    verdicts = {
        name: _allowed(name, allowance)
        for allowance in decision.allowances
        for name in allowance.fields
    }
    verdicts |= {refusal.field: _refused(policy, request, refusal) for refusal in decision.refusals}
    ordered = (WHOLE_DATASET, *dict.fromkeys(request.fields))
    return Explanation(request, tuple(verdicts[name] for name in ordered if name in verdicts))


def _allowed(name: str, allowance: Allowance) -> Verdict:
    return Verdict(
        name,
        allowed=True,
        reason=Reason.ANSWERED,
        memorandum=allowance.memorandum,
        clause=allowance.clause,
        legal_basis=allowance.legal_basis,
        where=allowance.where,
        changes=(),
    )


def _refused(policy: Policy, request: AccessRequest, refusal: FieldRefusal) -> Verdict:
    wanted = (refusal.field,) if refusal.field else request.fields
    return Verdict(
        refusal.field,
        allowed=False,
        reason=refusal.reason,
        memorandum=refusal.memorandum,
        clause=refusal.clause,
        legal_basis="",
        where=(),
        changes=_changes(policy, request, wanted),
    )


def _changes(policy: Policy, request: AccessRequest, wanted: tuple[str, ...]) -> tuple[Change, ...]:
    """Find the clauses that would have to change least."""
    changes = [
        Change(clause.memorandum.id, clause.grant.clause, tuple(_steps(clause, request, wanted)))
        for clause in policy.clauses(request.provider, request.dataset)
    ]
    if not changes:
        step = (
            f"{request.provider} and {request.requester} would have to sign a memorandum "
            f"with a clause on {request.dataset}"
        )
        return (Change("", "", (step,)),)
    least = min(len(change.steps) for change in changes)
    return tuple(change for change in changes if len(change.steps) == least)[:_MAX_CHANGES]


def _steps(clause: Clause, request: AccessRequest, wanted: tuple[str, ...]) -> Iterator[str]:
    grant = clause.grant
    if request.requester not in clause.memorandum.parties:
        yield f"{request.requester} would have to become a party of the memorandum"
    if request.requester not in grant.requesters:
        yield f"the clause would have to name the requester {request.requester}"
    if request.purpose not in grant.purposes:
        yield f"the clause would have to name the purpose {request.purpose}"
    if request.subject_kind not in grant.subject_kinds:
        yield f"the clause would have to cover the subject kind {request.subject_kind}"
    if not clause.start <= request.at < clause.end:
        yield (
            f"the clause would have to be in force at {to_iso(request.at)}: it is in force "
            f"from {to_iso(clause.start)} until {to_iso(clause.end)}"
        )
    if request.revocation_stale and not clause.serves_stale:
        yield (
            f"{request.provider} would have to hold fresh revocation data, "
            "or the memorandum to say `stale_revocation: serve`"
        )
    if not wanted:
        yield "the request would have to name at least one field"
    missing = [name for name in wanted if name not in grant.names]
    if missing:
        yield f"the clause would have to release {', '.join(missing)}"
