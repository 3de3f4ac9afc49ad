"""The steps that agencies take in a case: each is signed, and names the step before by digest."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

from pydantic import Field

from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey
from landbridge.memorandum.words import AgencyId, Distinct, Instant
from landbridge.rights.agency_signature import sign_as_agency, verify_agency
from landbridge.rights.kind import rights_document
from landbridge.rights.opening import CaseId
from landbridge.rights.request import write_instant
from landbridge.rights.statement_text import check_text
from landbridge.rights.steps import Step
from landbridge.statement.form import Part, make_payload, malformed, read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle

WHAT: Final = rights_document("step of a case")

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""SHA-256 in hexadecimal."""


class StepDocument(Part):
    """A step of a case."""

    case: CaseId
    """The case."""
    step: str = Field(pattern=r"^[a-z-]{1,20}$")
    """Which step."""
    previous: Digest
    """SHA-256 of the signed document of the step before, as it was received."""
    agency: AgencyId
    """The agency that holds the record."""
    by: AgencyId
    """The agency that takes the step, and signs."""
    taken_at: Instant
    """When it signed."""
    reason: str = ""
    """Why: it is told to the subject, and travels with the record."""
    notices: Distinct[CaseId] = ()
    """For `issued`: the ids of the correction notices; there may be none."""


@dataclass(frozen=True, slots=True)
class VerifiedStep:
    """A step that the agency signed that it names."""

    step: Step
    document: StepDocument
    digest: bytes
    """SHA-256 of the document as it was received."""


def write_step(  # noqa: PLR0913  what a step holds
    case_id: str,
    step: Step,
    *,
    previous: bytes,
    agency: str,
    key: SigningKey,
    at: int,
    reason: str = "",
    notices: tuple[str, ...] = (),
) -> SignedByOne:
    """Write and sign a step as an agency, with its key for memoranda; `at` is Unix milliseconds.

    Raises:
        LandbridgeError: LB-4107 with what is wrong, LB-4112 for the reason; LB-4002 for a key of
            another use.
    """
    fields = {
        "case": case_id,
        "step": step.value,
        "previous": previous.hex(),
        "agency": agency,
        "by": key.agency,
        "taken_at": write_instant(at),
        "reason": reason,
        "notices": list(notices),
    }
    payload = make_payload(StepDocument, fields, WHAT)
    _check(read_payload(StepDocument, payload, WHAT))
    return sign_as_agency(payload, key)


def read_step(document: bytes) -> VerifiedStep:
    """Read a step that was verified when it was taken: it stays, whatever becomes of keys.

    Raises:
        LandbridgeError: LB-4107 when it is none, LB-4112 for its reason.
    """
    return _parse(document)[1]


def verify_step(document: bytes, bundle: TrustBundle, at: int) -> VerifiedStep:
    """Return the step if the agency that it names signed it; `at` is in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4107, LB-4112 malformed; LB-4001 altered, or signed by another agency;
            LB-4002 not signed with an agency's key for memoranda.
    """
    signed, found = _parse(document)
    signer = verify_agency(signed, bundle, at, WHAT)
    if signer != found.document.by:
        raise refuse(
            Reason.BAD_SIGNATURE,
            f"the step of {found.document.by} is signed by {signer}",
            where=WHAT,
        )
    return found


def _parse(document: bytes) -> tuple[SignedByOne, VerifiedStep]:
    signed = SignedByOne.parse(document, WHAT)
    found = read_payload(StepDocument, signed.payload, WHAT)
    return signed, VerifiedStep(_check(found), found, sha256(document).digest())


def _check(found: StepDocument) -> Step:
    step = next((one for one in Step if one.value == found.step), None)
    if step is None or step in (Step.OPENED, Step.REQUESTED):
        raise malformed(WHAT, f"step: {found.step!r} is no step that an agency takes")
    if step.needs_reason or found.reason:
        check_text(found.reason, where=f"{WHAT}: reason")
    if found.notices and step is not Step.ISSUED:
        raise malformed(WHAT, "notices: only the step `issued` names notices")
    return step
