"""Cases as they lie in the folder of a node, for the agency's own commands."""

import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.rights.case import Case
from landbridge.rights.opening import read_opening
from landbridge.rights.step_document import read_step, write_step
from landbridge.rights.steps import CaseKind, Step, steps_after
from node.case_files import CaseFiles

_PATIENCE_S: Final = 5.0
_POLL_S: Final = 0.05


def read_cases(state: Path, kind: CaseKind | None = None) -> list[Case]:
    """Read the cases of a folder, oldest first, as far as the node has taken them.

    Raises:
        LandbridgeError: LB-4107 for a file that is none of a case; LB-5001 for an unreadable one.
    """
    cases = [read_case(state, case_id) for case_id in CaseFiles(state).changed()]
    found = (case for case in cases if case is not None and kind in (None, case.kind))
    return sorted(found, key=lambda case: (case.opened_at, case.taken[0].entry))


def find_case(
    state: Path, case_id: str, kind: CaseKind | None = None, *, before: Step | None = None
) -> Case:
    """Read one case; any beginning of its id will do that only it has, and none where there is one.

    With `before` only cases count that have this step before them.

    Raises:
        LandbridgeError: LB-4110 when there is no such case, or more than one.
    """
    found = [case for case in read_cases(state, kind) if case.id.startswith(case_id)]
    if len(found) > 1 and before is not None:
        found = [case for case in found if before in steps_after(case.kind, case.steps)]
    if len(found) != 1:
        which = f"begin with {case_id[:40]!r}" if case_id else "wait for this"
        raise refuse(
            Reason.CASE_CONFLICT,
            f"{len(found) or 'no'} cases in the folder {which}",
            where=str(state),
            next_step="`landbridge dispute list` and `landbridge repair list` name the cases",
        )
    return found[0]


def read_case(state: Path, case_id: str) -> Case | None:
    """Read a case as far as the node has taken it; None where it has not."""
    case: Case | None = None
    for file in CaseFiles(state).read(case_id):
        digest, receipt = sha256(file.document).digest(), file.receipt
        if receipt is None or receipt.digest != digest.hex():
            break
        if case is None:
            opened = read_opening(file.document)
            deciding = opened.opening.agency if opened.opening.kind is CaseKind.DISPUTE else ""
            case = Case.begin(opened, file.document, deciding=deciding, at=receipt.taken_at)
        else:
            step = read_step(file.document)
            if not case.deciding:
                case = Case(case.opening, case.speaker, step.document.by, case.taken)
            case = case.follow(step, file.document, at=receipt.taken_at)
        case = case.logged(receipt.entry)
    return case


def take_step(state: Path, case: Case, step: Step, *, reason: str, at: int) -> Case | None:
    """Put the next step into the folder and wait until the node has taken it; None if it has not.

    Raises:
        LandbridgeError: LB-4111, LB-4110 when the step does not follow; LB-4112 for the reason;
            LB-4002, LB-4011 for the key.
    """
    key = SigningKey.load(state / "keys" / f"{KeyUse.MEMORANDUM}.key")
    document = write_step(
        case.id,
        step,
        previous=case.last.digest,
        agency=case.opening.agency,
        key=key,
        at=at,
        reason=reason,
    ).to_bytes()
    known = case if case.deciding else Case(case.opening, case.speaker, key.agency, case.taken)
    # What the node would refuse is refused here, before anything is written.
    known.follow(read_step(document), document, at=at)
    CaseFiles(state).put(case.id, len(case.taken) + 1, step.value, document)
    return _wait(lambda: _taken(state, case))


def _taken(state: Path, before: Case) -> Case | None:
    try:
        found = read_case(state, before.id)
    except LandbridgeError:
        return None
    return found if found is not None and len(found.taken) > len(before.taken) else None


def _wait(look: Callable[[], Case | None]) -> Case | None:
    deadline = time.monotonic() + _PATIENCE_S
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(_POLL_S)
    return found
