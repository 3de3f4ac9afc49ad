"""Who received what a case was about, and the notices to them in the node's folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.clock import system_clock
from landbridge.commands.moment import format_instant
from landbridge.errors import Reason, refuse
from landbridge.keys import write_whole
from landbridge.library.kinds import Kind, file_name
from landbridge.library.shelf import Shelf
from landbridge.library.store import read_shelf
from landbridge.log.store import LogStore
from landbridge.memorandum.condition import conditions_of
from landbridge.rights.correction import CorrectionReason, Wrong, read_correction, write_corrections
from landbridge.rights.steps import CaseState
from landbridge.subject import SubjectId
from node.correcting import Desk
from node.decided_case import DecidedCase
from node.recipients import Received, Sought, find_recipients

REASONS: Final = {
    CaseState.CORRECTED: CorrectionReason.CORRECTED,
    CaseState.UPHELD: CorrectionReason.WITHDRAWN,
    CaseState.REPAIRED: CorrectionReason.REPAIRED,
}
"""What a notice says of a case that was decided so."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A notice that lies in the folder."""

    id: str
    recipient: str
    fields: tuple[str, ...]
    answers: int
    path: Path
    told_from: int
    """From when the subject may know that the recipient looked, Unix milliseconds."""


def find_untold(  # noqa: PLR0913, PLR0917
    desk: Desk,
    decided: DecidedCase,
    subjects: frozenset[SubjectId],
    fields: frozenset[str],
    log: LogStore,
    times: tuple[int, int],
) -> dict[str, Received]:
    """Find who is yet to be told: not who was, by a run that was cut short.

    `fields` are those that were wrong, all where there is none; `times` say from when on it was
    given out, and from when on no more, in Unix milliseconds.

    Raises:
        LandbridgeError: LB-5001, LB-5002 for the log; LB-1101 for the folder.
    """
    opening = decided.opening
    dataset = next(one for one in desk.config.datasets if one.name == opening.dataset)
    published = frozenset(field.name for field in dataset.fields)
    shelf = read_shelf(desk.state, desk.bundle, at=system_clock(), agency=desk.key.agency)
    found = find_recipients(
        log, subjects, Sought(opening.dataset, fields, published, *times), _fields_of(shelf)
    )
    found.pop(desk.key.agency, None)
    told = {
        (notice.recipient, entry)
        for notice in shelf.corrections
        if notice.case == opening.id
        for entry, _ in notice.answers
    }
    for agency, received in found.items():
        received.answers = [one for one in received.answers if (agency, one[0]) not in told]
    return {agency: received for agency, received in sorted(found.items()) if received.answers}


def _fields_of(shelf: Shelf) -> Callable[[str, str, str], frozenset[str] | None]:
    """Return what says which fields a predicate of a clause compares."""
    predicates = {
        (memorandum.id, grant.clause, predicate.name): frozenset(
            condition.field for rule in predicate.when for condition in conditions_of(rule)
        )
        for memorandum in shelf.memoranda
        for grant in memorandum.grants
        for predicate in grant.predicates
    }
    return lambda memorandum, clause, name: predicates.get((memorandum, clause, name))


def write_notices(
    desk: Desk, decided: DecidedCase, found: Mapping[str, Received], origin: str, since: int
) -> list[Issued]:
    """Sign the notices and put them into the node's folder, which hands them on.

    Raises:
        LandbridgeError: LB-4107 for what has no place in a notice; LB-5001 when the disk refuses.
    """
    issued = []
    for agency, received in found.items():
        wrong = Wrong(
            case=decided.opening.id,
            log=origin,
            dataset=decided.opening.dataset,
            fields=tuple(sorted(received.fields)),
            reason=REASONS[decided.state],
            since=format_instant(since or received.since),
        )
        at = format_instant(system_clock())
        for name, signed in write_corrections(
            wrong, agency, received.answers, desk.key, issued_at=at
        ):
            document = signed.to_bytes()
            notice = read_correction(document)
            path = (
                desk.state
                / Kind.CORRECTION.folder
                / file_name(Kind.CORRECTION, name, notice.digest)
            )
            _keep(path, document)
            issued.append(
                Issued(name, agency, notice.fields, len(notice.answers), path, received.told_from)
            )
    return issued


def _keep(path: Path, document: bytes) -> None:
    try:
        write_whole(path, document, mode=0o644)
    except OSError as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE, f"the notice cannot be kept: {error.strerror}", where=str(path)
        ) from error
