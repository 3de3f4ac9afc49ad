"""What a client signs: sealed batches with one key, and never several persons at once."""

from typing import cast

import pytest

from landbridge.client import Client
from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.keys import KeyUse, SigningKey
from landbridge.profile import SignedProfile
from landbridge.query import read_query
from landbridge.rpc.channel import RotatingChannel
from landbridge.sealing import check_public_key
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2, query_pb2
from tests.small_town import FEDERATION

PERSONS = """
[schemes.person]
title = "Number of a person"
subject_kind = "natural-person"
pattern = '\\d+'
"""
COMPANIES = (SubjectId("company", "00000042"), SubjectId("company", "00000043"))
PERSON = SubjectId("person", "1")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    path = tmp_path_factory.mktemp("town") / "federation.toml"
    path.write_text(FEDERATION + PERSONS)
    nowhere = cast("RotatingChannel", None)  # nothing is sent
    key = SigningKey.generate("board", KeyUse.QUERY)
    return Client(federation=Federation.load(path), key=key, channel=nowhere)


def profile_of(query: envelope_pb2.Envelope) -> SignedProfile:
    """Make the profile of a query to which no source had anything to say."""
    return SignedProfile(
        envelope=envelope_pb2.Envelope(),
        profile=profile_pb2.Profile(query=query, gateway="hall/main", assembled_at_unix_ms=1),
        query=query_pb2.Query.FromString(query.payload),
        answers=(),
    )


def refusal_to_open(client: Client, query: envelope_pb2.Envelope) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        client.open(profile_of(query))
    return caught.value.reason


def test_a_sealed_batch_names_one_key_and_each_batch_another(client: Client) -> None:
    first = client.sign(COMPANIES, "licence-check", "C-1", sealed=True)
    second = client.sign(COMPANIES, "licence-check", "C-1", sealed=True)
    keys = [read_query(query.payload).seal_to for query in (*first, *second)]
    assert keys[0] == keys[1] != keys[2] == keys[3]
    for key in keys:
        check_public_key(key)
    assert {query.batch.size for query in first} == {2}


def test_without_being_told_nothing_is_sealed(client: Client) -> None:
    (query,) = client.sign(COMPANIES[:1], "licence-check", "C-1")
    assert read_query(query.payload).seal_to == b""
    assert refusal_to_open(client, query) is Reason.SEAL_BROKEN


def test_a_profile_is_opened_once_and_its_key_forgotten(client: Client) -> None:
    (query,) = client.sign(COMPANIES[:1], "licence-check", "C-1", sealed=True)
    opened = client.open(profile_of(query))
    assert opened.signed.contents == {}
    assert refusal_to_open(client, query) is Reason.SEAL_BROKEN


def test_consents_travel_with_the_query(client: Client) -> None:
    (query,) = client.sign([PERSON], "licence-check", "C-1", consents=[b"record"])
    assert read_query(query.payload).consents == (b"record",)


@pytest.mark.parametrize("subjects", [(PERSON, PERSON), (*COMPANIES, PERSON)])
def test_persons_are_never_asked_about_together(
    client: Client, subjects: tuple[SubjectId, ...]
) -> None:
    with pytest.raises(LandbridgeError) as caught:
        client.sign(subjects, "licence-check", "C-1")
    assert caught.value.reason is Reason.BULK_REFUSED
