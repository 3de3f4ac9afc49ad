"""A case is followed up once, when it is decided so that there is something to follow up."""

import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.rights.opening import Complaint, write_opening
from landbridge.rights.step_document import write_step
from landbridge.rights.steps import CaseKind, CaseState, Step
from landbridge.subject import SubjectId
from node.case_files import CaseFiles, Receipt
from node.decided_case import find_decided, read_decided
from tests.consents import desks
from tests.corrections import key, now, refused
from tests.pki import REGISTRY

CASE: Final = "a" * 32
REVIEWED: Final = (Step.UNDER_REVIEW, Step.REPAIRED)


def put(state: Path, kind: CaseKind, steps: Sequence[Step], case: str = CASE) -> None:
    """Put a case into a node's folder, as the node leaves it there."""
    complaint = Complaint(
        kind=kind,
        agency=REGISTRY,
        dataset="schools",
        record="100724",
        subject=SubjectId("school", "100724"),
        statement="This is settled.",
        fields=("status",) if kind is CaseKind.DISPUTE else (),
    )
    files = CaseFiles(state)
    document = write_opening(complaint, desks().key, at=now(), case_id=case).to_bytes()
    first = Step.OPENED if kind is CaseKind.DISPUTE else Step.REQUESTED
    for number, step in enumerate((first, *steps), start=1):
        if number > 1:
            reason = "We have looked" if step.needs_reason else ""
            document = write_step(
                case,
                step,
                previous=sha256(document).digest(),
                agency=REGISTRY,
                key=key(REGISTRY),
                at=now(),
                reason=reason,
            ).to_bytes()
        path = files.put(case, number, step, document)
        files.count(path, Receipt(sha256(document).hexdigest(), now() + number, number))


@pytest.mark.parametrize(
    ("kind", "steps", "state"),
    [
        (CaseKind.DISPUTE, [Step.CORRECTED], CaseState.CORRECTED),
        (CaseKind.DISPUTE, [Step.EXTENDED, Step.UPHELD], CaseState.UPHELD),
        (CaseKind.REPAIR, REVIEWED, CaseState.REPAIRED),
    ],
)
def test_what_is_decided_is_followed_up(
    tmp_path: Path, kind: CaseKind, steps: Sequence[Step], state: CaseState
) -> None:
    put(tmp_path, kind, steps)
    found = read_decided(tmp_path, CASE)
    number = len(steps) + 1
    assert (found.state, found.number, found.decided_at) == (state, number + 1, now() + number)
    last = tmp_path / "cases" / CASE / f"{number:02d}-{steps[-1]}.jws.json"
    assert found.last == sha256(last.read_bytes()).digest()
    assert find_decided(tmp_path) == found
    # A second one must be named.
    put(tmp_path, kind, steps, "b" * 32)
    with refused(Reason.CASE_CONFLICT):
        find_decided(tmp_path)
    assert read_decided(tmp_path, CASE) == found


@pytest.mark.parametrize(
    ("kind", "steps", "reason"),
    [
        (CaseKind.DISPUTE, [], Reason.STEP_REFUSED),
        (CaseKind.DISPUTE, [Step.EXTENDED], Reason.STEP_REFUSED),
        (CaseKind.DISPUTE, [Step.REJECTED], Reason.STEP_REFUSED),
        (CaseKind.REPAIR, [Step.UNDER_REVIEW], Reason.STEP_REFUSED),
        (CaseKind.REPAIR, [Step.UNDER_REVIEW, Step.REFUSED], Reason.STEP_REFUSED),
        (CaseKind.DISPUTE, [Step.CORRECTED, Step.ISSUED], Reason.CASE_CONFLICT),
    ],
)
def test_what_is_not_decided_so_or_was_followed_up_is_refused(
    tmp_path: Path, kind: CaseKind, steps: Sequence[Step], reason: Reason
) -> None:
    put(tmp_path, kind, steps)
    with refused(reason):
        read_decided(tmp_path, CASE)
    with refused(Reason.CASE_CONFLICT):
        find_decided(tmp_path)
    with refused(Reason.CASE_CONFLICT):
        read_decided(tmp_path, "c" * 32)


def test_a_step_counts_when_the_node_has_taken_just_this_document(tmp_path: Path) -> None:
    put(tmp_path, CaseKind.DISPUTE, [Step.CORRECTED])
    receipt = tmp_path / "cases" / CASE / "02-corrected.taken.json"
    receipt.write_text(json.dumps({"digest": "0" * 64, "taken_at": 1, "entry": 1}))
    with refused(Reason.STEP_REFUSED):
        read_decided(tmp_path, CASE)
    # What lies there but is not taken up yet is not done a second time.
    other = "b" * 32
    put(tmp_path, CaseKind.DISPUTE, [Step.CORRECTED, Step.ISSUED], other)
    (tmp_path / "cases" / other / "03-issued.taken.json").unlink()
    with pytest.raises(LandbridgeError) as caught:
        read_decided(tmp_path, other)
    assert caught.value.reason is Reason.CASE_CONFLICT
    assert "03-issued.jws.json" in caught.value.where
    assert "remove the file" in caught.value.next_step
