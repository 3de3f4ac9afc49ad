"""What comes over the wire: verified, held against what is here, and only then put into a folder.

Whoever brings a document is not trusted: only its signatures are. Bounds keep a member from filling
up the folder of others; each bound is a signer's own, so that nobody uses up what others need.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import write_whole
from landbridge.library.kinds import Kind, digest_of, file_name, kind_of
from landbridge.library.opened import Opened
from landbridge.library.shelf import Found
from landbridge.library.store import Library
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.notice import check_fits
from landbridge.memorandum.signature import SignedForm
from landbridge.rights.acknowledgement import Acknowledgement


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one folder takes over the wire; what people put there themselves is not bounded."""

    agreements_of_an_agency: int = 1000
    offers_of_an_agency: int = 20
    offer_bytes: int = 200_000
    """Largest memorandum that is taken before all its parties have signed."""
    rights: int = 20_000
    """Clauses, times their requesters, times their purposes, of one memorandum."""
    notices_of_an_agency: int = 100
    """On one memorandum."""
    revocations_of_a_desk: int = 20_000
    """By a consent desk, or by keys that it has bound; of consents that would still hold."""
    revocations_of_a_person: int = 200
    """By one person's own key."""
    corrections_of_an_agency: int = 50_000
    """Notices by one provider."""
    acknowledgements_of_a_notice: int = 3
    """By its recipient: a second one says nothing new."""


class Intake:
    """Takes documents into a library. Thread-safe as the library is."""

    def __init__(
        self, library: Library, *, bounds: Bounds | None = None, clock: Clock = system_clock
    ) -> None:
        self._library = library
        self._bounds = bounds or Bounds()
        self._clock = clock

    def take(self, document: bytes) -> bool:
        """Take a document; return whether it, or a signature in it, is new here.

        Raises:
            LandbridgeError: why it was not taken: LB-4101 to LB-4105, LB-4107, LB-4001 and LB-4002;
                LB-2003 when there are too many; LB-5001 when the disk refuses. LB-4103 or another
                when it was taken and grants nothing all the same.
        """
        self._check_offer(document)
        at = self._clock()
        opened = self._library.open(document, at)
        if opened.has_ended(at):
            return False
        with self._library.lock:
            held = self._library.shelf.shown.get(opened.signed)
            new = self._merge(opened, held) if held else self._admit(opened)
            if new is None:
                return False
            self._write(new, held)
            self._library.follow_files()
            self._check_counts(new)
        return True

    def _check_offer(self, document: bytes) -> None:
        """Refuse an offer that is too large, or one too many, before its text is read.

        To read a text takes long; by the ids of the keys alone it is known who would have signed.
        """
        if kind_of(document) is not Kind.MEMORANDUM:
            return
        form = SignedForm.parse(document)
        try:
            parties = json.loads(form.payload)["parties"]
            is_whole = len(form.signatures) >= len(parties)
        except (ValueError, TypeError, KeyError, RecursionError):
            is_whole = False
        if is_whole or digest_of(form.payload) in self._library.shelf.shown:
            return
        if len(document) > self._bounds.offer_bytes:
            raise refuse(
                Reason.MALFORMED_MEMORANDUM,
                f"an offer of more than {self._bounds.offer_bytes} bytes is not taken",
                next_step="have all parties sign it first, and send it then",
            )
        self._count_offers({signature.agency for signature in form.signatures})

    def _check_rights(self, memorandum: Memorandum) -> None:
        rights = sum(
            len(grant.requesters) * len(grant.purposes) * len(grant.subject_kinds)
            for grant in memorandum.grants
        )
        if rights > self._bounds.rights:
            raise refuse(
                Reason.MALFORMED_MEMORANDUM,
                f"its clauses, times requesters and purposes, are more than {self._bounds.rights}",
                where=f"memorandum {memorandum.id}",
                next_step="make several memoranda of it",
            )

    def _merge(self, opened: Opened, held: Found) -> Opened | None:
        """Add the signatures that are missing here; None where there is none."""
        if opened.form is None or held.opened.form is None:
            return None
        there = {signature.agency for signature in held.opened.form.signatures}
        added = [one for one in opened.form.signatures if one.agency not in there]
        return opened.signed_by((*held.opened.form.signatures, *added)) if added else None

    def _admit(self, opened: Opened) -> Opened:
        """Check that a document that is not here yet may come in."""
        if opened.memorandum is not None:
            self._check_concerned(opened, opened.memorandum.parties)
            self._check_rights(opened.memorandum)
            self._check_id(opened)
        if opened.notice is not None:
            on = self._library.shelf.agreed.get(opened.notice.digest)
            if on is None or on.opened.memorandum is None:
                raise refuse(
                    Reason.MALFORMED_NOTICE,
                    f"the text of {opened.subject} that it is on is not here, signed by all",
                    where=f"notice on {opened.subject}",
                    next_step="send the memorandum first",
                )
            check_fits(opened.notice, on.opened.memorandum)
        other = opened.revocation or opened.correction or opened.acknowledgement
        if other is not None:
            self._check_concerned(opened, other.agencies)
        if opened.acknowledgement is not None:
            self._check_acknowledges(opened.acknowledgement)
        self._check_room(opened)
        return opened

    def _check_acknowledges(self, acknowledgement: Acknowledgement) -> None:
        on = self._library.shelf.corrected.get(acknowledgement.digest)
        notice = on.opened.correction if on else None
        if notice is None or not acknowledgement.fits(notice):
            raise refuse(
                Reason.MALFORMED_CASE,
                "the correction notice that it acknowledges is not here",
                where=f"acknowledgement of {acknowledgement.correction}",
                next_step="send the notice first",
            )

    def _check_concerned(self, opened: Opened, agencies: Collection[str]) -> None:
        agency, kind = self._library.agency, opened.kind.value.replace("_", " ")
        if agency and agency not in agencies:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"{agency} is no party of the {kind}",
                where=f"{kind} {opened.subject}",
                next_step="send it to those whom it concerns",
            )

    def _check_id(self, opened: Opened) -> None:
        # Where documents of all agencies come together, nobody keeps an id from others.
        memoranda = self._library.shelf.memoranda if self._library.agency else ()
        if any(one.id == opened.subject for one in memoranda):
            raise refuse(
                Reason.MALFORMED_MEMORANDUM,
                f"another text is the memorandum {opened.subject} already",
                where=f"memorandum {opened.subject}",
                next_step="give a successor an id of its own, and say what it amends",
            )

    def _check_room(self, opened: Opened) -> None:
        """Check that none of its signers has brought too much already."""
        shelf, bounds = self._library.shelf, self._bounds
        if opened.revocation is not None:
            revoked = opened.revocation
            desks = [(each.desk,) for each in shelf.revocations]
            _count((revoked.desk,), desks, bounds.revocations_of_a_desk, "revocations")
            if revoked.signer != revoked.desk:
                signers = [(each.signer,) for each in shelf.revocations]
                most = bounds.revocations_of_a_person
                _count((revoked.signer,), signers, most, "revocations")
        elif opened.notice is not None:
            on = opened.notice.digest
            notices = (each.opened for each in shelf.noticed.values())
            mine = [each.signers for each in notices if each.notice and each.notice.digest == on]
            _count(opened.signers, mine, bounds.notices_of_an_agency, "notices")
        elif opened.correction is not None:
            providers = [(each.provider,) for each in shelf.corrections]
            _count(opened.signers, providers, bounds.corrections_of_an_agency, "corrections")
        elif opened.acknowledgement is not None:
            on = opened.acknowledgement.digest
            held = (each.opened.acknowledgement for each in shelf.acknowledged.values())
            others = [(each.recipient,) for each in held if each and each.digest == on]
            most = bounds.acknowledgements_of_a_notice
            _count(opened.signers, others, most, "acknowledgements of this notice")
        elif opened.missing:
            self._count_offers(opened.signers)
        else:
            agreed = [each.opened.signers for each in shelf.agreed.values()]
            _count(opened.signers, agreed, bounds.agreements_of_an_agency, "memoranda")

    def _count_offers(self, signers: Collection[str]) -> None:
        shelf = self._library.shelf
        offers = [each.opened.signers for each in (*shelf.offered.values(), *shelf.idle)]
        _count(signers, offers, self._bounds.offers_of_an_agency, "offers")

    def _write(self, new: Opened, held: Found | None) -> None:
        folder = self._library.state / new.kind.folder
        path = held.path if held else folder / file_name(new.kind, new.subject, new.signed)
        try:
            write_whole(path, new.document, mode=0o644)
        except OSError as error:
            raise refuse(
                Reason.LOG_UNAVAILABLE,
                f"the document cannot be kept: {error.strerror}",
                where=str(path),
            ) from error

    def _check_counts(self, new: Opened) -> None:
        """Say why a document that is kept grants nothing here.

        Raises:
            LandbridgeError: LB-4103, or what the party cannot do.
        """
        shelf = self._library.shelf
        found = shelf.shown.get(new.signed)
        errors = (each.error for each in shelf.refused if found and each.path == found.path)
        error = next(errors, None)
        if error is not None:
            raise error


def _count(signers: Iterable[str], others: Sequence[Collection[str]], most: int, what: str) -> None:
    for agency in signers:
        if sum(agency in each for each in others) >= most:
            raise _full(f"{most} {what} of {agency} are here already")


def _full(message: str) -> LandbridgeError:
    return refuse(
        Reason.BUSY, message, next_step="have what is not needed any more taken out of the folder"
    )
