"""When memoranda stand: how they follow one another, and what notices stop.

A successor (`amends`) steps into the place of the one before at its first instant. A notice stops,
for its time, the clauses in which one of its signers is the provider or the requester; one that all
parties sign stops all of them. Nothing here reads a clock or a file.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant

Span = tuple[int, int]
"""First Unix millisecond of a time, and the first after it."""


class NoticeKind(StrEnum):
    """What a notice does."""

    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class Notice:
    """What one or several parties of a memorandum say of it, verified."""

    id: str
    """SHA-256 of what was signed, in hex."""
    memorandum: str
    digest: str
    """SHA-256 of the memorandum's signed writing, in hex: a notice is on one text alone."""
    kind: NoticeKind
    signers: frozenset[str]
    from_ms: int
    """From when it holds, Unix milliseconds."""
    reason: str
    clauses: frozenset[str] = frozenset()
    """The clauses that it is on; none named: all."""
    barred: bool = False
    """Whether nobody gave it: it stands for why a party cannot keep the memorandum."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Memoranda that count, and from when others have taken their place."""

    memoranda: tuple[Memorandum, ...]
    superseded_at: Mapping[str, int]
    """From when another has taken its place, Unix milliseconds, by the memorandum's id."""
    refused: Mapping[str, str]
    """Why a memorandum does not count, by its id."""
    notices: Mapping[str, tuple[Notice, ...]]

    def spans(self, memorandum: Memorandum, grant: Grant, requester: str) -> tuple[Span, ...]:
        """Return when a clause stands for one of its requesters, in order."""
        written = memorandum.validity_of(grant)
        end = min(written.end, self.superseded_at.get(memorandum.id, written.end))
        stopped = [
            span
            for agency in (grant.provider, requester)
            for span in _stopped(self.notices.get(memorandum.id, ()), agency, grant.clause)
        ]
        return _without((written.start, end), stopped)


def settle(memoranda: Iterable[Memorandum], notices: Iterable[Notice] = ()) -> Settled:
    """Find which memoranda count beside one another.

    Refused, and so granting nothing, are memoranda that amend one another in a circle, each of two
    that amend the same one, and one that does not begin within the time of the one it amends. What
    they amend ends all the same, so that nobody gains by a muddle. Refused and of no effect at all
    is one that leaves out a party of what it amends: nobody ends the agreement of others.
    """
    known = {memorandum.id: memorandum for memorandum in memoranda}
    successors: dict[str, list[Memorandum]] = {}
    for memorandum in known.values():
        amended = known.get(memorandum.amends or "")
        if amended is not None and not _left_out(memorandum, amended):
            successors.setdefault(amended.id, []).append(memorandum)
    refused = {id_: why for id_ in known if (why := _refusal(id_, known, successors))}
    superseded = {
        id_: min(successor.valid.start for successor in found) for id_, found in successors.items()
    }
    by_memorandum: dict[str, tuple[Notice, ...]] = {}
    for notice in notices:
        if notice.memorandum in known and notice.digest == known[notice.memorandum].digest:
            by_memorandum[notice.memorandum] = (
                *by_memorandum.get(notice.memorandum, ()),
                notice,
            )
    return Settled(
        tuple(memorandum for id_, memorandum in known.items() if id_ not in refused),
        superseded,
        refused,
        by_memorandum,
    )


def barred(memorandum: Memorandum, why: str) -> Notice:
    """Return what ends a memorandum that a party cannot keep; what it amends ends all the same."""
    return Notice(
        id=f"barred {memorandum.digest}",
        memorandum=memorandum.id,
        digest=memorandum.digest,
        kind=NoticeKind.TERMINATE,
        signers=frozenset(memorandum.parties),
        from_ms=0,
        reason=why,
        barred=True,
    )


def _refusal(
    id_: str, known: Mapping[str, Memorandum], successors: Mapping[str, Sequence[Memorandum]]
) -> str:
    memorandum = known[id_]
    amended = known.get(memorandum.amends or "")
    if amended is not None and (left_out := _left_out(memorandum, amended)):
        return f"{', '.join(left_out)}, of {amended.id}, is no party of what amends it"
    seen = {id_}
    earlier = memorandum.amends
    while earlier is not None and earlier in known:
        if earlier in seen:
            return "memoranda that amend one another in a circle"
        seen.add(earlier)
        earlier = known[earlier].amends
    return _find_break(memorandum, amended, successors[amended.id]) if amended else ""


def _left_out(memorandum: Memorandum, amended: Memorandum) -> list[str]:
    return [party for party in amended.parties if party not in memorandum.parties]


def _find_break(
    memorandum: Memorandum, amended: Memorandum, successors: Sequence[Memorandum]
) -> str:
    """Say what keeps a memorandum from taking the place of another; empty where nothing does."""
    twins = sorted(other.id for other in successors if other.id != memorandum.id)
    if twins:
        return f"{amended.id} is amended by {', '.join(twins)}, too"
    if memorandum.valid.start < amended.valid.start:
        return f"it begins before {amended.id}, which it amends"
    if memorandum.valid.start > amended.valid.end:
        return f"it leaves a gap after {amended.id}, which it amends and which ends before"
    return ""


def _stopped(notices: Sequence[Notice], agency: str, clause: str) -> list[Span]:
    """Return when an agency's notices stop a clause."""
    forever = 1 << 62
    mine = sorted(
        (
            notice
            for notice in notices
            if agency in notice.signers and (not notice.clauses or clause in notice.clauses)
        ),
        # Of two notices of one instant, what stops counts.
        key=lambda notice: (notice.from_ms, notice.kind is not NoticeKind.RESUME),
    )
    spans: list[Span] = []
    since: int | None = None
    for notice in mine:
        if notice.kind is NoticeKind.TERMINATE:
            start = notice.from_ms if since is None else since
            return [*spans, (start, forever)]
        if notice.kind is NoticeKind.SUSPEND and since is None:
            since = notice.from_ms
        elif notice.kind is NoticeKind.RESUME and since is not None:
            spans.append((since, notice.from_ms))
            since = None
    return spans if since is None else [*spans, (since, forever)]


def _without(whole: Span, stopped: Sequence[Span]) -> tuple[Span, ...]:
    """Return what is left of a time."""
    left: list[Span] = []
    start, end = whole
    for begin, until in sorted(stopped):
        if begin > start:
            left.append((start, min(begin, end)))
        start = max(start, until)
        if start >= end:
            break
    left.append((start, end))
    return tuple((first, last) for first, last in left if first < last)
