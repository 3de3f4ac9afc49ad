import json
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Condition, Operator
from landbridge.memorandum.document import MAX_BYTES, Memorandum
from landbridge.memorandum.words import StaleRevocation
from landbridge.subject import SubjectKind
from tests.memoranda import TEXT, write_text


def refusal(folder: Path, text: str) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        Memorandum.from_yaml(write_text(folder, text))
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM
    return caught.value


def test_yaml_is_read_as_it_is_written(tmp_path: Path) -> None:
    memorandum = Memorandum.from_yaml(write_text(tmp_path))
    first, second = memorandum.grants
    assert (memorandum.id, memorandum.illustrative) == ("ed-2026-01", True)
    assert memorandum.parties == ("nces.ed", "board.ny")
    assert memorandum.link_sources == ("nces.ed/institutions", "va/crosswalk")
    assert to_iso(memorandum.valid.start) == "2026-01-01T00:00:00.000Z"
    assert first.where == (
        Condition("status", Operator.IN, ("active", "closed")),
        Condition("closed_on", Operator.GE, "2015-01-01"),
    )
    assert first.subject_kinds == (SubjectKind.LEGAL_ENTITY,)
    assert memorandum.legal_basis_of(first) == "20 U.S.C. 1099b"
    assert memorandum.legal_basis_of(second) == "State law 12"
    assert memorandum.validity_of(first) == memorandum.valid
    assert to_iso(memorandum.validity_of(second).end) == "2026-12-31T00:00:00.000Z"


def test_the_signed_writing_is_canonical_and_reads_back(tmp_path: Path) -> None:
    memorandum = Memorandum.from_yaml(write_text(tmp_path))
    payload = memorandum.to_json()
    assert Memorandum.from_json(payload) == memorandum
    assert (
        payload == json.dumps(json.loads(payload), sort_keys=True, separators=(",", ":")).encode()
    )
    assert json.loads(payload)["grants"][0]["where"] == [
        {"field": "status", "in": ["active", "closed"]},
        {"field": "closed_on", "ge": "2015-01-01"},
    ]


def test_the_rule_for_stale_revocation_data_is_refuse_unless_it_is_written(tmp_path: Path) -> None:
    plain = Memorandum.from_yaml(write_text(tmp_path))
    assert plain.stale_revocation is StaleRevocation.REFUSE
    # What was signed before the rule could be written reads as before, to the byte.
    assert b"stale_revocation" not in plain.to_json()
    serving = TEXT.replace("grants:", "stale_revocation: serve\ngrants:")
    memorandum = Memorandum.from_yaml(write_text(tmp_path, serving))
    assert memorandum.stale_revocation is StaleRevocation.SERVE
    assert Memorandum.from_json(memorandum.to_json()) == memorandum
    error = refusal(tmp_path, serving.replace("serve", "server"))
    assert "'server' is not one of refuse, serve; did you mean 'serve'?" in error.message
    spelt_out = json.loads(plain.to_json()) | {"stale_revocation": "refuse"}
    with pytest.raises(LandbridgeError, match="not the canonical writing"):
        Memorandum.from_json(json.dumps(spelt_out, sort_keys=True, separators=(",", ":")).encode())


def test_every_operator_survives_the_way_to_json_and_back(tmp_path: Path) -> None:
    rows = """
      - {field: a, eq: 12.50}
      - {field: a, ne: 5}
      - {field: b, eq: false}
      - {field: c, lt: "x"}
      - {field: c, le: x}
      - {field: c, gt: no}
      - {field: d, is-null: true}
      - {field: d, not-null: true}"""
    text = TEXT.replace("\n      - {field: closed_on, ge: 2015-01-01}", rows)
    memorandum = Memorandum.from_yaml(write_text(tmp_path, text))
    assert memorandum.grants[0].where[1:] == (
        Condition("a", Operator.EQ, "12.50"),
        Condition("a", Operator.NE, 5),
        Condition("b", Operator.EQ, value=False),
        Condition("c", Operator.LT, "x"),
        Condition("c", Operator.LE, "x"),
        Condition("c", Operator.GT, "no"),
        Condition("d", Operator.IS_NULL),
        Condition("d", Operator.NOT_NULL),
    )
    assert Memorandum.from_json(memorandum.to_json()) == memorandum


def test_line_breaks_in_a_text_become_spaces(tmp_path: Path) -> None:
    text = TEXT.replace('"20 U.S.C. 1099b"', ">\n  Higher Education\n  Act")
    assert Memorandum.from_yaml(write_text(tmp_path, text)).legal_basis == "Higher Education Act"


def test_writing_a_default_out_does_not_change_what_is_signed(tmp_path: Path) -> None:
    without = TEXT.replace("illustrative: true\n", "")
    written = TEXT.replace("illustrative: true", "illustrative: false")
    first = Memorandum.from_yaml(write_text(tmp_path, without))
    second = Memorandum.from_yaml(write_text(tmp_path, written))
    assert first.to_json() == second.to_json()


@pytest.mark.parametrize(
    ("right", "wrong", "place", "why"),
    [
        ("requesters:", "requestors:", "12:5", "unknown key 'requestors'; did you mean 'reque"),
        ('legal_basis: "', 'legal-basis: "', "5:1", "did you mean 'legal_basis'"),
        ("parties: [nces.ed, board.ny]", "parties: [nces.ed]", "4:10", "needs at least 2"),
        ("requesters: [board.ny]", "requesters: []", "12:17", "an empty list grants nothing"),
        ("fields: [name, city]", "fields: []", "13:13", "an empty list grants nothing"),
        ("purposes: [approval-review]\n", "purposes: []\n", "17:15", "grants nothing"),
        ("subject_kinds: [legal-entity]", "subject_kinds: []", "18:20", "grants nothing"),
        ("fields: [name, city]", "fields: name", "13:13", "must be a list"),
        ("fields: [name, city]", "fields: [name, name]", "13:13", "name is written twice"),
        ("[name, city]", "[name, City]", "13:20", "lower-case"),
        ("provider: nces.ed", "provider: nces.ec", "10:15", "no party.*did you mean 'nces.ed'"),
        ("provider: nces.ed", "provider: NCES", "10:15", "agency id"),
        ("requesters: [board.ny]", "requesters: [va]", "12:18", "va is no party"),
        ("[legal-entity]", "[legal-entty]", "18:21", "did you mean 'legal-entity'"),
        ("illustrative: true", "illustrative: yes", "3:15", "must be true or false"),
        ("illustrative: true", 'illustrative: "true"', "3:15", "must be true or false"),
        ("title: Review", "title: 7 #", "2:8", "must be text; put it in quotes"),
        ("title: Review of institutions", "title:", "2:7", "must be text"),
        ("from: 2026-01-01T00:00:00Z", "from: 2026-01-01", "6:15", "time in UTC such as"),
        ("from: 2026-01-01T00:00:00Z", "from: 2026-02-30T00:00:00Z", "6:15", "time in UTC"),
        ("from: 2026-01-01T00:00:00Z", "from: 2026-1-1T0:0:0Z", "6:15", "time in UTC"),
        ("from: 2026-01-01T00:00:00Z", "from: 2028-01-01T00:00:00Z", "6:44", "later than `from`"),
        ("from: 2026-06-01T00:00:00Z", "from: 2025-06-01T00:00:00Z", "27:19", "before the memo"),
        ("until: 2026-12-31T00:00:00Z", "until: 2028-12-31T00:00:00Z", "27:48", "after the memo"),
        ("until: 2026-12-31T00:00:00Z", "until: 2026-06-01T00:00:00Z", "27:48", "later than"),
        ("memorandum: ed-2026-01", "memorandum: ../etc", "1:13", "lower-case"),
        ("va/crosswalk", "va", "7:38", "agency/dataset"),
        ("{field: closed_on, ge", "{field: closed_on, gte", "16:28", "unknown key 'gte'; did you"),
        ("ge: 2015-01-01", "ge: 2015-01-01, lt: 2016-01-01", "16:9", "exactly one operator"),
        ("{field: closed_on, ge: 2015-01-01}", "{field: closed_on}", "16:9", "exactly one"),
        ("ge: 2015-01-01", "ge: [1]", "16:32", "one value"),
        ("ge: 2015-01-01", "is-null: false", "16:37", "takes only true"),
        ("ge: 2015-01-01", "eq:", "16:31", "one value"),
        ("in: [active, closed]", "in: []", "15:29", "at least one value"),
        ("in: [active, closed]", "in: [active, 1]", "15:29", "one kind"),
        ("in: [active, closed]", "in: active", "15:29", "list"),
        ("field: status", "field: 1", "15:9", "needs `field`"),
        ("{field: status, in: [active, closed]}", "status", "15:9", "must be written"),
    ],
)
def test_a_mistake_is_refused_at_its_line_and_column(
    tmp_path: Path, right: str, wrong: str, place: str, why: str
) -> None:
    assert right in TEXT
    with pytest.raises(LandbridgeError, match=why) as caught:
        Memorandum.from_yaml(write_text(tmp_path, TEXT.replace(right, wrong, 1)))
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM
    assert f"{tmp_path}/ed-2026-01.yaml:{place}: " in str(caught.value)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    text = TEXT.replace("title:", "titel:").replace("[name, city]", "[]")
    message = str(refusal(tmp_path, text))
    path = tmp_path / "ed-2026-01.yaml"
    assert f"{path}:2:1: unknown key 'titel'; did you mean 'title'?" in message
    assert f"{path}:13:13: must not be empty: an empty list grants nothing" in message
    assert "the key 'title' is missing" in message


def test_an_explicitly_empty_list_of_conditions_is_refused(tmp_path: Path) -> None:
    where = TEXT[TEXT.index("    where:") : TEXT.index("    purposes:")]
    error = refusal(tmp_path, TEXT.replace(where, "    where: []\n"))
    assert error.where.endswith(":14:12")
    assert "must not be empty" in error.message


@pytest.mark.parametrize("text", ["[]", "word", "5", "memorandum"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).where.endswith(":1:1")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"memorandum: x\ntitle: caf\xe9\n")
    huge = tmp_path / "huge.yaml"
    huge.write_bytes(b"#" * (MAX_BYTES + 1))
    for path, where in ((missing, ""), (tmp_path, ""), (latin, ":2:11"), (huge, "")):
        with pytest.raises(LandbridgeError) as caught:
            Memorandum.from_yaml(path)
        assert caught.value.reason is Reason.MALFORMED_MEMORANDUM
        assert caught.value.where == f"{path}{where}"


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        (b'"title":', b'"titel":', "titel"),
        (b'"provider":"nces.ed"', b'"provider":"va"', "grants[0].provider"),
        (b'"fields":["name","city"]', b'"fields":[]', "grants[0].fields"),
        (b'"illustrative":true', b'"illustrative":1', "illustrative"),
    ],
)
def test_a_mistake_in_a_payload_is_refused_with_its_path(
    tmp_path: Path, right: bytes, wrong: bytes, place: str
) -> None:
    payload = Memorandum.from_yaml(write_text(tmp_path)).to_json()
    assert right in payload
    with pytest.raises(LandbridgeError) as caught:
        Memorandum.from_json(payload.replace(right, wrong, 1))
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM
    assert place in str(caught.value)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (b'{"grants"', b'{"title":"Another","grants"'),
        (b'"illustrative":true', b'"illustrative": true'),
        (b'"illustrative":true', b'"illustrative":false'),
        (b'"title":"Review', b'"title":" Review'),
        (b'"title":"R', b'"title":"\\u0052'),
    ],
)
def test_a_second_writing_of_the_same_memorandum_is_refused(
    tmp_path: Path, right: bytes, wrong: bytes
) -> None:
    payload = Memorandum.from_yaml(write_text(tmp_path)).to_json()
    assert right in payload
    with pytest.raises(LandbridgeError, match="canonical"):
        Memorandum.from_json(payload.replace(right, wrong, 1))


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"[1]", b"\xff", b"{}", b'{"a":NaN}', b"[" * 9999]
)
def test_a_payload_that_is_no_memorandum_is_refused(payload: bytes) -> None:
    with pytest.raises(LandbridgeError) as caught:
        Memorandum.from_json(payload)
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM


def test_clauses_that_name_too_many_combinations_are_refused() -> None:
    parties = [f"agency{number}" for number in range(50)]
    grant: dict[str, Any] = {
        "clause": "1",
        "provider": parties[0],
        "dataset": "d",
        "requesters": parties,
        "fields": ["f"],
        "purposes": [f"purpose{number}" for number in range(500)],
        "subject_kinds": ["legal-entity"],
    }
    document: dict[str, Any] = {
        "memorandum": "m-1",
        "title": "Title",
        "parties": parties,
        "legal_basis": "Law",
        "valid": {"from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"},
        "grants": [grant],
    }
    with pytest.raises(LandbridgeError, match="more than 20000 combinations") as caught:
        Memorandum.from_json(rfc8785.dumps(document))
    assert caught.value.where == "grants"
