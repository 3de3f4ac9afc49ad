"""What a party has once taken notice of and does not forget, whatever becomes of files and keys.

- A revocation of a consent: else a file that is removed would bring the consent back.
- A notice that suspends or terminates: else a key that is tainted would lift it.
- A correction notice and its acknowledgement: else an answer would be good again.
- That a memorandum was agreed which amends another: it grants nothing once its signatures no
  longer count, and what it amends has ended all the same. Else one party could bring a wider text
  back by having its key tainted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from landbridge.consent.revocation import read_noticed
from landbridge.library.changes import Logged
from landbridge.library.history import History
from landbridge.library.kinds import Kind, digest_of
from landbridge.library.opened import Opened, opened_acknowledgement, opened_correction
from landbridge.library.shelf import Found
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import NoticeKind
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signature import SignedForm
from landbridge.memorandum.signed_form import payload_of
from landbridge.rights.acknowledgement import read_acknowledgement
from landbridge.rights.correction import read_correction


@dataclass(frozen=True, slots=True)
class Remembered:
    """Documents that counted once; their signatures were verified then."""

    standing: tuple[Found, ...]
    """All but memoranda, and notices that resume: they go on to hold."""
    successors: tuple[Found, ...]
    """Memoranda that amend others."""


class Remembrance:
    """Reads a history's documents, each once."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._read: dict[str, Found | None] = {}

    def recall(self) -> Remembered:
        """Return what is not forgotten.

        Raises:
            LandbridgeError: LB-1101 when a document that stops something is not kept; LB-5002 when
                one is not what was logged.
        """
        found = [self._recall(kind, digest) for kind, digest in self._history.ever()]
        kept = [each for each in found if each is not None]
        successors = tuple(each for each in kept if each.opened.memorandum is not None)
        standing = tuple(each for each in kept if each.opened.memorandum is None)
        return Remembered(standing, successors)

    def _recall(self, kind: Kind, digest: str) -> Found | None:
        if digest not in self._read:
            self._read[digest] = self._find(kind, digest)
        return self._read[digest]

    def _find(self, kind: Kind, digest: str) -> Found | None:
        path = self._history.path(digest)
        if kind is Kind.MEMORANDUM and not path.exists():
            return None
        opened = recall_document(kind, self._history.document(digest))
        notice, memorandum = opened.notice, opened.memorandum
        if notice is not None and notice.kind is NoticeKind.RESUME:
            return None
        if memorandum is not None and memorandum.amends is None:
            return None
        return Found(path, opened)


def recall_document(kind: Kind, document: bytes) -> Opened:
    """Open a document that was verified when it was noticed.

    Raises:
        LandbridgeError: LB-4101, LB-4104, LB-4105 or LB-4107 when it is none.
    """
    signed = digest_of(payload_of(document))
    if kind is Kind.MEMORANDUM:
        form = SignedForm.parse(document)
        memorandum = Memorandum.from_json(form.payload)
        return Opened(
            kind, memorandum.id, signed, document, form, memorandum.parties, memorandum=memorandum
        )
    if kind is Kind.NOTICE:
        notice = WrittenNotice.from_json(SignedNotice.parse(document).payload).taken()
        signers = tuple(sorted(notice.signers))
        return Opened(kind, notice.memorandum, signed, document, None, signers, notice=notice)
    if kind is Kind.CORRECTION:
        return opened_correction(document, read_correction(document))
    if kind is Kind.ACKNOWLEDGEMENT:
        return opened_acknowledgement(document, read_acknowledgement(document))
    revocation = read_noticed(document)
    return Opened(
        kind,
        revocation.record_id,
        signed,
        document,
        None,
        (revocation.desk,),
        revocation=revocation,
    )


def beside(found: Sequence[Found], remembered: Remembered, at: int) -> list[Found]:
    """Put what goes on to hold beside what was found; what is of no use any more is left out."""
    here = {each.opened.signed for each in found}
    kept = [each for each in remembered.standing if each.opened.signed not in here]
    return [each for each in (*found, *kept) if not each.opened.has_ended(at)]


def standing_of(history: History) -> Iterator[tuple[tuple[Kind, str], Logged]]:
    """Give what counts by a party's history, by the SHA-256 of what was signed, in order."""
    for (kind, digest), logged in history.counting().items():
        # What is no longer kept can only cease to count.
        kept = history.path(digest).exists()
        signed = digest_of(payload_of(history.document(digest))) if kept else f"lost {digest}"
        yield (kind, signed), logged
