"""Changes of what counts for a party, and the log that makes them durable and provable."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from landbridge.library.kinds import Kind


@dataclass(frozen=True, slots=True)
class Change:
    """A document that begins to count, or with `withdrawn` no longer does."""

    kind: Kind
    subject: str
    """The id of the memorandum, of the consent record, or of the correction notice."""
    digest: str
    """SHA-256 of the document, in hex."""
    withdrawn: bool = False
    barred: bool = False
    """Whether the party cannot do what it says, so that it only ends what it amends."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A change, and where and when it stands in the party's log."""

    change: Change
    at: int
    """Unix milliseconds."""
    entry: int


class Recorder(Protocol):
    """Where changes are made durable and provable: a party's verifiable log."""

    def size(self) -> int:
        """Count the entries of the log."""

    def append(self, changes: Sequence[Change], *, after: int) -> Sequence[Logged]:
        """Log changes; they are on the disk when this returns.

        Their time is never before `after`, though the clock may have been set back.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 when the log does not take them.
        """

    def since(self, entry: int) -> Iterable[Logged]:
        """Give the changes that stand in the log from an entry on, in order."""
