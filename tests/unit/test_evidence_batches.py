"""Of a batch each entry verifies exactly as it does by itself, whatever was verified before it."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from random import Random

import pytest

from landbridge.agency import Role
from landbridge.envelope import (
    ANSWER_TYPE,
    EvidenceVerifier,
    VerifiedEntry,
    digest,
    evidence_to_proto,
)
from landbridge.errors import LandbridgeError
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.store import LogStore
from landbridge.v1 import envelope_pb2, log_pb2

ORIGIN = "registry.town/node/main"
KEY = SigningKey.generate("registry", KeyUse.LOG)
Envelope = envelope_pb2.Envelope


def verifier() -> EvidenceVerifier:
    return EvidenceVerifier(lambda _origin, _at: ("registry", Role.NODE, (KEY.public,)))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogStore]:
    opened = LogStore.open(tmp_path / "log.sqlite", ORIGIN, KEY)
    yield opened
    opened.close()


def answers(log: LogStore, count: int) -> list[Envelope]:
    """Have the log sign so many answers under one head."""
    payloads = [b"%d of %d" % (number, log.size) for number in range(count)]
    entries = [log_pb2.LogEntry(payload_digest=digest(ANSWER_TYPE, each)) for each in payloads]
    evidence = log.append([entry.SerializeToString() for entry in entries])
    return [
        Envelope(payload_type=ANSWER_TYPE, payload=payload, log=evidence_to_proto(each))
        for payload, each in zip(payloads, evidence, strict=True)
    ]


def found_by(shared: EvidenceVerifier, envelope: Envelope) -> VerifiedEntry | None:
    try:
        return shared.verify(envelope, ANSWER_TYPE)
    except LandbridgeError:
        return None


def found_alone(envelope: Envelope) -> VerifiedEntry | None:
    return found_by(verifier(), envelope)


@pytest.mark.parametrize("before", [0, 1, 5, 8, 13])
def test_each_entry_of_a_batch_verifies_as_it_does_alone(log: LogStore, before: int) -> None:
    if before:
        answers(log, before)
    for count in (1, 2, 3, 7, 8, 20):
        envelopes = answers(log, count)
        Random(before).shuffle(envelopes)
        shared = verifier()
        together = [found_by(shared, each) for each in envelopes]
        assert together == [found_alone(each) for each in envelopes]
        assert None not in together


def flip(data: bytes, place: int) -> bytes:
    at = place % len(data)
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def alter_path(envelope: Envelope, place: int) -> None:
    at = place % len(envelope.log.path)
    envelope.log.path[at] = flip(envelope.log.path[at], place)


def alter_entry(envelope: Envelope, place: int) -> None:
    envelope.log.entry = flip(envelope.log.entry, place)


def alter_payload(envelope: Envelope, place: int) -> None:
    envelope.payload = flip(envelope.payload, place)


def alter_index(envelope: Envelope, place: int) -> None:
    envelope.log.index = envelope.log.index ^ (1 << place % 7)


def alter_head(envelope: Envelope, place: int) -> None:
    envelope.log.checkpoint = flip(envelope.log.checkpoint, place)


def alter_type(envelope: Envelope, _: int) -> None:
    envelope.payload_type = "another"


def shorten(envelope: Envelope, _: int) -> None:
    envelope.log.path.pop()


def lengthen(envelope: Envelope, _: int) -> None:
    envelope.log.path.append(bytes(32))


def drop_proof(envelope: Envelope, _: int) -> None:
    envelope.ClearField("log")


ALTERATIONS = (
    alter_path,
    alter_entry,
    alter_payload,
    alter_index,
    alter_head,
    alter_type,
    shorten,
    lengthen,
    drop_proof,
)


@pytest.mark.parametrize("alter", ALTERATIONS)
def test_what_was_altered_is_left_out_whatever_was_proven_before(
    log: LogStore, alter: Callable[[Envelope, int], None]
) -> None:
    answers(log, 21)
    envelopes = answers(log, 18)
    for place, victim in product(range(8), (0, 7, 17)):
        shared = verifier()
        altered = Envelope.FromString(envelopes[victim].SerializeToString())
        alter(altered, place)
        assert found_alone(altered) is None
        assert found_by(shared, altered) is None
        for number, each in enumerate(envelopes):
            if number % 3 == 0:
                assert found_by(shared, altered) is None
            assert found_by(shared, each) == found_alone(each)
        assert found_by(shared, altered) is None
