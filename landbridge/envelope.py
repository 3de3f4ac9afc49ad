"""Exact bytes with the proof of who speaks them: signing batches, verifying them and log evidence.

What is signed is the DSSE pre-authentication encoding of payload type and payload. Receivers verify
the bytes they got and parse them afterwards.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from typing import TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet

from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey, pae
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.evidence import MAX_ENTRY_BYTES, Evidence
from landbridge.log.frontier import Frontier
from landbridge.log.merkle import root_from_path
from landbridge.log.note import Note, NoteVerifier, find_signers, parse_note, write_note
from landbridge.log.proven_nodes import ProvenNodes
from landbridge.v1.envelope_pb2 import BatchSignature, Envelope, LogEvidence
from landbridge.v1.log_pb2 import Heard, LogEntry

QUERY_TYPE = "application/vnd.landbridge.query.v1"
ANSWER_TYPE = "application/vnd.landbridge.answer.v1"
PROFILE_TYPE = "application/vnd.landbridge.profile.v1"
BATCH_TYPE = "application/vnd.landbridge.batch-head.v1"

Keys = Callable[[str], tuple[str, Ed25519PublicKey]]
"""From a key id to the agency and its key; raises LB-4002 for a key that is not trusted now."""

LogKeys = Callable[[str, int], tuple[str, Role, Sequence[Ed25519PublicKey]]]
"""From a log's origin, and the time in an entry, to agency, role and the keys that are good then.

The time is Unix milliseconds as the log states it: verifiers of what comes in now pass it over and
go by their own clock. Raises LB-4002 for a log that is not trusted.
"""

MAX_SIGNED_QUERY_BYTES = 96 * 1024
"""What a signed query may take with its proof: it goes to every node."""
REMEMBERED_HEADS = 1024
"""Heads that verified and are not verified again; the oldest is forgotten first."""
_MAX_SIZE = 1 << 63
_MAX_HEAD_BYTES = 16 * 1024
"""A head with the lines of all the witnesses that a note may name."""
_MAX_HEAD_TEXT = 512


def digest(payload_type: str, payload: bytes) -> bytes:
    """Return the SHA-256 of the pre-authentication encoding: how queries and answers are named."""
    return sha256(pae(payload_type, payload)).digest()


def sign_batch(payload_type: str, payloads: Sequence[bytes], key: SigningKey) -> list[Envelope]:
    """Sign payloads with one signature over the Merkle root of the batch (RFC 6962)."""
    if not payloads:
        return []
    growth = Frontier().grow([_leaf(payload_type, payload) for payload in payloads])
    signature = key.sign(_batch_head(growth.size, growth.root))
    return [
        Envelope(
            payload_type=payload_type,
            payload=payload,
            batch=BatchSignature(
                key_id=key.key_id, signature=signature, size=growth.size, index=index, path=path
            ),
        )
        for index, (payload, path) in enumerate(zip(payloads, growth.paths(), strict=True))
    ]


def evidence_to_proto(evidence: Evidence) -> LogEvidence:
    """Turn what the log handed back into what an envelope carries."""
    return LogEvidence(
        entry=evidence.entry,
        index=evidence.index,
        path=evidence.path,
        checkpoint=evidence.checkpoint,
    )


def check_bare(envelope: Envelope) -> None:
    """Check that an envelope carries nothing beside its own parts, before it is passed on as it is.

    It goes on within other messages, where less may be nested than by itself: what its writer hides
    in it could keep others from reading all that travels with it.

    Raises:
        LandbridgeError: LB-4001.
    """
    proof = envelope.log if envelope.HasField("log") else envelope.batch
    if UnknownFieldSet(envelope) or UnknownFieldSet(proof):
        raise _bad_signature("the envelope carries what no envelope has")


class BatchVerifier:
    """Verifies envelopes of `sign_batch`; a head that verified once costs no second signature.

    The key is asked for at every call, so that one that is no longer trusted is refused at once.
    """

    def __init__(self, keys: Keys, *, remembered: int = REMEMBERED_HEADS) -> None:
        self._keys = keys
        self._remembered = remembered
        self._heads: OrderedDict[tuple[str, bytes, int], _BatchHead] = OrderedDict()
        self._nodes = ProvenNodes()
        self._numbers = count()

    def verify(self, envelope: Envelope, payload_type: str) -> str:
        """Return the agency that signed the payload.

        Raises:
            LandbridgeError: LB-4001 when the envelope is of another type or the signature does not
                verify; LB-4002 when its key is not trusted.
        """
        _check_form(envelope, payload_type, "batch")
        proof = envelope.batch
        key_id, size, index, path = proof.key_id, proof.size, proof.index, proof.path
        signature = proof.signature
        leaf = _leaf(payload_type, envelope.payload)
        agency, public = self._keys(key_id)
        known = self._heads.get((key_id, signature, size))
        if (
            known is not None
            and (known.signer is public or known.signer == public)
            and self._nodes.holds(known.number, known.root, size, leaf, index, path)
        ):
            return agency
        root = root_from_path(leaf, index, size, path) if size < _MAX_SIZE else None
        if root is None:
            raise _bad_signature("the path has not the form of its batch")
        try:
            public.verify(signature, _batch_head(size, root))
        except InvalidSignature:
            raise _bad_signature(f"the signature of {key_id[:200]} does not verify") from None
        head = _BatchHead(next(self._numbers), root, public)
        _remember(self._heads, (key_id, signature, size), head, self._remembered)
        return agency


@dataclass(frozen=True, slots=True)
class _BatchHead:
    """The root of a batch, the key that signed it, and its number among the verified ones."""

    number: int
    root: bytes
    signer: Ed25519PublicKey


@dataclass(slots=True)
class VerifiedEntry:
    """A log entry that names a payload, with the log that holds it."""

    agency: str
    role: Role
    origin: str
    entry: LogEntry
    index: int
    leaf_hash: bytes
    head: Checkpoint
    """What the log said of itself with it."""
    checkpoint: bytes
    """That head with the signature of its log alone."""

    def heard(self) -> Heard:
        """Write down what the log showed, for one's own log: whoever holds both can compare."""
        return Heard(
            origin=self.origin,
            index=self.index,
            leaf_hash=self.leaf_hash,
            checkpoint=self.checkpoint,
        )


@dataclass(frozen=True, slots=True)
class _Head:
    """A checkpoint taken apart, who signed it, and the note with that signature alone."""

    number: int
    note: bytes
    checkpoint: Checkpoint
    signer: Ed25519PublicKey


class EvidenceVerifier:
    """Verifies envelopes that carry log evidence; one checkpoint costs one signature check.

    Checkpoints that verified are known by their exact bytes; the log's keys are asked for at every
    call, so that one that is no longer trusted is refused at once.
    """

    def __init__(self, log_keys: LogKeys, *, remembered: int = REMEMBERED_HEADS) -> None:
        self._log_keys = log_keys
        self._remembered = remembered
        self._heads: OrderedDict[bytes, _Head] = OrderedDict()
        self._verifiers: dict[str, tuple[tuple[Ed25519PublicKey, ...], list[NoteVerifier]]] = {}
        """By origin, of logs that are trusted: its keys and what verifies their notes."""
        self._nodes = ProvenNodes()
        self._numbers = count()

    def verify(self, envelope: Envelope, payload_type: str) -> VerifiedEntry:
        """Return the log entry that names the payload, and whose log it is.

        Raises:
            LandbridgeError: LB-4001 when the envelope is of another type, the payload is not the
                one that was logged, or the head's signature does not verify; LB-4002 when the log,
                or the key that signed its head, is not trusted at that time; LB-4008 when the path
                does not lead to the head.
        """
        _check_form(envelope, payload_type, "log")
        proof = envelope.log
        logged, index, checkpoint = proof.entry, proof.index, proof.checkpoint
        if len(logged) > MAX_ENTRY_BYTES:
            raise refuse(Reason.BAD_LOG_EVIDENCE, f"a log entry of {len(logged)} bytes")
        # 1. The entry stands in the tree under the head.
        leaf = sha256(b"\x00" + logged).digest()
        known = self._heads.get(checkpoint)
        if known is None:
            note = _note(checkpoint)
            head, number = read_checkpoint(note), next(self._numbers)
        else:
            note, head, number = None, known.checkpoint, known.number
        if not self._nodes.holds(number, head.root, head.size, leaf, index, proof.path):
            raise refuse(Reason.BAD_LOG_EVIDENCE, f"entry {index} does not lead to the signed head")
        try:
            entry = LogEntry.FromString(logged)
        except DecodeError:
            raise refuse(Reason.BAD_LOG_EVIDENCE, f"entry {index} is not a log entry") from None
        # 2. The head is signed by the log that it names, with a key that is good at that time.
        agency, role, keys = self._log_keys(head.origin, entry.logged_at_unix_ms)
        if known is None or known.signer not in keys:
            note = note or _note(checkpoint)
            known = self._verify_head(checkpoint, note, head, number, keys)
        # 3. The entry names this payload.
        if entry.payload_digest != digest(payload_type, envelope.payload):
            raise _bad_signature("the payload is not the one that its signer logged")
        return VerifiedEntry(agency, role, head.origin, entry, index, leaf, head, known.note)

    def _verify_head(
        self,
        data: bytes,
        note: Note,
        head: Checkpoint,
        number: int,
        keys: Sequence[Ed25519PublicKey],
    ) -> _Head:
        """Verify a head with the keys of its log, and remember which of them signed it."""
        signer = find_signers(note, self._verifiers_of(head.origin, keys))[0]
        own = (signer.name, signer.key_hash)
        line = next(line for line in note.signatures if (line.name, line.key_hash) == own)
        alone = data if len(note.signatures) == 1 else write_note(note.text, (line,))
        found = _Head(number, alone, head, signer.public)
        _remember(self._heads, data, found, self._remembered)
        return found

    def _verifiers_of(self, origin: str, keys: Sequence[Ed25519PublicKey]) -> list[NoteVerifier]:
        good, known = tuple(keys), self._verifiers.get(origin)
        if known is None or known[0] != good:
            known = self._verifiers[origin] = (good, [NoteVerifier(origin, key) for key in good])
        return known[1]


_K = TypeVar("_K")
_V = TypeVar("_V")


def _remember(verified: OrderedDict[_K, _V], head: _K, signer: _V, limit: int) -> None:
    verified[head] = signer
    if len(verified) > limit:
        verified.popitem(last=False)


def _note(data: bytes) -> Note:
    """Take a head apart: what an honest log has signed is short, whoever cosigned it."""
    if len(data) > _MAX_HEAD_BYTES:
        raise refuse(Reason.BAD_LOG_EVIDENCE, f"a signed head of {len(data)} bytes")
    note = parse_note(data)
    if len(note.text.encode()) > _MAX_HEAD_TEXT:
        raise refuse(Reason.BAD_LOG_EVIDENCE, "a head that says more than a checkpoint has to")
    return note


def _check_form(envelope: Envelope, payload_type: str, proof: str) -> None:
    if envelope.payload_type != payload_type:
        raise _bad_signature(f"the envelope is not of type {payload_type}")
    if envelope.WhichOneof("proof") != proof:
        raise _bad_signature(f"the envelope carries no {proof} proof")


def _leaf(payload_type: str, payload: bytes) -> bytes:
    return sha256(b"\x00" + pae(payload_type, payload)).digest()


def _batch_head(size: int, root: bytes) -> bytes:
    return pae(BATCH_TYPE, size.to_bytes(8, "big") + root)


def _bad_signature(message: str) -> LandbridgeError:
    return refuse(Reason.BAD_SIGNATURE, message)
