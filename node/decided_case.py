"""A case of the node's folder, as far as it counts: read by the agency that follows it up."""

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rights.opening import Opening, read_opening
from landbridge.rights.steps import CaseState, Step, state_after
from node.case_files import CaseFiles, StepFile

_FOLLOWED_UP: Final = (CaseState.UPHELD, CaseState.CORRECTED, CaseState.REPAIRED)


@dataclass(frozen=True, slots=True)
class DecidedCase:
    """A case of which those who had the record are yet to be told."""

    opening: Opening
    state: CaseState
    decided_at: int
    """When the node took the decision, Unix milliseconds."""
    last: bytes
    """SHA-256 of the document of the last step."""
    number: int
    """The number of the step that is next."""


def find_decided(state: Path) -> DecidedCase:
    """Find the one case whose record is to be corrected, withdrawn or forgotten.

    Raises:
        LandbridgeError: LB-4110 when there is none, or more than one.
    """
    found = []
    for case_id in CaseFiles(state).changed():
        with suppress(LandbridgeError):
            found.append(read_decided(state, case_id))
    if len(found) != 1:
        ids = ", ".join(one.opening.id for one in found)
        raise refuse(
            Reason.CASE_CONFLICT,
            f"{len(found) or 'no'} cases wait until those who had the record are told",
            where=str(state),
            next_step=f"name one with --case: {ids}" if found else "decide a case first",
        )
    return found[0]


def read_decided(state: Path, case_id: str) -> DecidedCase:
    """Read a case whose record is to be corrected, withdrawn or forgotten.

    Raises:
        LandbridgeError: LB-4110 when there is no such case, or its recipients were told already;
            LB-4111 when it is not decided so; LB-4107 for files that are none of a case.
    """
    found = CaseFiles(state).read(case_id)
    files = [
        file
        for file in found
        if file.receipt and file.receipt.digest == sha256(file.document).hexdigest()
    ]
    if not files:
        raise refuse(
            Reason.CASE_CONFLICT,
            f"there is no case {case_id[:40]} that the node has taken",
            where=str(CaseFiles(state).folder_of(case_id)),
            next_step="`landbridge dispute list` and `landbridge repair list` name the cases",
        )
    reached = state_after([_step(file) for file in files])
    for file in found:
        if file.step == Step.ISSUED:
            raise _followed_up(file, case_id, taken=file in files)
    if reached not in _FOLLOWED_UP:
        raise refuse(
            Reason.STEP_REFUSED,
            f"the case is {reached}: nothing is corrected by it",
            where=f"case {case_id}",
            next_step="decide it first: upheld or corrected; a repair: repaired",
        )
    last = files[-1]
    decided_at = last.receipt.taken_at if last.receipt else 0
    return DecidedCase(
        read_opening(files[0].document).opening,
        reached,
        decided_at,
        sha256(last.document).digest(),
        last.number + 1,
    )


def _followed_up(file: StepFile, case_id: str, *, taken: bool) -> LandbridgeError:
    if taken:
        return refuse(
            Reason.CASE_CONFLICT,
            "those who had the record were told already",
            where=f"case {case_id}",
            next_step="`landbridge correction status` says who has acknowledged",
        )
    return refuse(
        Reason.CASE_CONFLICT,
        "its last step lies there, and the node has not taken it",
        where=str(file.path),
        next_step=f"if the node runs and its alarm on case {case_id} says why it refuses the step,"
        " remove the file and issue again: who has a notice gets no second one",
    )


def _step(file: StepFile) -> Step:
    try:
        return Step(file.step)
    except ValueError:
        raise _unknown(file) from None


def _unknown(file: StepFile) -> LandbridgeError:
    return refuse(
        Reason.MALFORMED_CASE, f"{file.step!r} is no step of a case", where=str(file.path)
    )
