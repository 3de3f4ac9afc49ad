"""The JSON form of a profile: what it says, that it says all, and that it has its schema."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from landbridge.errors import LandbridgeError
from landbridge.profile import profile_document
from landbridge.query import Wanted
from landbridge.reasons import REASONS, Reason
from landbridge.v1 import answer_pb2, envelope_pb2, profile_pb2
from tests.small_town import BAKERY_ABSENT, SUBJECT, Town, answered, column, heading, record, text

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "schemas" / "profile.schema.json").read_text())
DOCUMENTATION = (DOCS / "profile.md").read_text()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def document(town: Town) -> dict[str, Any]:
    return profile_document(town.profile())


def check_schema(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json.dumps(document)))


def section(document: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [s for s in document["sections"] if f"{s['agency']}/{s['dataset']}" == name]
    return found


def value_of(record: dict[str, Any], field: str) -> dict[str, Any]:
    (found,) = [value for value in record["values"] if value["field"] == field]
    return found


def test_document_has_the_documented_form(document: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    check_schema(document)


def test_every_object_of_the_schema_is_strict() -> None:
    def objects(node: object) -> Iterator[dict[str, Any]]:
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for child in node.values():
                yield from objects(child)
        elif isinstance(node, list):
            for child in node:
                yield from objects(child)

    found = list(objects(SCHEMA))
    assert len(found) > 10
    assert all(node["additionalProperties"] is False for node in found)


def test_the_example_of_the_documentation_has_the_form(document: dict[str, Any]) -> None:
    (block,) = re.findall(r"```json\n(.*?)```", DOCUMENTATION, re.DOTALL)
    check_schema({**document, "sections": [json.loads(block)]})


def test_the_documentation_names_every_key_and_word() -> None:
    named = set(re.findall(r"`([a-z_-]+)`", DOCUMENTATION))
    definitions, parts = SCHEMA["$defs"], SCHEMA["properties"]
    words = {
        *parts,
        *definitions["coverage"]["enum"],
        *definitions["type"]["enum"],
        *definitions["quality"]["enum"],
        *parts["gaps"]["items"]["properties"]["kind"]["enum"],
        *parts["completeness"]["properties"]["state"]["enum"],
        *parts["comparisons"]["items"]["properties"]["status"]["enum"],
    }
    assert words - named == set()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda d: d.update(score=7),
        lambda d: d.pop("gaps"),
        lambda d: d["sections"][0]["records"][0].update(coverage="likely"),
        lambda d: d["sections"][0]["records"][0]["values"][0].update(value=None),
        lambda d: d["sections"][0]["records"][0]["values"][0].update(quality="empty"),
        lambda d: d["gaps"][0].update(code="3004"),
    ],
)
def test_schema_refuses_what_is_not_documented(
    document: dict[str, Any], spoil: Callable[[dict[str, Any]], None]
) -> None:
    spoiled = json.loads(json.dumps(document))
    spoil(spoiled)
    with pytest.raises(jsonschema.ValidationError):
        check_schema(spoiled)


def test_heading_says_who_asked_whom_about_what(document: dict[str, Any]) -> None:
    assert document["format"] == {"name": "landbridge-profile", "version": 2}
    assert document["gateway"] == "hall/main"
    query = document["query"]
    assert query["subject"] == {"scheme": "company", "value": "00000042"}
    assert (query["requester"], query["purpose"], query["case"]) == (
        "board",
        "licence-check",
        "C-1",
    )
    assert query["wanted"] == []
    assert query["subject_kind"] == "legal-entity"


def test_answers_of_yes_or_no_have_no_name_and_terms_stand_with_each_value(town: Town) -> None:
    query = town.query([Wanted("registry", "rows", ("accredited",), (("on", "2019-03-01"),))])
    extract = answer_pb2.Extract(
        memorandum="m-3",
        clause="4.2",
        heading=heading(column("accredited", answer_pb2.VALUE_TYPE_BOOLEAN)),
        records=[record("", SUBJECT, [answer_pb2.Value(boolean=True)])],
        retention="P90D",
        fresh_within="P1D",
        overdue=True,
    )
    answer = town.answer(query, "registry", [answered("rows", [extract])])
    document = profile_document(town.sign_profile(town.assemble(query, [answer])))
    check_schema(document)
    assert document["query"]["wanted"] == [
        {
            "agency": "registry",
            "dataset": "rows",
            "fields": ["accredited"],
            "arguments": [{"name": "on", "value": "2019-03-01"}],
        }
    ]
    (found,) = section(document, "registry/rows")["records"]
    assert "record" not in found
    assert value_of(found, "accredited") == {
        "field": "accredited",
        "type": "boolean",
        "value": True,
        "memorandum": "m-3",
        "clause": "4.2",
        "legal_basis": "",
        "retention": "P90D",
        "fresh_within": "P1D",
        "overdue": True,
    }


def test_a_record_released_by_two_clauses_is_shown_once(document: dict[str, Any]) -> None:
    companies = section(document, "registry/companies")
    assert companies["as_of"] == "2026-01-31"
    (bakery,) = companies["records"]
    assert [(v["field"], v["clause"], v["legal_basis"]) for v in bakery["values"]] == [
        ("name", "2.1", "Act 1"),
        ("status", "2.1", "Act 1"),
        ("opened", "2.1", "Act 1"),
        ("closed", "2.1", "Act 1"),
        ("staff", "2.1", "Act 1"),
        ("city", "2.2", "Act 2"),
        ("phone", "2.2", "Act 2"),
    ]


def test_values_are_typed_and_carry_their_native_writing(document: dict[str, Any]) -> None:
    (bakery,) = section(document, "registry/companies")["records"]
    assert value_of(bakery, "staff")["value"] == 12
    assert value_of(bakery, "opened") == {
        "field": "opened",
        "type": "date",
        "value": "1999-02-01",
        "native": "02/01/1999",
        "memorandum": "m-1",
        "clause": "2.1",
        "legal_basis": "Act 1",
    }
    assert "native" not in value_of(bakery, "name")
    assert value_of(bakery, "name")["term"] == "name"
    permit = section(document, "permits/permits")["records"][0]
    assert value_of(permit, "open_sundays")["value"] is False
    assert value_of(permit, "fee")["value"] == "40.00 USD"


def test_what_cannot_be_read_stays_visible(document: dict[str, Any]) -> None:
    (bakery,) = section(document, "registry/companies")["records"]
    closed, phone = value_of(bakery, "closed"), value_of(bakery, "phone")
    assert (closed["value"], closed["native"], closed["quality"]) == (None, "soon", "unreadable")
    assert (phone["value"], phone["native"], phone["quality"]) == (None, "-", "empty")
    permit = section(document, "permits/permits")["records"][0]
    assert value_of(permit, "inspections")["value"] == [
        "2025-01-02",
        {"native": "[b]?", "quality": "unreadable"},
    ]


def test_coverage_says_how_exactly_a_record_fits(document: dict[str, Any]) -> None:
    (bakery,) = section(document, "registry/companies")["records"]
    one, group = section(document, "permits/permits")["records"]
    assert [item["coverage"] for item in (bakery, one, group)] == [
        "exact",
        "one-of-several",
        "group",
    ]
    assert one["about"] == {"scheme": "permit", "value": "P1"}


def test_a_record_has_its_own_day_or_its_datasets(document: dict[str, Any]) -> None:
    one, group = section(document, "permits/permits")["records"]
    assert (one["as_of"], group["as_of"]) == ("2026-03-01", "2025-12-31")


def test_conflicts_come_first_with_both_sides(document: dict[str, Any]) -> None:
    assert [(c["term"], c["status"]) for c in document["comparisons"]] == [
        ("status", "conflict"),
        ("city", "agreement"),
        ("name", "agreement"),
    ]
    sides = document["comparisons"][0]["values"]
    assert {(v["agency"], v["value"], v["as_of"], v["memorandum"], v["clause"]) for v in sides} == {
        ("registry", "active", "2026-01-31", "m-1", "2.1"),
        ("permits", "revoked", "2026-03-01", "m-2", "1"),
    }
    names = document["comparisons"][2]["values"]
    assert [(v["value"], v["authoritative"]) for v in names] == [
        ("Northgate Bakery", True),
        ("NORTHGATE BAKERY", False),
    ]


def test_links_are_shown_and_not_merged(document: dict[str, Any]) -> None:
    assert [(link["linked"]["value"], link["ambiguous"]) for link in document["links"]] == [
        ("P1", True),
        ("P2", True),
    ]
    assert all(section["dataset"] != "links" for section in document["sections"])


def test_gaps_name_code_clause_and_fields(document: dict[str, Any]) -> None:
    gaps = {(gap["agency"], gap.get("dataset")): gap for gap in document["gaps"]}
    assert len(gaps) == len(document["gaps"]) == 4
    assert gaps["registry", "companies"] == {
        "agency": "registry",
        "dataset": "companies",
        "kind": "refused",
        "code": "LB-3004",
        "meaning": REASONS[Reason.FIELD_NOT_COVERED].meaning,
        "fields": ["tax-debt", "owner"],
        "asked": True,
        "memorandum": "m-1",
        "clause": "2.1",
    }
    assert gaps["permits", "fines"]["kind"] == "no-record"
    late, not_asked = gaps["court", "rulings"], gaps["court", "debts"]
    assert (late["kind"], late["detail"], late["asked"]) == ("failed", "no answer in 800 ms", True)
    assert (not_asked["code"], not_asked["fields"], not_asked["asked"]) == ("LB-3001", [], False)


def test_each_source_has_its_completeness(document: dict[str, Any]) -> None:
    states = {(s["agency"], s["dataset"]): s["state"] for s in document["sources"]}
    assert states == {
        ("registry", "companies"): "partial",
        ("permits", "permits"): "complete",
        ("permits", "fines"): "no-record",
        ("court", "rulings"): "failed",
        ("court", "debts"): "refused",
    }
    assert document["completeness"] == {
        "state": "partial",
        "sources": 5,
        "answered": 3,
        "refused": 1,
        "failed": 1,
        "not_addressable": 0,
        "refused_fields": 2,
    }


def test_evidence_is_the_exact_envelope(town: Town) -> None:
    envelope = town.profile()
    document = profile_document(envelope)
    assert base64.b64decode(document["evidence"]) == envelope.SerializeToString()


LATE, REFUSED = BAKERY_ABSENT
FORGOTTEN = profile_pb2.Source(
    agency="court", dataset="predicates", outcome=Reason.BAD_ARGUMENT.value
)
NOT_ADDRESSABLE = profile_pb2.Source(
    agency="court", dataset="fines", outcome=Reason.NOT_ADDRESSABLE.value
)


@pytest.mark.parametrize(
    ("answers", "absent", "wanted", "state"),
    [
        (True, [], [], "complete"),
        (True, [REFUSED], [], "complete"),
        (True, [REFUSED], [Wanted("registry"), Wanted("court", "debts")], "partial"),
        (True, [LATE], [], "partial"),
        (True, [NOT_ADDRESSABLE], [], "partial"),
        (False, [REFUSED], [], "refused"),
        (False, [], [], "refused"),
        (False, [REFUSED, LATE], [], "unreachable"),
        (False, [REFUSED, NOT_ADDRESSABLE], [], "partial"),
        (False, [FORGOTTEN], [Wanted("court")], "refused"),
    ],
)
def test_state_is_measured_by_what_was_wanted(
    town: Town,
    answers: bool,  # noqa: FBT001
    absent: list[profile_pb2.Source],
    wanted: list[Wanted],
    state: str,
) -> None:
    query = town.query(wanted)
    given = [answer_pb2.DatasetAnswer(dataset="c", outcome=Reason.NO_RECORD.value)]
    answered_ = [town.answer(query, "registry", given)] if answers else []
    document = profile_document(town.sign_profile(town.assemble(query, answered_, absent)))
    assert document["completeness"]["state"] == state
    check_schema(document)


def test_rows_that_share_a_name_are_never_mixed(town: Town) -> None:
    """Two native rows under one record name: a second clause's values could be of either."""
    query = town.query()
    extracts = [
        answer_pb2.Extract(
            memorandum="m",
            clause=clause,
            heading=heading(column(field)),
            records=[record("same", SUBJECT, [text(f"{field}{n}")]) for n in (1, 2)],
        )
        for clause, field in (("1", "a"), ("2", "b"))
    ]
    envelope = town.sign_profile(
        town.assemble(query, [town.answer(query, "registry", [answered("rows", extracts)])])
    )
    (rows,) = profile_document(envelope)["sections"]
    assert [[v["value"] for v in row["values"]] for row in rows["records"]] == [
        ["a1"],
        ["a2"],
        ["b1"],
        ["b2"],
    ]


def test_refusal_of_a_whole_dataset_names_its_clause(town: Town) -> None:
    query = town.query()
    refused = answer_pb2.DatasetAnswer(
        dataset="companies", outcome=Reason.PURPOSE_NOT_COVERED.value, detail="only for audits"
    )
    refused.refusals.add(reason=Reason.PURPOSE_NOT_COVERED.value, memorandum="m-1", clause="2.1")
    answer = town.answer(query, "registry", [refused])
    document = profile_document(town.sign_profile(town.assemble(query, [answer])))
    (gap,) = document["gaps"]
    assert (gap["code"], gap["memorandum"], gap["clause"]) == ("LB-3003", "m-1", "2.1")
    assert (gap["fields"], gap["detail"]) == ([], "only for audits")
    assert document["completeness"]["state"] == "refused"
    check_schema(document)


def spoiled(town: Town, spoil: Callable[[profile_pb2.Profile], object]) -> envelope_pb2.Envelope:
    profile = profile_pb2.Profile.FromString(town.profile().payload)
    spoil(profile)
    return envelope_pb2.Envelope(payload=profile.SerializeToString())


def test_a_profile_whose_parts_do_not_fit_is_refused(town: Town) -> None:
    nowhere = profile_pb2.Comparison(
        term="name",
        status=profile_pb2.COMPARISON_STATUS_CONFLICT,
        values=[profile_pb2.ValueReference(answer=99)],
    )
    unknown = profile_pb2.Source(agency="court", dataset="x", outcome=2999)  # type: ignore[arg-type]
    garbage = envelope_pb2.Envelope(payload=b"\xff")
    for envelope in (
        garbage,
        spoiled(town, lambda profile: profile.answers.append(garbage)),
        spoiled(town, lambda profile: profile.query.CopyFrom(garbage)),
        spoiled(town, lambda profile: profile.query.Clear()),
        spoiled(town, lambda profile: profile.comparisons.append(nowhere)),
        spoiled(town, lambda profile: profile.sources.append(unknown)),
    ):
        with pytest.raises(LandbridgeError) as caught:
            profile_document(envelope)
        assert caught.value.reason is Reason.PROFILE_ALTERED
        assert caught.value.where == "evidence"
