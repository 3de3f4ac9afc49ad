"""A party's library: it follows the files of its folder and the trust, and remembers since when.

The files are the truth. Whatever changes is verified, logged, and only then counts; what does not
verify grants nothing and is told. What people put into the folder and what comes over the wire
goes the same way.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from threading import RLock

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError
from landbridge.library.arrangement import Accept, arrange
from landbridge.library.files import Files, look, open_all, read_all
from landbridge.library.history import Change, History, Logged, Recorder
from landbridge.library.kinds import Kind, digest_of
from landbridge.library.opened import Opened, open_noticed
from landbridge.library.shelf import Found, Refused, Shelf
from landbridge.library.trusted_keys import next_change
from landbridge.memorandum.signed_form import payload_of
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import Trust, TrustStore

Told = Callable[[Refused], None]
Subscriber = Callable[[Shelf], None]


def read_shelf(
    state: Path, bundle: TrustBundle, *, at: int, agency: str = "", accept: Accept | None = None
) -> Shelf:
    """Read a party's documents once, as of a time in Unix milliseconds; nothing is written.

    Raises:
        LandbridgeError: LB-1101 when a file cannot be read at all; LB-5002 for a damaged index.
    """
    found, refused = open_all(read_all(look(state), {}, {}), bundle, at, {})
    known = tuple(_signed(History(state)))
    return arrange(found, refused, agency=agency, accept=accept, known=known)


class Library:
    """The documents of one party's folder as they are now; safe to use from several threads.

    With an `agency` it takes only memoranda that the agency is a party of, and `accept` refuses
    what the party cannot do. `refused` is told once of each document that does not count, `failed`
    of what keeps new trust from being followed. While files cannot be read or changes cannot be
    logged, what counted before goes on to count, except what was taken away. Hold `lock` over what
    must not change between two looks.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        state: Path,
        trust: TrustStore,
        *,
        recorder: Recorder,
        refused: Told,
        failed: Callable[[LandbridgeError], None],
        agency: str = "",
        accept: Accept | None = None,
        clock: Clock = system_clock,
    ) -> None:
        """Read the folder and log what is new.

        Raises:
            LandbridgeError: LB-1101 when a file cannot be read; LB-5001 and LB-5002 for the log.
        """
        self.state = state
        self.agency = agency
        self._trust = trust
        self._recorder = recorder
        self._refused = refused
        self._failed = failed
        self._accept = accept
        self._clock = clock
        self.lock = RLock()
        self._subscribers: list[Subscriber] = []
        self._opened: dict[str, Opened | LandbridgeError] = {}
        self._told: set[tuple[str, str, str]] = set()
        self._history = History(state)
        self._history.recover(recorder)
        self._standing = dict(_standing(self._history))
        self._files: Files = {}
        self._data: dict[Path, bytes] = {}
        self._bundle = trust.current.bundle
        self._next_change: int | None = None
        self._behind = self._closed = False
        self.shelf = Shelf()
        with self.lock:
            self._read(look(state))
        self._unsubscribe = trust.subscribe(self._trust_changed)

    @property
    def bundle(self) -> TrustBundle:
        """The trust by which the documents were verified."""
        return self._bundle

    def subscribe(self, subscriber: Subscriber) -> None:
        """Have every new shelf told, on the thread that brought it."""
        with self.lock:
            self._subscribers.append(subscriber)

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
                return False
            return self._read(files)

    def close(self) -> None:
        """Follow nothing any more; a step that is under way ends first."""
        with self.lock:
            self._closed = True
        self._unsubscribe()

    def _trust_changed(self, _: Trust) -> None:
        try:
            self.follow_files()
        except LandbridgeError as error:
            self._failed(error)

    def _trusts_the_same(self) -> bool:
        """Whether each signature would be judged as it was."""
        due = self._next_change is not None and self._clock() >= self._next_change
        members = self._trust.current.bundle.content.members
        return not due and members == self._bundle.content.members

    def _read(self, files: Files) -> bool:
        memory = self._opened if self._trusts_the_same() else {}
        bundle, at = self._trust.current.bundle, self._clock()
        self._data = read_all(files, self._files, self._data)
        found, refused = open_all(self._data, bundle, at, memory)
        found += self._noticed_before({each.opened.signed for each in found})
        found = [each for each in found if not each.opened.has_ended(at)]
        known = tuple(signed for _, signed in self._standing)
        shelf = arrange(found, refused, agency=self.agency, accept=self._accept, known=known)
        self._behind = True  # until all of it is logged
        try:
            self._note(shelf)
        except LandbridgeError:
            # Without its entry nothing new may grant; what stops, stops all the same.
            self._publish(_without_news(shelf, self._standing))
            raise
        self._behind = False
        self._files, self._opened, self._bundle = files, memory, bundle
        self._next_change = next_change(bundle, at)
        self._tell(shelf.refused)
        return self._publish(shelf)

    def _noticed_before(self, here: Collection[str]) -> Iterator[Found]:
        """Give the revocations whose files are gone or whose keys have ended: none is taken back.

        Else a file that is removed would bring a consent back that a person has ended.
        """
        for (kind, signed), logged in self._standing.items():
            if kind is Kind.REVOCATION and signed not in here:
                document = self._history.document(logged.change.digest)
                yield Found(self._history.path(logged.change.digest), open_noticed(document))

    def _note(self, shelf: Shelf) -> None:
        """Log what begins to count and what ceases to."""
        counting = {(found.opened.kind, signed): found for signed, found in shelf.counting.items()}
        changes = [
            Change(
                kind,
                found.opened.subject,
                found.opened.digest,
                barred=kind is Kind.MEMORANDUM and found.opened.subject in shelf.barred,
            )
            for (kind, signed), found in counting.items()
            if (kind, signed) not in self._standing
        ]
        documents = {
            found.opened.digest: found.opened.document
            for key, found in counting.items()
            if key not in self._standing
        }
        changes += [
            Change(kind, logged.change.subject, logged.change.digest, withdrawn=True)
            for (kind, signed), logged in self._standing.items()
            if (kind, signed) not in counting
        ]
        if changes:
            self._history.note(changes, documents, self._recorder)
            self._standing = dict(_standing(self._history))

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
        self.shelf = shelf
        for subscriber in tuple(self._subscribers) if changed else ():
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
    return Shelf(
        agreed,
        shelf.offered,
        shelf.noticed,
        shelf.revoked,
        shelf.waiting,
        shelf.barred,
        shelf.refused,
    )


def _signed(history: History) -> Iterator[str]:
    for (_, signed), _ in _standing(history):
        yield signed


def _standing(history: History) -> Iterator[tuple[tuple[Kind, str], Logged]]:
    """Give what counts by a party's history, by the SHA-256 of what was signed, in order."""
    for (kind, digest), logged in history.counting().items():
        signed = digest_of(payload_of(history.document(digest)))
        yield (kind, signed), logged
