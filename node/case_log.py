"""What the node's log holds on cases: each step, each clock that ran out, each case that was shown.

An entry names the subject by its pseudonym of the month, the case by its id, and the step by the
digest of its document: no word of what it says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from landbridge.errors import LandbridgeError
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.evidence import Evidence
from landbridge.log.note import parse_note
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym
from landbridge.rights.case import Case
from landbridge.subject import Schemes
from landbridge.v1 import log_pb2

SHOWN: Final = "shown"
"""What the entry on a case that was shown calls it."""
_ALL_CASES: Final = ("", "cases")
"""Under this the log finds the steps of all cases: no scheme and so no subject is called so."""
_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class LoggedStep:
    """A step that the log holds; `at` is when it was taken, Unix milliseconds."""

    case_id: str
    step: str
    digest: bytes
    entry: int
    at: int


@dataclass(frozen=True, slots=True)
class Proven:
    """Entries of the log, each with its path to one head."""

    entries: tuple[tuple[int, bytes, tuple[bytes, ...]], ...]
    """Place, bytes and inclusion path."""
    head: Evidence
    """The entry whose head it is."""


class CaseLog:
    """The node's log, as far as cases go. Thread-safe."""

    def __init__(self, log: LogStore, schemes: Schemes) -> None:
        self._log = log
        self._schemes = schemes

    def append(self, case: Case, at: int) -> Evidence:
        """Log the newest step of a case; `at` is Unix milliseconds.

        Raises:
            LandbridgeError: LB-5001, LB-5002, LB-5003 as for `LogStore.append`.
        """
        last = case.last
        return self._append(log_pb2.LogEntry(), case, last.step, last.digest, at, _ALL_CASES)

    def steps(self) -> list[LoggedStep]:
        """Return every step of every case, oldest first; one that was logged twice, once.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the log cannot be read.
        """
        names = self._log.subjects.find(*_ALL_CASES)
        places: list[int] = []
        before: int | None = None
        while page := self._log.positions(names, before=before, limit=_PAGE):
            places += page
            before = page[-1]
        places.reverse()
        found: dict[tuple[str, bytes], LoggedStep] = {}
        for place, data in zip(places, self._log.entries_at(places), strict=True):
            entry = log_pb2.LogEntry.FromString(data)
            step = entry.case_step
            found.setdefault(
                (step.id, step.digest),
                LoggedStep(step.id, step.step, step.digest, place, entry.logged_at_unix_ms),
            )
        return list(found.values())

    def tell(self, case: Case, what: str, at: int) -> Evidence:
        """Log that a clock of a case ran out.

        Raises:
            LandbridgeError: as for `append`.
        """
        return self._append(log_pb2.LogEntry(), case, what, b"", at)

    def show(self, case: Case, request: bytes, who: str, expires_at: int, at: int) -> Proven:
        """Log that a case is shown to who signed a request, and prove the entries of its steps.

        Raises:
            LandbridgeError: as for `append`.
        """
        entry = log_pb2.LogEntry(
            kind=log_pb2.ENTRY_KIND_DISCLOSURE,
            requester=who,
            query_digest=request,
            query_expires_at_unix_ms=expires_at,
        )
        logged = self._append(entry, case, SHOWN, case.last.digest, at)
        return self.prove([taken.entry for taken in case.taken], logged)

    def prove(self, places: Sequence[int], head: Evidence) -> Proven:
        """Prove entries up to the head that came with a later one.

        Raises:
            LandbridgeError: as for `append`.
        """
        paths = self._log.inclusion_proofs(places, head.index + 1)
        entries = tuple(
            (place, self._log.entry(place), path) for place, path in zip(places, paths, strict=True)
        )
        return Proven(entries, head)

    def evidence(self, place: int) -> Evidence:
        """Return an entry with its proof up to the newest head.

        Raises:
            LandbridgeError: as for `append`.
        """
        head = self._log.head()
        path = self._log.inclusion_proof(place, read_checkpoint(parse_note(head)).size)
        return Evidence(self._log.entry(place), place, path, head)

    def confirm(self, case_id: str, step: str, digest: bytes, place: int) -> int | None:
        """Return when the log took a step, if the entry at a place is on just this one."""
        try:
            found = log_pb2.LogEntry.FromString(self._log.entry(place))
        except (LandbridgeError, ValueError):
            return None
        wanted = (log_pb2.ENTRY_KIND_CASE, case_id, step, digest)
        stated = (found.kind, found.case_step.id, found.case_step.step, found.case_step.digest)
        return found.logged_at_unix_ms if stated == wanted else None

    def _append(
        self,
        entry: log_pb2.LogEntry,
        case: Case,
        step: str,
        digest: bytes,
        at: int,
        *under: tuple[str, str],
    ) -> Evidence:
        subject = case.subject
        kind = self._schemes.named(subject.scheme).subject_kind
        entry.MergeFrom(
            log_pb2.LogEntry(
                kind=entry.kind or log_pb2.ENTRY_KIND_CASE,
                logged_at_unix_ms=at,
                subject_kind=kind.number,  # type: ignore[arg-type]
                case_step=log_pb2.CaseStep(
                    id=case.id, step=step, digest=digest, dataset=case.opening.dataset
                ),
            )
        )

        def write(named: list[list[Pseudonym]]) -> list[bytes]:
            name = named[0][0]
            entry.subject_pseudonym, entry.pseudonym_period = name.value, name.period
            return [entry.SerializeToString()]

        about = [(*called, at) for called in ((subject.scheme, subject.value), *under)]
        (evidence,) = self._log.append_about([about], write)
        return evidence
