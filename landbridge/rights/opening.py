"""How a case begins: a subject's dispute of a record, or its request that a record be repaired."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

from pydantic import Field

from landbridge.consent.binding import Introduced
from landbridge.memorandum.words import AgencyId, Distinct, Instant, Name
from landbridge.rights.kind import rights_document
from landbridge.rights.request import write_instant
from landbridge.rights.speaker import (
    Principal,
    Speaker,
    Voice,
    introduction_of,
    sign_as_speaker,
    verify_speaker,
)
from landbridge.rights.steps import CaseKind
from landbridge.statement.form import Part, make_payload, malformed, read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle

WHAT: Final = rights_document("opening of a case")
_ID_BYTES: Final = 16

CaseId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""The name of a case: 128 random bits in hexadecimal."""


class Opening(Part):
    """What opens a case: exactly one of `dispute` and `repair` holds its id."""

    dispute: CaseId = ""
    """The id, where the record is disputed."""
    repair: CaseId = ""
    """The id, where the repair of the record is asked for."""
    agency: AgencyId
    """The agency that holds the record."""
    dataset: Name
    """Its dataset."""
    record: str = Field(min_length=1, max_length=500)
    """The record as profiles name it."""
    fields: Distinct[Name] = ()
    """The disputed fields; empty where it is about the whole record, as a repair is."""
    subject: Principal
    """By which identifier the record is on the subject."""
    statement: str = Field(min_length=1)
    """What the subject says: it travels with the record."""
    opened_at: Instant
    """When the subject signed."""
    introduction: Introduced | None = None
    """Where the subject's own key signs: its binding."""

    @property
    def id(self) -> str:
        """The case's id."""
        return self.dispute or self.repair

    @property
    def kind(self) -> CaseKind:
        """What the case is about."""
        return CaseKind.DISPUTE if self.dispute else CaseKind.REPAIR


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What a subject wants, as commands and tests write it."""

    kind: CaseKind
    agency: str
    dataset: str
    record: str
    subject: SubjectId
    statement: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VerifiedOpening:
    """An opening whose signer speaks for the subject."""

    opening: Opening
    speaker: Speaker
    digest: bytes
    """SHA-256 of the document as it was received."""


def write_opening(complaint: Complaint, voice: Voice, *, at: int, case_id: str = "") -> SignedByOne:
    """Write and sign what opens a case; `at` is Unix milliseconds.

    Raises:
        LandbridgeError: LB-4107 with what is wrong; LB-4002 for a desk's key of another use.
    """
    introduced = introduction_of(voice)
    fields = {
        complaint.kind.value: case_id or secrets.token_hex(_ID_BYTES),
        "agency": complaint.agency,
        "dataset": complaint.dataset,
        "record": complaint.record,
        "fields": list(complaint.fields),
        "subject": {"scheme": complaint.subject.scheme, "value": complaint.subject.value},
        "statement": complaint.statement,
        "opened_at": write_instant(at),
    }
    if introduced is not None:
        fields["introduction"] = introduced.model_dump()
    payload = make_payload(Opening, fields, WHAT)
    _check(read_payload(Opening, payload, WHAT))
    return sign_as_speaker(payload, voice)


def read_opening(document: bytes) -> VerifiedOpening:
    """Read an opening that was verified when it was taken: it stays, whatever becomes of keys.

    Raises:
        LandbridgeError: LB-4107 when it is none.
    """
    signed, opening = _parse(document)
    introduced = opening.introduction
    desk = introduced.desk if introduced else signed.key_id.partition("/")[0]
    speaker = Speaker(desk, signed.key_id if introduced else desk)
    return VerifiedOpening(opening, speaker, sha256(document).digest())


def verify_opening(
    document: bytes, bundle: TrustBundle, at: int, *, desks: Collection[str] | None
) -> VerifiedOpening:
    """Return the opening if its signer speaks for the subject at a time, Unix milliseconds.

    Raises:
        LandbridgeError: LB-4107 malformed; LB-4001, LB-4002, LB-4108 as for `verify_speaker`.
    """
    signed, opening = _parse(document)
    speaker = verify_speaker(
        signed,
        (opening.subject.subject,),
        opening.introduction,
        bundle,
        at,
        desks=desks,
        what=WHAT,
    )
    return VerifiedOpening(opening, speaker, sha256(document).digest())


def _parse(document: bytes) -> tuple[SignedByOne, Opening]:
    signed = SignedByOne.parse(document, WHAT)
    opening = read_payload(Opening, signed.payload, WHAT)
    _check(opening)
    return signed, opening


def _check(opening: Opening) -> None:
    if bool(opening.dispute) is bool(opening.repair):
        raise malformed(WHAT, "it holds the id of either a `dispute` or a `repair`")
    if opening.repair and opening.fields:
        raise malformed(WHAT, "fields: a repair is about the whole record")
