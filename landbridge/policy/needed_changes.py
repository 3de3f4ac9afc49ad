"""What would have to change for a clause to release what a request wants."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from landbridge.clock import to_iso
from landbridge.errors import Reason
from landbridge.memorandum.life import Notice, NoticeKind
from landbridge.policy.authorization import Policy
from landbridge.policy.coverage import Clause, Standing
from landbridge.policy.decision import AccessRequest

_MAX_CHANGES: Final = 3


@dataclass(frozen=True, slots=True)
class Change:
    """What would have to change for the field to be released.

    Memorandum and clause are empty where no clause is on the dataset at all.
    """

    memorandum: str
    clause: str
    steps: tuple[str, ...]


def find_changes(
    policy: Policy, request: AccessRequest, wanted: tuple[str, ...], *, reader: str = ""
) -> tuple[Change, ...]:
    """Find the clauses that would have to change least; at most three of them.

    With a reader, only clauses of memoranda of which that agency is a party.
    """
    changes = [
        Change(
            clause.memorandum.id,
            clause.grant.clause,
            tuple(_steps(policy, clause, request, wanted)),
        )
        for clause in policy.clauses(request.provider, request.dataset)
        if not reader or reader in clause.memorandum.parties
    ]
    if not changes:
        step = (
            f"{request.provider} and {request.requester} would have to sign a memorandum "
            f"with a clause on {request.dataset}"
        )
        return (Change("", "", (step,)),)
    least = min(len(change.steps) for change in changes)
    return tuple(change for change in changes if len(change.steps) == least)[:_MAX_CHANGES]


def _steps(
    policy: Policy, clause: Clause, request: AccessRequest, wanted: tuple[str, ...]
) -> Iterator[str]:
    grant = clause.grant
    if request.requester not in clause.memorandum.parties:
        yield f"{request.requester} would have to become a party of the memorandum"
    if request.requester not in grant.requesters:
        yield f"the clause would have to name the requester {request.requester}"
    if request.purpose not in grant.purposes:
        yield f"the clause would have to name the purpose {request.purpose}"
    if request.subject_kind not in grant.subject_kinds:
        yield f"the clause would have to cover the subject kind {request.subject_kind}"
    yield from _steps_in_time(policy, clause, request)
    yield from _steps_of_release(clause, request)
    if not wanted:
        yield "the request would have to name at least one field"
    missing = [name for name in wanted if name not in grant.names]
    if missing:
        yield f"the clause would have to release {', '.join(missing)}"


def _steps_in_time(policy: Policy, clause: Clause, request: AccessRequest) -> Iterator[str]:
    """Say what would have to be otherwise for the clause to stand at that time."""
    if not clause.start <= request.at < clause.end:
        yield (
            f"the clause would have to be in force at {to_iso(request.at)}: it is in force "
            f"from {to_iso(clause.start)} until {to_iso(clause.end)}"
        )
    replaced = policy.settled.superseded_at.get(clause.memorandum.id)
    if replaced is not None and replaced <= request.at:
        yield (
            "another memorandum has taken the place of this one, "
            f"from {to_iso(replaced)} on, and would have to hold such a clause"
        )
    for notice in _stopping(policy, clause, request):
        signers = ", ".join(sorted(notice.signers))
        if notice.barred:
            yield (
                f"{notice.reason}: the memorandum would have to be amended, or the node be able"
                " to do what it says"
            )
        elif notice.kind is NoticeKind.TERMINATE:
            yield (
                f"{signers} terminated it from {to_iso(notice.from_ms)} on: the parties would "
                "have to sign a new memorandum"
            )
        else:
            yield f"{signers} suspended it from {to_iso(notice.from_ms)} on, and would resume it"


def _steps_of_release(clause: Clause, request: AccessRequest) -> Iterator[str]:
    """Say what holds the clause back though it may be in force."""
    if request.revocation_stale and not clause.serves_stale:
        yield (
            f"{request.provider} would have to hold fresh revocation data, "
            "or the memorandum to say `stale_revocation: serve`"
        )
    given = Standing(consented=request.consented, sealed=True, vouched_by=request.vouched_by)
    if clause.held_back(given) is Reason.CONSENT_MISSING:
        desks = ", ".join(clause.memorandum.consent_desks)
        yield (
            "the person asked about would have to consent, and the query to carry the consent "
            + (f"that {desks} vouches for" if desks else "record")
            + ", or the clause to name its statute"
        )
    if clause.grant.sealed and not request.sealed:
        yield "the query would have to ask for a sealed answer, and give the key for it"


def _stopping(policy: Policy, clause: Clause, request: AccessRequest) -> list[Notice]:
    """Return the notice by which each of the two agencies stops the clause at that time."""
    found: dict[str, Notice] = {}
    notices = policy.settled.notices.get(clause.memorandum.id, ())
    for agency in dict.fromkeys((request.provider, request.requester)):
        mine = sorted(
            (
                notice
                for notice in notices
                if agency in notice.signers
                and notice.from_ms <= request.at
                and (not notice.clauses or clause.grant.clause in notice.clauses)
            ),
            # Of two notices of one instant, what stops counts.
            key=lambda notice: (notice.from_ms, notice.kind is not NoticeKind.RESUME),
        )
        ending = [notice for notice in mine if notice.kind is NoticeKind.TERMINATE]
        last = (ending or mine[-1:])[:1]
        found |= {notice.id: notice for notice in last if notice.kind is not NoticeKind.RESUME}
    return list(found.values())
