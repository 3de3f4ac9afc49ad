"""A party's library: it follows the files of its folder and the trust, and remembers since when.

The files are the truth. Whatever changes is verified, logged, and only then counts; what does not
verify grants nothing and is told. What people put into the folder and what comes over the wire
goes the same way.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from threading import RLock

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.library.arrangement import Accept, arrange
from landbridge.library.changes import Change, Logged, Recorder
from landbridge.library.files import Files, look, read_all
from landbridge.library.history import History
from landbridge.library.kinds import Kind
from landbridge.library.opened import Opened
from landbridge.library.opening import Opening
from landbridge.library.remembered import Remembrance, beside, standing_of
from landbridge.library.shelf import Refused, Shelf
from landbridge.library.trusted_keys import next_change
from landbridge.memorandum.document import Memorandum
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import TrustStore

Told = Callable[[Refused], None]
Subscriber = Callable[[Shelf], None]


def read_shelf(
    state: Path, bundle: TrustBundle, *, at: int, agency: str = "", accept: Accept | None = None
) -> Shelf:
    """Read a party's documents once, as of a time in Unix milliseconds; nothing is written.

    Raises:
        LandbridgeError: LB-1101 or LB-5002 when what the party knew cannot be read.
    """
    history = History(state)
    contents = read_all(look(state), {}, {})
    found, refused = Opening().open_all(contents, bundle, at, same_trust=False)
    remembered = Remembrance(history).recall()
    return arrange(
        beside(found, remembered, at),
        refused,
        agency=agency,
        accept=accept,
        known=tuple(signed for (_, signed), _ in standing_of(history)),
        successors=remembered.successors,
    )


class Library:
    """The documents of one party's folder as they are now; safe to use from several threads.

    With an `agency` it takes only memoranda that the agency is a party of, and `accept` refuses
    what the party cannot do. `refused` is told once of each document that does not count. While
    changes cannot be logged, what counted before goes on to count, except what was taken away. Hold
    `lock` over what must not change between two looks.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        state: Path,
        trust: TrustStore,
        *,
        recorder: Recorder,
        refused: Told,
        agency: str = "",
        accept: Accept | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Read the folder and log what is new.

        Raises:
            LandbridgeError: LB-1101 when what the party knew cannot be read; LB-5001 and LB-5002
                for the log.
        """
        self.state = state
        self.agency = agency
        self._trust = trust
        self._recorder = recorder
        self._refused = refused
        self._accept = _remembering(accept) if accept else None
        self._clock = clock
        self.lock = RLock()
        self._subscribers: list[tuple[bool, Subscriber]] = []
        self._opening = Opening()
        self._told: set[tuple[str, str, str]] = set()
        self._history = History(state)
        with self._history.writing(recorder):
            pass  # what a crash kept out of the index is taken over from the log
        self._files: Files = {}
        self._contents = read_all(look(state), {}, {})
        held = self._contents.values()
        self._history.restore(one for one in held if isinstance(one, bytes))
        self._remembrance = Remembrance(self._history)
        self._standing = dict(standing_of(self._history))
        self._bundle = trust.current.bundle
        self._next_change: int | None = None
        self._behind = self._closed = False
        self.shelf = Shelf()
        with self.lock:
            self._read(look(state))

    @property
    def bundle(self) -> TrustBundle:
        """The trust by which the documents were verified."""
        return self._bundle

    def subscribe(self, subscriber: Subscriber, *, before: bool = False) -> None:
        """Have every new shelf told, on the thread that brought it.

        Whoever is told `before` it is in use may raise: then the one before stays in use, and the
        new one is tried again.
        """
        with self.lock:
            self._subscribers.append((before, subscriber))

    def follow_files(self) -> bool:
        """Take what has changed on the disk, in the trust or by the time; return whether any did.

        Raises:
            LandbridgeError: LB-1101 when a file cannot be read; LB-5001 and LB-5002 when the log
                does not take the change.
        """
        with self.lock:
            if self._closed:
                return False
            files = look(self.state)
            if files == self._files and not self._behind and self._trusts_the_same():
                # What could not be read may be readable now, though it looks the same.
                odd = {path for path, one in self._contents.items() if not isinstance(one, bytes)}
                again = read_all({path: files[path] for path in odd if path in files}, {}, {})
                if not any(isinstance(one, bytes) for one in again.values()):
                    return False
            return self._read(files)

    def open(self, document: bytes, at: int) -> Opened:
        """Verify a document by the trust of now, and read it.

        Raises:
            LandbridgeError: as for `open_document`.
        """
        return self._opening.open(document, self._trust.current.bundle, at)

    def close(self) -> None:
        """Follow nothing any more; a step that is under way ends first."""
        with self.lock:
            self._closed = True

    def _trusts_the_same(self) -> bool:
        """Whether each signature would be judged as it was."""
        due = self._next_change is not None and self._clock() >= self._next_change
        members = self._trust.current.bundle.content.members
        return not due and members == self._bundle.content.members

    def _read(self, files: Files) -> bool:
        same_trust = self._trusts_the_same()
        bundle, at = self._trust.current.bundle, self._clock()
        contents = read_all(files, self._files, self._contents)
        found, refused = self._opening.open_all(contents, bundle, at, same_trust=same_trust)
        remembered = self._remembrance.recall()
        shelf = arrange(
            beside(found, remembered, at),
            refused,
            agency=self.agency,
            accept=self._accept,
            known=tuple(signed for _, signed in self._standing),
            successors=remembered.successors,
        )
        self._behind = True  # until all of it is logged and in use
        try:
            self._note(shelf)
        except LandbridgeError:
            # Without its entry nothing new may grant; what stops, stops all the same.
            self._publish(_without_news(shelf, self._standing))
            raise
        self._files, self._contents, self._bundle = files, contents, bundle
        self._next_change = next_change(bundle, at)
        self._tell(shelf.refused)
        changed = self._publish(shelf)
        self._behind = False
        return changed

    def _note(self, shelf: Shelf) -> None:
        """Log what begins to count and what ceases to."""
        counting = {(found.opened.kind, signed): found for signed, found in shelf.counting.items()}
        new = counting.keys() - self._standing.keys()
        gone = self._standing.keys() - counting.keys()
        if not new and not gone:
            return
        with self._history.writing(self._recorder) as others_wrote:
            if others_wrote:
                # What another process of this party has noticed too is logged; what it alone has
                # noticed so far shows at the next look.
                standing = dict(standing_of(self._history))
                new, gone = new - standing.keys(), gone & standing.keys()
                self._standing = standing
            changes = [
                Change(
                    kind,
                    found.opened.subject,
                    found.opened.digest,
                    barred=kind is Kind.MEMORANDUM and signed in shelf.barred,
                )
                for (kind, signed), found in counting.items()
                if (kind, signed) in new
            ]
            documents = {
                found.opened.digest: found.opened.document
                for key, found in counting.items()
                if key in new
            }
            changes += [
                Change(kind, logged.change.subject, logged.change.digest, withdrawn=True)
                for (kind, signed), logged in self._standing.items()
                if (kind, signed) in gone
            ]
            if changes:
                self._history.note(changes, documents, self._recorder)
                self._standing = dict(standing_of(self._history))

    def _publish(self, shelf: Shelf) -> bool:
        changed = (
            shelf.memoranda != self.shelf.memoranda
            or shelf.notices != self.shelf.notices
            or shelf.shown.keys() != self.shelf.shown.keys()
            or any(
                found.opened.document != self.shelf.shown[signed].opened.document
                for signed, found in shelf.shown.items()
            )
        )
        told = tuple(self._subscribers) if changed else ()
        for before, subscriber in told:
            if before:
                subscriber(shelf)
        self.shelf = shelf
        for before, subscriber in told:
            if not before:
                subscriber(shelf)
        return changed

    def _tell(self, refused: tuple[Refused, ...]) -> None:
        now = {(each.path.name, each.error.code, each.error.message): each for each in refused}
        for key, each in now.items():
            if key not in self._told:
                self._refused(each)
        self._told = set(now)


def _without_news(shelf: Shelf, standing: Mapping[tuple[Kind, str], Logged]) -> Shelf:
    agreed = {
        signed: found
        for signed, found in shelf.agreed.items()
        if (Kind.MEMORANDUM, signed) in standing
    }
    return replace(shelf, agreed=agreed)


def _remembering(accept: Accept) -> Accept:
    """Ask once of each text whether a party can do what it says."""
    answers: dict[str, LandbridgeError | None] = {}

    def remembered(memorandum: Memorandum) -> None:
        digest = memorandum.digest
        if digest not in answers:
            try:
                accept(memorandum)
            except LandbridgeError as error:
                answers[digest] = error
            else:
                answers[digest] = None
        if (error_before := answers[digest]) is not None:
            raise error_before

    return remembered
