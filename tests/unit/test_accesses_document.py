"""The document of who looked: in plain words, and verified offline from nothing but itself."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest

from landbridge.accesses_document import Missing, Told, accesses_document, verify_accesses
from landbridge.errors import LandbridgeError, Reason
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2, query_pb2, reason_pb2
from tests.asked_office import DAY, NOW, SCHOOL, SECOND, Office, open_office, written
from tests.consents import DESK, desks
from tests.example import ROOT

Document = dict[str, Any]
SCHEMA: Final = json.loads((ROOT / "docs/schemas/accesses.schema.json").read_text())
SILENT: Final = Missing("schools.two", "LB-2001", "The source could not be reached.")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path) as opened:
        yield opened


def page(office: Office, subject: SubjectId = SCHOOL, **more: Any) -> Told:
    request = written(subject, **more)
    return Told(request, office.accesses.list(request.to_bytes(), NOW))


def verify(document: object) -> list[str]:
    """Verify a document of the published schema as a file holds it; return what was checked."""
    checks: list[str] = []
    jsonschema.validate(document, SCHEMA, jsonschema.Draft202012Validator)
    verify_accesses(
        json.loads(json.dumps(document)), desks().bundle, passed=lambda name, _: checks.append(name)
    )
    return checks


@pytest.fixture
def document(office: Office) -> Document:
    looked = [office.look(SCHOOL, at=NOW - day * DAY) for day in (3, 2, 1)]
    pages = [page(office, limit=2), page(office, before=looked[1])]
    return accesses_document(pages, [SILENT], desks().bundle)


def test_what_was_told_stands_in_words_and_verifies_from_the_file_alone(document: Document) -> None:
    assert verify(document) == ["requests", "answers", "entries", "document"]
    assert document["subject"] == [{"scheme": "school", "value": "000001"}]
    assert [one["more"] for one in document["told"]] == [True, False]
    assert {one["spoken_for_by"] for one in document["told"]} == {DESK}
    assert document["missing"][0]["agency"] == "schools.two"
    newest = document["accesses"][0]
    assert [each["entry"] for each in document["accesses"]] == [2, 1, 0]
    assert newest["in_words"][1:] == [
        (
            "It was given name of 1 record of licences, by clause 2.1 of m-1, on the legal basis of"
            " Law 12."
        ),
        "phone of licences was withheld.",
    ]
    assert newest["in_words"][0].startswith("board.three asked registry.one at 20")
    assert newest["in_words"][0].endswith("for the purpose review, case C-1.")
    assert SCHOOL.value not in json.dumps(document["accesses"])


ACCESSES: Final[list[tuple[dict[str, Any], list[str]]]] = [
    (
        {"outcome": reason_pb2.REASON_CODE_NO_RECORD, "released": ["name"]},
        ["It was told that licences has nothing to give, by clause 2.1 of m-1."],
    ),
    (
        {"outcome": reason_pb2.REASON_CODE_SEALED, "released": ["name", "born"]},
        [
            (
                "It was given a sealed answer from licences, which may hold name and born,"
                " by clause 2.1 of m-1."
            )
        ],
    ),
    (
        {"outcome": reason_pb2.REASON_CODE_CONSENT_MISSING, "refused": ["name", "born"]},
        [
            (
                "It was given nothing from licences, by clause 2.1 of m-1: Records on a person need"
                " that person's consent, and none is shown. (LB-3011)"
            ),
            "name and born of licences were withheld.",
        ],
    ),
    (
        {"outcome": reason_pb2.REASON_CODE_EXPIRED, "released": ["name"], "expired": 1},
        [
            "It was told that licences has nothing to give, by clause 2.1 of m-1.",
            "1 record of licences is past its term and was not read.",
        ],
    ),
    (
        {
            "outcome": reason_pb2.REASON_CODE_ANSWERED,
            "released": ["name"],
            "records": 2,
            "disclosed_from_unix_ms": NOW - 1,
            "delay_basis": "Inquiries Act, section 9",
        },
        ["It was given name of 2 records of licences, by clause 2.1 of m-1."],
    ),
]


@pytest.mark.parametrize(("access", "expected"), ACCESSES)
def test_each_outcome_is_said_in_words(
    office: Office, access: dict[str, Any], expected: list[str]
) -> None:
    common: dict[str, Any] = {"dataset": "licences", "memorandum": "m-1", "clause": "2.1"}
    office.look(SCHOOL, accesses=[log_pb2.Access(**common, **access)])
    shown = accesses_document([page(office)], [], desks().bundle)
    (look,) = shown["accesses"]
    assert look["in_words"][1 : 1 + len(expected)] == expected
    if "delay_basis" in access:
        assert look["in_words"][2].endswith("on the legal basis of Inquiries Act, section 9.")
        assert look["datasets"][0]["delay_basis"] == "Inquiries Act, section 9"
    verify(shown)


def test_a_search_for_identifiers_and_consents_are_told_as_such(office: Office) -> None:
    office.look(SCHOOL, step=query_pb2.STEP_RESOLVE, consents=[bytes(32)])
    (look,) = accesses_document([page(office)], [], desks().bundle)["accesses"]
    assert look["step"] == "identifiers"
    assert "by which other identifiers the subject is known" in look["in_words"][0]
    assert look["in_words"][0].endswith("case C-1, with a consent of the person.")


ALTERED: Final[dict[str, Callable[[Document], object]]] = {
    "a requester": lambda d: d["accesses"][0].update(requester="board.four"),
    "the words": lambda d: d["accesses"][0]["in_words"].append("All is well."),
    "an access fewer": lambda d: d["accesses"].pop(),
    "another subject": lambda d: d["subject"][0].update(value="000002"),
    "a page fewer": lambda d: d["evidence"].pop(0),
    "a page twice": lambda d: d["evidence"].append(d["evidence"][1]),
    "pages in another order": lambda d: d["evidence"].reverse(),
    "the evidence": lambda d: d["evidence"][0].update(response="AAAA"),
    "no evidence": lambda d: d.pop("evidence"),
    "no list of who is missing": lambda d: d.pop("missing"),
    "who is missing": lambda d: d["missing"][0].update(agency=7),
    "another version": lambda d: d["format"].update(version=2),
    "the request": lambda d: d["evidence"][0].update(request=d["evidence"][1]["request"]),
    "no request": lambda d: d["evidence"][0].pop("request"),
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_document_does_not_verify(document: Document, name: str) -> None:
    changed = copy.deepcopy(document)
    ALTERED[name](changed)
    with pytest.raises(LandbridgeError) as caught:
        verify_accesses(changed, desks().bundle)
    assert caught.value.reason in {
        Reason.PROFILE_ALTERED,
        Reason.BAD_LOG_EVIDENCE,
        Reason.MALFORMED_CASE,
    }


def test_the_pages_of_two_subjects_are_no_document(office: Office) -> None:
    pages = [page(office), page(office, SECOND)]
    with pytest.raises(LandbridgeError, match="on several subjects"):
        accesses_document(pages, [], desks().bundle)
