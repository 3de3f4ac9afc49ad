"""`cert status` as far as it is pure: from the authority's words to a document and its tables."""

import io
from typing import Any

import pytest
from rich.console import Console

from landbridge.commands.cert_standing import (
    accepted_authorities,
    lowest_acknowledged,
    only_agency,
    standing_document,
)
from landbridge.commands.cert_status_table import render_standing, summary
from landbridge.v1 import authority_service_pb2 as wire

NOW = 1_795_412_400_000
HOUR = 3_600_000
DAY = 24 * HOUR
TRUSTED = {11: ("root-1", "issuing-1"), 12: ("root-1", "issuing-1", "issuing-2")}


def identity(agency: str, role: str, name: str = "main") -> str:
    return f"spiffe://{agency}.market.example/{role}/{name}"


def party(agency: str, role: str, **change: Any) -> wire.PartyStanding:
    facts = {
        "identity": identity(agency, role),
        "acknowledged": 12,
        "heard_at_unix_ms": NOW - 4000,
        "serial": "1a2b3c4d5e6f7081",
        "issuer": "issuing-1",
        "not_after_unix_ms": NOW + 20 * HOUR,
        "proven": ["issuing-2"],
    }
    return wire.PartyStanding(**(facts | change))


def standing() -> wire.GetStandingResponse:
    lagging = {
        "acknowledged": 11,
        "heard_at_unix_ms": NOW - 2 * DAY,
        "proven": [],
        "lag": "has not acknowledged bundle 12",
        "alarms": ["clock: stands 3 minutes [off]"],
    }
    never = {
        "acknowledged": 0,
        "heard_at_unix_ms": 0,
        "serial": "",
        "issuer": "",
        "not_after_unix_ms": 0,
        "lag": "has never been heard",
    }
    return wire.GetStandingResponse(
        bundle_number=12,
        now_unix_ms=NOW,
        authorities=[
            wire.AuthorityStanding(
                id="root-1", state="active", not_after_unix_ms=NOW + 3650 * DAY, shown_by=[]
            ),
            wire.AuthorityStanding(
                id="issuing-2",
                state="published",
                not_after_unix_ms=NOW + 365 * DAY,
                next_state="active",
                obstacles=["tax.gov/node has not acknowledged bundle 12", "one more"],
                shown_by=[],
            ),
            wire.AuthorityStanding(
                id="issuing-1",
                state="active",
                not_after_unix_ms=NOW + 40 * DAY,
                shown_by=[identity("register.gov", "node"), identity("tax.gov", "node")],
            ),
        ],
        parties=[
            party("register.gov", "node"),
            party("tax.gov", "node", **lagging),
            party("tax.gov", "requester", **never),
        ],
        pending=[
            wire.PendingAct(
                statement=b'{"act":"member.accept","subject":"food.gov"}',
                signed_by=["exchange/admin/0a1b2c3d"],
                summary="take in food.gov; one more administrator has to sign",
            )
        ],
    )


@pytest.fixture
def document() -> dict[str, Any]:
    return standing_document(standing(), "market.example", TRUSTED)


def shown(document: dict[str, Any]) -> str:
    console = Console(file=io.StringIO(), width=160, highlight=False)
    render_standing(document, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_each_agency_shows_what_it_holds_trusts_and_has_acknowledged(
    document: dict[str, Any],
) -> None:
    register, tax = document["agencies"]
    (node,) = register["parties"]
    assert not register["lags"]
    assert node["holds"]["authority"] == "issuing-1"
    assert node["trusts"] == ["root-1", "issuing-1", "issuing-2"]
    assert (node["acknowledged"], node["behind"]) == (12, 0)
    assert tax["lags"]
    behind, never = tax["parties"]
    assert behind["trusts"] == ["root-1", "issuing-1"]
    assert behind["behind"] == 1
    assert (never["holds"], never["trusts"], never["heard_at"]) == (None, None, None)


def test_who_lags_is_named_with_the_reason(document: dict[str, Any]) -> None:
    assert document["lagging"] == ["tax.gov/node", "tax.gov/requester"]
    assert summary(document).startswith("2 of 3 parties lag: tax.gov/node, tax.gov/requester")
    text = shown(document)
    assert "! tax.gov/node: has not acknowledged bundle 12" in text
    assert "! tax.gov/node: alarm: clock: stands 3 minutes [off]" in text
    assert text.rstrip().endswith("1 alarm stands")


def test_the_tables_say_what_waits_and_for_whom(document: dict[str, Any]) -> None:
    text = shown(document)
    assert "active waits: tax.gov/node has not acknowledged bundle 12 (and 1 more)" in text
    assert "take in food.gov; one more administrator has to sign" in text
    assert "exchange/admin/0a1b2c3d" in text
    assert "in 20 h" in text
    assert "4 s ago" in text
    assert "never" in text
    assert "in 10 years" in text


def test_what_is_gone_is_not_shown_and_only_awaited_proofs_are(document: dict[str, Any]) -> None:
    document["authorities"][2]["state"] = "removed"
    document["agencies"][0]["parties"][0]["proven"].append("issuing-1")
    lines = shown(document).splitlines()
    assert not [line for line in lines if line.startswith("issuing-1")]
    (node,) = (line for line in lines if line.startswith("register.gov/node"))
    assert node.split()[-4:] == ["issuing-2", "4", "s", "ago"]
    assert node.count("issuing-1") == 2


def test_one_agency_alone(document: dict[str, Any]) -> None:
    register = only_agency(document, "register.gov")
    assert register["lagging"] == []
    assert summary(register).startswith("nobody lags: 1 party holds")
    assert only_agency(document, "nobody.gov")["agencies"] == []


def test_the_oldest_bundle_in_use_is_that_of_a_party_that_has_one() -> None:
    assert lowest_acknowledged(standing()) == 11
    assert lowest_acknowledged(wire.GetStandingResponse(bundle_number=7)) == 7


def test_only_authorities_that_are_accepted_are_trusted() -> None:
    pairs = [("root-1", "retiring"), ("root-2", "active"), ("issuing-1", "removed")]
    assert accepted_authorities([*pairs, ("issuing-2", "aborted")]) == ("root-1", "root-2")


def test_a_hostile_text_cannot_steer_the_terminal() -> None:
    hostile = standing()
    hostile.parties[0].lag = "\x1b[2J[red]gone"
    hostile.pending[0].statement = b"\xff"
    text = shown(standing_document(hostile, "market.example", TRUSTED))
    assert "\x1b" not in text
    assert "[red]gone" in text
