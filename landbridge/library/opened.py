"""One signed document, opened: its signatures verified by a trust bundle, its content read."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property

from landbridge.consent.revocation import Revocation, verify_revocation
from landbridge.library.kinds import Kind, digest_of, kind_of
from landbridge.library.trusted_keys import memorandum_keys
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice
from landbridge.memorandum.notice import verify_notice
from landbridge.memorandum.signature import SignedForm, verify_offer
from landbridge.memorandum.signed_form import Signature, payload_of
from landbridge.rights.acknowledgement import Acknowledgement, verify_acknowledgement
from landbridge.rights.correction import Correction, verify_correction
from landbridge.trust.bundle import TrustBundle

Read = Callable[[bytes], Memorandum]
"""Reads a memorandum from its signed writing."""


@dataclass(frozen=True)
class Opened:
    """A document that verifies; exactly one of the contents is there."""

    kind: Kind
    subject: str
    """The id of the memorandum, of the consent record, or of the correction notice."""
    signed: str
    """SHA-256 of what was signed, in hex: which document this is, whoever has signed it so far."""
    document: bytes = field(repr=False)
    form: SignedForm | None = field(repr=False)
    """The signed form of a memorandum, to which signatures may be added."""
    signers: tuple[str, ...]
    memorandum: Memorandum | None = field(default=None, repr=False)
    notice: Notice | None = field(default=None, repr=False)
    revocation: Revocation | None = field(default=None, repr=False)
    correction: Correction | None = field(default=None, repr=False)
    acknowledgement: Acknowledgement | None = field(default=None, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the document's bytes, in hex."""
        return digest_of(self.document)

    @property
    def missing(self) -> tuple[str, ...]:
        """The parties that have yet to sign a memorandum, in the order of its text."""
        parties = self.memorandum.parties if self.memorandum else ()
        return tuple(party for party in parties if party not in self.signers)

    def has_ended(self, at: int) -> bool:
        """Whether it revokes a consent that would have ended by then all the same."""
        return self.revocation is not None and self.revocation.until <= at

    def signed_by(self, signatures: Iterable[Signature]) -> "Opened":
        """Return the memorandum with other signatures, which are verified already."""
        payload = self.form.payload if self.form else b""
        form = SignedForm(payload, tuple(signatures)).canonical()
        signers = tuple(signature.agency for signature in form.signatures)
        return replace(self, document=form.to_bytes(), form=form, signers=signers)


def open_document(
    document: bytes, bundle: TrustBundle, at: int, *, read: Read = Memorandum.from_json
) -> Opened:
    """Verify a document by the keys of a bundle, as of a time in Unix milliseconds, and read it.

    `read` reads the text of a memorandum, once its signatures are verified.

    Raises:
        LandbridgeError: LB-4101, LB-4104, LB-4105 or LB-4107 when it is malformed; LB-4001 and
            LB-4002 for its signatures; LB-4102 when others have signed than may.
    """
    kind = kind_of(document)
    if kind is Kind.MEMORANDUM:
        return _open_memorandum(document, bundle, at, read)
    if kind is Kind.NOTICE:
        return _open_notice(document, bundle, at)
    if kind is Kind.CORRECTION:
        return opened_correction(document, verify_correction(document, bundle, at))
    if kind is Kind.ACKNOWLEDGEMENT:
        return opened_acknowledgement(document, verify_acknowledgement(document, bundle, at))
    return _open_revocation(document, bundle, at)


def opened_correction(document: bytes, correction: Correction) -> Opened:
    """Open a correction notice that was verified."""
    return Opened(
        Kind.CORRECTION,
        correction.id,
        correction.digest,
        document,
        None,
        (correction.provider,),
        correction=correction,
    )


def opened_acknowledgement(document: bytes, acknowledgement: Acknowledgement) -> Opened:
    """Open an acknowledgement that was verified."""
    return Opened(
        Kind.ACKNOWLEDGEMENT,
        acknowledgement.correction,
        digest_of(payload_of(document)),
        document,
        None,
        (acknowledgement.recipient,),
        acknowledgement=acknowledgement,
    )


def _open_memorandum(document: bytes, bundle: TrustBundle, at: int, read: Read) -> Opened:
    form = SignedForm.parse(document)
    verified = verify_offer(form, memorandum_keys(bundle, at), read=read)
    return Opened(
        Kind.MEMORANDUM,
        verified.memorandum.id,
        digest_of(form.payload),
        document,
        form,
        verified.signers,
        memorandum=verified.memorandum,
    )


def _open_notice(document: bytes, bundle: TrustBundle, at: int) -> Opened:
    notice = verify_notice(document, memorandum_keys(bundle, at))
    return Opened(
        Kind.NOTICE,
        notice.memorandum,
        notice.id,
        document,
        None,
        tuple(sorted(notice.signers)),
        notice=notice,
    )


def _open_revocation(document: bytes, bundle: TrustBundle, at: int) -> Opened:
    revocation = verify_revocation(document, bundle, at)
    return Opened(
        Kind.REVOCATION,
        revocation.record_id,
        digest_of(payload_of(document)),
        document,
        None,
        (revocation.desk,),
        revocation=revocation,
    )
