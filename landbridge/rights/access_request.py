"""Requests of subjects to one agency: tell me who looked.

    signed = write_access_request(agency, [subject], voice, at=now)

An organisation may name several of its identifiers. A request on a person is about one person: it
names at most one identifier of a scheme.
"""

from collections.abc import Collection, Sequence
from typing import Final, Literal

from pydantic import Field

from landbridge.errors import Reason, refuse
from landbridge.rights.kind import rights_document
from landbridge.rights.request import Request, VerifiedRequest, verify_request, write_request
from landbridge.rights.speaker import Voice
from landbridge.statement.form import What, malformed
from landbridge.statement.signed import SignedByOne
from landbridge.subject import Schemes, SubjectId, SubjectKind
from landbridge.trust.bundle import TrustBundle

WHAT: Final = rights_document("request to know who looked")
PAGE: Final = 200
"""Entries that are told at once, at most."""
_LAST_ENTRY: Final = 2**53 - 1
"""Whole numbers above this are not written the same by all readers of JSON (RFC 8785)."""


class WhoLooked(Request):
    """What a request to know who looked holds beside what every request does."""

    request: Literal["accesses"]
    before: int | None = Field(default=None, ge=0, le=_LAST_ENTRY)
    """Only entries of the agency's log before this one."""
    limit: int = Field(default=PAGE, ge=1, le=PAGE)
    """How many entries to tell at most."""


def write_access_request(  # noqa: PLR0913  what a request holds
    agency: str,
    subjects: Sequence[SubjectId],
    voice: Voice,
    *,
    at: int,
    before: int | None = None,
    limit: int = PAGE,
) -> SignedByOne:
    """Write and sign a request to an agency; `at` is now, in Unix milliseconds.

    Raises:
        LandbridgeError: LB-4107 for what has no place in a request; LB-4002 for a desk's key of
            another use.
    """
    own = {"limit": limit} if before is None else {"limit": limit, "before": before}
    return write_request(
        WhoLooked, "accesses", own, agency=agency, subjects=subjects, voice=voice, at=at, what=WHAT
    )


def verify_access_request(
    document: bytes,
    bundle: TrustBundle,
    at: int,
    *,
    agency: str,
    desks: Collection[str] | None,
) -> VerifiedRequest[WhoLooked]:
    """Return the request if its signer speaks for the subject, now and to this agency.

    Raises:
        LandbridgeError: as for `verify_request`.
    """
    return verify_request(WhoLooked, document, bundle, at, agency=agency, desks=desks, what=WHAT)


def check_one_subject(
    subjects: Sequence[SubjectId], schemes: Schemes, what: What = WHAT
) -> SubjectKind:
    """Return what kind of subject it is, if the identifiers in a request can be those of one.

    Raises:
        LandbridgeError: LB-1002 to LB-1004 for one that is not in normal form; LB-4107 where
            persons and organisations are mixed; LB-3014 for several persons.
    """
    for number, subject in enumerate(subjects):
        if schemes.identify(subject.scheme, subject.value) != subject:
            raise malformed(what, f"subjects[{number}]: is not in the normal form of its scheme")
    kinds = {schemes[subject.scheme].subject_kind for subject in subjects}
    if len(kinds) > 1:
        raise malformed(what, "subjects: a person and an organisation are not one subject")
    (kind,) = kinds
    named = {subject.scheme for subject in subjects}
    if kind is SubjectKind.NATURAL_PERSON and len(named) < len(subjects):
        raise refuse(
            Reason.BULK_REFUSED, "two identifiers of one scheme are two persons", where=what
        )
    return kind
