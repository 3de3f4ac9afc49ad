"""How a party's log tells of documents: one entry for each that begins to count or ceases to."""

from collections.abc import Iterator, Sequence
from typing import Final

from landbridge.clock import Clock, system_clock
from landbridge.library.changes import Change, Logged
from landbridge.library.kinds import Kind
from landbridge.log.store import LogStore
from landbridge.v1 import log_pb2

KINDS: Final = {
    Kind.MEMORANDUM: log_pb2.DOCUMENT_KIND_MEMORANDUM,
    Kind.NOTICE: log_pb2.DOCUMENT_KIND_NOTICE,
    Kind.REVOCATION: log_pb2.DOCUMENT_KIND_CONSENT_REVOCATION,
    Kind.CORRECTION: log_pb2.DOCUMENT_KIND_CORRECTION,
    Kind.ACKNOWLEDGEMENT: log_pb2.DOCUMENT_KIND_ACKNOWLEDGEMENT,
}
BY_NUMBER: Final = {int(number): kind for kind, number in KINDS.items()}


class DocumentLog:
    """A party's verifiable log, where its library makes changes durable and provable."""

    def __init__(self, log: LogStore, *, clock: Clock = system_clock) -> None:
        self._log = log
        self._clock = clock

    def size(self) -> int:
        """Count the entries of the log."""
        return self._log.size

    def append(self, changes: Sequence[Change], *, after: int) -> list[Logged]:
        """Log changes; they are on the disk when this returns.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 when the log does not take them.
        """
        at = max(self._clock(), after)
        evidence = self._log.append([_write(change, at) for change in changes])
        return [
            Logged(change, at, proof.index) for change, proof in zip(changes, evidence, strict=True)
        ]

    def since(self, entry: int) -> Iterator[Logged]:
        """Give the changes that stand in the log from an entry on, in order.

        Raises:
            LandbridgeError: LB-5001 and LB-5002 when the log cannot be read.
        """
        self._log.refresh()  # another process of the party may have appended, and died
        found: list[Logged] = []
        for index, data in self._log.entries_backwards():
            if index < entry:
                break
            if (logged := read_document_entry(index, data)) is not None:
                found.append(logged)
        yield from reversed(found)


def read_document_entry(index: int, data: bytes) -> Logged | None:
    """Read an entry that tells of a document; None where it tells of anything else."""
    entry = log_pb2.LogEntry.FromString(data)
    kind = BY_NUMBER.get(entry.document.kind)
    if entry.kind != log_pb2.ENTRY_KIND_DOCUMENT or kind is None:
        return None
    document = entry.document
    change = Change(
        kind,
        document.subject,
        document.digest.hex(),
        withdrawn=document.withdrawn,
        barred=document.barred,
    )
    return Logged(change, entry.logged_at_unix_ms, index)


def _write(change: Change, at: int) -> bytes:
    return log_pb2.LogEntry(
        kind=log_pb2.ENTRY_KIND_DOCUMENT,
        logged_at_unix_ms=at,
        document=log_pb2.Document(
            kind=KINDS[change.kind],
            subject=change.subject,
            digest=bytes.fromhex(change.digest),
            withdrawn=change.withdrawn,
            barred=change.barred,
        ),
    ).SerializeToString()
