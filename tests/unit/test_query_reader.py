"""Queries that are known by their kind are read as if each were read and checked alone."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.query import Query, Wanted, check_query, read_query, write_query
from landbridge.query_reader import QueryReader
from landbridge.subject import SubjectId
from landbridge.v1 import query_pb2

AT: Final = 1_800_000_000_000
FEDERATION: Final = """
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
[schemes.name]
title = "Name"
subject_kind = "legal-entity"
[purposes.review]
title = "Review"
"""


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    path = tmp_path_factory.mktemp("federation") / "federation.toml"
    path.write_text(FEDERATION)
    return Federation.load(path)


def payload(  # noqa: PLR0913  what a query says
    federation: Federation,
    value: str = "000001",
    *,
    scheme: str = "unit",
    case: str = "C-1",
    at: int = AT,
    lifetime_ms: int = 60_000,
    wanted: tuple[Wanted, ...] = (),
) -> bytes:
    return write_query(
        federation=federation,
        requester="asker",
        subject=SubjectId(scheme, value),
        purpose="review",
        case_reference=case,
        wanted=wanted,
        at=at,
        lifetime_ms=lifetime_ms,
    )


def alone(federation: Federation, data: bytes, signer: str = "asker") -> Query | Reason:
    """Read a query as if there were no other."""
    try:
        query = read_query(data)
        check_query(query, signer=signer, federation=federation, at=AT)
    except LandbridgeError as error:
        return error.reason
    return query


def known(reader: QueryReader, data: bytes, signer: str = "asker") -> Query | Reason:
    try:
        return reader.read(data, signer=signer, at=AT)
    except LandbridgeError as error:
        return error.reason


@pytest.fixture
def reader(federation: Federation) -> QueryReader:
    """Give a reader that knows the kind of `payload(federation)`."""
    made = QueryReader(federation)
    made.read(payload(federation), signer="asker", at=AT)
    return made


def is_alike(reader: QueryReader, data: bytes) -> bool:
    query = known(reader, data)
    return isinstance(query, Query) and query.alike is not None


def test_what_is_alike_is_read_by_its_kind(federation: Federation, reader: QueryReader) -> None:
    data = payload(federation, "000002", case="Fall Ä 7", at=AT - 5, lifetime_ms=1000)
    other = payload(federation, "000003")
    assert known(reader, data) == alone(federation, data)
    first, second = known(reader, data), known(reader, other)
    assert isinstance(first, Query)
    assert isinstance(second, Query)
    assert first.alike is second.alike is not None


@pytest.mark.parametrize(
    "wanted",
    [
        (Wanted("a", "d", ("x", "y")),),
        (Wanted("a", "d", ("y", "x")),),
        (Wanted("a"), Wanted("b", "", tuple(f"field-{n}" for n in range(40)))),
    ],
)
def test_what_is_wanted_is_part_of_the_kind(
    federation: Federation, reader: QueryReader, wanted: tuple[Wanted, ...]
) -> None:
    data = payload(federation, wanted=wanted)
    assert not is_alike(reader, data)
    assert is_alike(reader, data)
    assert known(reader, data) == alone(federation, data)
    assert known(reader, payload(federation)) != known(reader, data)


def test_what_predicates_ask_seals_and_consents_is_no_kind(
    federation: Federation, reader: QueryReader
) -> None:
    asking = payload(federation, wanted=(Wanted("a", "d", ("x",), (("n", 1),)),))
    sealed = query_pb2.Query.FromString(payload(federation))
    sealed.seal_to = b"key"
    consenting = query_pb2.Query.FromString(payload(federation))
    consenting.consents.append(b"record")
    for data in (asking, sealed.SerializeToString(), consenting.SerializeToString()):
        assert known(reader, data) == known(reader, data) == alone(federation, data)
        assert not is_alike(reader, data)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"value": "1"}, Reason.MALFORMED_IDENTIFIER),
        ({"value": "00000a"}, Reason.MALFORMED_IDENTIFIER),
        ({"at": AT + 31_000}, Reason.STALE_QUERY),
        ({"at": AT - 60_000}, Reason.STALE_QUERY),
        ({"lifetime_ms": 301_000}, Reason.STALE_QUERY),
        ({"lifetime_ms": 0}, Reason.MALFORMED_REQUEST),
        ({"case": ""}, Reason.MALFORMED_REQUEST),
        ({"case": "x" * 201}, Reason.MALFORMED_REQUEST),
    ],
)
def test_what_is_wrong_is_refused_though_the_kind_is_known(
    federation: Federation, reader: QueryReader, changes: dict[str, object], reason: Reason
) -> None:
    data = payload(federation, **changes)  # type: ignore[arg-type]
    assert known(reader, data) is reason


def test_a_signer_is_held_against_every_query(federation: Federation, reader: QueryReader) -> None:
    assert known(reader, payload(federation), "stranger") is Reason.BAD_SIGNATURE


def test_a_query_that_does_not_hold_leaves_no_kind(federation: Federation) -> None:
    reader = QueryReader(federation)
    stranger = query_pb2.Query.FromString(payload(federation))
    stranger.purpose = "curiosity"
    data = stranger.SerializeToString()
    assert known(reader, data) is known(reader, data) is Reason.UNKNOWN_PURPOSE


@pytest.mark.parametrize(
    "tail", [b"\x32\x06review", b"\x5a\x03key", b"\x62\x01c", b"\x42\x03\x0a\x01a"]
)
def test_what_stands_behind_or_between_counts(
    federation: Federation, reader: QueryReader, tail: bytes
) -> None:
    data = payload(federation)
    for spoiled in (data + tail, data[:-14] + tail + data[-14:], data[:18] + tail + data[18:]):
        for _ in range(2):
            assert known(reader, spoiled) == alone(federation, spoiled)


def test_other_kinds_follow_when_there_are_too_many(
    federation: Federation, reader: QueryReader
) -> None:
    for number in range(300):
        known(reader, payload(federation, wanted=(Wanted(f"agency-{number}"),)))
    data = payload(federation)
    assert known(reader, data) == alone(federation, data)


@given(
    value=st.text(max_size=12),
    case=st.text(st.characters(exclude_categories=["Cs"]), max_size=140),
    at=st.integers(0, 2 * AT) | st.integers(AT - 70_000, AT + 40_000),
    lifetime_ms=st.integers(0, 400_000),
)
def test_any_query_of_a_known_kind_is_read_as_if_alone(
    federation: Federation, value: str, case: str, at: int, lifetime_ms: int
) -> None:
    made = QueryReader(federation)
    for scheme in ("unit", "name"):
        known(made, payload(federation, "000001", scheme=scheme))
        try:
            data = payload(
                federation, value, scheme=scheme, case=case, at=at, lifetime_ms=lifetime_ms
            )
        except UnicodeEncodeError:
            continue
        assert known(made, data) == alone(federation, data)


@given(place=st.integers(0, 200), byte=st.integers(0, 255), cut=st.booleans())
def test_any_change_of_the_bytes_is_read_as_if_alone(
    federation: Federation, place: int, byte: int, *, cut: bool
) -> None:
    made = QueryReader(federation)
    data = bytearray(payload(federation, wanted=(Wanted("a", "d", ("x", "y")),)))
    known(made, bytes(data))
    place %= len(data)
    if cut:
        del data[place:]
    else:
        data[place] = byte
    assert known(made, bytes(data)) == alone(federation, bytes(data))
