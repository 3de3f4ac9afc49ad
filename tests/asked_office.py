"""The registry's node as far as it tells who looked: a log on the disk, and who may ask."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from landbridge.agency import Role
from landbridge.disclosure import Disclosed, verify_disclosed
from landbridge.errors import Reason, refuse
from landbridge.keys import SigningKey
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym
from landbridge.rights.access_request import write_access_request
from landbridge.rights.speaker import Voice
from landbridge.statement.signed import SignedByOne
from landbridge.subject import IdentifierScheme, Schemes, SubjectId, SubjectKind
from landbridge.v1 import log_pb2, reason_pb2
from node.accesses import Accesses
from tests.consents import PERSON, desks
from tests.pki import FEDERATION, REGISTRY, shared_federation

NOW: Final = desks().now
ANSWERED: Final = reason_pb2.REASON_CODE_ANSWERED
DAY: Final = 86_400_000
SCHOOL: Final = SubjectId("school", "000001")
SECOND: Final = SubjectId("school", "000002")
TAX: Final = SubjectId("tax", "77")
SCHEMES: Final = Schemes(
    [
        IdentifierScheme(name, title=name, subject_kind=kind, read=("strip", "lower"))
        for name, kind in (
            ("school", SubjectKind.LEGAL_ENTITY),
            ("tax", SubjectKind.LEGAL_ENTITY),
            (PERSON.subject.scheme, SubjectKind.NATURAL_PERSON),
            ("passport", SubjectKind.NATURAL_PERSON),
        )
    ]
)


@dataclass
class Office:
    """The registry's node, as far as it tells who looked."""

    log: LogStore
    admitted: set[bytes] = field(default_factory=set)
    desks: frozenset[str] | None = None

    @property
    def accesses(self) -> Accesses:
        return Accesses(
            agency=REGISTRY,
            log=self.log,
            bundle=lambda: desks().bundle,
            schemes=SCHEMES,
            desks=self.desks,
            admit=self.admit,
            forget=self.admitted.discard,
        )

    def admit(self, digest: bytes, expires_at: int, at: int) -> None:
        assert at < expires_at
        if digest in self.admitted:
            raise refuse(Reason.REPLAYED_QUERY, "answered before")
        self.admitted.add(digest)

    def look(self, subject: SubjectId, *others: SubjectId, **changes: Any) -> int:
        """Log that somebody asked about a subject; return the entry's position."""
        at = changes.pop("at", NOW - DAY)
        right: dict[str, Any] = {
            "kind": log_pb2.ENTRY_KIND_ANSWER,
            "logged_at_unix_ms": at,
            "requester": "board.three",
            "purpose": "review",
            "case_reference": "C-1",
            "accesses": [
                log_pb2.Access(
                    dataset="licences",
                    outcome=ANSWERED,
                    memorandum="m-1",
                    clause="2.1",
                    legal_basis="Law 12",
                    released=["name"],
                    refused=["phone"],
                    records=1,
                )
            ],
        }
        entry = log_pb2.LogEntry(**(right | changes))

        def write(named: list[list[Pseudonym]]) -> list[bytes]:
            name = named[0][0]
            entry.subject_pseudonym, entry.pseudonym_period = name.value, name.period
            return [entry.SerializeToString()]

        about = [(one.scheme, one.value, at) for one in (subject, *others)]
        (evidence,) = self.log.append_about([about], write)
        return evidence.index

    def ask(self, *subjects: SubjectId, at: int = NOW, **more: Any) -> Disclosed:
        """Ask as the desk and verify what is told."""
        request = written(*subjects, **more)
        response = self.accesses.list(request.to_bytes(), at)
        return verify_disclosed(request.to_bytes(), response, desks().bundle)


def written(
    *subjects: SubjectId, voice: Voice | None = None, agency: str = REGISTRY, **more: Any
) -> SignedByOne:
    given = {"at": NOW, **more}
    return write_access_request(agency, subjects, voice or desks().key, **given)


def open_log(folder: Path) -> LogStore:
    key = SigningKey.load(shared_federation().state(REGISTRY, Role.NODE) / "keys" / "log.key")
    origin = f"{REGISTRY}.{FEDERATION}/node/main"
    return LogStore.open(folder / "log.sqlite", origin, key, look_up_key=bytes(range(32)))


@contextmanager
def open_office(folder: Path) -> Iterator[Office]:
    log = open_log(folder)
    try:
        yield Office(log)
    finally:
        log.close()
