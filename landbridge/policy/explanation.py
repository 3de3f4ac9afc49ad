"""Why policy allows or refuses, and what would have to change: for readers of the memoranda.

An explanation follows the decision of `authorize` field by field and never decides anything itself.
It names clauses of memoranda that the requester may be no party of, so that it is not for the wire;
`for_requester` leaves of it what a requester may know.
"""

from dataclasses import dataclass

from landbridge.errors import Reason
from landbridge.memorandum.condition import Rule
from landbridge.memorandum.grant import Predicate
from landbridge.policy.authorization import Policy, authorize
from landbridge.policy.decision import (
    WHOLE_DATASET,
    AccessRequest,
    Allowance,
    Decision,
    FieldRefusal,
    Terms,
)
from landbridge.policy.needed_changes import Change, find_changes

__all__ = ["Change", "Explanation", "Verdict", "explain", "explain_to_requester"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What policy says of one field or predicate, or of the whole dataset where that is empty."""

    field: str
    allowed: bool
    reason: Reason
    """ANSWERED where allowed."""
    memorandum: str
    clause: str
    legal_basis: str
    where: tuple[Rule, ...]
    terms: Terms
    predicate: Predicate | None
    """What is asked, where the name is a predicate's and allowed."""
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
    return _explain(policy, request, authorize(policy, request))


def explain_to_requester(policy: Policy, request: AccessRequest) -> Explanation:
    """Explain the decision as its requester may know it.

    The verdicts are those that a node sends. What would have to change is told of memoranda of
    which the requester is a party, and as if there were no others.
    """
    return _explain(policy, request, authorize(policy, request), request.requester)


def _explain(
    policy: Policy, request: AccessRequest, decision: Decision, reader: str = ""
) -> Explanation:
    verdicts = {
        name: _allowed(name, allowance)
        for allowance in decision.allowances
        for name in allowance.fields
    }
    for refusal in decision.refusals:
        wanted = (refusal.field,) if refusal.field else request.fields
        changes = find_changes(policy, request, wanted, reader=reader)
        verdicts[refusal.field] = _refused(refusal, changes)
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
        terms=allowance.terms,
        predicate=next((each for each in allowance.predicates if each.name == name), None),
        changes=(),
    )


def _refused(refusal: FieldRefusal, changes: tuple[Change, ...]) -> Verdict:
    return Verdict(
        refusal.field,
        allowed=False,
        reason=refusal.reason,
        memorandum=refusal.memorandum,
        clause=refusal.clause,
        legal_basis="",
        where=(),
        terms=Terms(),
        predicate=None,
        changes=changes,
    )
