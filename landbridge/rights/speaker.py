"""Who speaks for a subject: a desk that has identified the subject, or the subject's own key.

The own key comes with a binding, in which a desk has said whose it is. A binding opens exactly one
identifier: whoever brings an own key speaks for that one alone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field

from landbridge.consent.binding import Introduced, verify_binding
from landbridge.consent.desk import sign_as_desk, verify_desk
from landbridge.consent.person_key import PersonKey
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey
from landbridge.memorandum.words import Distinct
from landbridge.statement.form import Part, What
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle

MOST_IDENTIFIERS: Final = 8


class Principal(Part):
    """An identifier of the subject."""

    scheme: str = Field(min_length=1, max_length=200)
    """The federation's identifier scheme."""
    value: str = Field(min_length=1, max_length=256)
    """The identifier in its normal form."""

    def __str__(self) -> str:
        """Write it as `scheme:value`."""
        return f"{self.scheme}:{self.value}"

    @property
    def subject(self) -> SubjectId:
        """The identifier."""
        return SubjectId(self.scheme, self.value)


Principals = Annotated[Distinct[Principal], Field(min_length=1, max_length=MOST_IDENTIFIERS)]
"""Identifiers of one subject, the first the one that is asked for."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks for a subject."""

    desk: str
    """The agency that vouches."""
    signer: str
    """The desk, or the thumbprint of the subject's own key."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A subject's own key, and the binding that introduces it."""

    key: PersonKey
    introduced: Introduced


Voice = SigningKey | OwnKey
"""What signs for a subject: a desk's key for consent, or the subject's own."""


def introduction_of(voice: Voice) -> Introduced | None:
    """Return what a statement has to carry so that this voice is believed."""
    return voice.introduced if isinstance(voice, OwnKey) else None


def sign_as_speaker(payload: bytes, voice: Voice) -> SignedByOne:
    """Sign a payload for a subject.

    Raises:
        LandbridgeError: LB-4002 when a desk's key is for another use.
    """
    return voice.key.sign(payload) if isinstance(voice, OwnKey) else sign_as_desk(payload, voice)


def verify_speaker(  # noqa: PLR0913  what a voice is held against
    signed: SignedByOne,
    subjects: Sequence[SubjectId],
    introduction: Introduced | None,
    bundle: TrustBundle,
    at: int,
    *,
    desks: Collection[str] | None,
    what: What,
) -> Speaker:
    """Return who speaks for the subject; `at` is in Unix milliseconds.

    `desks` are the agencies whose word counts here; None: every agency with a key for consent.

    Raises:
        LandbridgeError: LB-4001 altered; LB-4002 not signed by a desk of the federation, or its
            binding is not; LB-4107 for a malformed binding; LB-4108 when that desk's word does not
            count here, or when the key is bound to somebody else or at another time.
    """
    if introduction is None:
        desk = signer = verify_desk(signed, bundle, at, what)
    else:
        desk, signer = _verify_own_key(signed, subjects, introduction, bundle, at, what)
    if desks is not None and desk not in desks:
        raise refuse(
            Reason.NOT_THE_SUBJECT,
            f"the word of {desk} for who is who does not count here",
            where=what,
            next_step=f"go to one of these desks: {', '.join(sorted(desks)) or 'there is none'}",
        )
    return Speaker(desk, signer)


def _verify_own_key(  # noqa: PLR0913, PLR0917
    signed: SignedByOne,
    subjects: Sequence[SubjectId],
    introduction: Introduced,
    bundle: TrustBundle,
    at: int,
    what: What,
) -> tuple[str, str]:
    try:
        binding = verify_binding(introduction.binding, bundle, at)
        binding.key.verify(signed, what)
        for subject in subjects:
            binding.check(subject, introduction.salt, at)
    except LandbridgeError as error:
        known = {
            Reason.MALFORMED_CONSENT: Reason.MALFORMED_CASE,
            Reason.CONSENT_REFUSED: Reason.NOT_THE_SUBJECT,
        }
        if error.reason not in known:
            raise
        raise refuse(known[error.reason], error.message, where=what) from None
    return binding.desk, signed.key_id
