"""Parties and times as administrators write and read them."""

import pytest

from landbridge.commands.party_name import read_party, shown_party
from landbridge.commands.timespan import beside, lasting, to_minute
from landbridge.errors import LandbridgeError, Reason

FEDERATION = "market.example"
HOUR = 3_600_000


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("register.gov/node", "spiffe://register.gov.market.example/node/main"),
        ("register.gov/node/blue", "spiffe://register.gov.market.example/node/blue"),
        (
            "spiffe://city.market.example/requester/main",
            "spiffe://city.market.example/requester/main",
        ),
    ],
)
def test_a_party_is_read_in_either_way(text: str, uri: str) -> None:
    assert read_party(text, FEDERATION).uri == uri


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("register.gov", "not a role"),
        ("register.gov/nod", "did you mean 'node'"),
        ("Register/node", "not an agency id"),
        ("register.gov/node/UP", "not an identity"),
        ("spiffe://register.gov.other.example/node/main", "not an identity"),
    ],
)
def test_what_names_no_party_is_refused(text: str, message: str) -> None:
    with pytest.raises(LandbridgeError, match=message) as caught:
        read_party(text, FEDERATION)
    assert caught.value.reason is Reason.USAGE


def test_a_party_is_written_short() -> None:
    assert shown_party("spiffe://register.gov.market.example/node/main", FEDERATION) == (
        "register.gov/node"
    )
    blue = "spiffe://register.gov.market.example/node/blue"
    assert shown_party(blue, FEDERATION) == "register.gov/node/blue"
    assert shown_party("something else", FEDERATION) == "something else"


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (900, "0 s"),
        (59_999, "59 s"),
        (4 * 60_000, "4 min"),
        (23 * HOUR + 59 * 60_000, "23 h"),
        (40 * 24 * HOUR, "40 days"),
        (3652 * 24 * HOUR, "10 years"),
    ],
)
def test_a_span_is_never_rounded_up(span: int, words: str) -> None:
    assert lasting(span) == words


def test_a_moment_beside_now() -> None:
    assert beside(10 * HOUR, 0) == "in 10 h"
    assert beside(5000, 9000) == "4 s ago"
    assert beside(0, 9000) == "never"
    assert to_minute(1_795_412_459_999) == "2026-11-23 05:40 UTC"
