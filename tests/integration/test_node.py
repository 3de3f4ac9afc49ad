"""The node against a gateway that cannot be trusted: only what is signed and proven is answered."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import grpc
import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from landbridge.agency import Role
from landbridge.envelope import ANSWER_TYPE, QUERY_TYPE, sign_batch
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.query import write_query
from landbridge.rpc.status import from_rpc_error
from landbridge.subject import SubjectId
from landbridge.v1 import (
    answer_pb2,
    envelope_pb2,
    log_pb2,
    node_service_pb2,
    node_service_pb2_grpc,
    query_pb2,
)
from node.sources.lookup import Lookup
from node.sources.source import Source
from tests.market import (
    BAKERY,
    FOOD,
    MILL,
    PURPOSE,
    REGISTER,
    TAX,
    Market,
    forge,
    market,
    outcomes,
    write_market,
)
from tests.node_questions import answer_of, ask, question, refused

OTHERS_TAX_NUMBER = SubjectId("tax-number", "9922")
TAX_NUMBER = SubjectId("tax-number", "9911")


async def resolve(running: Market, query: envelope_pb2.Envelope) -> envelope_pb2.Envelope:
    return await ask(running, REGISTER, question(query, "companies", step=query_pb2.STEP_RESOLVE))


async def test_a_plain_call_is_answered_and_refused_the_second_time(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        asked = question(running.query(), "companies")
        assert (await answer_of(running, REGISTER, asked)).outcome == Reason.ANSWERED
        assert await refused(running, REGISTER, asked) is Reason.REPLAYED_QUERY


async def test_a_replay_is_refused_after_a_restart_too(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        asked = question(running.query(), "companies")
        await ask(running, REGISTER, asked)
        await running.nodes.pop(REGISTER).stop()
        await running.restart(REGISTER)
        assert await refused(running, REGISTER, asked) is Reason.REPLAYED_QUERY


async def test_a_forged_requester_is_refused(tmp_path: Path) -> None:
    """A node's own keys cannot speak for a requester, and neither can the gateway's."""
    async with market(tmp_path) as running:
        good = running.query()
        for agency, role, use in (
            (TAX, Role.NODE, KeyUse.LOG),
            ("exchange", Role.GATEWAY, KeyUse.LOG),
        ):
            (forged,) = sign_batch(QUERY_TYPE, [good.payload], running.key(agency, role, use))
            assert (
                await refused(running, REGISTER, question(forged, "companies"))
                is Reason.UNTRUSTED_KEY
            )


async def test_a_subject_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        query = running.query()
        message = query_pb2.Query.FromString(query.payload)
        message.subject.value = MILL.value
        query.payload = message.SerializeToString()
        assert (
            await refused(running, REGISTER, question(query, "companies")) is Reason.BAD_SIGNATURE
        )


async def test_a_stale_query_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        payload = write_query(
            federation=running.sandbox.federation,
            requester="city",
            subject=BAKERY,
            purpose=PURPOSE,
            case_reference="M-1",
            at=1_700_000_000_000,
        )
        key = running.key("city", Role.REQUESTER, KeyUse.QUERY)
        (query,) = sign_batch(QUERY_TYPE, [payload], key)
        assert await refused(running, REGISTER, question(query, "companies")) is Reason.STALE_QUERY


async def test_an_alias_is_read_only_with_its_proof(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        query = running.query()
        proof = await resolve(running, query)
        proven = question(query, "arrears", alias=TAX_NUMBER, links=(proof,))
        assert (await answer_of(running, TAX, proven)).outcome == Reason.ANSWERED


async def test_a_stolen_gateway_cannot_ask_for_another_subject(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        query = running.query()
        bare = question(query, "arrears", alias=OTHERS_TAX_NUMBER)
        assert (await answer_of(running, TAX, bare)).outcome == Reason.UNPROVEN_ALIAS

        query = running.query()
        proof = await resolve(running, query)
        foreign = question(query, "arrears", alias=OTHERS_TAX_NUMBER, links=(proof,))
        assert (await answer_of(running, TAX, foreign)).outcome == Reason.UNPROVEN_ALIAS

        query = running.query(MILL)
        others = question(query, "arrears", alias=TAX_NUMBER, links=(proof,))
        assert await refused(running, TAX, others) is Reason.MISMATCHED_ANSWER


async def test_links_of_a_dataset_that_nobody_accepts_prove_nothing(tmp_path: Path) -> None:
    """A stolen node key makes no other node read further: the memoranda name the link sources."""
    async with market(tmp_path) as running:
        query = running.query()
        genuine = answer_pb2.Answer.FromString((await resolve(running, query)).payload)
        genuine.agency = FOOD
        genuine.datasets[0].dataset = "findings"
        forged = forge(running, FOOD, genuine).answer
        asked = question(query, "arrears", alias=TAX_NUMBER, links=(forged,))
        assert (await answer_of(running, TAX, asked)).outcome == Reason.UNPROVEN_ALIAS


async def test_altered_link_evidence_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        query = running.query()
        proof = await resolve(running, query)
        proof.payload = proof.payload.replace(b"9911", b"9922")
        asked = question(query, "arrears", alias=OTHERS_TAX_NUMBER, links=(proof,))
        assert await refused(running, TAX, asked) is Reason.BAD_SIGNATURE


async def test_an_ungranted_field_never_reaches_the_sql(tmp_path: Path) -> None:
    """SQLite itself tells what it received: only granted columns, and the row condition."""
    received: list[str] = []

    def trace(connection: sqlite3.Connection, _: object) -> None:
        connection.set_trace_callback(received.append)

    event.listen(Engine, "connect", trace)
    try:
        async with market(tmp_path) as running:
            received.clear()
            profile = await running.profile()
    finally:
        event.remove(Engine, "connect", trace)
    assert profile.completeness.answered == 3
    reads = [text for text in received if text.startswith("SELECT")]
    assert any("Arrears" in text for text in reads)
    assert not any("Since" in text for text in received)
    (findings,) = [text for text in reads if "visited" in text]
    assert "closed" in findings.partition("WHERE")[2]


async def test_an_unknown_dataset_or_field_is_named(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        asked = question(running.query(), "nonsense")
        assert await refused(running, REGISTER, asked) is Reason.UNKNOWN_DATASET


async def test_every_answer_stands_in_the_nodes_log_with_a_pseudonym(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        query = running.query()
        envelope = await ask(running, REGISTER, question(query, "companies"))
        log = running.nodes[REGISTER].log
        assert log.entry(envelope.log.index) == envelope.log.entry
        entry = log_pb2.LogEntry.FromString(envelope.log.entry)
        assert (entry.requester, entry.purpose) == ("city", PURPOSE)
        (access,) = entry.accesses
        assert (access.memorandum, access.clause) == ("stalls-2026", "1.1")
        assert BAKERY.value.encode() not in envelope.log.entry
        assert envelope.payload_type == ANSWER_TYPE


async def test_a_caller_that_is_no_gateway_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        endpoint = running.bundle.members[REGISTER].endpoints[0]
        async with running.channel(endpoint, "city", Role.REQUESTER) as channel:
            stub: node_service_pb2_grpc.NodeServiceAsyncStub = (
                node_service_pb2_grpc.NodeServiceStub(channel)
            )
            request = node_service_pb2.GetAnswerRequest(
                question=question(running.query(), "companies")
            )
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.GetAnswer(request, timeout=5)
            assert from_rpc_error(caught.value).reason is Reason.CALLER_REFUSED


async def test_the_records_are_given_once_whatever_round_is_claimed(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        asked = question(running.query(), "companies")
        await ask(running, REGISTER, asked)
        for round_ in (0, 2, 3, 4):
            asked.round = round_
            assert await refused(running, REGISTER, asked) is Reason.MALFORMED_REQUEST


async def test_a_question_that_names_a_dataset_twice_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        asked = question(running.query(), "companies")
        asked.datasets.append("companies")
        assert await refused(running, REGISTER, asked) is Reason.MALFORMED_REQUEST


async def test_a_swollen_query_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        asked = question(running.query(), "companies")
        asked.query.batch.path.extend([b"x" * 32] * 5_000)
        assert await refused(running, REGISTER, asked) is Reason.MALFORMED_REQUEST


async def test_records_on_persons_are_not_given_whatever_a_memorandum_says(
    tmp_path: Path,
) -> None:
    """The tax office's records become a person's; the clause still speaks of legal entities."""
    folder = write_market(tmp_path)
    federation = folder / "federation.toml"
    federation.write_text(
        federation.read_text().replace(
            'title = "Tax number"\nsubject_kind = "legal-entity"',
            'title = "Tax number"\nsubject_kind = "natural-person"',
        )
    )
    config = folder / "agencies" / TAX / "node.toml"
    config.write_text(config.read_text().replace("legal-entity", "natural-person"))
    async with market(tmp_path, write=False) as running:
        profile = await running.profile()
        outcome = outcomes(profile)
        assert outcome[REGISTER] == Reason.ANSWERED
        assert Reason(outcome[TAX]).is_refusal
        query = running.query()
        proof = await resolve(running, query)
        asked = question(query, "arrears", alias=TAX_NUMBER, links=(proof,))
        answer = await answer_of(running, TAX, asked)
        assert Reason(answer.outcome).is_refusal
        assert not answer.extracts


class FailingSource:
    """A database that fails in a way that nobody foresaw, for one subject alone."""

    def __init__(self, source: Source, subject: SubjectId) -> None:
        self._source = source
        self._subject = subject
        self.heading = source.heading

    def read(self, lookups: Sequence[Lookup]) -> object:
        if any(lookup.asked == self._subject for lookup in lookups):
            raise ZeroDivisionError
        return self._source.read(lookups)


async def test_one_question_that_fails_takes_no_other_of_its_batch_with_it(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        responder = running.nodes[REGISTER].dispatcher._responder
        reader = responder._reader
        source = reader._source
        good, bad, forged = (
            question(running.query(subject), "companies") for subject in (BAKERY, MILL, BAKERY)
        )
        forged.query.payload += b"\x00"
        reader._source = FailingSource(source, MILL)  # type: ignore[assignment]
        answered, failed, refused_ = responder.answer([good, bad, forged])
        assert isinstance(answered, bytes)
        assert isinstance(failed, LandbridgeError)
        assert failed.reason is Reason.SOURCE_FAILED
        assert isinstance(refused_, LandbridgeError)
        assert refused_.reason is Reason.BAD_SIGNATURE
        reader._source = source
        (again,) = responder.answer([bad])
        assert isinstance(again, bytes), "what was never answered may be asked again"
