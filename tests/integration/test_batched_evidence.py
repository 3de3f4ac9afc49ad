"""Answers that left a node in batches: each is proven alone, offline, to the last bit."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.federation import Plan, subjects_in_random_order, write_federation
from landbridge.answer import check_answer
from landbridge.commands.files import open_bundle
from landbridge.envelope import (
    ANSWER_TYPE,
    QUERY_TYPE,
    BatchVerifier,
    EvidenceVerifier,
    digest,
    sign_batch,
)
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.keys import KeyUse, SigningKey
from landbridge.read_answer import read_answer
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import envelope_pb2
from tests.asked_node import CHEAP, Asked, asked_node, prepared, signed

ANSWERS: Final = 10_000
BATCH: Final = 64
REFUSED: Final = {"LB-4001", "LB-4002", "LB-4008"}
"""What proves nothing is refused for its proof, not for what it happens to say."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What somebody outside the federation holds: files, answers, and what was asked."""

    bundle: TrustBundle
    federation: Federation
    answers: list[tuple[bytes, bytes]]
    """The bytes of each answer, with the digest of its query."""

    def verifier(self) -> EvidenceVerifier:
        """Make a verifier that has seen nothing yet."""
        return EvidenceVerifier(self.bundle.log_keys)

    def accept(
        self, data: bytes, query_digest: bytes, verifier: EvidenceVerifier | None = None
    ) -> str:
        """Verify an answer from nothing but its bytes; return the head that signs it."""
        envelope = envelope_pb2.Envelope.FromString(data)
        entry = (verifier or self.verifier()).verify(envelope, ANSWER_TYPE)
        answer = read_answer(envelope.payload)
        check_answer(answer, entry, query_digest=query_digest, federation=self.federation)
        return entry.checkpoint.decode()

    def refuses(
        self, data: bytes, query_digest: bytes, verifier: EvidenceVerifier | None = None
    ) -> bool:
        try:
            self.accept(data, query_digest, verifier)
        except LandbridgeError as error:
            return error.code in REFUSED
        except DecodeError:
            return True
        return False


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """Ten thousand answers of a real node, which got its questions 64 at a time."""
    top = tmp_path_factory.mktemp("answered")
    plan = Plan(nodes=1, subjects=400)
    write_federation(top / "federation", plan)
    sandbox = prepared(top / "federation", top / "home")
    subjects = subjects_in_random_order(plan)
    batches = [
        signed(sandbox, [subjects[n % len(subjects)] for n in range(start, start + BATCH)],
               wanted=CHEAP)
        for start in range(0, ANSWERS, BATCH)
    ]  # fmt: skip

    async def ask() -> list[envelope_pb2.Envelope]:
        async with asked_node(sandbox) as line:
            # No more at once than may wait at a node.
            parts = [batches[start : start + 32] for start in range(0, len(batches), 32)]
            return [
                outcome.answer
                for part in parts
                for outcome in await line.answers(*([Asked(one) for one in each] for each in part))
            ]

    queries = [query for batch in batches for query in batch]
    answers = asyncio.run(ask())
    yield Outside(
        open_bundle(sandbox.home_folder / "trust-bundle.json"),
        Federation.load(top / "federation" / "federation.toml"),
        [
            (answer.SerializeToString(), digest(QUERY_TYPE, query.payload))
            for answer, query in zip(answers, queries, strict=True)
        ],
    )
    sandbox.close()


@pytest.fixture(scope="module")
def knowing(outside: Outside) -> EvidenceVerifier:
    """A verifier that has accepted all answers, and knows what their paths share."""
    verifier = outside.verifier()
    for answer in outside.answers:
        outside.accept(*answer, verifier)
    return verifier


def test_each_of_ten_thousand_batched_answers_is_proven_alone(outside: Outside) -> None:
    assert len(outside.answers) >= ANSWERS
    heads = {outside.accept(*answer) for answer in outside.answers}
    # They left in batches: one head signs many.
    assert len(heads) < len(outside.answers) / 20
    assert len({data for data, _ in outside.answers}) == len(outside.answers)


def parts(data: bytes) -> dict[str, bytes]:
    """Name the parts by which an answer is proven."""
    envelope = envelope_pb2.Envelope.FromString(data)
    head, _, signature = envelope.log.checkpoint.partition("\n\n— ".encode())
    assert signature
    named = {
        "record": envelope.payload,
        "entry": envelope.log.entry,
        "head": head,
        "signature": signature,
    }
    path = {f"path {place}": node for place, node in enumerate(envelope.log.path)}
    return named | path


def flipped(data: bytes, name: str, bit: int) -> bytes:
    """Return the bytes of an answer with one bit of one of its parts the other way round."""
    envelope = envelope_pb2.Envelope.FromString(data)
    old = parts(data)[name]
    new = bytearray(old)
    new[bit // 8] ^= 1 << bit % 8
    log = envelope.log
    kind, _, place = name.partition(" ")
    if kind == "record":
        envelope.payload = bytes(new)
    elif kind == "entry":
        log.entry = bytes(new)
    elif kind == "path":
        log.path[int(place)] = bytes(new)
    elif kind == "head":
        log.checkpoint = bytes(new) + log.checkpoint[len(old) :]
    else:
        log.checkpoint = log.checkpoint[: -len(old)] + bytes(new)
    return envelope.SerializeToString()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_no_answer_is_accepted_after_any_bit_of_it_was_flipped(
    outside: Outside, knowing: EvidenceVerifier, data: st.DataObject
) -> None:
    """Neither by who sees it first nor by who has seen all its neighbours."""
    answer, query_digest = data.draw(st.sampled_from(outside.answers), "answer")
    within = parts(answer)
    name = data.draw(st.sampled_from(sorted(within)), "part")
    bit = data.draw(st.integers(0, 8 * len(within[name]) - 1), "bit")
    spoiled = flipped(answer, name, bit)
    assert spoiled != answer
    assert outside.refuses(spoiled, query_digest)
    assert outside.refuses(spoiled, query_digest, knowing)


@pytest.mark.parametrize("knows", [False, True])
def test_every_single_bit_of_one_answer_counts(
    outside: Outside, knowing: EvidenceVerifier, *, knows: bool
) -> None:
    """Of the bytes as they travel: the numbers and the form of the message as well."""
    answer, query_digest = outside.answers[ANSWERS // 2]
    outside.accept(answer, query_digest)
    accepted = []
    for bit in range(8 * len(answer)):
        spoiled = bytearray(answer)
        spoiled[bit // 8] ^= 1 << bit % 8
        if not outside.refuses(bytes(spoiled), query_digest, knowing if knows else None):
            accepted.append(bit)
    assert accepted == []


def test_an_answer_does_not_pass_for_the_answer_to_another_query(outside: Outside) -> None:
    (answer, _), (_, other) = outside.answers[:2]
    with pytest.raises(LandbridgeError) as caught:
        outside.accept(answer, other)
    assert caught.value.code == "LB-4007"


def test_of_queries_signed_together_no_bit_of_a_path_can_change_unseen() -> None:
    """A node that has verified the whole batch still reads each path to its end."""
    key = SigningKey.generate("inspectorate", KeyUse.QUERY)
    queries = sign_batch(QUERY_TYPE, [b"%d" % n for n in range(BATCH)], key)
    verifier = BatchVerifier(lambda _: ("inspectorate", key.public))
    for query in queries:
        assert verifier.verify(query, QUERY_TYPE) == "inspectorate"
    for query in queries[:: BATCH // 4]:
        for place, node in enumerate(query.batch.path):
            for bit in range(0, 8 * len(node), 7):
                spoiled = bytearray(node)
                spoiled[bit // 8] ^= 1 << bit % 8
                altered = envelope_pb2.Envelope.FromString(query.SerializeToString())
                altered.batch.path[place] = bytes(spoiled)
                with pytest.raises(LandbridgeError):
                    verifier.verify(altered, QUERY_TYPE)
        for path in (query.batch.path[:-1], [*query.batch.path, bytes(32)], ()):
            altered = envelope_pb2.Envelope.FromString(query.SerializeToString())
            altered.batch.path[:] = path
            with pytest.raises(LandbridgeError):
                verifier.verify(altered, QUERY_TYPE)
