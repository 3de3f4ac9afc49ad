"""Requests to be given a case as a whole: by its subject, or by the agency that decides on it."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

from pydantic import Field

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.memorandum.words import AgencyId, Instant, read_instant
from landbridge.rights.agency_signature import sign_as_agency, verify_agency
from landbridge.rights.kind import rights_document
from landbridge.rights.opening import CaseId
from landbridge.rights.request import (
    Request,
    check_addressed,
    verify_request,
    write_instant,
    write_request,
)
from landbridge.rights.speaker import Voice
from landbridge.statement.form import Part, make_payload, read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle

WHAT: Final = rights_document("request for a case")
_NONCE_BYTES: Final = 16
_GOOD_MS: Final = 5 * 60 * 1000


class CaseWanted(Request):
    """A subject's request for its case."""

    request: Literal["case"]
    case: CaseId
    """The case."""


class CaseWantedByAgency(Part):
    """An agency's request for a case on which it decides."""

    request: Literal["case-of-agency"]
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    """128 random bits."""
    agency: AgencyId
    """The agency that is asked."""
    by: AgencyId
    """The agency that asks, and signs."""
    issued_at: Instant
    """When it was signed."""
    expires_at: Instant
    """Until when it is good: at most ten minutes."""
    case: CaseId
    """The case."""


@dataclass(frozen=True, slots=True)
class VerifiedCaseRequest:
    """Who wants which case."""

    case_id: str
    digest: bytes
    """SHA-256 of what was signed: it is answered once."""
    expires_at: int
    """Unix milliseconds."""
    agency: str = ""
    """The agency that asks; empty where a subject does."""
    desk: str = ""
    """The agency that vouches for the subject."""
    subjects: tuple[SubjectId, ...] = ()

    def check(self, subject: SubjectId, agencies: Collection[str], case_id: str) -> None:
        """Check that the case concerns who asks.

        Raises:
            LandbridgeError: LB-4108 when it is another subject's, or not this agency's to decide.
        """
        if (self.agency in agencies) if self.agency else (subject in self.subjects):
            return
        raise refuse(
            Reason.NOT_THE_SUBJECT,
            "the case is another subject's, or another agency decides on it",
            where=f"case {case_id}",
        )


def ask_for_case(
    case_id: str, *, agency: str, subjects: Sequence[SubjectId], voice: Voice, at: int
) -> SignedByOne:
    """Write and sign a subject's request for its case; `at` is Unix milliseconds.

    Raises:
        LandbridgeError: LB-4107 for what has no place in it; LB-4002 for a key of another use.
    """
    return write_request(
        CaseWanted,
        "case",
        {"case": case_id},
        agency=agency,
        subjects=subjects,
        voice=voice,
        at=at,
        what=WHAT,
    )


def ask_for_case_as_agency(case_id: str, *, agency: str, key: SigningKey, at: int) -> SignedByOne:
    """Write and sign an agency's request for a case; `at` is Unix milliseconds.

    Raises:
        LandbridgeError: LB-4107 for what has no place in it; LB-4002 for a key of another use.
    """
    fields = {
        "request": "case-of-agency",
        "nonce": secrets.token_hex(_NONCE_BYTES),
        "agency": agency,
        "by": key.agency,
        "issued_at": write_instant(at),
        "expires_at": write_instant(at + _GOOD_MS),
        "case": case_id,
    }
    return sign_as_agency(make_payload(CaseWantedByAgency, fields, WHAT), key)


def wanted_case(signed: SignedByOne) -> tuple[str, str]:
    """Return the agency that a request asks, and for which case; its signature is not verified.

    Raises:
        LandbridgeError: LB-4107 when it is no request for a case.
    """
    if _is_of_agency(signed):
        deciding = read_payload(CaseWantedByAgency, signed.payload, WHAT)
        return deciding.agency, deciding.case
    asked = read_payload(CaseWanted, signed.payload, WHAT)
    return asked.agency, asked.case


def verify_case_request(
    document: bytes,
    bundle: TrustBundle,
    at: int,
    *,
    agency: str,
    desks: Collection[str] | None,
) -> VerifiedCaseRequest:
    """Return who wants which case; whether it concerns them is for `check`.

    Raises:
        LandbridgeError: LB-4107, LB-4001, LB-4002, LB-4003, LB-4108, LB-1001 as for
            `verify_request`.
    """
    signed = SignedByOne.parse(document, WHAT)
    if not _is_of_agency(signed):
        verified = verify_request(
            CaseWanted, document, bundle, at, agency=agency, desks=desks, what=WHAT
        )
        return VerifiedCaseRequest(
            verified.request.case,
            verified.digest,
            verified.expires_at,
            desk=verified.speaker.desk,
            subjects=verified.subjects,
        )
    asked = read_payload(CaseWantedByAgency, signed.payload, WHAT)
    if verify_agency(signed, bundle, at, WHAT) != asked.by:
        raise refuse(Reason.BAD_SIGNATURE, "its signer is not the agency that it names", where=WHAT)
    check_addressed(asked, at, agency=agency, what=WHAT)
    return VerifiedCaseRequest(
        asked.case,
        sha256(signed.payload).digest(),
        read_instant(asked.expires_at),
        agency=asked.by,
    )


def _is_of_agency(signed: SignedByOne) -> bool:
    return f"/{KeyUse.MEMORANDUM}/" in signed.key_id
