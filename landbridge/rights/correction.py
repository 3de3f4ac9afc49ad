"""Correction notices: an agency tells another one which of its answers were wrong.

A notice names the log, and in it the answers, each by its entry and the digest of its query, which
the recipient knows. It names no subject and holds no value: who wants the new one asks again, under
a memorandum.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from typing import Annotated, Any, Final

from pydantic import Field

from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey
from landbridge.memorandum.words import AgencyId, Instant, Name, SomeDistinct, read_instant
from landbridge.rights.agency_signature import sign_as_agency, verify_agency
from landbridge.rights.kind import rights_document
from landbridge.statement.form import Part, make_payload, malformed, read_payload
from landbridge.statement.schema import signed_schema
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle

ANSWERS_OF_A_NOTICE: Final = 60
"""Answers that one notice names; who received more gets several."""
_WHAT: Final = rights_document("correction notice")
_LAST_ENTRY: Final = 2**53 - 1
"""Whole numbers above this are not written the same by all readers of JSON (RFC 8785)."""


class CorrectionReason(StrEnum):
    """What became of the value that was given out."""

    CORRECTED = "corrected"
    """The record says something else now."""
    WITHDRAWN = "withdrawn"
    """The record, or the field, is not given any more: a dispute was upheld."""
    REPAIRED = "repaired"
    """What the record told of has been made good, and it is not given any more."""


class WrongAnswer(Part):
    """An answer that held what was wrong."""

    entry: int = Field(ge=0, le=_LAST_ENTRY)
    """Its entry in the provider's log."""
    query: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the pre-authentication encoding of the query that it answered."""


class _Payload(Part):
    correction: str = Field(pattern=r"^[0-9a-f]{32}$")
    """The notice's id."""
    case: str = Field(pattern=r"^[0-9a-f]{32}$")
    """The dispute or repair that it follows from."""
    provider: AgencyId
    """The agency that gave the answers, and signs."""
    log: str = Field(min_length=1, max_length=600)
    """The log in which the answers stand, by its origin."""
    recipient: AgencyId
    """The agency that received them."""
    dataset: Name
    """The provider's dataset that they came from."""
    fields: SomeDistinct[Name]
    """The fields that were wrong."""
    reason: CorrectionReason
    """What became of the value that was given out."""
    since: Instant
    """From when on the answers named are those that held it."""
    issued_at: Instant
    """When it was signed."""
    answers: Annotated[tuple[WrongAnswer, ...], Field(min_length=1, max_length=ANSWERS_OF_A_NOTICE)]
    """In the order of their entries, each once."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A verified notice; times are Unix milliseconds."""

    id: str
    digest: str
    """SHA-256 of what was signed, in hex."""
    case: str
    provider: str
    log: str
    recipient: str
    dataset: str
    fields: tuple[str, ...]
    reason: CorrectionReason
    since: int
    issued_at: int
    answers: tuple[tuple[int, str], ...]
    """Entry in the provider's log, and digest of the query in hex."""

    @property
    def agencies(self) -> frozenset[str]:
        """Whom it concerns."""
        return frozenset((self.provider, self.recipient))


@dataclass(frozen=True, slots=True)
class Wrong:
    """What was wrong: what all notices of one case have in common."""

    case: str
    log: str
    dataset: str
    fields: tuple[str, ...]
    reason: CorrectionReason
    since: str
    """A time in UTC, to the second."""


def write_corrections(
    wrong: Wrong,
    recipient: str,
    answers: Iterable[tuple[int, str]],
    key: SigningKey,
    *,
    issued_at: str,
) -> Iterator[tuple[str, SignedByOne]]:
    """Write the notices to one recipient, each with its id; the same answers give the same ids.

    Raises:
        LandbridgeError: LB-4107 for what has no place in a notice; LB-4002 for a key of another
            use.
    """
    rest = iter(answers)
    while portion := list(islice(rest, ANSWERS_OF_A_NOTICE)):
        name = _name(wrong.case, recipient, portion)
        fields = {
            "correction": name,
            "case": wrong.case,
            "provider": key.agency,
            "log": wrong.log,
            "recipient": recipient,
            "dataset": wrong.dataset,
            "fields": list(wrong.fields),
            "reason": wrong.reason,
            "since": wrong.since,
            "issued_at": issued_at,
            "answers": [{"entry": entry, "query": query} for entry, query in portion],
        }
        yield name, sign_as_agency(make_payload(_Payload, fields, _WHAT), key)


def verify_correction(document: bytes, bundle: TrustBundle, at: int) -> Correction:
    """Return the notice if the provider signed it.

    Keys are judged by the time that it states, and never by a later one than `at` (Unix
    milliseconds): what was once corrected is not made right by a key that comes to its end.

    Raises:
        LandbridgeError: LB-4107 malformed; LB-4001 altered, or signed by another agency than it
            names; LB-4002 not signed with a key for memoranda of the federation.
    """
    signed, payload = _parse(document)
    judged = min(read_instant(payload.issued_at), at)
    if verify_agency(signed, bundle, judged, _WHAT) != payload.provider:
        raise refuse(Reason.BAD_SIGNATURE, "its signer is not the one that it names", where=_WHAT)
    if not payload.log.startswith(f"{payload.provider}.{bundle.federation}/"):
        raise malformed(_WHAT, f"log: it is no log of {payload.provider}")
    return _take(signed, payload)


def read_correction(document: bytes) -> Correction:
    """Read a notice that was verified when it was noticed: it stays, whatever becomes of keys.

    Raises:
        LandbridgeError: LB-4107 when it is none.
    """
    return _take(*_parse(document))


def json_schema() -> dict[str, Any]:
    """Describe the file of a notice as JSON Schema 2020-12."""
    return signed_schema(_Payload, name="correction", title="Correction notice")


def _parse(document: bytes) -> tuple[SignedByOne, _Payload]:
    signed = SignedByOne.parse(document, _WHAT)
    payload = read_payload(_Payload, signed.payload, _WHAT)
    entries = [one.entry for one in payload.answers]
    if entries != sorted(set(entries)):
        raise malformed(_WHAT, "answers: stand in the order of their entries, each once")
    if payload.recipient == payload.provider:
        raise malformed(_WHAT, "recipient: is the provider itself")
    return signed, payload


def _take(signed: SignedByOne, payload: _Payload) -> Correction:
    return Correction(
        payload.correction,
        sha256(signed.payload).hexdigest(),
        payload.case,
        payload.provider,
        payload.log,
        payload.recipient,
        payload.dataset,
        payload.fields,
        payload.reason,
        read_instant(payload.since),
        read_instant(payload.issued_at),
        tuple((one.entry, one.query) for one in payload.answers),
    )


def _name(case: str, recipient: str, answers: Sequence[tuple[int, str]]) -> str:
    first, last = answers[0][0], answers[-1][0]
    return sha256(f"{case} {recipient} {first} {last} {len(answers)}".encode()).hexdigest()[:32]
