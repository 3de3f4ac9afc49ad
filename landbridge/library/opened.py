"""One signed document, opened: its signatures verified by a trust bundle, its content read."""

from dataclasses import dataclass, field
from typing import Protocol

from landbridge.library.kinds import Kind, digest_of, kind_of_payload
from landbridge.library.trusted_keys import memorandum_keys
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice
from landbridge.memorandum.notice import SignedNotice, verify_notice
from landbridge.memorandum.signature import SignedForm, verify_offer
from landbridge.memorandum.signed_form import SignedDocument
from landbridge.trust.bundle import TrustBundle


class Revocation(Protocol):
    """The end of a consent, as `landbridge.consent` reads it."""

    @property
    def record_id(self) -> str:
        """The consent record that ends."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document that verifies; exactly one of the three contents is there."""

    kind: Kind
    subject: str
    """The memorandum's id, or the id of the consent record."""
    signed: str
    """SHA-256 of what was signed, in hex: which document this is, whoever has signed it so far."""
    document: bytes = field(repr=False)
    form: SignedDocument = field(repr=False)
    signers: tuple[str, ...]
    memorandum: Memorandum | None = field(default=None, repr=False)
    notice: Notice | None = field(default=None, repr=False)
    revocation: Revocation | None = field(default=None, repr=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the document's bytes, in hex."""
        return digest_of(self.document)


def open_document(document: bytes, bundle: TrustBundle, at: int) -> Opened:
    """Verify a document by the keys of a bundle, as of a time in Unix milliseconds, and read it.

    Raises:
        LandbridgeError: LB-4101, LB-4104 or LB-4105 when it is malformed; LB-4001 and LB-4002 for
            its signatures; LB-4102 when others have signed than may.
    """
    form = SignedForm.parse(document)
    kind = kind_of_payload(form.payload)
    if kind is Kind.MEMORANDUM:
        return _open_memorandum(form, document, bundle, at)
    if kind is Kind.NOTICE:
        return _open_notice(document, bundle, at)
    return _open_revocation(form, document, bundle, at)


def _open_memorandum(form: SignedForm, document: bytes, bundle: TrustBundle, at: int) -> Opened:
    verified = verify_offer(form, memorandum_keys(bundle, at))
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
        SignedNotice.parse(document),
        tuple(sorted(notice.signers)),
        notice=notice,
    )


def _open_revocation(form: SignedDocument, document: bytes, bundle: TrustBundle, at: int) -> Opened:
    from landbridge.consent.revocation import verify_revocation  # noqa: PLC0415

    revocation: Revocation = verify_revocation(document, bundle, at)
    return Opened(
        Kind.REVOCATION,
        revocation.record_id,
        digest_of(form.payload),
        document,
        form,
        (),
        revocation=revocation,
    )
