"""A query is read, and refused, for exactly what it says."""

from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.query import Query, Wanted, check_query, read_query, write_query
from landbridge.subject import SubjectId
from landbridge.v1 import query_pb2

AT = 1_800_000_000_000


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    (tmp_path / "federation.toml").write_text(
        """
[federation]
name = "test.example"
title = "Test"
[gateway]
agency = "exchange"
name = "main"
[agencies.asker]
title = "Asker"
roles = ["requester"]
[schemes.unit]
title = "Unit number"
subject_kind = "legal-entity"
read = ["strip", "pad 6"]
pattern = '\\d{6}'
[schemes.person]
title = "Person number"
subject_kind = "natural-person"
pattern = '\\d{6}'
[purposes.review]
title = "Review"
"""
    )
    return Federation.load(tmp_path / "federation.toml")


def written(federation: Federation, /, **changes: object) -> query_pb2.Query:
    payload = write_query(
        federation=federation,
        requester="asker",
        subject=SubjectId("unit", "000001"),
        purpose="review",
        case_reference="C-1",
        wanted=[Wanted("a", "d", ("x", "y")), Wanted("b")],
        at=AT,
    )
    message = query_pb2.Query.FromString(payload)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def refusal(federation: Federation, message: query_pb2.Query, signer: str = "asker") -> Reason:
    try:
        query = read_query(message.SerializeToString())
        check_query(query, signer=signer, federation=federation, at=AT)
    except LandbridgeError as error:
        return error.reason
    pytest.fail("the query was not refused")


def read(message: query_pb2.Query) -> Query:
    return read_query(message.SerializeToString())


def test_what_is_written_is_read(federation: Federation) -> None:
    query = read(written(federation))
    check_query(query, signer="asker", federation=federation, at=AT)
    assert query.subject == SubjectId("unit", "000001")
    assert query.case_reference == "C-1"
    assert query.expires_at - query.issued_at == 60_000


def test_nonces_differ(federation: Federation) -> None:
    assert written(federation).nonce != written(federation).nonce


def test_wanted_fields(federation: Federation) -> None:
    query = read(written(federation))
    assert query.fields_wanted("a", "d") == ("x", "y")
    assert query.fields_wanted("a", "other") is None
    assert query.fields_wanted("b", "any") == ()
    message = written(federation)
    del message.wanted[:]
    assert read(message).fields_wanted("c", "d") == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("nonce", b"short"),
        ("federation", ""),
        ("requester", ""),
        ("subject_kind", 0),
        ("subject_kind", 77),
        ("purpose", ""),
        ("case_reference", ""),
        ("case_reference", "x" * 201),
        ("federation", "x" * 201),
        ("requester", "x" * 201),
        ("purpose", "x" * 201),
        ("expires_at_unix_ms", AT),
        ("issued_at_unix_ms", 0),
    ],
)
def test_a_part_that_is_missing_or_wrong(federation: Federation, name: str, value: object) -> None:
    assert refusal(federation, written(federation, **{name: value})) is Reason.MALFORMED_REQUEST


def test_bytes_that_are_no_query() -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_query(b"\xff\xff\xff")
    assert caught.value.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    "wanted",
    [
        query_pb2.Wanted(agency="x" * 201),
        query_pb2.Wanted(agency="a", dataset="x" * 201),
        query_pb2.Wanted(agency="a", dataset="d", fields=["x" * 201]),
        query_pb2.Wanted(agency="a", dataset="d", fields=["x"] * 501),
    ],
)
def test_a_wish_that_is_too_long(federation: Federation, wanted: query_pb2.Wanted) -> None:
    message = written(federation)
    message.wanted.append(wanted)
    assert refusal(federation, message) is Reason.MALFORMED_REQUEST


def test_a_scheme_that_is_too_long(federation: Federation) -> None:
    message = written(federation)
    message.subject.scheme = "x" * 201
    assert refusal(federation, message) is Reason.MALFORMED_REQUEST


def test_the_largest_wish_is_read(federation: Federation) -> None:
    message = written(federation)
    message.wanted.add(agency="a", dataset="x" * 200, fields=["y" * 100] * 500)
    assert len(read(message).wanted) == 3


def test_a_query_that_is_too_large_is_not_even_parsed() -> None:
    with pytest.raises(LandbridgeError, match="larger than 65536 bytes") as caught:
        read_query(b"\xff" * (64 * 1024 + 1))
    assert caught.value.reason is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"federation": "other.example"}, Reason.BAD_SIGNATURE),
        ({"purpose": "curiosity"}, Reason.UNKNOWN_PURPOSE),
        ({"subject_kind": 2}, Reason.SUBJECT_KIND_NOT_COVERED),
        ({"issued_at_unix_ms": AT + 31_000, "expires_at_unix_ms": AT + 60_000}, Reason.STALE_QUERY),
        ({"issued_at_unix_ms": AT - 60_000, "expires_at_unix_ms": AT}, Reason.STALE_QUERY),
        ({"expires_at_unix_ms": AT + 301_000}, Reason.STALE_QUERY),
    ],
)
def test_a_query_that_may_not_be_answered(
    federation: Federation, changes: dict[str, object], reason: Reason
) -> None:
    assert refusal(federation, written(federation, **changes)) is reason


def test_a_query_that_another_has_signed(federation: Federation) -> None:
    assert refusal(federation, written(federation), signer="stranger") is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("scheme", "value", "reason"),
    [
        ("unknown", "000001", Reason.UNKNOWN_SCHEME),
        ("unit", "abc", Reason.MALFORMED_IDENTIFIER),
        ("unit", "1", Reason.MALFORMED_IDENTIFIER),
    ],
)
def test_an_identifier_that_is_not_one(
    federation: Federation, scheme: str, value: str, reason: Reason
) -> None:
    message = written(federation)
    message.subject.scheme, message.subject.value = scheme, value
    assert refusal(federation, message) is reason


def test_no_record_on_a_person_flows_without_consent(federation: Federation) -> None:
    message = written(federation, subject_kind=2)
    message.subject.scheme = "person"
    assert refusal(federation, message) is Reason.SUBJECT_KIND_NOT_COVERED
