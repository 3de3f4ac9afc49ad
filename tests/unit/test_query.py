"""A query is read, and refused, for exactly what it says."""

from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.query import Query, Wanted, check_alone, check_query, read_query, write_query
from landbridge.subject import SubjectId, SubjectKind
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


def on_a_person(federation: Federation) -> query_pb2.Query:
    message = written(federation, subject_kind=2)
    message.subject.scheme = "person"
    return message


def test_a_query_on_a_person_is_one_as_it_says_itself(federation: Federation) -> None:
    query = read(on_a_person(federation))
    check_query(query, signer="asker", federation=federation, at=AT)
    assert query.subject_kind is SubjectKind.NATURAL_PERSON
    as_a_company = on_a_person(federation)
    as_a_company.subject_kind = SubjectKind.LEGAL_ENTITY.number
    assert refusal(federation, as_a_company) is Reason.SUBJECT_KIND_NOT_COVERED


@pytest.mark.parametrize("signed_together", [0, 2, 1000])
def test_persons_are_asked_about_one_at_a_time(
    federation: Federation, signed_together: int
) -> None:
    query = read(on_a_person(federation))
    check_alone(query, 1)
    with pytest.raises(LandbridgeError) as caught:
        check_alone(query, signed_together)
    assert caught.value.reason is Reason.BULK_REFUSED
    check_alone(read(written(federation)), signed_together)


def test_what_predicates_ask_seals_and_consents_are_read_as_written(
    federation: Federation,
) -> None:
    payload = write_query(
        federation=federation,
        requester="asker",
        subject=SubjectId("person", "000001"),
        purpose="review",
        case_reference="C-1",
        wanted=[
            Wanted("a", "d", ("above",), (("amount", "10.50"), ("count", 3))),
            Wanted("a", "", (), (("count", 4),)),
            Wanted("a", "e", ("late",), (("on", "2026-01-31"),)),
        ],
        at=AT,
        seal_to=b"key",
        consents=[b"one", b"two"],
    )
    query = read_query(payload)
    assert query.arguments("a", "d") == {"amount": "10.50", "count": 4}
    assert query.arguments("a", "e") == {"count": 4, "on": "2026-01-31"}
    assert query.arguments("a", "other") == {"count": 4}
    assert query.arguments("b", "d") == {}
    assert (query.seal_to, query.consents) == (b"key", (b"one", b"two"))
    assert "key" not in repr(query)
    assert "one" not in repr(query)


@pytest.mark.parametrize(
    "arguments",
    [
        [query_pb2.Argument(name="a")],
        [query_pb2.Argument(name="a", text="1"), query_pb2.Argument(name="a", integer=1)],
        [query_pb2.Argument(name=f"a{number}", integer=1) for number in range(21)],
        [query_pb2.Argument(name="x" * 201, integer=1)],
        [query_pb2.Argument(name="a", text="x" * 201)],
    ],
    ids=["without a value", "twice", "too many", "long name", "long value"],
)
def test_an_argument_that_is_not_one(
    federation: Federation, arguments: list[query_pb2.Argument]
) -> None:
    message = written(federation)
    message.wanted[0].arguments.extend(arguments)
    assert refusal(federation, message) is Reason.MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("seal_to", "consents"), [(b"k" * 4097, []), (b"", [b"record"] * 5)], ids=["key", "consents"]
)
def test_a_key_or_consents_that_are_too_much(
    federation: Federation, seal_to: bytes, consents: list[bytes]
) -> None:
    message = written(federation, seal_to=seal_to)
    message.consents.extend(consents)
    assert refusal(federation, message) is Reason.MALFORMED_REQUEST


def test_a_query_of_an_unknown_scheme_is_not_written(federation: Federation) -> None:
    with pytest.raises(LandbridgeError) as caught:
        write_query(
            federation=federation,
            requester="asker",
            subject=SubjectId("unknown", "000001"),
            purpose="review",
            case_reference="C-1",
            at=AT,
        )
    assert caught.value.reason is Reason.UNKNOWN_SCHEME
