"""Signed batches and log evidence: what verifies, and that nothing that was altered does."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib import dsse

from landbridge.agency import Role
from landbridge.envelope import (
    ANSWER_TYPE,
    PROFILE_TYPE,
    QUERY_TYPE,
    BatchVerifier,
    EvidenceVerifier,
    check_bare,
    digest,
    evidence_to_proto,
    sign_batch,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey, pae
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.merkle import tree_root
from landbridge.log.note import NoteSignature, NoteSigner, parse_note, write_note
from landbridge.log.store import LogStore
from landbridge.v1.envelope_pb2 import Envelope
from landbridge.v1.log_pb2 import ENTRY_KIND_ANSWER, LogEntry
from landbridge.wire import part
from tests.vectors import generate

ORIGIN = "fsa.ed.institutions.example/node/main"
QUERY_KEY = SigningKey.generate("board.ny", KeyUse.QUERY)
LOG_KEY = SigningKey.generate("fsa.ed", KeyUse.LOG)
REFUSED = {Reason.BAD_SIGNATURE, Reason.UNTRUSTED_KEY, Reason.BAD_LOG_EVIDENCE}


def query_keys(key_id: str) -> tuple[str, Ed25519PublicKey]:
    if key_id != QUERY_KEY.key_id:
        raise refuse(Reason.UNTRUSTED_KEY, f"{key_id} is not trusted")
    return "board.ny", QUERY_KEY.public


def log_keys(origin: str, at: int = 0) -> tuple[str, Role, list[Ed25519PublicKey]]:
    del at
    if origin != ORIGIN:
        raise refuse(Reason.UNTRUSTED_KEY, f"{origin} is not trusted")
    return "fsa.ed", Role.NODE, [LOG_KEY.public]


def entry_of(payload: bytes, payload_type: str = ANSWER_TYPE) -> bytes:
    entry = LogEntry(
        kind=ENTRY_KIND_ANSWER,
        requester="board.ny",
        payload_digest=digest(payload_type, payload),
    )
    return entry.SerializeToString()


def log_envelopes(log: LogStore, payloads: list[bytes]) -> list[Envelope]:
    evidence = log.append([entry_of(payload) for payload in payloads])
    return [
        Envelope(payload_type=ANSWER_TYPE, payload=payload, log=evidence_to_proto(one))
        for payload, one in zip(payloads, evidence, strict=True)
    ]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LogStore]:
    store = LogStore.open(tmp_path / "log.sqlite", ORIGIN, LOG_KEY)
    yield store
    store.close()


def refusal(verify: Callable[[Envelope, str], object], envelope: Envelope, kind: str) -> Reason:
    with pytest.raises(LandbridgeError) as caught:
        verify(envelope, kind)
    return caught.value.reason


def flips(data: bytes) -> Iterator[bytes]:
    for bit in range(len(data) * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        yield bytes(flipped)


@given(st.text(max_size=40), st.binary(max_size=200))
def test_the_encoding_is_that_of_securesystemslib(payload_type: str, payload: bytes) -> None:
    assert pae(payload_type, payload) == dsse.Envelope(payload, payload_type, {}).pae()


def test_the_vectors() -> None:
    vector = json.loads((generate.FOLDER / "envelope.json").read_text())
    payloads = [bytes.fromhex(payload) for payload in vector["payloads"]]
    private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(vector["seed"]))
    key = SigningKey("board.ny", KeyUse.QUERY, "board.ny/query/1", private.public_key(), private)
    assert vector["payload_type"] == QUERY_TYPE
    assert [pae(QUERY_TYPE, payload).hex() for payload in payloads] == vector["pae"]
    assert [digest(QUERY_TYPE, payload).hex() for payload in payloads] == vector["digests"]
    signed = sign_batch(QUERY_TYPE, payloads, key)
    assert [one.batch.signature.hex() for one in signed] == [vector["signature"]] * len(payloads)
    paths = [[node.hex() for node in one.batch.path] for one in signed]
    assert paths == vector["paths"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.binary(max_size=40), min_size=1, max_size=70))
def test_every_payload_of_a_batch_verifies(payloads: list[bytes]) -> None:
    verifier = BatchVerifier(query_keys)
    envelopes = sign_batch(QUERY_TYPE, payloads, QUERY_KEY)
    assert [one.payload for one in envelopes] == payloads
    assert {one.batch.signature for one in envelopes} == {envelopes[0].batch.signature}
    for envelope in envelopes:
        received = Envelope.FromString(envelope.SerializeToString())
        assert verifier.verify(received, QUERY_TYPE) == "board.ny"
    assert len(verifier._heads) == 1


def test_nothing_is_signed_for_an_empty_batch() -> None:
    assert sign_batch(QUERY_TYPE, [], QUERY_KEY) == []


def test_no_flipped_bit_of_a_batch_is_accepted() -> None:
    payloads = [b"query %d" % number for number in range(7)]
    verifier = BatchVerifier(query_keys)
    for envelope in sign_batch(QUERY_TYPE, payloads, QUERY_KEY)[2::4]:
        verifier.verify(envelope, QUERY_TYPE)
        for payload in flips(envelope.payload):
            altered = Envelope.FromString(envelope.SerializeToString())
            altered.payload = payload
            assert refusal(verifier.verify, altered, QUERY_TYPE) is Reason.BAD_SIGNATURE
        for place, node in enumerate(envelope.batch.path):
            for flipped in flips(node):
                altered = Envelope.FromString(envelope.SerializeToString())
                altered.batch.path[place] = flipped
                assert refusal(verifier.verify, altered, QUERY_TYPE) is Reason.BAD_SIGNATURE
        for bit in range(64):
            altered = Envelope.FromString(envelope.SerializeToString())
            altered.batch.index ^= 1 << bit
            assert refusal(verifier.verify, altered, QUERY_TYPE) is Reason.BAD_SIGNATURE
            altered = Envelope.FromString(envelope.SerializeToString())
            altered.batch.size ^= 1 << bit
            assert refusal(verifier.verify, altered, QUERY_TYPE) is Reason.BAD_SIGNATURE
    for signature in flips(envelope.batch.signature):
        altered = Envelope.FromString(envelope.SerializeToString())
        altered.batch.signature = signature
        assert refusal(verifier.verify, altered, QUERY_TYPE) is Reason.BAD_SIGNATURE
    assert verifier.verify(envelope, QUERY_TYPE) == "board.ny"


def test_no_flipped_bit_of_log_evidence_is_accepted(log: LogStore) -> None:
    log.append([entry_of(b"earlier")] * 40)
    payloads = [b"answer %d" % number for number in range(6)]
    verifier = EvidenceVerifier(log_keys)
    envelopes = log_envelopes(log, payloads)
    for envelope in envelopes:
        verifier.verify(envelope, ANSWER_TYPE)
    envelope = envelopes[3]
    assert len(envelope.log.path) == 5
    for payload in flips(envelope.payload):
        altered = Envelope.FromString(envelope.SerializeToString())
        altered.payload = payload
        assert refusal(verifier.verify, altered, ANSWER_TYPE) is Reason.BAD_SIGNATURE
    for entry in flips(envelope.log.entry):
        altered = Envelope.FromString(envelope.SerializeToString())
        altered.log.entry = entry
        assert refusal(verifier.verify, altered, ANSWER_TYPE) is Reason.BAD_LOG_EVIDENCE
    for place, node in enumerate(envelope.log.path):
        for flipped in flips(node):
            altered = Envelope.FromString(envelope.SerializeToString())
            altered.log.path[place] = flipped
            assert refusal(verifier.verify, altered, ANSWER_TYPE) is Reason.BAD_LOG_EVIDENCE
    for bit in range(64):
        altered = Envelope.FromString(envelope.SerializeToString())
        altered.log.index ^= 1 << bit
        assert refusal(verifier.verify, altered, ANSWER_TYPE) is Reason.BAD_LOG_EVIDENCE
    for checkpoint in flips(envelope.log.checkpoint):
        altered = Envelope.FromString(envelope.SerializeToString())
        altered.log.checkpoint = checkpoint
        assert refusal(verifier.verify, altered, ANSWER_TYPE) in REFUSED
    assert verifier.verify(envelope, ANSWER_TYPE).index == 43


def test_no_flipped_bit_of_the_bytes_on_the_wire_is_accepted(log: LogStore) -> None:
    log_verifier, batch_verifier = EvidenceVerifier(log_keys), BatchVerifier(query_keys)
    wire = log_envelopes(log, [b"one", b"two"])[1].SerializeToString()
    batch_wire = sign_batch(QUERY_TYPE, [b"one", b"two"], QUERY_KEY)[1].SerializeToString()
    cases = [
        (wire, log_verifier.verify, ANSWER_TYPE),
        (batch_wire, batch_verifier.verify, QUERY_TYPE),
    ]
    for whole, verify, payload_type in cases:
        for flipped in flips(whole):
            try:
                envelope = Envelope.FromString(flipped)
            except DecodeError:
                continue
            assert refusal(verify, envelope, payload_type) in REFUSED


def test_the_payload_type_is_part_of_what_is_signed(log: LogStore) -> None:
    envelope = log_envelopes(log, [b"payload"])[0]
    verify = EvidenceVerifier(log_keys).verify
    assert refusal(verify, envelope, PROFILE_TYPE) is Reason.BAD_SIGNATURE
    envelope.payload_type = PROFILE_TYPE
    assert refusal(verify, envelope, PROFILE_TYPE) is Reason.BAD_SIGNATURE
    signed = sign_batch(QUERY_TYPE, [b"payload"], QUERY_KEY)[0]
    signed.payload_type = ANSWER_TYPE
    assert refusal(BatchVerifier(query_keys).verify, signed, ANSWER_TYPE) is Reason.BAD_SIGNATURE


def test_one_kind_of_proof_does_not_stand_for_the_other(log: LogStore) -> None:
    logged = log_envelopes(log, [b"payload"])[0]
    signed = sign_batch(ANSWER_TYPE, [b"payload"], QUERY_KEY)[0]
    bare = Envelope(payload_type=ANSWER_TYPE, payload=b"payload")
    for envelope in (logged, bare):
        verify = BatchVerifier(query_keys).verify
        assert refusal(verify, envelope, ANSWER_TYPE) is Reason.BAD_SIGNATURE
    for envelope in (signed, bare):
        assert refusal(EvidenceVerifier(log_keys).verify, envelope, ANSWER_TYPE) in REFUSED


def test_a_verified_entry_says_whose_log_it_is(log: LogStore) -> None:
    envelopes = log_envelopes(log, [b"one", b"two", b"three"])
    verifier = EvidenceVerifier(log_keys)
    for index, envelope in enumerate(envelopes):
        verified = verifier.verify(envelope, ANSWER_TYPE)
        assert (verified.agency, verified.role, verified.origin) == ("fsa.ed", Role.NODE, ORIGIN)
        assert verified.index == index
        assert verified.entry.payload_digest == digest(ANSWER_TYPE, envelope.payload)
    assert len(verifier._heads) == 1


def padded(checkpoint: bytes, lines: int, width: int) -> bytes:
    """Add lines of signers that nobody knows, as witnesses do."""
    note = parse_note(checkpoint)
    more = [
        NoteSignature(f"stranger-{number}.example", bytes(4), bytes(width))
        for number in range(lines)
    ]
    return write_note(note.text, [*more, *note.signatures])


def test_of_a_head_what_its_log_signed_is_kept_and_nothing_else(log: LogStore) -> None:
    envelope = log_envelopes(log, [b"payload"])[0]
    own = envelope.log.checkpoint
    verifier = EvidenceVerifier(log_keys)
    for lines, width in ((0, 0), (1, 64), (63, 64), (5, 1500)):
        envelope.log.checkpoint = padded(own, lines, width)
        verified = verifier.verify(envelope, ANSWER_TYPE)
        assert verified.checkpoint == verified.heard().checkpoint == own
    envelope.log.checkpoint = padded(own, 63, 1500)
    assert refusal(verifier.verify, envelope, ANSWER_TYPE) is Reason.BAD_LOG_EVIDENCE


def test_a_head_that_says_more_than_it_has_to_is_refused(log: LogStore) -> None:
    envelope = log_envelopes(log, [b"payload"])[0]
    head = read_checkpoint(parse_note(envelope.log.checkpoint))
    signer = NoteSigner(ORIGIN, LOG_KEY)
    for extension, is_believed in (("tile of the week", True), ("x" * 600, False)):
        envelope.log.checkpoint = signer.sign(replace(head, extensions=(extension,)).text())
        verify = EvidenceVerifier(log_keys).verify
        if is_believed:
            assert verify(envelope, ANSWER_TYPE).index == 0
        else:
            assert refusal(verify, envelope, ANSWER_TYPE) is Reason.BAD_LOG_EVIDENCE


def test_trust_that_ends_ends_at_once(log: LogStore) -> None:
    trusted = [True]
    other = SigningKey.generate("fsa.ed", KeyUse.LOG)

    def keys(key_id: str) -> tuple[str, Ed25519PublicKey]:
        return query_keys(key_id if trusted else "")

    def keys_of_logs(origin: str, at: int) -> tuple[str, Role, list[Ed25519PublicKey]]:
        return log_keys(origin if trusted else "", at)

    batch, evidence = BatchVerifier(keys), EvidenceVerifier(keys_of_logs)
    signed, logged = sign_batch(QUERY_TYPE, [b"q"], QUERY_KEY)[0], log_envelopes(log, [b"a"])[0]
    batch.verify(signed, QUERY_TYPE)
    evidence.verify(logged, ANSWER_TYPE)
    trusted.clear()
    assert refusal(batch.verify, signed, QUERY_TYPE) is Reason.UNTRUSTED_KEY
    assert refusal(evidence.verify, logged, ANSWER_TYPE) is Reason.UNTRUSTED_KEY
    batch._keys = lambda _: ("board.ny", other.public)
    evidence._log_keys = lambda _, __: ("fsa.ed", Role.NODE, [other.public])
    assert refusal(batch.verify, signed, QUERY_TYPE) is Reason.BAD_SIGNATURE
    assert refusal(evidence.verify, logged, ANSWER_TYPE) is Reason.UNTRUSTED_KEY


def test_keys_of_a_log_that_change_are_noticed_with_the_next_head(log: LogStore) -> None:
    stranger = SigningKey.generate("fsa.ed", KeyUse.LOG)
    good = [stranger.public]
    verifier = EvidenceVerifier(lambda *_: ("fsa.ed", Role.NODE, good))
    first, second = (log_envelopes(log, [payload])[0] for payload in (b"one", b"two"))
    assert refusal(verifier.verify, first, ANSWER_TYPE) is Reason.UNTRUSTED_KEY
    good.append(LOG_KEY.public)
    assert verifier.verify(first, ANSWER_TYPE).index == 0
    del good[1]
    assert refusal(verifier.verify, second, ANSWER_TYPE) is Reason.UNTRUSTED_KEY
    assert refusal(verifier.verify, first, ANSWER_TYPE) is Reason.UNTRUSTED_KEY
    good[0] = LOG_KEY.public
    assert verifier.verify(second, ANSWER_TYPE).index == 1


def test_a_head_of_another_log_is_refused(log: LogStore, tmp_path: Path) -> None:
    envelope = log_envelopes(log, [b"payload"])[0]
    stranger = LogStore.open(
        tmp_path / "other.sqlite", "va.institutions.example/node/main", LOG_KEY
    )
    foreign = log_envelopes(stranger, [b"payload"])[0]
    stranger.close()
    verifier = EvidenceVerifier(log_keys)
    assert refusal(verifier.verify, foreign, ANSWER_TYPE) is Reason.UNTRUSTED_KEY
    text = Checkpoint(ORIGIN, 1, tree_root([bytes(32)])).text()
    envelope.log.checkpoint = NoteSigner(ORIGIN, LOG_KEY).sign(text)
    assert refusal(verifier.verify, envelope, ANSWER_TYPE) is Reason.BAD_LOG_EVIDENCE


def test_what_was_logged_must_be_an_entry_that_names_the_payload(log: LogStore) -> None:
    garbage, other = log.append([b"\xff" * 40, entry_of(b"another payload")])
    verifier = EvidenceVerifier(log_keys)
    for evidence, reason in (
        (garbage, Reason.BAD_LOG_EVIDENCE),
        (other, Reason.BAD_SIGNATURE),
    ):
        envelope = Envelope(
            payload_type=ANSWER_TYPE, payload=b"payload", log=evidence_to_proto(evidence)
        )
        assert refusal(verifier.verify, envelope, ANSWER_TYPE) is reason


def test_remembered_heads_are_bounded(log: LogStore) -> None:
    batch = BatchVerifier(query_keys, remembered=3)
    evidence = EvidenceVerifier(log_keys, remembered=3)
    for number in range(10):
        payload = b"%d" % number
        batch.verify(sign_batch(QUERY_TYPE, [payload], QUERY_KEY)[0], QUERY_TYPE)
        evidence.verify(log_envelopes(log, [payload])[0], ANSWER_TYPE)
    assert len(batch._heads) == len(evidence._heads) == 3


@pytest.mark.parametrize("within", [b"", b"\x1a", b"\x22"])
def test_what_is_hidden_beside_an_envelopes_parts_is_not_passed_on(within: bytes) -> None:
    """A Profile with such an envelope in it could not be read: messages nest 100 deep."""
    hidden = b"\xc3\x3e" * 98 + b"\xc4\x3e" * 98
    bare = Envelope(payload=b"x")
    if within:
        bare.MergeFromString(within + b"\x00")
    check_bare(bare)
    spoiled = Envelope.FromString(
        bare.SerializeToString() + (part(within, hidden) if within else hidden)
    )
    with pytest.raises(LandbridgeError) as caught:
        check_bare(spoiled)
    assert caught.value.reason is Reason.BAD_SIGNATURE


def test_an_entry_longer_than_any_log_takes_is_not_taken_apart(log: LogStore) -> None:
    (envelope,) = log_envelopes(log, [b"answer"])
    envelope.log.entry = b"\x72\x00" * 40_000
    with pytest.raises(LandbridgeError) as caught:
        EvidenceVerifier(log_keys).verify(envelope, ANSWER_TYPE)
    assert caught.value.message == "a log entry of 80000 bytes"
