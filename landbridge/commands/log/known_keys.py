"""Whose signatures the log commands believe: the trust bundle's logs, or one key that is named."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from landbridge.commands.files import open_bundle
from landbridge.errors import LandbridgeError
from landbridge.home import Home, find_home
from landbridge.log.cosignature import CosignatureVerifier, Witnessed, find_witnesses
from landbridge.log.note import Note, NoteVerifier
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.store import BUNDLE_FILE


class KnownKeys(Protocol):
    """Who may sign a log's head, and who may witness it."""

    def of_log(self, origin: str, at: int) -> list[NoteVerifier]:
        """Return a log's keys that are good at a time, in Unix milliseconds.

        Raises:
            LandbridgeError: LB-4002 when the log is unknown or has no key of that time.
        """

    def ever_of_log(self, origin: str) -> list[NoteVerifier]:
        """Return all keys that the log has or had."""

    def witnesses(self, note: Note, origin: str, now: int) -> Witnessed:
        """Say which members other than the log's own have cosigned a head of it.

        `now` is in Unix milliseconds. Each member counts once, whatever logs it has.
        """


@dataclass(frozen=True, slots=True)
class OneKey:
    """One verifier key, of a log that may belong to nobody whom we know; no witness is known."""

    verifier: NoteVerifier

    def of_log(self, origin: str, at: int) -> list[NoteVerifier]:
        """Return the key: it says itself whose it is."""
        _ = origin, at
        return [self.verifier]

    def ever_of_log(self, origin: str) -> list[NoteVerifier]:
        """Return the key."""
        return self.of_log(origin, 0)

    def witnesses(self, note: Note, origin: str, now: int) -> Witnessed:
        """Know nobody."""
        _ = note, origin, now
        return Witnessed({}, {})


@dataclass(frozen=True, slots=True)
class BundleKeys:
    """The logs that a trust bundle lists."""

    bundle: TrustBundle

    def of_log(self, origin: str, at: int) -> list[NoteVerifier]:
        """Return a log's keys that are good at a time."""
        _, _, keys = self.bundle.log_keys(origin, at)
        return [NoteVerifier(origin, key) for key in keys]

    def ever_of_log(self, origin: str) -> list[NoteVerifier]:
        """Return all keys that the log has or had."""
        return [NoteVerifier(origin, key) for key in self.bundle.all_log_keys(origin)]

    def witnesses(self, note: Note, origin: str, now: int) -> Witnessed:
        """Say which members other than the log's own have cosigned a head of it."""
        owner = _agency(origin)
        believed: dict[str, int] = {}
        refused: dict[str, LandbridgeError] = {}
        for name in {line.name for line in note.signatures if _agency(line.name) != owner}:
            found = find_witnesses(note, self._cosigners(name), now // 1000)
            refused |= found.refused
            for at in found.believed.values():
                try:
                    self.bundle.log_keys(name, at * 1000)
                except LandbridgeError as error:
                    refused[name] = error
                else:
                    agency = _agency(name)
                    believed[agency] = max(at, believed.get(agency, 0))
        return Witnessed(believed, refused)

    def _cosigners(self, name: str) -> Sequence[CosignatureVerifier]:
        try:
            return [CosignatureVerifier(name, key) for key in self.bundle.all_log_keys(name)]
        except LandbridgeError:
            # Lines of those whom nobody knows are passed over, as C2SP signed-note asks.
            return ()


def find_keys(
    log: Path | None = None,
    *,
    bundle: Path | None = None,
    key: str = "",
    home: Path | None = None,
) -> KnownKeys:
    """Find whose signatures count: those of a bundle, of one key, or of the bundle at hand.

    At hand is the bundle in the party's folder that holds the log, else that of the home folder.

    Raises:
        LandbridgeError: LB-1101 for a key that is none, or no home; LB-1106 for a bundle that
            cannot be read; LB-4010 for one that is not sound.
    """
    if key:
        return OneKey(NoteVerifier.parse(key))
    if bundle is None and log is not None and home is None:
        beside = (log if log.is_dir() else log.parent) / BUNDLE_FILE
        bundle = beside if beside.is_file() else None
    if bundle is None:
        bundle = Home.read(find_home(home)).bundle
    return BundleKeys(open_bundle(bundle))


def _agency(origin: str) -> str:
    """Return the agency with its federation, with which a log's name begins."""
    return origin.partition("/")[0]
