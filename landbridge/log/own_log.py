"""What others have seen of a party's own log, held against that log.

Witnesses bring their cosignatures, and heads that they have seen. A head that the log signed once
and does not hold means that the log was put back to an older copy, or shows two histories: it then
takes no entry, so that nothing is answered, until it holds that head again. That a person restores
the newest copy is noticed while the process runs, and at its start.
"""

from collections.abc import Callable
from threading import Lock

from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.merkle import EMPTY_ROOT
from landbridge.log.note import Note, NoteSignature, parse_note
from landbridge.log.signed_head import SignedHead, is_still_signed, kept_head
from landbridge.log.store import LogStore
from landbridge.log.witness_file import WitnessFile
from landbridge.log.witnessed_head import HeadKeys, read_seen_head, verify_cosignature


class OwnLog:
    """A party's log among its witnesses. Thread-safe.

    `changed` is told why the log takes no entry, and None when it does again.
    """

    def __init__(
        self,
        log: LogStore,
        file: WitnessFile,
        *,
        keys: HeadKeys,
        changed: Callable[[LandbridgeError | None], None] = lambda _: None,
        clock: Clock = system_clock,
    ) -> None:
        """Hold the log against what was claimed of it before.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk.
        """
        self._log = log
        self._file = file
        self._keys = keys
        self._changed = changed
        self._clock = clock
        self._looking = Lock()
        self.look_again()

    def cosigned(self) -> bytes:
        """Return the newest head that witnesses have cosigned, or nothing.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk.
        """
        return self._file.cosigned()

    def told(self, checkpoint: bytes) -> bool:
        """Take a head of this log, with cosignatures; returns whether the log holds it.

        A line that is not a known witness's word is left out, and takes no other with it.

        Raises:
            LandbridgeError: LB-4008, LB-4001, LB-4002 for a head that is malformed or that this log
                has not signed; LB-1001 for a head of another log; LB-5001, LB-5002 for the disk.
        """
        head = read_seen_head(checkpoint, self._keys, self._clock())
        if head.origin != self._log.origin:
            raise refuse(Reason.MALFORMED_REQUEST, f"the head is of the log {head.origin}")
        with self._looking:
            if self.holds(head):
                self._file.keep_cosigned(head, self._believed(parse_note(checkpoint)))
                return True
            if not is_still_signed(self._file.claimed(), self._keys.past):
                self._file.drop_claim()
            self._file.claim(head)
            self._halt(head)
            return False

    def look_again(self) -> bool:
        """Hold the log against what was claimed of it; returns whether it takes entries.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk.
        """
        with self._looking:
            claimed = self._file.claimed()
            if claimed:
                head = kept_head(claimed)
                if is_still_signed(claimed, self._keys.past) and not self.holds(head):
                    self._halt(head)
                    return False
                self._file.drop_claim()
            if self._log.halted is not None:
                self._log.resume()
                self._changed(None)
            return True

    def holds(self, head: SignedHead) -> bool:
        """Tell whether the log holds a head of its own.

        Raises:
            LandbridgeError: LB-5001, LB-5002 for the disk.
        """
        if head.size > self._log.size:
            self._log.refresh()  # another process may append to it
        newest = kept_head(self._log.head())
        if head.size > newest.size:
            return False
        if head.size == 0:
            return head.root == EMPTY_ROOT
        return head.is_continued_by(newest, self._log.consistency_proof(head.size, newest.size))

    def _halt(self, head: SignedHead) -> None:
        error = refuse(
            Reason.LOG_ROLLED_BACK,
            f"the log {head.origin} of {self._log.size} entries does not hold what others have seen"
            f" of it: {head}",
        )
        self._log.halt(error)
        self._changed(error)

    def _believed(self, note: Note) -> dict[str, tuple[NoteSignature, int]]:
        believed: dict[str, tuple[NoteSignature, int]] = {}
        for line in note.signatures:
            try:
                at_s = verify_cosignature(note, line, self._keys.witness, self._clock())
            except LandbridgeError:
                continue
            if at_s is not None and line.name != self._log.origin:
                believed[line.name] = (line, at_s)
        return believed
