"""Questions as they are joined from bytes: each node reads what it would of the message."""

from pathlib import Path
from typing import cast

import pytest

from gateway.asked import Asked
from gateway.forked_logs import ForkedLogs
from gateway.inquiry import Inquiry
from gateway.planner import Candidate, Plan
from gateway.verifier import AnswerVerifier
from landbridge.assembler import VerifiedAnswer
from landbridge.envelope import EvidenceVerifier
from landbridge.errors import LandbridgeError, Reason
from landbridge.federation import Federation
from landbridge.heading import IDENTIFIER
from landbridge.links import FollowedIdentifiers, linking_records
from landbridge.log.seen_sizes import SeenSizes
from landbridge.query import Query, Wanted, read_query, write_query
from landbridge.v1 import answer_pb2, envelope_pb2, query_pb2
from tests.small_town import FEDERATION, SUBJECT, answered, column, heading, record, text

_COLLECT = query_pb2.STEP_COLLECT
_PLAN = Plan(
    (
        Candidate("registry", "companies", frozenset({"company"}), 2),
        Candidate("permits", "permits", frozenset({"permit"}), 2),
    ),
    (),
    (),
)


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    path = tmp_path / "federation.toml"
    path.write_text(FEDERATION)
    return Federation.load(path)


def inquiry(federation: Federation) -> Inquiry:
    followed = FollowedIdentifiers(SUBJECT, federation.schemes, 5)
    return Inquiry(envelope().SerializeToString(), query(federation), b"q" * 32, _PLAN, followed)


def query(federation: Federation) -> Query:
    return read_query(
        write_query(
            federation=federation,
            requester="board",
            subject=SUBJECT,
            purpose="licence-check",
            case_reference="C-1",
            wanted=[Wanted("registry")],
            at=1_795_000_000_000,
        )
    )


def envelope(payload: bytes = b"query") -> envelope_pb2.Envelope:
    return envelope_pb2.Envelope(payload_type="t", payload=payload)


def test_each_node_is_asked_for_its_own_datasets(federation: Federation) -> None:
    asked = {
        "registry": Asked(_COLLECT, 1, ["companies", "fines"]),
        "permits": Asked(_COLLECT, 1, ["permits"]),
    }
    questions = inquiry(federation).questions(asked)
    for agency, one in asked.items():
        assert query_pb2.Question.FromString(questions[agency]) == query_pb2.Question(
            query=envelope(), step=_COLLECT, round=1, datasets=one.datasets
        )


def test_aliases_go_with_their_proof_to_those_who_can_look_by_them(federation: Federation) -> None:
    it = inquiry(federation)
    extract = answer_pb2.Extract(
        heading=heading(column("permit", IDENTIFIER, scheme="permit")),
        records=[record("r-1", SUBJECT, [text("P1")])],
    )
    message = answer_pb2.Answer(
        agency="registry",
        step=query_pb2.STEP_RESOLVE,
        round=1,
        datasets=[answered("companies", [extract])],
    )
    proof = envelope(message.SerializeToString())
    link = VerifiedAnswer.of(proof, message, proof.SerializeToString())
    found = tuple(linking_records(link.read))
    it.resolved.append((link, found))
    it.followed.add_round(found)
    asked = {name: Asked(_COLLECT, 1, [name]) for name in ("registry", "permits")}
    questions = {
        agency: query_pb2.Question.FromString(data) for agency, data in it.questions(asked).items()
    }
    assert not questions["registry"].aliases
    assert not questions["registry"].links
    assert [alias.value for alias in questions["permits"].aliases] == ["P1"]
    assert list(questions["permits"].links) == [proof]
    assert list(questions["permits"].datasets) == ["permits"]


def test_an_answer_that_is_no_envelope_is_refused(federation: Federation) -> None:
    def no_keys(*_: object) -> None:
        raise AssertionError

    verifier = AnswerVerifier(
        EvidenceVerifier(no_keys),  # type: ignore[arg-type]
        federation,
        SeenSizes(),
        cast(ForkedLogs, None),
    )
    for data in (b"\x0a\x05", b"\xff", b"\x0a\x01\xff"):
        with pytest.raises(LandbridgeError) as caught:
            verifier.verify(
                data,
                agency="registry",
                asked=Asked(_COLLECT, 1, ["companies"]),
                query=query(federation),
                query_digest=b"q" * 32,
                sizes_before={},
                asked_at=1_795_000_000_000,
            )
        assert caught.value.reason is Reason.MISMATCHED_ANSWER
