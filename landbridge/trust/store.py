"""What a party trusts now: its bundle and revocation lists, kept in its folder and followed.

Files are the truth: what is offered is checked against what is in use, written, and only then put
in its place by one assignment. What is not acceptable never replaces what is in use.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from threading import RLock
from types import MappingProxyType
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.file_state import FileState, file_state
from landbridge.keys import read_public_file, write_whole
from landbridge.trust import history as trust_history
from landbridge.trust.anchor import anchor_lines, read_anchored, read_anchors, read_successor
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import AuthorityState, unsound
from landbridge.trust.issuers import authority_key_ids
from landbridge.trust.revocation_list import RevocationList, bad_list, issuer_of, read
from landbridge.trust.succession import check_succession

BUNDLE_FILE = "trust-bundle.json"
ANCHOR_FILE = "anchor.pub"
LISTS_FOLDER = "revocation"
LARGEST_BUNDLE = 16 << 20
FIRST_LIST_WITHIN_MS = 24 * 3_600_000
_SIGNING_LISTS = {AuthorityState.ACTIVE, AuthorityState.RETIRING}
_REMEMBERED = 256

Subscriber = Callable[["Trust"], None]


@dataclass(frozen=True)
class Trust:
    """One moment's bundle and revocation lists; the lists by their issuer's key id."""

    bundle: TrustBundle
    lists: Mapping[str, RevocationList] = field(repr=False)

    def is_revoked(self, issuer_key_id: str, serial: int) -> bool:
        """Whether a certificate is denied by the bundle or stands on its issuer's list."""
        known = self.lists.get(issuer_key_id)
        return (issuer_key_id, serial) in self.bundle.denied or (
            known is not None and serial in known.serials
        )

    def stale_since(self, at: int) -> int | None:
        """Return since when a list is overdue, in Unix milliseconds; None when all are fresh.

        An authority of which no list was ever seen has a day from its taking office.
        """
        first = self._first_overdue
        return first if first is not None and first <= at else None

    @cached_property
    def _first_overdue(self) -> int | None:
        """From when on the first of the lists is overdue."""
        return min(
            (
                self.lists[key_id].next_update
                if key_id in self.lists
                else issuer.since_ms + FIRST_LIST_WITHIN_MS
                for key_id, issuer in self.bundle.issuers.items()
                if issuer.state in _SIGNING_LISTS
            ),
            default=None,
        )


class TrustStore:
    """The trust of one party's folder; safe to use from several threads."""

    def __init__(self, folder: Path, trust: Trust, clock: Clock) -> None:
        self.folder = folder
        self.current = trust
        self._clock = clock
        self._lock = RLock()
        self._subscribers: list[Subscriber] = []
        self._states: dict[Path, FileState] = {}
        self._followed: tuple[TrustBundle, tuple[Path, ...]] | None = None
        # What was in use before is no news when it comes again, by a slower way.
        self._seen: dict[bytes, None] = {}
        for data in (trust.bundle.document, *(known.der for known in trust.lists.values())):
            self._remember(data)

    @classmethod
    def open(cls, folder: Path, *, clock: Clock = system_clock) -> Self:
        """Read the folder's trust bundle and lists, and hold the bundle against its anchor.

        Raises:
            LandbridgeError: LB-1101 when a file is missing; LB-4010 when the bundle is not sound;
                LB-4012 when a list is not.
        """
        try:
            anchors = read_anchors(folder / ANCHOR_FILE)
            document = (folder / BUNDLE_FILE).read_bytes()
        except OSError as error:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the party's folder is not complete: {error.strerror}",
                where=str(error.filename),
                next_step="give the folder that the federation made for this party (--state)",
            ) from error
        bundle = read_anchored(document, anchors)
        store = cls(folder, Trust(bundle, MappingProxyType({})), clock)
        store.follow_files()
        return store

    def subscribe(self, callback: Subscriber) -> Callable[[], None]:
        """Have every later change told; return what ends it. The callback must not raise."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    def offer(self, bundles: Sequence[bytes] = (), lists: Sequence[bytes] = ()) -> bool:
        """Take successors of the bundle, in order, and newer lists; return whether any was new.

        What comes before the first that is not acceptable, is taken.

        Raises:
            LandbridgeError: LB-4010 or LB-4012 for the first that is not acceptable; LB-1101 when
                a file cannot be written.
        """

        def take() -> None:
            for document in bundles:
                self._take_bundle(document, write=True)
            for data in lists:
                self._take_list(data, write=True)

        # Another process may have written a newer bundle: never put an older one over it.
        return self._change(self._follow, take)

    def is_behind_files(self) -> bool:
        """Whether a file was changed since it was last read, or tried: a look at their states."""
        return any(file_state(path) != self._states.get(path, ()) for path in self._files())

    def follow_files(self) -> bool:
        """Take what changed on the disk, after the same checks; return whether any was new.

        What is not acceptable stays where it is, and is told once for each time it changes.

        Raises:
            LandbridgeError: LB-4010, LB-4012 or LB-1101 for the first that is not acceptable.
        """
        return self._change(self._follow)

    def _change(self, *steps: Callable[[], None]) -> bool:
        """Do the steps, each of them though one fails; then tell, and raise the first failure."""
        failures: list[LandbridgeError] = []
        with self._lock:
            before = self.current
            for step in steps:
                try:
                    step()
                except LandbridgeError as error:
                    failures.append(error)
            changed = self.current is not before
            for subscriber in tuple(self._subscribers) if changed else ():
                subscriber(self.current)
        if failures:
            raise failures[0]
        return changed

    def _follow(self) -> None:
        path = self.folder / BUNDLE_FILE
        if self._has_changed(path):
            document = read_public_file(path)
            self._catch_up(document)
            self._take_bundle(document, write=False)
        self._follow_lists()

    def _catch_up(self, document: bytes) -> None:
        """Take what another process took meanwhile, up to this bundle."""
        if sha256(document).digest() in self._seen:
            return
        for missed in trust_history.since(self.folder, self.current.bundle.number):
            try:
                self._take_bundle(missed, write=False)
            except LandbridgeError:
                return  # whether this bundle follows without it, is told of this bundle

    def _follow_lists(self) -> None:
        for key_id in self.current.bundle.issuers:
            path = self._list_file(key_id)
            if self._has_changed(path) and path.exists():
                self._take_list(read_public_file(path), write=False, named=key_id)

    def _files(self) -> tuple[Path, ...]:
        """Return the files that are followed; of one bundle they are always the same."""
        bundle, followed = self.current.bundle, self._followed
        if followed is None or followed[0] is not bundle:
            lists = (self._list_file(key_id) for key_id in bundle.issuers)
            followed = self._followed = bundle, (self.folder / BUNDLE_FILE, *lists)
        return followed[1]

    def _list_file(self, key_id: str) -> Path:
        return self.folder / LISTS_FOLDER / f"{key_id}.crl"

    def _has_changed(self, path: Path) -> bool:
        state, before = file_state(path), self._states.get(path, ())
        self._states[path] = state
        return state != before

    def _take_bundle(self, document: bytes, *, write: bool) -> None:
        if len(document) > LARGEST_BUNDLE:
            raise unsound(f"it is larger than {LARGEST_BUNDLE} bytes")
        if sha256(document).digest() in self._seen:
            return
        old = self.current
        new = read_successor(document, old.bundle)
        if new.content == old.bundle.content:
            return
        check_succession(old.bundle.content, new.content, at=self._clock())
        if write:
            trust_history.keep(self.folder, new.number, document, self._write)
            self._write_bundle(document, new.anchor)
        self._remember(document)
        lists = {key_id: held for key_id, held in old.lists.items() if key_id in new.issuers}
        self.current = Trust(new, MappingProxyType(lists))

    def _write_bundle(self, document: bytes, anchor: Ed25519PublicKey) -> None:
        path, old = self.folder / ANCHOR_FILE, self.current.bundle.anchor
        if anchor != old:
            # Both are anchors while the bundle is replaced: a crash between leaves a whole folder.
            self._write(path, anchor_lines(old, anchor))
        self._write(self.folder / BUNDLE_FILE, document)
        if anchor != old:
            self._write(path, anchor_lines(anchor))

    def _take_list(self, data: bytes, *, write: bool, named: str = "") -> None:
        if sha256(data).digest() in self._seen:
            return
        key_id = issuer_of(data)
        if named and key_id != named:
            raise bad_list(f"the file {named}.crl holds the list of another authority")
        bundle = self.current.bundle
        issuer = bundle.issuers.get(key_id)
        if issuer is None:
            if key_id in authority_key_ids(bundle.content):
                return  # an authority that is removed: its leaves are refused anyway
            raise bad_list("it is of an authority that the trust bundle does not list")
        new, held = read(data, issuer.certificate), self.current.lists.get(key_id)
        if held and new.number <= held.number:
            raise bad_list(f"its number is {new.number}, but number {held.number} is in use")
        if write:
            self._write(self._list_file(key_id), data)
        self._remember(data)
        lists = MappingProxyType({**self.current.lists, key_id: new})
        self.current = Trust(bundle, lists)

    def _write(self, path: Path, data: bytes) -> None:
        try:
            write_whole(path, data, mode=0o644)
        except OSError as error:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the file cannot be written: {error.strerror}",
                where=str(path),
                next_step="free space, or give this user the folder",
            ) from error
        self._has_changed(path)

    def _remember(self, data: bytes) -> None:
        self._seen[sha256(data).digest()] = None
        while len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
