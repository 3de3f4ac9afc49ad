"""Two requesters in one batch of a node: what each gets, and what it could learn of the other."""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from bench.federation import (
    DATASET,
    PURPOSE,
    REQUESTER,
    SCHEME,
    Plan,
    subjects_in_random_order,
    write_federation,
)
from bench.records import FIELDS
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock
from landbridge.commands.sandbox import Sandbox
from landbridge.heading import read_heading
from landbridge.party import PartyFolder
from landbridge.query import Wanted
from landbridge.reasons import Reason
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, envelope_pb2, log_pb2
from tests.asked_node import PROVIDER, Asked, Streamed, asked_node, held_log, prepared, signed

AUDITOR: Final = "auditor"
AUDIT: Final = "audit"
OWN_CASE, OTHER_CASE = "I-7", "A-9"
AUDITED: Final = ("name", "status")
AUDIT_MEMORANDUM: Final = f"""\
memorandum: audit-2026-01
title: What auditors see
illustrative: true
parties: [{PROVIDER}, {AUDITOR}]
legal_basis: Audit Act, section 3
valid: {{from: 2020-01-01T00:00:00Z, until: 2100-01-01T00:00:00Z}}
grants:
  - clause: "1.1"
    provider: {PROVIDER}
    dataset: {DATASET}
    requesters: [{AUDITOR}]
    fields: [{", ".join(AUDITED)}]
    purposes: [{AUDIT}]
    subject_kinds: [legal-entity]
"""
AGENCIES: Final = f"""
[agencies.{AUDITOR}]
title = "Auditor"
roles = ["requester"]
[purposes.{AUDIT}]
title = "Audit"
"""
PLAN: Final = Plan(nodes=1, subjects=20)
SUBJECT, ANOTHER = subjects_in_random_order(PLAN)[:2]
NOBODY: Final = SubjectId(SCHEME, "99999999")


@dataclass(frozen=True, slots=True)
class Ground:
    """A prepared federation, and its node's folder as it was before each batch."""

    sandbox: Sandbox
    before: Path
    top: Path
    now: int

    def own(self) -> Asked:
        """Write what the inspectorate asks, new each time."""
        return self.asked(REQUESTER, SUBJECT, PURPOSE, OWN_CASE)

    def asked(
        self,
        requester: str,
        subject: SubjectId,
        purpose: str,
        case: str,
        fields: tuple[str, ...] = (),
    ) -> Asked:
        queries = signed(
            self.sandbox,
            [subject],
            requester=requester,
            purpose=purpose,
            case=case,
            wanted=[Wanted(PROVIDER, DATASET, fields)] if fields else (),
            clock=lambda: self.now,
        )
        return Asked(queries[0])

    def answers(self, *message: Asked) -> tuple[list[Streamed], list[log_pb2.LogEntry]]:
        """Send one message to the node as it was; return the outcomes and what it logged."""
        state = self.top / "state"
        shutil.rmtree(state, ignore_errors=True)
        shutil.copytree(self.before, state)

        async def ask() -> list[Streamed]:
            async with asked_node(self.sandbox, state=state, clock=lambda: self.now) as line:
                return await line.answers(message)

        outcomes = asyncio.run(ask())
        entries = logged(self.sandbox, state)
        return outcomes, entries[len(logged(self.sandbox, self.before)) :]


def logged(sandbox: Sandbox, state: Path) -> list[log_pb2.LogEntry]:
    identity = Identity(PROVIDER, sandbox.federation.name, Role.NODE, "main")
    log = PartyFolder.open(state).open_log(identity)
    entries = [log_pb2.LogEntry.FromString(entry) for entry in log.entries()]
    log.close()
    return entries


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    top = tmp_path_factory.mktemp("privacy")
    folder = top / "federation"
    write_federation(folder, PLAN)
    (folder / "memoranda" / "audit.yaml").write_text(AUDIT_MEMORANDUM)
    with (folder / "federation.toml").open("a") as file:
        file.write(AGENCIES)
    sandbox = prepared(folder, top / "home")
    state = sandbox.state(PROVIDER, Role.NODE)
    ground = Ground(sandbox, state, top, system_clock())

    async def ask_once() -> None:
        """Name the subjects once, so that the log knows them by the same names in each run."""
        async with asked_node(sandbox, clock=lambda: ground.now) as line:
            about = (SUBJECT, ANOTHER, NOBODY)
            await line.answers([ground.asked(REQUESTER, one, PURPOSE, "W-1") for one in about])

    asyncio.run(ask_once())
    yield ground
    sandbox.close()


def contents(outcome: Streamed) -> answer_pb2.DatasetAnswer:
    answer = answer_pb2.Answer.FromString(outcome.answer.payload)
    assert len(answer.datasets) == 1
    return answer.datasets[0]


def test_each_of_a_batch_gets_what_its_own_memorandum_gives_and_has_its_own_entry(
    ground: Ground,
) -> None:
    """One message, one statement, one commit: two requesters, one subject."""
    own, other = ground.own(), ground.asked(AUDITOR, SUBJECT, AUDIT, OTHER_CASE)
    outcomes, entries = ground.answers(own, other)
    assert len({outcome.answer.log.checkpoint for outcome in outcomes}) == 1
    found = [contents(outcome).extracts for outcome in outcomes]
    assert [len(extracts) for extracts in found] == [1, 1]
    assert [extracts[0].memorandum for extracts in found] == [
        f"{PROVIDER}-2026-01",
        "audit-2026-01",
    ]
    given = [list(read_heading(extracts[0].heading).fields) for extracts in found]
    assert given == [[field.name for field in FIELDS], list(AUDITED)]
    assert [len(extracts[0].records) for extracts in found] == [1, 1]
    named = [(entry.requester, entry.purpose, entry.case_reference) for entry in entries]
    assert named == [(REQUESTER, PURPOSE, OWN_CASE), (AUDITOR, AUDIT, OTHER_CASE)]
    assert [list(entry.accesses[0].released) for entry in entries] == given
    for entry, outcome in zip(entries, outcomes, strict=True):
        assert entry == log_pb2.LogEntry.FromString(outcome.answer.log.entry)


@pytest.mark.parametrize("turned", [False, True])
def test_what_one_of_a_batch_may_is_nothing_to_the_others(ground: Ground, *, turned: bool) -> None:
    """Alike in all but one respect each: requester, purpose, and what is wanted."""
    fields = tuple(field.name for field in FIELDS)
    expected = {
        (REQUESTER, PURPOSE, ()): fields,
        (AUDITOR, PURPOSE, ()): None,
        (AUDITOR, AUDIT, ()): AUDITED,
        (REQUESTER, AUDIT, ()): None,
        (REQUESTER, PURPOSE, ("phone",)): ("phone",),
        (AUDITOR, AUDIT, ("name",)): ("name",),
        (AUDITOR, AUDIT, ("phone",)): None,
    }
    order = list(expected)[:: -1 if turned else 1]
    outcomes, entries = ground.answers(
        *(
            ground.asked(requester, SUBJECT, purpose, OWN_CASE, wanted)
            for requester, purpose, wanted in order
        )
    )
    assert len({outcome.answer.log.checkpoint for outcome in outcomes}) == 1
    for (requester, purpose, wanted), outcome, entry in zip(order, outcomes, entries, strict=True):
        given = expected[requester, purpose, wanted]
        found = contents(outcome)
        assert (entry.requester, entry.purpose) == (requester, purpose)
        assert (found.outcome == Reason.ANSWERED.value) is (given is not None)
        shown = [read_heading(extract.heading).fields for extract in found.extracts]
        assert shown == ([given] if given else [])
        assert [tuple(one.released) for one in entry.accesses if one.released] == shown


Beside = Callable[[Ground], Asked]
LOGGED: Final[dict[str, Beside]] = {
    "granted, on the same subject": lambda g: g.asked(AUDITOR, SUBJECT, AUDIT, OTHER_CASE),
    "granted, on another": lambda g: g.asked(AUDITOR, ANOTHER, AUDIT, OTHER_CASE),
    "granted, on nobody": lambda g: g.asked(AUDITOR, NOBODY, AUDIT, OTHER_CASE),
    "refused by policy": lambda g: g.asked(AUDITOR, SUBJECT, PURPOSE, OTHER_CASE),
}
"""What another asks beside one's own question, where it is answered, be it by a refusal."""


def unknown_dataset(ground: Ground) -> Asked:
    return Asked(ground.asked(AUDITOR, SUBJECT, AUDIT, OTHER_CASE).query, "nothing")


def forged(ground: Ground) -> Asked:
    asked = ground.asked(AUDITOR, SUBJECT, AUDIT, OTHER_CASE)
    query = envelope_pb2.Envelope.FromString(asked.query.SerializeToString())
    query.batch.signature = bytes(64)
    return Asked(query)


def late(ground: Ground) -> Asked:
    earlier = Ground(ground.sandbox, ground.before, ground.top, ground.now - 3_600_000)
    return earlier.asked(AUDITOR, SUBJECT, AUDIT, OTHER_CASE)


NOT_LOGGED: Final[dict[str, Beside]] = {
    "of an unknown dataset": unknown_dataset,
    "forged": forged,
    "expired": late,
}
"""What another asks where it is refused without an answer."""


def test_an_answer_does_not_depend_on_what_another_of_its_batch_asks(ground: Ground) -> None:
    own = ground.own()
    proofs: list[envelope_pb2.LogEvidence] = []
    bare: set[bytes] = set()
    for beside in LOGGED.values():
        outcomes, entries = ground.answers(own, beside(ground))
        assert len(entries) == 2
        envelope = outcomes[0].answer
        proofs.append(envelope.log)
        bare.add(without_place_in_the_tree(envelope))
    # Record, entry and position are the same; what differs is 32 bytes of hash in path and root.
    assert len(bare) == 1
    assert len({proof.ByteSize() for proof in proofs}) == 1
    assert len({proof.index for proof in proofs}) == 1
    assert len({tuple(map(len, proof.path)) for proof in proofs}) == 1
    sizes = {proof.checkpoint.splitlines()[1] for proof in proofs}
    assert len(sizes) == 1


def without_place_in_the_tree(envelope: envelope_pb2.Envelope) -> bytes:
    bare = envelope_pb2.Envelope.FromString(envelope.SerializeToString())
    del bare.log.path[:]
    bare.log.ClearField("checkpoint")
    bare.log.ClearField("index")
    return bare.SerializeToString()


def test_what_is_refused_without_an_answer_leaves_no_trace_in_the_others_answers(
    ground: Ground,
) -> None:
    own = ground.own()
    (alone,), _ = ground.answers(own)
    for beside in NOT_LOGGED.values():
        for message in ((own, beside(ground)), (beside(ground), own)):
            outcomes, entries = ground.answers(*message)
            kept, refused = outcomes if message[0] is own else reversed(outcomes)
            assert refused.HasField("failure")
            assert len(entries) == 1
            assert kept.answer.SerializeToString() == alone.answer.SerializeToString()


def test_the_place_within_a_batch_changes_the_place_in_the_tree_alone(ground: Ground) -> None:
    own = ground.own()
    (alone,), _ = ground.answers(own)
    (_, behind), _ = ground.answers(ground.asked(AUDITOR, SUBJECT, AUDIT, OTHER_CASE), own)
    assert behind.answer.log.index == alone.answer.log.index + 1
    assert without_place_in_the_tree(behind.answer) == without_place_in_the_tree(alone.answer)


def test_a_refusal_leaves_with_its_batch_whatever_it_is_for(ground: Ground) -> None:
    """So its time tells how long a batch took, and neither how soon nor for what it was refused."""
    others = [make(ground) for make in (*LOGGED.values(), *NOT_LOGGED.values())]
    state = ground.top / "held"
    shutil.copytree(ground.before, state)
    events: list[str] = []

    async def ask() -> list[Streamed]:
        async with asked_node(ground.sandbox, state=state, clock=lambda: ground.now) as line:
            came: list[Streamed] = []

            async def take() -> None:
                async for outcome in line.as_they_come([ground.own(), *others]):
                    events.append("came")
                    came.append(outcome)

            with held_log(state):
                taking = asyncio.create_task(take())
                await asyncio.sleep(0.5)
                events.append("released")
            await taking
            return came

    came = asyncio.run(ask())
    assert events == ["released", *["came"] * len(came)]
    refused = [outcome for outcome in came if outcome.HasField("failure")]
    assert len(refused) == len(NOT_LOGGED)
    told = {contents(one).outcome for one in came if one.HasField("answer")}
    assert Reason.ANSWERED.value in told
    assert len(told) > 1
