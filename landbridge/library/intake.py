"""What comes over the wire: verified, held against what is here, and only then put into a folder.

Whoever brings a document is not trusted: only its signatures are. Bounds keep a member from filling
up the folder of others.
"""

from collections.abc import Collection
from dataclasses import dataclass

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import write_whole
from landbridge.library.kinds import Kind, file_name
from landbridge.library.opened import Opened, open_document
from landbridge.library.shelf import Found
from landbridge.library.store import Library
from landbridge.memorandum.notice import check_fits


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one folder takes over the wire; what people put there is not counted out."""

    documents: int = 1000
    """Memoranda and notices."""
    revocations: int = 100_000
    """Those of consents that would still hold."""
    offers_of_an_agency: int = 50
    notices_of_an_agency: int = 200


class Intake:
    """Takes documents into a library. Thread-safe as the library is."""

    def __init__(
        self,
        library: Library,
        *,
        bounds: Bounds = Bounds(),
        clock: Clock = system_clock,
    ) -> None:
        self._library = library
        self._bounds = bounds
        self._clock = clock

    def take(self, document: bytes) -> bool:
        """Take a document; return whether it, or a signature in it, is new here.

        Raises:
            LandbridgeError: why it was not taken: LB-4101 to LB-4105, LB-4001 and LB-4002; LB-2003
                when there are too many; LB-5001 when the disk refuses. LB-4103 or another when it
                was taken and grants nothing all the same.
        """
        at = self._clock()
        opened = open_document(document, self._library.bundle, at)
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

    def _merge(self, opened: Opened, held: Found) -> Opened | None:
        """Add the signatures that are missing here; None where there is none."""
        if opened.form is None or held.opened.form is None:
            return None
        there = {signature.agency for signature in held.opened.form.signatures}
        added = [one for one in opened.form.signatures if one.agency not in there]
        return opened.signed_by((*held.opened.form.signatures, *added)) if added else None

    def _admit(self, opened: Opened) -> Opened:
        """Check that a document that is not here yet may come in."""
        shelf = self._library.shelf
        if opened.memorandum is not None:
            self._check_concerned(opened, opened.memorandum.parties)
            if any(one.id == opened.subject for one in shelf.memoranda):
                raise refuse(
                    Reason.MALFORMED_MEMORANDUM,
                    f"another text is the memorandum {opened.subject} already",
                    where=f"memorandum {opened.subject}",
                    next_step="give a successor an id of its own, and say what it amends",
                )
        if opened.notice is not None:
            on = shelf.agreed.get(opened.notice.digest)
            if on is None or on.opened.memorandum is None:
                raise refuse(
                    Reason.MALFORMED_NOTICE,
                    f"the text of {opened.subject} that it is on is not here, signed by all",
                    where=f"notice on {opened.subject}",
                    next_step="send the memorandum first",
                )
            check_fits(opened.notice, on.opened.memorandum)
        if opened.revocation is not None:
            self._check_concerned(opened, opened.revocation.agencies)
        self._check_room(opened)
        return opened

    def _check_concerned(self, opened: Opened, agencies: Collection[str]) -> None:
        agency = self._library.agency
        if agency and agency not in agencies:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"{agency} is no party of the {opened.kind.value.replace('_', ' ')}",
                where=f"{opened.kind.value.replace('_', ' ')} {opened.subject}",
                next_step="send it to those whom it concerns",
            )

    def _check_room(self, opened: Opened) -> None:
        shelf, bounds = self._library.shelf, self._bounds
        if opened.kind is Kind.REVOCATION:
            if len(shelf.revoked) >= bounds.revocations:
                raise _full(f"{bounds.revocations} revocations are here already")
            return
        if len(shelf.agreed) + len(shelf.offered) + len(shelf.noticed) >= bounds.documents:
            raise _full(f"{bounds.documents} memoranda and notices are here already")
        if opened.notice is not None:
            what, most, among = "notices", bounds.notices_of_an_agency, shelf.noticed
        elif opened.missing:
            what, most, among = "offers", bounds.offers_of_an_agency, shelf.offered
        else:
            return
        for agency in opened.signers:
            if sum(agency in found.opened.signers for found in among.values()) >= most:
                raise _full(f"{most} {what} of {agency} are here already")

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
        error = next(
            (each.error for each in shelf.refused if found and each.path == found.path), None
        )
        if error is not None:
            raise error


def _full(message: str) -> LandbridgeError:
    return refuse(
        Reason.BUSY, message, next_step="have what is not needed any more taken out of the folder"
    )
