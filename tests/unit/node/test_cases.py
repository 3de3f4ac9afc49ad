"""Disputes and repairs at a node: who may open one, what follows, and what answers carry then."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.errors import LandbridgeError
from landbridge.rights.case_request import ask_for_case, ask_for_case_as_agency
from landbridge.rights.speaker import OwnKey
from landbridge.rights.steps import CaseKind, CaseState, Step
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2
from node.case_files import step_name
from node.case_show import CaseShow
from node.rights_replay import SpentRequests
from node.sources.lookup import Withdrawn
from tests.cases import DAY, NORTH, PERSON, SOUTH, Registry, memorandum_key, refusal, running
from tests.consents import DESK, bound, desks, ed25519
from tests.pki import BOARD, REGISTRY, SCHOOLS


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Registry]:
    with running(tmp_path) as made:
        yield made


def test_a_dispute_is_logged_kept_and_shown(node: Registry) -> None:
    case = node.open()

    assert (case.state, case.speaker.desk, case.deciding) == (CaseState.OPEN, DESK, REGISTRY)
    assert node.steps_logged == ["opened"]
    folder = node.folder / "cases" / case.id
    assert sorted(path.name for path in folder.iterdir()) == [
        "01-opened.jws.json",
        "01-opened.taken.json",
    ]
    entry = log_pb2.LogEntry.FromString(node.log.entry(0))
    assert entry.kind == log_pb2.ENTRY_KIND_CASE
    assert entry.case_step.digest == case.last.digest
    assert [one.value for one in node.log.subjects.find("school", "000001")] == [
        entry.subject_pseudonym
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"record": "S1/2025"}, "LB-4109", id="another's record"),
        pytest.param({"record": "S9/2024"}, "LB-4109", id="a record that never was"),
        pytest.param({"subject": SOUTH}, "LB-4109", id="a foreign record"),
        pytest.param({"dataset": "secrets"}, "LB-4109", id="no such dataset"),
        pytest.param({"fields": ("colour",)}, "LB-4109", id="no such field"),
        pytest.param({"agency": SCHOOLS}, "LB-4109", id="another agency"),
        pytest.param({"statement": "<b>wrong</b>"}, "LB-4112", id="markup"),
        pytest.param({"statement": "x" * 1001}, "LB-4112", id="too long"),
        pytest.param({"statement": f"Ask {PERSON}."}, "LB-4112", id="another person"),
        pytest.param({"statement": "a" * 1_000_000}, "LB-4107", id="a megabyte"),
        pytest.param(
            {"kind": CaseKind.REPAIR, "statement": "Done"}, "LB-4107", id="a repair of a field"
        ),
    ],
)
def test_what_may_not_be_opened(node: Registry, changes: dict[str, Any], code: str) -> None:
    try:
        found = refusal(node, node.opening(**changes))
    except LandbridgeError as error:
        found = error.code

    assert found == code
    assert node.steps_logged == []
    assert not (node.folder / "cases").exists() or not list((node.folder / "cases").iterdir())


def test_a_stranger_opens_nothing(node: Registry) -> None:
    key = ed25519()

    assert refusal(node, node.opening(OwnKey(key, bound(key)))) == "LB-4108"


def test_a_second_dispute_on_the_same_field_is_refused(node: Registry) -> None:
    case = node.open()

    assert refusal(node, node.opening()) == "LB-4110"
    assert refusal(node, node.opening(fields=())) == "LB-4110"
    assert refusal(node, node.opening(fields=("why",), case_id=case.id)) == "LB-4110"
    assert refusal(node, node.opening(subject=SubjectId("tax", "T1"))) == "LB-4110"
    assert refusal(node, node.opening(fields=("why",))) == "taken"
    assert node.cases.submit(case.last.document).case == case
    assert node.steps_logged == ["opened", "opened"]


@pytest.mark.parametrize(
    ("bound", "days"), [("MOST_OPEN", 2), ("MOST_A_DAY", 0), ("MOST_OF_DESK", 0)]
)
def test_nobody_opens_more_cases_than_can_be_looked_into(
    node: Registry, monkeypatch: pytest.MonkeyPatch, bound: str, days: int
) -> None:
    monkeypatch.setattr(f"node.case_intake.{bound}", 2)
    first = node.open()
    node.open(fields=("why",))
    node.now += days * DAY

    assert refusal(node, node.opening(record="S2/2024")) == "LB-2003"
    node.take(first, Step.REJECTED)
    node.now += DAY
    assert refusal(node, node.opening(record="S2/2024")) == "taken"


@pytest.mark.parametrize("step", [Step.UPHELD, Step.CORRECTED, Step.REJECTED])
def test_the_agency_decides_and_gives_its_reason(node: Registry, step: Step) -> None:
    case = node.take(node.open(), step)

    assert case.state.value == step.value
    assert case.reason == "We looked again."
    for other in (Step.UPHELD, Step.CORRECTED, Step.REJECTED, Step.EXTENDED):
        assert refusal(node, node.step(case, other)) in ("LB-4110", "LB-4111")


def test_who_may_decide(node: Registry) -> None:
    case = node.open()
    refused = {
        "another agency": node.step(case, Step.UPHELD, key=memorandum_key(BOARD)),
        "another case": node.step(case, Step.UPHELD, agency=SCHOOLS),
        "another document before": node.step(case, Step.UPHELD, previous=bytes(32)),
        "a step of repairs": node.step(case, Step.UNDER_REVIEW),
    }

    assert {name: refusal(node, document) for name, document in refused.items()} == dict.fromkeys(
        refused, "LB-4111"
    )
    with pytest.raises(LandbridgeError, match="LB-4112"):
        node.step(case, Step.REJECTED, reason="")
    with pytest.raises(LandbridgeError, match="LB-4002"):
        node.step(case, Step.REJECTED, key=desks().key)


def test_a_repair_is_decided_by_another_agency(node: Registry) -> None:
    case = node.open(kind=CaseKind.REPAIR, fields=(), statement="The school has paid.")
    assert (case.state, case.deciding) == (CaseState.REQUESTED, SCHOOLS)
    assert refusal(node, node.step(case, Step.REPAIRED)) == "LB-4111"
    by_holder = node.step(case, Step.UNDER_REVIEW, key=memorandum_key(REGISTRY))
    assert refusal(node, by_holder) == "LB-4111"

    case = node.take(node.take(case, Step.UNDER_REVIEW), Step.REPAIRED)

    assert case.state is CaseState.REPAIRED
    assert node.flags.withdrawn("sanctions") == {Withdrawn("S1/2024", NORTH)}
    case = node.take(case, Step.ISSUED, key=memorandum_key(REGISTRY), notices=("ab" * 16,))
    assert case.is_told
    assert node.steps_logged == ["requested", "under-review", "repaired", "issued"]


def test_everything_is_there_after_a_restart(node: Registry) -> None:
    upheld = node.take(node.open(fields=()), Step.UPHELD)
    open_ = node.open(record="S2/2024")
    entries = node.log.size

    node.start()

    assert node.cases.all() == (upheld, open_)
    assert node.log.size == entries
    assert node.flags.stand
    assert node.flags.withdraws


def test_a_document_in_the_folder_is_taken_once_it_is_logged(node: Registry) -> None:
    case = node.open()
    path = node.folder / "cases" / case.id / step_name(2, "rejected")
    path.write_bytes(node.step(case, Step.REJECTED))

    node.cases.follow()
    node.cases.follow()

    assert node.cases.case(case.id).state is CaseState.REJECTED
    assert node.steps_logged == ["opened", "rejected"]
    assert path.with_name("02-rejected.taken.json").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("02-rejected.jws.json", b"{}"),
        ("02-upheld.jws.json", None),
        ("02-REJECTED.jws.json", None),
        ("03-rejected.jws.json", None),
        ("02-rejected.jws.json", b"x" * 20_000),
    ],
)
def test_a_wrong_document_in_the_folder_is_told_and_does_not_count(
    node: Registry, name: str, content: bytes | None
) -> None:
    case = node.open()
    written = node.step(case, Step.REJECTED) if content is None else content
    (node.folder / "cases" / case.id / name).write_bytes(written)

    node.cases.follow()

    assert node.cases.case(case.id).state is CaseState.OPEN
    assert [kind for kind, _ in node.told] == [f"case {case.id}"]
    (node.folder / "cases" / case.id / name).unlink()
    node.cases.follow()
    assert node.told[-1] == (f"case {case.id}", "")


def test_a_strange_file_keeps_no_case_from_counting(node: Registry) -> None:
    corrected = node.take(node.open(), Step.CORRECTED)
    case = node.take(corrected, Step.ISSUED)
    folder = node.folder / "cases" / case.id
    (folder / "00-opened.jws.json").write_bytes(b"{}")
    (folder / "02-upheld.jws.json").write_bytes(node.step(node.open(fields=("why",)), Step.UPHELD))
    (folder / "notes.jws.json").write_bytes(b"{}")

    node.start()

    assert node.cases.case(case.id) == case
    assert f"case {case.id}" in [kind for kind, _ in node.told]


def test_a_receipt_that_the_log_does_not_confirm_is_not_believed(node: Registry) -> None:
    case = node.open()
    forged = node.step(case, Step.REJECTED, key=memorandum_key(BOARD))
    folder = node.folder / "cases" / case.id
    (folder / "02-rejected.jws.json").write_bytes(forged)
    receipt = (folder / "01-opened.taken.json").read_bytes()
    (folder / "02-rejected.taken.json").write_bytes(receipt)

    node.start()

    assert node.cases.case(case.id).state is CaseState.OPEN


def test_nothing_counts_that_cannot_be_logged(node: Registry) -> None:
    document = node.opening()
    node.log.close()
    (node.folder / "log.sqlite").unlink()

    assert refusal(node, document).startswith("LB-5")
    assert node.cases.all() == ()
    assert not list((node.folder / "cases").iterdir())


def test_clocks_are_told_once_and_go_on_after_a_restart(node: Registry) -> None:
    case = node.open()
    for day in (0, 19, 25, 29, 32, 33):
        node.now = desks().now + day * DAY
        node.clock.tick()
        node.clock.tick()
    assert node.steps_logged[1:] == ["reminder-1", "reminder-2", "overdue"]
    standing = [kind for kind, why in node.told if why]
    assert standing[-1] == f"overdue of case {case.id}"

    node.start()
    node.clock.tick()
    assert node.steps_logged[1:] == ["reminder-1", "reminder-2", "overdue"]
    assert node.told[-1][0] == f"overdue of case {case.id}"

    assert refusal(node, node.step(case, Step.EXTENDED)) == "LB-4111"
    node.take(case, Step.REJECTED)
    node.clock.tick()
    assert (f"overdue of case {case.id}", "") in node.told


def test_a_reminder_is_over_when_more_time_is_taken(node: Registry) -> None:
    case = node.open()
    node.now = desks().now + 25 * DAY
    node.clock.tick()

    node.take(case, Step.EXTENDED)
    node.clock.tick()

    assert node.told[-1] == (f"reminder-1 of case {case.id}", "")


def test_more_time_is_taken_only_where_the_law_gives_it(node: Registry) -> None:
    note = node.open(dataset="notes", record="notes.csv:2", fields=("note",))

    assert refusal(node, node.step(note, Step.EXTENDED)) == "LB-4111"


def test_a_case_is_shown_to_its_subject_and_to_who_decides(node: Registry) -> None:
    case = node.open(kind=CaseKind.REPAIR, fields=(), statement="The school has paid.")
    shows = CaseShow(
        agency=REGISTRY,
        cases=node.cases,
        log=node.case_log,
        bundle=lambda: desks().bundle,
        schemes=node.federation.schemes,
        desks=None,
        spent=SpentRequests(node.folder / "spent", at=node.now),
    )

    def ask(subject: Any = NORTH) -> bytes:
        return ask_for_case(
            case.id, agency=REGISTRY, subjects=[subject], voice=desks().key, at=node.now
        ).to_bytes()

    def ask_as(agency: str) -> bytes:
        return ask_for_case_as_agency(
            case.id, agency=REGISTRY, key=memorandum_key(agency), at=node.now
        ).to_bytes()

    request = ask()
    shown = shows.show(request, node.now)
    assert list(shown.documents) == [case.last.document]
    assert shown.entries[0].index == case.last.entry
    assert shows.show(ask_as(SCHOOLS), node.now).documents == shown.documents
    refused = [(request, "LB-4004"), (ask(SOUTH), "LB-4108"), (ask_as(BOARD), "LB-4108")]
    for wrong, code in refused:
        with pytest.raises(LandbridgeError) as caught:
            shows.show(wrong, node.now)
        assert caught.value.code == code
    assert node.steps_logged == ["requested", "shown", "shown"]


def test_answered_requests_are_remembered_across_restarts(tmp_path: Path) -> None:
    path = tmp_path / "spent"
    SpentRequests(path, at=0).admit(b"a" * 32, 1_000_000, 0)
    with path.open("a") as file:
        file.write("6162")

    again = SpentRequests(path, at=900_000)

    with pytest.raises(LandbridgeError, match="LB-4004"):
        again.admit(b"a" * 32, 1_000_000, 900_000)
    again.admit(b"b" * 32, 1_000_000, 900_000)
    assert len(path.read_text().splitlines()) == 2
    SpentRequests(path, at=1_100_000).admit(b"a" * 32, 2_000_000, 1_100_000)
