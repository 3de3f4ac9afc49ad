"""Which record a dispute is about: in full, or picked from a saved profile; and what files are."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from landbridge.commands.opened_cases import find_opened, remember
from landbridge.commands.record_place import Named, RecordPlace
from landbridge.commands.verify_kind import VERIFIERS, kind_of
from landbridge.errors import LandbridgeError
from landbridge.rights.steps import CaseKind
from landbridge.subject import SubjectId
from tests.schools import load_federation

SCHOOL = SubjectId("school", "000001")
ID, OTHER = "ab" * 16, "cd" * 16


def profile(folder: Path, *records: str) -> Path:
    shown = [
        {"record": name, "about": {"scheme": "school", "value": "000001"}, "values": []}
        for name in records
    ]
    path = folder / "profile.json"
    section = {"agency": "fsa.ed", "dataset": "list", "records": [*shown, {"values": []}]}
    path.write_text(json.dumps({"sections": [section]}))
    return path


def test_a_record_is_named_in_full(tmp_path: Path) -> None:
    named = Named("fsa.ed/list/a.csv:1/x", "school:000001", None, "", ("level",))

    assert named.find(load_federation(tmp_path)) == RecordPlace(
        "fsa.ed", "list", "a.csv:1/x", SCHOOL, ("level",)
    )


@pytest.mark.parametrize(
    ("record", "subject"), [("fsa.ed/list", "school:000001"), ("", ""), ("fsa.ed/list/r", "")]
)
def test_half_a_name_is_none(tmp_path: Path, record: str, subject: str) -> None:
    with pytest.raises(LandbridgeError, match="LB-1106"):
        Named(record, subject, None, "").find(load_federation(tmp_path))


def test_a_profile_names_the_record_and_whom_it_is_about(tmp_path: Path) -> None:
    federation = load_federation(tmp_path)
    one = profile(tmp_path, "r1")
    found = Named("", "", one, "fsa.ed/list:level,why", ("level",)).find(federation)
    assert found == RecordPlace("fsa.ed", "list", "r1", SCHOOL, ("level", "why"))

    two = profile(tmp_path, "r1", "r2")
    assert Named("r2", "", two, "fsa.ed/list").find(federation).record == "r2"
    for about in ("fsa.ed/list", "fsa.ed/other", ""):
        with pytest.raises(LandbridgeError, match="LB-1106"):
            Named("", "", two, about).find(federation)


WHOLE = {"agency": "a", "dataset": "b"}
ABOUT = {"scheme": "school", "value": "000001"}


@pytest.mark.parametrize(
    "sections",
    [
        None,
        5,
        ["x"],
        [{}],
        [WHOLE],
        [WHOLE | {"records": None}],
        [WHOLE | {"records": [5]}],
        [WHOLE | {"records": [{"record": "1"}]}],
        [WHOLE | {"records": [{"record": "1", "about": 5}]}],
        [WHOLE | {"records": [{"record": ["1"], "about": ABOUT}]}],
        [WHOLE | {"records": [{"record": 1, "about": ABOUT}]}],
        [WHOLE | {"records": [{"record": "1", "about": {"scheme": 1, "value": None}}]}],
    ],
)
def test_what_is_no_profile_names_no_record(tmp_path: Path, sections: Any) -> None:
    path = tmp_path / "profile.json"
    path.write_text(json.dumps({"sections": sections}))
    with pytest.raises(LandbridgeError, match="LB-1106"):
        Named("", "", path, "a/b").find(load_federation(tmp_path))


@pytest.mark.parametrize("name", ["../../profile", "/tmp/x", "a\0b", "", ID.upper(), ID + "\n"])
def test_only_an_id_names_a_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(LandbridgeError, match="LB-4008"):
        remember(tmp_path / "party", {"case": name, "agency": "fsa.ed"}, CaseKind.DISPUTE)
    assert not (tmp_path / "party").exists()
    assert not Path(f"{name}.json").is_file()


@pytest.mark.parametrize(
    "noted",
    [
        "[]",
        "null",
        "{",
        '"x"',
        '{"agency": "fsa.ed", "kind": "dispute"}',
        '{"agency": "fsa.ed", "kind": "dispute", "case": "../x"}',
        '{"agency": "fsa.ed", "kind": "dispute", "case": 5}',
        "[" * 100_000,
    ],
)
def test_a_note_that_says_something_else_is_passed_over(tmp_path: Path, noted: str) -> None:
    remember(tmp_path, {"case": ID, "agency": "fsa.ed"}, CaseKind.DISPUTE)
    (tmp_path / "opened-cases" / "x.json").write_text(noted)
    assert find_opened(tmp_path, "fsa.ed", CaseKind.DISPUTE, "") == ID


def test_a_case_that_was_opened_here_need_not_be_named(tmp_path: Path) -> None:
    told = {"case": ID, "agency": "fsa.ed"}
    remember(tmp_path, told, CaseKind.DISPUTE)
    remember(tmp_path, {**told, "case": OTHER, "agency": "va"}, CaseKind.DISPUTE)

    assert find_opened(tmp_path, "fsa.ed", CaseKind.DISPUTE, "") == ID
    assert find_opened(tmp_path, "fsa.ed", CaseKind.REPAIR, OTHER) == OTHER
    for agency, kind, begins in (
        ("fsa.ed", CaseKind.REPAIR, ""),
        ("fsa.ed", CaseKind.DISPUTE, "cd"),
    ):
        with pytest.raises(LandbridgeError, match="LB-4110"):
            find_opened(tmp_path, agency, kind, begins)
    remember(tmp_path, {**told, "case": OTHER}, CaseKind.DISPUTE)
    with pytest.raises(LandbridgeError, match=f"{ID}|2 disputes"):
        find_opened(tmp_path, "fsa.ed", CaseKind.DISPUTE, "")


def signed(payload: dict[str, Any]) -> bytes:
    encoded = base64.urlsafe_b64encode(json.dumps(payload).encode()).decode().rstrip("=")
    return json.dumps({"payload": encoded, "signatures": [{}]}).encode()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"c2sp.org/tlog-proof@v1\nindex 1\n", "tlog-proof"),
        (b"landbridge status list v1\nlog\n", "status-list"),
        (b'{"format": {"name": "landbridge-case", "version": 9}}', "landbridge-case"),
        (b'{"format": {"name": "landbridge-accesses"}}', "landbridge-accesses"),
        (b'{"format": {"name": "landbridge-profile"}}', "landbridge-profile"),
        (b'{"format": "strange"}', "landbridge-profile"),
        (signed({"correction": "1", "case": "2"}), "correction"),
        (signed({"acknowledgement": "1"}), "acknowledgement"),
    ],
)
def test_a_file_is_recognised_by_what_it_holds(data: bytes, kind: str) -> None:
    assert kind_of(data) == kind


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{",
        signed({"memorandum": "m"}),
        b'{"payload": 1, "signatures": 2}',
    ],
)
def test_what_is_no_such_file_is_refused(data: bytes) -> None:
    with pytest.raises(LandbridgeError, match="LB-1106"):
        kind_of(data)


def test_every_kind_has_its_function() -> None:
    from importlib import import_module  # noqa: PLC0415  only this test loads them all

    for place in VERIFIERS.values():
        module, _, function = place.partition(":")
        assert callable(getattr(import_module(f"landbridge.commands.{module}"), function))
