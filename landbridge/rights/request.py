"""Signed requests of subjects to one agency: who looked, give me my case.

Each holds a random number, the agency and an end at most ten minutes away: nobody can bring it to
another agency, or a second time.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import Field

from landbridge.clock import to_datetime, to_iso
from landbridge.consent.binding import Introduced
from landbridge.errors import Reason, refuse
from landbridge.memorandum.words import AgencyId, Instant, read_instant
from landbridge.rights.speaker import (
    Principals,
    Speaker,
    Voice,
    introduction_of,
    sign_as_speaker,
    verify_speaker,
)
from landbridge.statement.form import Part, What, make_payload, malformed, read_payload
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle

LONGEST_MS: Final = 10 * 60 * 1000
"""How long a request is good at most."""
SKEW_MS: Final = 30_000
"""By how much the clocks of signer and node may differ."""
_DEFAULT_MS: Final = 5 * 60 * 1000
_NONCE_BYTES: Final = 16


class Request(Part):
    """What every request holds; a kind of request adds a `request: Literal[...]` and its own."""

    request: str
    """What is asked for, in one word."""
    nonce: str = Field(pattern=r"^[0-9a-f]{32}$")
    """128 random bits."""
    agency: AgencyId
    """The one agency that is asked."""
    issued_at: Instant
    """When it was signed."""
    expires_at: Instant
    """Until when it is good: at most ten minutes."""
    subjects: Principals
    """Identifiers of the one subject."""
    introduction: Introduced | None = None
    """Where the subject's own key signs: its binding."""


Kind = TypeVar("Kind", bound=Request)


class Addressed(Protocol):
    """What is meant for one agency, for a time."""

    @property
    def agency(self) -> str:
        """The one agency that is asked."""

    @property
    def issued_at(self) -> str:
        """When it was signed."""

    @property
    def expires_at(self) -> str:
        """Until when it is good."""


@dataclass(frozen=True, slots=True)
class VerifiedRequest(Generic[Kind]):
    """A request whose signer speaks for the subject; times are Unix milliseconds."""

    request: Kind
    speaker: Speaker
    subjects: tuple[SubjectId, ...]
    digest: bytes
    """SHA-256 of what was signed: it is answered once."""
    expires_at: int


def write_request(  # noqa: PLR0913  what a request holds
    kind: type[Kind],
    name: str,
    own: dict[str, Any],
    *,
    agency: str,
    subjects: Sequence[SubjectId],
    voice: Voice,
    at: int,
    what: What,
) -> SignedByOne:
    """Write and sign a request that is good for five minutes from `at`, Unix milliseconds.

    `name` is what is asked for, `own` holds the keys that this kind adds.

    Raises:
        LandbridgeError: LB-4107 for what has no place in a request; LB-4002 for a desk's key of
            another use.
    """
    introduced = introduction_of(voice)
    fields = {
        "request": name,
        "nonce": secrets.token_hex(_NONCE_BYTES),
        "agency": agency,
        "issued_at": write_instant(at),
        "expires_at": write_instant(at + _DEFAULT_MS),
        "subjects": [{"scheme": one.scheme, "value": one.value} for one in subjects],
        **own,
    }
    if introduced is not None:
        fields["introduction"] = introduced.model_dump()
    return sign_as_speaker(make_payload(kind, fields, what), voice)


def verify_request(  # noqa: PLR0913  what a request is held against
    kind: type[Kind],
    document: bytes,
    bundle: TrustBundle,
    at: int,
    *,
    agency: str,
    desks: Collection[str] | None,
    what: What,
) -> VerifiedRequest[Kind]:
    """Return the request if its signer speaks for the subject, now and to this agency.

    Raises:
        LandbridgeError: LB-4107 malformed; LB-4001, LB-4002, LB-4108 as for `verify_speaker`;
            LB-4003 expired, or issued in the future; LB-1001 meant for another agency.
    """
    signed = SignedByOne.parse(document, what)
    request = read_payload(kind, signed.payload, what)
    subjects = tuple(one.subject for one in request.subjects)
    speaker = verify_speaker(
        signed, subjects, request.introduction, bundle, at, desks=desks, what=what
    )
    check_addressed(request, at, agency=agency, what=what)
    expires = read_instant(request.expires_at)
    return VerifiedRequest(request, speaker, subjects, sha256(signed.payload).digest(), expires)


def check_addressed(request: Addressed, at: int, *, agency: str, what: What) -> None:
    """Check that a request is meant for this agency, and good at a time in Unix milliseconds.

    Raises:
        LandbridgeError: LB-1001 meant for another agency; LB-4107 good for longer than may be;
            LB-4003 expired, or issued in the future.
    """
    if request.agency != agency:
        raise refuse(
            Reason.MALFORMED_REQUEST, f"it is meant for {request.agency}", where=f"{what}: agency"
        )
    issued, expires = read_instant(request.issued_at), read_instant(request.expires_at)
    if not 0 < expires - issued <= LONGEST_MS:
        raise malformed(what, "expires_at: must be at most ten minutes after `issued_at`")
    if not issued - SKEW_MS <= at < expires:
        raise refuse(
            Reason.STALE_QUERY,
            f"it is good from {to_iso(issued)} until {to_iso(expires)}",
            where=what,
            next_step="sign a new one, and see that the clocks are right",
        )


def write_instant(at: int) -> str:
    """Write Unix milliseconds to the second, as statements do."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")
