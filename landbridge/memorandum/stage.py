"""Where a memorandum stands in its life at a time."""

from enum import StrEnum

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import NoticeKind, Settled


class Stage(StrEnum):
    """A stage of a memorandum's life."""

    DRAFT = "draft"
    """Written, and signed by nobody."""
    OFFERED = "offered"
    """Signed by some of its parties."""
    AGREED = "agreed"
    """Signed by all; it has not begun."""
    IN_FORCE = "in force"
    SUSPENDED = "suspended"
    """In its time, and all of its clauses are stopped by notices, which may be resumed."""
    AMENDED = "amended"
    """A successor has stepped into its place."""
    TERMINATED = "terminated"
    """Ended by notices, before its time was over."""
    LAPSED = "lapsed"
    """Its time is over."""
    REFUSED = "refused"
    """Signed by all, and not to be counted: it does not follow what it amends, or the party cannot
    do what it says."""


def stage_of(memorandum: Memorandum, settled: Settled, at: int) -> Stage:
    """Return where a memorandum that all have signed stands at a time, in Unix milliseconds."""
    notices = settled.notices.get(memorandum.id, ())
    if memorandum.id in settled.refused or any(notice.barred for notice in notices):
        return Stage.REFUSED
    if at >= settled.superseded_at.get(memorandum.id, at + 1):
        return Stage.AMENDED
    if at < memorandum.valid.start:
        return Stage.AGREED
    if at >= memorandum.valid.end:
        return Stage.LAPSED
    if not stopped_clauses(memorandum, settled, at) or _stands(memorandum, settled, at):
        return Stage.IN_FORCE
    ended = any(notice.kind is NoticeKind.TERMINATE and notice.from_ms <= at for notice in notices)
    return Stage.TERMINATED if ended else Stage.SUSPENDED


def stopped_clauses(memorandum: Memorandum, settled: Settled, at: int) -> tuple[str, ...]:
    """Name the clauses that notices stop at a time, for one of their requesters or for all."""
    found = (
        grant.clause
        for grant in memorandum.grants
        if memorandum.validity_of(grant).start <= at < memorandum.validity_of(grant).end
        and not all(
            any(start <= at < end for start, end in settled.spans(memorandum, grant, requester))
            for requester in grant.requesters
        )
    )
    return tuple(dict.fromkeys(found))


def _stands(memorandum: Memorandum, settled: Settled, at: int) -> bool:
    """Whether any clause stands for any of its requesters."""
    return any(
        start <= at < end
        for grant in memorandum.grants
        for requester in grant.requesters
        for start, end in settled.spans(memorandum, grant, requester)
    )
