"""A node's batches at the wire: late questions, streams that break off, and who is signed alone."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import pytest_asyncio

from bench.federation import PURPOSE, Plan, subjects_in_random_order, write_federation
from landbridge.agency import Identity, Role
from landbridge.commands.sandbox import Sandbox
from landbridge.errors import Reason
from landbridge.log import evidence
from landbridge.party import PartyFolder
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, log_pb2, profile_pb2
from node import responder
from tests.asked_node import (
    PROVIDER,
    Asked,
    Line,
    Streamed,
    asked_node,
    held_log,
    prepared,
    signed,
)
from tests.market import market

PLAN = Plan(nodes=1, subjects=40)
SUBJECTS = subjects_in_random_order(PLAN)
PERSON = """
[schemes.person]
title = "Number of a person"
subject_kind = "natural-person"
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """A node and the gateway's line to it."""

    sandbox: Sandbox
    line: Line

    @property
    def state(self) -> Path:
        return self.sandbox.state(PROVIDER, Role.NODE)

    def asked(self, count: int) -> list[Asked]:
        return [Asked(query) for query in signed(self.sandbox, SUBJECTS[:count])]

    def logged(self) -> list[bytes]:
        """Return which queries the node's log says it answered."""
        identity = Identity(PROVIDER, self.sandbox.federation.name, Role.NODE, "main")
        log = PartyFolder.open(self.state).open_log(identity)
        entries = [log_pb2.LogEntry.FromString(entry) for entry in log.entries()]
        log.close()
        return [entry.query_digest for entry in entries if entry.query_digest]


@pytest_asyncio.fixture
async def ground(tmp_path: Path) -> AsyncIterator[Ground]:
    write_federation(tmp_path / "federation", PLAN)
    sandbox = prepared(tmp_path / "federation", tmp_path / "home")
    async with asked_node(sandbox) as line:
        yield Ground(sandbox, line)
    sandbox.close()


async def test_questions_whose_time_is_over_when_their_turn_comes_are_late_and_not_answered(
    ground: Ground,
) -> None:
    asked = ground.asked(12)
    late = {3, 4, 7, 11}
    short = [replace(one, timeout_ms=1) if n in late else one for n, one in enumerate(asked)]
    came: list[Streamed] = []

    async def take() -> None:
        came.extend([one async for one in ground.line.as_they_come(short[:2], short[2:])])

    with held_log(ground.state):
        taking = asyncio.create_task(take())
        await asyncio.sleep(0.5)
        assert came == []
    await taking
    assert {one.correlation_id for one in came if one.HasField("failure")} == late
    assert {one.failure.reason for one in came if one.HasField("failure")} == {Reason.LATE.value}
    assert len(came) == 12
    # What is late was not read either: its query may be asked again.
    assert len(ground.logged()) == 12 - len(late)
    again = await ground.line.answers([asked[number] for number in late])
    assert all(outcome.HasField("answer") for outcome in again)


async def test_a_stream_that_is_broken_off_takes_no_answer_from_another(ground: Ground) -> None:
    asked = ground.asked(20)
    broken, others = asked[:2], asked[2:]
    came: list[Streamed] = []

    async def take() -> None:
        came.extend(await ground.line.answers(others))

    with held_log(ground.state):
        lost = asyncio.create_task(ground.line.answers(broken))
        kept = asyncio.create_task(take())
        await asyncio.sleep(0.3)
        lost.cancel()
        await asyncio.wait({lost})
        assert came == []
    await kept
    assert len(came) == len(others)
    assert all(outcome.HasField("answer") for outcome in came)


async def test_a_question_that_is_repeated_within_a_batch_is_answered_once(ground: Ground) -> None:
    one, other = ground.asked(2)
    outcomes = await ground.line.answers([one, other, one, one])
    assert [outcome.WhichOneof("outcome") for outcome in outcomes] == [
        *("answer", "answer", "failure", "failure")
    ]
    assert {outcome.failure.reason for outcome in outcomes[2:]} == {Reason.REPLAYED_QUERY.value}
    assert len(ground.logged()) == 2


async def test_an_answer_that_is_too_long_for_the_log_fails_alone(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = ground.asked(3)
    (long,) = signed(ground.sandbox, SUBJECTS[3:4], case="x" * 200)
    await ground.line.answers([first])
    monkeypatch.setattr(responder, "MAX_ENTRY_BYTES", 500)
    monkeypatch.setattr(evidence, "MAX_ENTRY_BYTES", 500)
    outcomes = await ground.line.answers([others[0], Asked(long), others[1]])
    failed = [outcome.failure.reason for outcome in outcomes if outcome.HasField("failure")]
    assert (len(outcomes), failed) == (3, [Reason.MALFORMED_REQUEST.value])
    assert len(ground.logged()) == 3
    # Nothing has left: what failed may be asked again.
    monkeypatch.undo()
    (again,) = await ground.line.answers([Asked(long)])
    assert again.HasField("answer")


@pytest.mark.parametrize("streamed", [True, False])
async def test_queries_on_persons_are_signed_alone_whatever_leaves_with_them(
    tmp_path: Path, *, streamed: bool
) -> None:
    write_federation(tmp_path / "market", PLAN)
    with (tmp_path / "market" / "federation.toml").open("a") as file:
        file.write(PERSON)
    persons = [SubjectId("person", str(number)) for number in range(3)]
    async with market(tmp_path, write=False) as running:

        async def ask(subject: SubjectId) -> envelope_pb2.BatchSignature:
            envelope = await running.client.ask(
                subject, PURPOSE, "P-1", timeout=20.0, streamed=streamed
            )
            return profile_pb2.Profile.FromString(envelope.payload).query.batch

        mixed = [subject for pair in zip(persons, SUBJECTS[:3], strict=True) for subject in pair]
        batches = await asyncio.gather(*map(ask, mixed))
        assert [batch.size for batch in batches[::2]] == [1, 1, 1]
        # The others were ready in the same turn, and share a signature.
        assert [batch.size for batch in batches[1::2]] == [3, 3, 3]
        assert len({batch.signature for batch in batches}) == 4
