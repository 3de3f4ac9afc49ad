"""Nodes that seal what they may not send: found when it is opened, and a gap of theirs alone."""

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256

import pytest

from landbridge.assembler import VerifiedAnswer
from landbridge.errors import LandbridgeError, Reason
from landbridge.opened_profile import open_profile
from landbridge.profile import SignedProfile, profile_document, read_profile, write_document
from landbridge.query import Wanted
from landbridge.sealed_answer import SALT_BYTES, open_answer
from landbridge.sealing import SealingKey, seal, seal_info
from landbridge.v1 import answer_pb2, envelope_pb2
from landbridge.verification import verify_profile
from tests.mutations import mutations
from tests.small_town import BAKERY_ABSENT, Town, bakery_answers, parsed

KEY = SealingKey.generate()


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


def profile_of(
    town: Town, query: envelope_pb2.Envelope, spoil: Callable[[answer_pb2.DatasetAnswer], object]
) -> envelope_pb2.Envelope:
    """Sign the profile for which the register sealed other contents than it may send."""
    answers = bakery_answers(town, town.query())
    companies = answer_pb2.DatasetAnswer()
    companies.CopyFrom(parsed(answers[1]).datasets[0])
    spoil(companies)
    honest = bakery_answers(town, query)
    sealed = [honest[0], town.answer(query, "registry", [companies]), honest[2]]
    return town.sign_profile(town.assemble(query, sealed, BAKERY_ABSENT))


def lie_about_width(dataset: answer_pb2.DatasetAnswer) -> None:
    del dataset.extracts[0].records[0].values[0]


def flood(dataset: answer_pb2.DatasetAnswer) -> None:
    dataset.detail = "x" * 2000


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(lie_about_width, Reason.MISMATCHED_ANSWER), (flood, Reason.OVERSIZED_ANSWER)],
)
def test_opened_contents_pass_the_check_that_plain_ones_pass(
    town: Town, spoil: Callable[[answer_pb2.DatasetAnswer], None], reason: Reason
) -> None:
    envelope = profile_of(town, town.query(seal_to=KEY.public), spoil)
    opened = open_profile(read_profile(envelope), KEY, town.federation)
    assert {agency: error.reason for agency, error in opened.failures.items()} == {
        "registry": reason
    }
    shown = write_document(opened.signed)
    assert [section["agency"] for section in shown["sections"]] == ["permits"]
    verify_profile(shown, town.bundle, federation=town.federation)


def sealed_anew(
    town: Town,
    query: envelope_pb2.Envelope,
    honest: Sequence[VerifiedAnswer],
    contents: bytes,
) -> SignedProfile:
    """Make the profile for which the register sealed just these bytes."""
    answer = parsed(honest[1])
    info = seal_info(
        federation=answer.federation,
        requester="board",
        agency=answer.agency,
        query_digest=answer.query_digest,
        memoranda=answer.sealed.memoranda,
    )
    answer.sealed.contents_digest = sha256(contents).digest()
    answer.sealed.ciphertext = seal(contents, seal_to=KEY.public, info=info)
    envelope = envelope_pb2.Envelope(payload=answer.SerializeToString())
    given = [honest[0], VerifiedAnswer.of(envelope, answer), honest[2]]
    profile = town.assemble(query, given, BAKERY_ABSENT)
    return read_profile(envelope_pb2.Envelope(payload=profile.SerializeToString()))


def test_whatever_a_node_seals_takes_no_other_answer_with_it(town: Town) -> None:
    query = town.query(seal_to=KEY.public)
    honest = bakery_answers(town, query)
    contents = answer_pb2.SealedContents.FromString(
        open_answer(parsed(honest[1]), KEY, requester="board")
    )
    contents.ClearField("padding")
    contents.salt = b"s" * SALT_BYTES
    refused = shown = 0
    for changed in mutations(contents.SerializeToString(), 250, seed=4):
        opened = open_profile(sealed_anew(town, query, honest, changed), KEY, town.federation)
        document = json.loads(json.dumps(write_document(opened.signed)))
        assert "permits" in [section["agency"] for section in document["sections"]]
        refused += "registry" in opened.failures
        shown += "registry" not in opened.failures
    assert refused > 100
    assert shown > 5


def test_a_field_that_was_not_wanted_is_found_when_it_is_opened(town: Town) -> None:
    query = town.query([Wanted("registry", "companies", ("name",))], seal_to=KEY.public)
    opened = open_profile(read_profile(town.profile_for(query)), KEY, town.federation)
    assert opened.failures["registry"].reason is Reason.OVERSIZED_ANSWER


def test_an_answer_in_the_clear_to_a_sealed_query_does_not_verify(town: Town) -> None:
    query = town.query(seal_to=KEY.public)
    honest = bakery_answers(town, query)
    clear = parsed(bakery_answers(town, town.query())[1])
    clear.query_digest = parsed(honest[1]).query_digest
    envelope = town.sign_profile(
        town.assemble(query, [honest[0], town.sign_answer(clear, query)], BAKERY_ABSENT)
    )
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(profile_document(envelope), town.bundle, federation=town.federation)
    assert caught.value.reason is Reason.MISMATCHED_ANSWER
    assert "in the clear" in caught.value.message


def test_a_sealed_answer_to_a_query_in_the_clear_does_not_verify(town: Town) -> None:
    query = town.query()
    honest = bakery_answers(town, query)
    other = parsed(bakery_answers(town, town.query(seal_to=KEY.public))[1])
    other.query_digest = parsed(honest[1]).query_digest
    envelope = town.sign_profile(
        town.assemble(query, [honest[0], town.sign_answer(other, query)], BAKERY_ABSENT)
    )
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(profile_document(envelope), town.bundle, federation=town.federation)
    assert caught.value.reason is Reason.MISMATCHED_ANSWER
    assert "unasked" in caught.value.message
