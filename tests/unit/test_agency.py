"""Agencies and the identities in their certificates."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.agency import Identity, Role, check_agency, parse_identity
from landbridge.errors import LandbridgeError

FEDERATION = "institutions.example"
LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)


@given(st.lists(LABELS, min_size=1, max_size=3).map(".".join), st.sampled_from(Role), LABELS)
def test_identity_survives_its_certificate(agency: str, role: Role, name: str) -> None:
    identity = Identity(agency, FEDERATION, role, name)
    assert parse_identity(identity.uri, FEDERATION) == identity


def test_identity_is_written_with_the_agency_in_the_host() -> None:
    identity = Identity("fsa.ed", FEDERATION, Role.NODE, "main")
    assert identity.uri == "spiffe://fsa.ed.institutions.example/node/main"
    assert identity.dns_name == "main.node.fsa.ed.institutions.example"


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "https://va.institutions.example/node/main",
        "spiffe://va.institutions.example/node",
        "spiffe://va.institutions.example/node/main/",
        "spiffe://va.institutions.example/node/main\n",
        "spiffe://va.institutions.example/node/main?x=1",
        "spiffe://va.institutions.example/node/main#x",
        "spiffe://va.institutions.example:443/node/main",
        "spiffe://user@va.institutions.example/node/main",
        "spiffe://va.institutions.example/owner/main",
        "spiffe://va.institutions.example/Node/main",
        "spiffe://VA.institutions.example/node/main",
        "spiffe://va.institutions.example./node/main",
        "spiffe://va.institutions.example/node/%6dain",
        "spiffe://va.institutions.example.evil/node/main",
        "spiffe://va.other.example/node/main",
        "spiffe://vainstitutions.example/node/main",
        "spiffe://institutions.example/node/main",
        "spiffe://.institutions.example/node/main",
        "spiffe://-va.institutions.example/node/main",
        "spiffe://va.institutions.example/node/" + "a" * 64,
        "spiffe://" + "a." * 150 + "institutions.example/node/main",
    ],
)
def test_uri_of_any_other_form_is_refused(uri: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        parse_identity(uri, FEDERATION)
    assert caught.value.code == "LB-4005"
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("agency", ["va", "fsa.ed", "a-1.b2", "a" * 63])
def test_dns_like_labels_are_agencies(agency: str) -> None:
    assert check_agency(agency) == agency


@pytest.mark.parametrize(
    "agency",
    ["", ".", "fsa.", ".ed", "fsa..ed", "FSA", "fsa ed", "-a", "a-", "a_b", "a/b", "va\n"],
)
def test_other_names_are_not_agencies(agency: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        check_agency(agency)
    assert caught.value.code == "LB-1101"


@pytest.mark.parametrize("agency", ["a" * 64, "a." * 127 + "a"])
def test_names_longer_than_dns_allows_are_not_agencies(agency: str) -> None:
    with pytest.raises(LandbridgeError):
        check_agency(agency)
