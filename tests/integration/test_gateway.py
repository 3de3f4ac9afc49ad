"""The gateway among nodes that are down, late, or lie: each failure is a gap, never more."""

import asyncio
import time
from collections.abc import Callable, MutableSequence
from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.agency import Role
from landbridge.clock import system_clock
from landbridge.envelope import sign_batch
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.log.merkle import leaf_hash
from landbridge.party import PartyFolder
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, log_pb2, profile_pb2, query_pb2
from landbridge.v1.node_service_pb2 import StreamedAnswer
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
)
from tests.relay import Alter, Relay
from tests.small_town import alter_heading

Altered = StreamedAnswer | None


async def profile_with(top: Path, alter: Alter, *, timeout: float = 2.0) -> profile_pb2.Profile:
    """Ask for a profile while the food inspection's node is under somebody's control."""
    async with market(top, relays={FOOD: Relay(alter)}) as running:
        return await running.profile(timeout=timeout)


def only_food_fails(profile: profile_pb2.Profile, reason: Reason) -> None:
    found = outcomes(profile)
    assert found.pop(FOOD) == reason
    assert found == {REGISTER: Reason.ANSWERED, TAX: Reason.ANSWERED}
    assert profile.completeness.failed == 1


async def test_all_sources_answer_and_the_profile_verifies(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        profile = await running.profile()
        assert set(outcomes(profile).values()) == {Reason.ANSWERED}
        empty = await running.profile(MILL)
        assert outcomes(empty) == {
            REGISTER: Reason.ANSWERED,
            TAX: Reason.NO_RECORD,
            FOOD: Reason.NO_RECORD,
        }


async def test_the_stream_gives_the_same_answers_as_the_unary_call(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        streamed, sent = await asyncio.gather(
            running.client.stream(running.query()), running.client.send(running.query())
        )
        values = [
            [
                dataset.extracts
                for envelope in profile_pb2.Profile.FromString(item.payload).answers
                for dataset in answer_pb2.Answer.FromString(envelope.payload).datasets
            ]
            for item in (streamed, sent)
        ]
        assert values[0] == values[1]


async def test_a_batch_of_queries_under_one_signature_is_answered_one_by_one(
    tmp_path: Path,
) -> None:
    async with market(tmp_path) as running:
        unknown = SubjectId("company-number", "00000999")
        queries = running.client.sign([BAKERY, MILL, unknown] * 10, PURPOSE, "M-2")
        profiles = [
            profile_pb2.Profile.FromString(envelope.payload)
            for envelope in await asyncio.gather(*map(running.client.stream, queries))
        ]
        assert [outcomes(profile)[REGISTER] for profile in profiles] == [
            Reason.ANSWERED,
            Reason.ANSWERED,
            Reason.NO_RECORD,
        ] * 10
        assert_each_log_holds_what_others_heard(running)


def assert_each_log_holds_what_others_heard(running: Market) -> None:
    """Compare the logs of requester, gateway and nodes: what each has heard, the others hold."""
    asking = running.client.agency
    folder = PartyFolder.open(running.sandbox.state(asking, Role.REQUESTER))
    own = folder.open_log(running.identity(asking, Role.REQUESTER))
    front = running.gateway.log
    logs = {log.origin: log for log in (own, front, *(node.log for node in running.nodes.values()))}
    said: dict[int, dict[bytes, log_pb2.LogEntry]] = {}
    for entry in map(log_pb2.LogEntry.FromString, (*own.entries(), *front.entries())):
        said.setdefault(entry.kind, {})[entry.query_digest] = entry
        for heard in entry.heard:
            kept = logs[heard.origin].entry(heard.index)
            assert leaf_hash(kept) == heard.leaf_hash
            assert log_pb2.LogEntry.FromString(kept).query_digest == entry.query_digest
    own.close()
    profiles = said[log_pb2.ENTRY_KIND_PROFILE]
    receipts = said[log_pb2.ENTRY_KIND_RECEIPT]
    assert said[log_pb2.ENTRY_KIND_QUERY].keys() == profiles.keys() == receipts.keys()
    assert len(profiles) == 30
    for query, profile in profiles.items():
        assert receipts[query].accesses == profile.accesses
        assert _origins(receipts[query]) == sorted([front.origin, *_origins(profile)])
        assert len(profile.heard) > 1


def _origins(entry: log_pb2.LogEntry) -> list[str]:
    return sorted(heard.origin for heard in entry.heard)


async def test_a_node_that_is_down_is_a_gap(tmp_path: Path) -> None:
    async with market(tmp_path, without=(FOOD,)) as running:
        profile = await running.profile()
        only_food_fails(profile, Reason.UNREACHABLE)


async def test_a_node_that_comes_back_is_asked_again(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        await running.nodes.pop(FOOD).stop()
        only_food_fails(await running.profile(), Reason.UNREACHABLE)
        await running.restart(FOOD)
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED


async def test_a_silent_node_is_late_and_the_profile_keeps_its_deadline(tmp_path: Path) -> None:
    async def swallow(_: StreamedAnswer) -> Altered:
        return None

    async with market(tmp_path, relays={FOOD: Relay(swallow)}) as running:
        started = time.monotonic()
        profile = await running.profile(timeout=2.0)
        assert time.monotonic() - started < 2.5
        only_food_fails(profile, Reason.LATE)


async def test_an_answer_that_comes_too_late_is_dropped(tmp_path: Path) -> None:
    async def dawdle(answer: StreamedAnswer) -> Altered:
        await asyncio.sleep(3.3)
        return answer

    async with market(tmp_path, relays={FOOD: Relay(dawdle)}) as running:
        only_food_fails(await running.profile(timeout=3.0), Reason.LATE)
        await asyncio.sleep(0.6)
        assert running.gateway.nodes[FOOD].connected


async def test_an_altered_value_is_refused(tmp_path: Path) -> None:
    async def tamper(streamed: StreamedAnswer) -> Altered:
        answer = answer_pb2.Answer.FromString(streamed.answer.payload)
        answer.datasets[0].extracts[0].records[0].values[1].text = "Spotless"
        streamed.answer.payload = answer.SerializeToString()
        return streamed

    only_food_fails(await profile_with(tmp_path, tamper), Reason.BAD_SIGNATURE)


@pytest.mark.parametrize("part", ["entry", "checkpoint"])
async def test_altered_evidence_is_refused(tmp_path: Path, part: str) -> None:
    async def tamper(streamed: StreamedAnswer) -> Altered:
        data = bytearray(getattr(streamed.answer.log, part))
        data[-2] ^= 1
        setattr(streamed.answer.log, part, bytes(data))
        return streamed

    profile = await profile_with(tmp_path, tamper)
    assert outcomes(profile)[FOOD] in (Reason.BAD_LOG_EVIDENCE, Reason.BAD_SIGNATURE)
    assert outcomes(profile)[TAX] == Reason.ANSWERED


async def test_an_answer_without_any_proof_is_refused(tmp_path: Path) -> None:
    async def strip(streamed: StreamedAnswer) -> Altered:
        streamed.answer.ClearField("log")
        return streamed

    only_food_fails(await profile_with(tmp_path, strip), Reason.BAD_SIGNATURE)


async def test_the_answer_to_another_query_is_refused(tmp_path: Path) -> None:
    first: list[StreamedAnswer] = []

    async def repeat(streamed: StreamedAnswer) -> Altered:
        first.append(streamed)
        return StreamedAnswer(correlation_id=streamed.correlation_id, answer=first[0].answer)

    async with market(tmp_path, relays={FOOD: Relay(repeat)}) as running:
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED
        only_food_fails(await running.profile(), Reason.MISMATCHED_ANSWER)


@pytest.mark.parametrize(
    ("signer", "change", "reason"),
    [
        (TAX, "nothing", Reason.MISMATCHED_ANSWER),
        (FOOD, "agency", Reason.MISMATCHED_ANSWER),
        (FOOD, "step", Reason.MISMATCHED_ANSWER),
        (FOOD, "datasets", Reason.MISMATCHED_ANSWER),
        (FOOD, "columns", Reason.MISMATCHED_ANSWER),
        (FOOD, "outcome", Reason.MISMATCHED_ANSWER),
        (FOOD, "reason", Reason.MISMATCHED_ANSWER),
        (FOOD, "type", Reason.MISMATCHED_ANSWER),
        (FOOD, "scheme", Reason.MISMATCHED_ANSWER),
        (FOOD, "about", Reason.MISMATCHED_ANSWER),
        (FOOD, "no records", Reason.MISMATCHED_ANSWER),
        (FOOD, "federation", Reason.MISMATCHED_ANSWER),
        (FOOD, "detail", Reason.OVERSIZED_ANSWER),
        (FOOD, "too many", Reason.OVERSIZED_ANSWER),
        (FOOD, "many names", Reason.OVERSIZED_ANSWER),
        (FOOD, "heading", Reason.MISMATCHED_ANSWER),
    ],
)
async def test_a_node_that_signs_what_it_should_not(
    tmp_path: Path, signer: str, change: str, reason: Reason
) -> None:
    relay = Relay(_as_it_is)
    async with market(tmp_path, relays={FOOD: relay}) as running:

        async def lie(streamed: StreamedAnswer) -> Altered:
            answer = answer_pb2.Answer.FromString(streamed.answer.payload)
            extract = answer.datasets[0].extracts[0]
            if change == "agency":
                answer.agency = TAX
            elif change == "step":
                answer.step = query_pb2.STEP_RESOLVE
            elif change == "datasets":
                answer.datasets.add(dataset="more")
            elif change == "columns":
                alter_heading(extract, lambda columns: columns.pop(0))
            elif change in _CHANGES:
                _CHANGES[change](answer.datasets[0])
            elif change == "federation":
                answer.federation = "other.example"
            forged = forge(running, signer, answer)
            forged.correlation_id = streamed.correlation_id
            return forged

        relay.alter = lie
        only_food_fails(await running.profile(), reason)


def _set(path: str, value: object) -> Callable[[answer_pb2.DatasetAnswer], None]:
    def change(dataset: answer_pb2.DatasetAnswer) -> None:
        target: Any = {
            "dataset": lambda: dataset,
            "refusal": dataset.refusals.add,
            "about": lambda: dataset.extracts[0].records[0].about,
        }[path.partition(".")[0]]()
        setattr(target, path.partition(".")[2], value)

    return change


def _as_identifiers_of_nobody(dataset: answer_pb2.DatasetAnswer) -> None:
    def alter(columns: MutableSequence[answer_pb2.Column]) -> None:
        columns[0].type, columns[0].scheme = answer_pb2.VALUE_TYPE_IDENTIFIER, "nobodys-number"

    alter_heading(dataset.extracts[0], alter)


def _of_an_unknown_type(dataset: answer_pb2.DatasetAnswer) -> None:
    def alter(columns: MutableSequence[answer_pb2.Column]) -> None:
        columns[0].type = 77  # type: ignore[assignment]

    alter_heading(dataset.extracts[0], alter)


_CHANGES: Final[dict[str, Callable[[answer_pb2.DatasetAnswer], object]]] = {
    "outcome": _set("dataset.outcome", 77),
    "reason": _set("refusal.reason", 77),
    "type": _of_an_unknown_type,
    "scheme": _as_identifiers_of_nobody,
    "about": _set("about.scheme", "nobodys-number"),
    "no records": lambda dataset: dataset.extracts[0].ClearField("records"),
    "detail": _set("dataset.detail", "x" * 1001),
    "too many": lambda dataset: dataset.extracts[0].records.extend(
        [dataset.extracts[0].records[0]] * 600
    ),
    "heading": lambda dataset: setattr(dataset.extracts[0], "heading", b"\xff"),
    "many names": lambda dataset: dataset.refusals.extend(
        answer_pb2.Refusal(field=f"{number:04}{'x' * 200}", reason=Reason.NOT_COVERED.value)  # type: ignore[arg-type]
        for number in range(400)
    ),
}


@pytest.mark.parametrize(
    ("off_s", "hidden", "reason"),
    [
        (-20 * 60, b"", Reason.BAD_LOG_EVIDENCE),
        (20 * 60, b"", Reason.BAD_LOG_EVIDENCE),
        (0, b"\xc3\x3e" * 98 + b"\xc4\x3e" * 98, Reason.BAD_SIGNATURE),
    ],
)
async def test_what_would_keep_others_from_reading_the_profile_is_left_out(
    tmp_path: Path, off_s: int, hidden: bytes, reason: Reason
) -> None:
    """By a time that no verifier accepts, or by nesting that no Profile can hold."""
    relay = Relay(_as_it_is)
    async with market(tmp_path, relays={FOOD: relay}) as running:

        async def lie(streamed: StreamedAnswer) -> Altered:
            answer = answer_pb2.Answer.FromString(streamed.answer.payload)
            forged = forge(running, FOOD, answer, at=system_clock() + off_s * 1000)
            forged.answer.MergeFromString(hidden)
            forged.correlation_id = streamed.correlation_id
            return forged

        relay.alter = lie
        only_food_fails(await running.profile(), reason)


async def test_what_hides_in_a_query_breaks_no_line_to_a_node(tmp_path: Path) -> None:
    """It goes on as it came: a node that could not read it would lose all that is in its batch."""
    async with market(tmp_path) as running:
        query = running.query()
        query.MergeFromString(b"\xc3\x3e" * 98 + b"\xc4\x3e" * 98)
        assert await refused(running, query) is Reason.BAD_SIGNATURE


async def _as_it_is(streamed: StreamedAnswer) -> Altered:
    return streamed


async def test_a_repeated_query_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        query = running.query()
        await running.client.send(query)
        assert await refused(running, query) is Reason.REPLAYED_QUERY


async def refused(running: Market, query: object) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        await running.client.send(query)  # type: ignore[arg-type]
    return caught.value.reason


async def test_a_broken_signature_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        query = running.query()
        message = query_pb2.Query.FromString(query.payload)
        message.subject.value = "00000520"
        query.payload = message.SerializeToString()
        assert await refused(running, query) is Reason.BAD_SIGNATURE


async def test_a_query_signed_with_a_key_of_another_use_is_refused(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        role = next(iter(running.bundle.members["city"].roles))
        seal = running.key("city", role, KeyUse.MEMORANDUM)
        good = running.query()
        (query,) = sign_batch(good.payload_type, [good.payload], seal)
        assert await refused(running, query) is Reason.UNTRUSTED_KEY


async def test_the_gateways_log_holds_an_entry_for_each_profile_and_no_value(
    tmp_path: Path,
) -> None:
    async with market(tmp_path) as running:
        before = running.gateway.log.size
        await running.profile()
        assert running.gateway.log.size == before + 1
        data = running.gateway.log.entry(before)
        entry = log_pb2.LogEntry.FromString(data)
        assert (entry.requester, entry.purpose, entry.case_reference) == ("city", PURPOSE, "M-1")
        accesses = {access.agency: access for access in entry.accesses}
        assert accesses[TAX].clause == "1.2"
        assert list(accesses[TAX].released) == ["taxpayer", "arrears"]
        assert list(accesses[TAX].refused) == ["since"]
        resolved = entry.accesses[0]
        assert (resolved.agency, list(resolved.released)) == (
            REGISTER,
            ["company_number", "tax_number"],
        )
        for secret in (b"00000417", b"9911", b"1250.00", b"Harbour"):
            assert secret not in data


async def test_a_stream_is_given_what_it_is_owed_when_the_gateway_stops(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        queries = running.client.sign([BAKERY] * 20, PURPOSE, "M-1")
        owed = [asyncio.create_task(running.client.stream(query)) for query in queries]
        async with asyncio.timeout(5):
            while running.gateway.service.in_work == 0:
                await asyncio.sleep(0.001)
        stopping = asyncio.create_task(running.gateway.server.stop(5))
        running.gateway.service.close()
        profiles = [
            profile_pb2.Profile.FromString(envelope.payload)
            for envelope in await asyncio.gather(*owed)
        ]
        assert {profile.completeness.answered for profile in profiles} == {3}
        async with asyncio.timeout(4):
            await stopping
