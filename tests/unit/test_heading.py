"""Headings: taken apart once, bounded, and the same however their bytes are spelled."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge import heading as headings
from landbridge.errors import LandbridgeError, Reason
from landbridge.heading import (
    IDENTIFIER,
    MAX_HEADING_BYTES,
    Heading,
    read_columns,
    read_heading,
    write_heading,
)
from landbridge.v1 import answer_pb2
from tests.small_town import column

_COLUMNS = st.lists(
    st.builds(
        answer_pb2.Column,
        field=st.text("abc", max_size=2),
        term=st.sampled_from(["", "name"]),
        type=st.integers(0, 10),
        scheme=st.sampled_from(["", "company"]),
    ),
    max_size=4,
)


def _respelled(columns: list[answer_pb2.Column]) -> bytes:
    """Write the columns as no library of ours does: fields backwards, each but the last twice."""
    spelled = b""
    for each in columns:
        parts = [
            part.SerializeToString()
            for part in (
                answer_pb2.Column(scheme=each.scheme),
                answer_pb2.Column(type=each.type),
                answer_pb2.Column(term=each.term),
                answer_pb2.Column(field=each.field),
            )
        ]
        body = b"".join(parts[::-1] + parts)
        spelled += b"\x0a" + bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) + body
    return spelled


@given(_COLUMNS)
def test_two_spellings_of_one_heading_say_the_same(columns: list[answer_pb2.Column]) -> None:
    written = write_heading(columns)
    assert read_columns(written) == columns
    assert read_heading(_respelled(columns)) == read_heading(written)


def test_what_a_heading_says_is_found_by_position() -> None:
    said = read_heading(
        write_heading(
            [column("name", term="name"), column("permit", IDENTIFIER, scheme="permit")],
        )
    )
    assert said == Heading(("name", "permit"), {0: "name"}, {1: "permit"}, None)


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x03\x0a\x01\xff"])
def test_what_is_no_heading_is_refused_each_time(data: bytes) -> None:
    for read in (read_heading, read_columns, read_heading):
        with pytest.raises(LandbridgeError) as caught:
            read(data)
        assert caught.value.reason is Reason.MISMATCHED_ANSWER


def test_long_headings_fill_no_memory() -> None:
    before = headings._kept.cache_info().currsize
    long = write_heading([column(f"{number}{'x' * 100}") for number in range(100)])
    assert len(read_heading(long).fields) == 100
    with pytest.raises(LandbridgeError) as caught:
        read_heading(bytes(MAX_HEADING_BYTES + 1))
    assert caught.value.reason is Reason.OVERSIZED_ANSWER
    assert headings._kept.cache_info().currsize == before


def test_a_fault_is_told_whether_it_is_seen_first_or_again() -> None:
    twice = write_heading([column("name"), column("name")])
    first, again = read_heading(twice).fault, read_heading(twice).fault
    assert first is not None
    assert first == again
    assert first.reason is Reason.MISMATCHED_ANSWER
