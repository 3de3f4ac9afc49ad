"""Verifying a profile offline: it holds as it came, and nothing of it can be changed unseen."""

import base64
import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from landbridge.document import first_difference, read_document
from landbridge.envelope import (
    ANSWER_TYPE,
    PROFILE_TYPE,
    QUERY_TYPE,
    EvidenceVerifier,
    sign_batch,
)
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse, SigningKey
from landbridge.profile import profile_document
from landbridge.v1 import answer_pb2, envelope_pb2, log_pb2, profile_pb2, query_pb2
from landbridge.verification import Check, verify_profile
from tests.small_town import BAKERY_ABSENT, Town, bakery_answers, parsed

Document = dict[str, Any]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def document(town: Town) -> Document:
    return profile_document(town.profile())


def refusal(town: Town, document: Document) -> LandbridgeError:
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(document, town.bundle, federation=town.federation)
    return caught.value


def test_a_profile_as_it_came_verifies(town: Town, document: Document) -> None:
    told: list[Check] = []
    verified = verify_profile(
        json.loads(json.dumps(document)),
        town.bundle,
        federation=town.federation,
        passed=told.append,
    )
    assert [check.name for check in verified.checks] == [
        "evidence",
        "gateway",
        "query",
        "answers",
        "assembly",
        "document",
    ]
    assert told == list(verified.checks)
    assert all(check.made for check in told)
    assert "hall.town.example/gateway/main" in told[1].text
    assert "signed by board" in told[2].text
    assert "3 of 3" in told[3].text
    assert verified.signed.query.case_reference == "C-1"


def test_without_the_federations_terms_the_assembly_is_said_to_be_unproven(
    town: Town, document: Document
) -> None:
    checks = verify_profile(document, town.bundle).checks
    assert [check.name for check in checks if not check.made] == ["assembly"]


def set_path(document: Document, path: list[str | int], value: object) -> None:
    target: Any = document
    for key in path[:-1]:
        target = target[key]
    target[path[-1]] = value


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (
            ["sections", 0, "records", 0, "values", 1, "value"],
            "closed",
            "sections[0].records[0].values[1].value",
        ),
        (["comparisons", 0, "status"], "agreement", "comparisons[0].status"),
        (["query", "purpose"], "audit", "query.purpose"),
        (["gaps"], [], "gaps[0]"),
        (["links", 0, "ambiguous"], False, "links[0].ambiguous"),
        (["completeness", "state"], "complete", "completeness.state"),
        (["completeness", "answered"], 3.0, "completeness.answered"),
        (["links", 0, "ambiguous"], 1, "links[0].ambiguous"),
        (["score"], 99, "score"),
        (["sections", 0, "records", 0, "grade"], "A", "sections[0].records[0].grade"),
    ],
)
def test_a_shown_value_cannot_be_changed(
    town: Town, document: Document, path: list[str | int], value: object, place: str
) -> None:
    altered = copy.deepcopy(document)
    set_path(altered, path, value)
    error = refusal(town, altered)
    assert (error.reason, error.where) == (Reason.PROFILE_ALTERED, place)


def test_a_part_left_out_is_missed(town: Town, document: Document) -> None:
    altered = copy.deepcopy(document)
    del altered["gaps"][3]["clause"]
    assert refusal(town, altered).where == "gaps[3].clause"
    del altered["sections"]
    assert refusal(town, altered).where == "sections"


@pytest.mark.parametrize("evidence", [None, 7, "", "?", "AAAA", base64.b64encode(b"\xff").decode()])
def test_evidence_that_is_none_is_refused(town: Town, document: Document, evidence: object) -> None:
    error = refusal(town, {**document, "evidence": evidence})
    assert (error.reason, error.where) == (Reason.PROFILE_ALTERED, "evidence")


def test_another_format_is_refused(town: Town, document: Document) -> None:
    error = refusal(town, {**document, "format": {"name": "landbridge-profile", "version": 3}})
    assert (error.reason, error.where) == (Reason.PROFILE_ALTERED, "format")


def test_not_one_bit_of_the_evidence_can_be_changed(town: Town, document: Document) -> None:
    evidence = base64.b64decode(document["evidence"])
    for place in range(0, len(evidence), max(1, len(evidence) // 150)):
        spoiled = bytearray(evidence)
        spoiled[place] ^= 1
        encoded = base64.b64encode(bytes(spoiled)).decode()
        assert refusal(town, {**document, "evidence": encoded}).code.startswith("LB-4")


def resigned(town: Town, spoil: Callable[[profile_pb2.Profile], object]) -> Document:
    """Make what a dishonest gateway would: it changes the profile and signs it."""
    profile = profile_pb2.Profile.FromString(town.profile().payload)
    spoil(profile)
    return profile_document(town.sign_profile(profile))


def test_a_gateway_cannot_change_an_answer(town: Town) -> None:
    def change(profile: profile_pb2.Profile) -> None:
        answer = answer_pb2.Answer.FromString(profile.answers[2].payload)
        answer.datasets[0].extracts[0].records[0].values[1].text = "revoked"
        profile.answers[2].payload = answer.SerializeToString()

    error = refusal(town, resigned(town, change))
    assert (error.reason, error.where) == (Reason.BAD_SIGNATURE, "answer 3 (registry)")


def test_a_gateway_cannot_swap_an_answer_in_from_another_query(town: Town) -> None:
    other = bakery_answers(town, town.query())[2]

    def swap(profile: profile_pb2.Profile) -> None:
        profile.answers[1].CopyFrom(other.envelope)

    error = refusal(town, resigned(town, swap))
    assert (error.reason, error.where) == (Reason.MISMATCHED_ANSWER, "answer 2 (permits)")


def test_a_gateway_cannot_count_an_answer_twice(town: Town) -> None:
    error = refusal(town, resigned(town, lambda p: p.answers.append(p.answers[1])))
    assert (error.reason, error.where) == (Reason.MISMATCHED_ANSWER, "answer 4 (permits)")


def test_one_agency_cannot_answer_for_another(town: Town) -> None:
    query = town.query()
    message = parsed(bakery_answers(town, query)[1])
    entry = log_pb2.LogEntry(kind=log_pb2.ENTRY_KIND_ANSWER, step=query_pb2.STEP_COLLECT, round=1)
    forged = town.sign(
        "court",
        "application/vnd.landbridge.answer.v1",
        message.SerializeToString(),
        query,
        entry,
    )
    profile = town.assemble(query, [], ())
    profile.answers.append(forged)
    error = refusal(town, profile_document(town.sign_profile(profile)))
    assert (error.reason, error.where) == (Reason.BAD_SIGNATURE, "answer 1 (registry)")


def test_a_node_cannot_sign_a_profile(town: Town) -> None:
    query = town.query()
    envelope = town.sign_profile(town.assemble(query, bakery_answers(town, query)), "registry")
    error = refusal(town, profile_document(envelope))
    assert (error.reason, error.where) == (Reason.BAD_SIGNATURE, "gateway")


def test_the_gateway_must_have_logged_this_query(town: Town) -> None:
    query = town.query()
    profile = town.assemble(query, bakery_answers(town, query))
    entry = log_pb2.LogEntry(kind=log_pb2.ENTRY_KIND_PROFILE)
    envelope = town.sign(
        "hall",
        "application/vnd.landbridge.profile.v1",
        profile.SerializeToString(),
        town.query(),
        entry,
    )
    error = refusal(town, profile_document(envelope))
    assert (error.reason, error.where) == (Reason.BAD_LOG_EVIDENCE, "gateway")


@pytest.mark.parametrize(
    ("spoil", "holds"),
    [
        (lambda heard: heard, True),
        (lambda heard: heard[::-1], True),
        (lambda _: [], True),  # as gateways wrote before they told what they heard
        (lambda heard: heard[1:], False),
        (lambda heard: [*heard, heard[0]], False),
        (lambda heard: [log_pb2.Heard(origin=heard[0].origin, index=9), *heard[1:]], False),
    ],
)
def test_the_gateway_logs_the_answers_that_it_shows(
    town: Town, spoil: Callable[[list[log_pb2.Heard]], list[log_pb2.Heard]], *, holds: bool
) -> None:
    query = town.query()
    answers = bakery_answers(town, query)
    evidence = EvidenceVerifier(town.bundle.log_keys)
    heard = [evidence.verify(one.envelope, ANSWER_TYPE).heard() for one in answers]
    profile = town.assemble(query, answers, BAKERY_ABSENT)
    entry = log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_PROFILE,
        logged_at_unix_ms=profile.assembled_at_unix_ms,
        heard=spoil(heard),
    )
    signed = town.sign("hall", PROFILE_TYPE, profile.SerializeToString(), query, entry)
    document = profile_document(signed)
    if holds:
        verify_profile(document, town.bundle, federation=town.federation)
    else:
        error = refusal(town, document)
        assert (error.reason, error.where) == (Reason.BAD_LOG_EVIDENCE, "gateway")


def test_the_query_must_be_its_requesters(town: Town) -> None:
    query = town.query()
    stranger = SigningKey.generate("board", KeyUse.QUERY)
    (forged,) = sign_batch(QUERY_TYPE, [query.payload], stranger)
    envelope = town.sign_profile(town.assemble(forged, bakery_answers(town, forged)))
    error = refusal(town, profile_document(envelope))
    assert (error.reason, error.where[:12]) == (Reason.UNTRUSTED_KEY, "trust bundle")


def test_the_asker_gets_the_answer_to_its_own_query(town: Town) -> None:
    query = town.query()
    own, other = (profile_document(town.profile_for(q)) for q in (query, town.query()))
    assert verify_profile(own, town.bundle, asked=query).checks
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(other, town.bundle, asked=query)
    assert (caught.value.reason, caught.value.where) == (Reason.MISMATCHED_ANSWER, "query")


def other_comparison(profile: profile_pb2.Profile) -> None:
    for comparison in profile.comparisons:
        comparison.status = profile_pb2.COMPARISON_STATUS_AGREEMENT


def hidden_refusal(profile: profile_pb2.Profile) -> None:
    for source in profile.sources:
        source.refused_fields = 0


def unambiguous(profile: profile_pb2.Profile) -> None:
    for link in profile.links:
        link.ambiguous = False


def no_gap(profile: profile_pb2.Profile) -> None:
    profile.completeness.failed = 0


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (other_comparison, "comparisons"),
        (hidden_refusal, "sources"),
        (unambiguous, "links"),
        (no_gap, "completeness"),
    ],
)
def test_a_gateway_cannot_assemble_as_it_likes(
    town: Town, spoil: Callable[[profile_pb2.Profile], None], place: str
) -> None:
    document = resigned(town, spoil)
    error = refusal(town, document)
    assert (error.reason, error.where) == (Reason.PROFILE_ALTERED, place)


def test_a_gateway_cannot_claim_an_answer_that_it_does_not_show(town: Town) -> None:
    query = town.query()
    invented = profile_pb2.Source(agency="court", dataset="rulings", outcome=Reason.NO_RECORD.value)
    profile = town.assemble(query, bakery_answers(town, query), [invented])
    error = refusal(town, profile_document(town.sign_profile(profile)))
    assert (error.reason, error.where) == (Reason.PROFILE_ALTERED, "assembly")


def test_another_federations_bundle_does_not_verify_it(
    document: Document, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = Town(tmp_path_factory.mktemp("other"))
    other.close()
    with pytest.raises(LandbridgeError) as caught:
        verify_profile(document, other.bundle)
    assert caught.value.code in ("LB-4001", "LB-4002")


def test_a_profile_of_nothing_verifies(town: Town) -> None:
    query = town.query()
    document = profile_document(town.sign_profile(town.assemble(query, [], BAKERY_ABSENT)))
    assert verify_profile(document, town.bundle, federation=town.federation).checks


def test_evidence_alone_is_parsed_whole(town: Town, document: Document) -> None:
    """What an unknown field of the envelope carries is never shown as verified."""
    envelope = envelope_pb2.Envelope.FromString(base64.b64decode(document["evidence"]))
    padded = envelope.SerializeToString() + b"\xfa\x3f\x03abc"
    again = {**document, "evidence": base64.b64encode(padded).decode()}
    verified = verify_profile(again, town.bundle, federation=town.federation)
    assert verified.signed.profile == profile_pb2.Profile.FromString(envelope.payload)


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"7", b'{"a": 1, "a": 2}', b'{"a": NaN}', b"\xff\xfe", b"[" * 200_000],
)
def test_a_file_that_readers_could_take_differently_is_refused(data: bytes) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_document(data)
    assert caught.value.reason is Reason.USAGE


@pytest.mark.parametrize(
    ("expected", "shown", "place"),
    [
        ({"a": [1]}, {"a": [1]}, None),
        ({"a": [1]}, {"a": [1, 2]}, "a[1]"),
        ({"a": [1, 2]}, {"a": [1]}, "a[1]"),
        ({"a": {"b": "x"}}, {"a": ["x"]}, "a"),
        ({"a": None}, {"a": ""}, "a"),
        ({"a": True}, {"a": 1}, "a"),
        ({}, {"b": 1}, "b"),
    ],
)
def test_the_first_difference_is_named(expected: object, shown: object, place: str | None) -> None:
    assert first_difference(expected, shown) == place
