"""The signed head of a party's own log: which it is now, and which key signs the next.

Other processes may append to the same database: the state follows them, from the state that is
known where the connection is still the one on which it was read, otherwise from the file anew.

The key may change between two appends. The head then bears the signatures of both keys, so that
readers see who handed over to whom, and is kept.
"""

from collections.abc import Sequence
from dataclasses import replace
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.connection import Connection, Database
from landbridge.log.head_mark import HeadMark
from landbridge.log.note import NoteSigner, NoteVerifier, find_signers, parse_note
from landbridge.log.proven_entries import ProvenEntries
from landbridge.log.rollback import check_holds
from landbridge.log.state import LogState, check_handovers, follow_state, load_state
from landbridge.log.tables import read_head, write_handover

CHECKED_AT_OPEN = 1 << 18
"""Entries that are hashed anew at start-up, the newest ones: less than a second of work."""


class OwnHead(ProvenEntries):
    """A log whose head one of its party's keys signs. Thread-safe."""

    def __init__(
        self,
        database: Database,
        signer: NoteSigner,
        former: Sequence[NoteVerifier],
        mark: HeadMark | None,
    ) -> None:
        super().__init__(database.another(), (signer.verifier, *former))
        self._writer = database
        self._signer = signer
        self._mark = mark
        self._appending = Lock()
        self._trusted: Connection | None = None
        self._version: int | None = None

    @property
    def signer(self) -> Ed25519PublicKey:
        """The key that signs now."""
        return self._signer.verifier.public

    def sign_note(self, text: str) -> bytes:
        """Sign a text that is no head under the log's name, and return the whole note.

        Raises:
            LandbridgeError: LB-1001 when it could be read as a head of this log.
        """
        self._require(not text.startswith(f"{self.origin}\n"), "a text that reads as a head")
        return self._signer.sign(text)

    def sign_with(self, key: SigningKey) -> None:
        """Let another key of this log sign from now on; it has signed the head when this returns.

        Raises:
            LandbridgeError: LB-1101 when the key is another agency's or not for logs; LB-5001,
                LB-5002 as for `append`: the key before signs on.
        """
        signer = log_signer(self.origin, key)
        if signer.agency != self._signer.agency:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"the key {key.key_id} is not one of {self._signer.agency}",
            )
        with self._appending:
            if signer.verifier != self._signer.verifier:
                self._hand_over(signer)

    def refresh(self) -> None:
        """Take up what another process has appended since.

        Raises:
            LandbridgeError: LB-5001, LB-5002 as for `append`.
        """
        with self._appending:
            with self._writer.snapshot() as connection:
                self._state = self._last(connection)
            self._keep_mark()

    def _load(self) -> None:
        """Read the state and check it; the signer takes over where another key signed last."""
        self._writer.add_missing_tables()
        # Read before the database is: another process may append between the two.
        marked = self._mark.read() if self._mark else None
        with self._writer.snapshot() as connection:
            self._state = load_state(connection, self._verifiers)
            check_handovers(connection, self._verifiers, self._state)
            if marked is not None:
                check_holds(connection, self._verifiers, self._state, marked)
            self._trusted, self._version = connection, None
        self.check(self.size - CHECKED_AT_OPEN)
        if self._signer.verifier not in find_signers(parse_note(self.head()), self._verifiers):
            self._hand_over(self._signer)
        elif marked != self.head():
            self._keep_mark()

    def _last(self, connection: Connection) -> LogState:
        """Return the state to go on from: the known one, or what another writer left since."""
        version = self._writer.version(connection)
        if connection is self._trusted:
            if version is not None and version == self._version:
                return self._state
            found = (
                self._state
                if read_head(connection) == self._state.checkpoint
                else follow_state(connection, self._verifiers, self._state)
            )
            if found is not None:
                self._version = version
                return found
        found = load_state(connection, self._verifiers, known=self._state)
        self._trusted, self._version = connection, version
        return found

    def _hand_over(self, signer: NoteSigner) -> None:
        with self._writer.writing() as connection:
            before = self._last(connection)
            note = parse_note(before.checkpoint)
            checkpoint = signer.cosign(note, find_signers(note, self._verifiers)[-1])
            write_handover(connection, checkpoint)
        others = [one for one in self._verifiers if one != signer.verifier]
        self._verifiers = (signer.verifier, *others)
        self._signer = signer
        self._state = replace(before, checkpoint=checkpoint)
        self._keep_mark()

    def _keep_mark(self) -> None:
        if self._mark is not None:
            self._mark.keep(self._state.checkpoint)


def log_signer(origin: str, key: SigningKey) -> NoteSigner:
    """Make what signs a log's heads under its name.

    Raises:
        LandbridgeError: LB-1101 when the key is not for logs.
    """
    if key.use is not KeyUse.LOG:
        raise refuse(Reason.INVALID_CONFIGURATION, f"the key {key.key_id} is not for logs")
    return NoteSigner(origin, key)
