"""Who looked: what the node tells a subject, by its own log alone.

The entries that name the subject are found by the keys of its pseudonyms; where these are erased,
nothing is found. An entry that may not be told yet is left out wholly, as if it were not there.
That something was told is in the log before it leaves.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from landbridge.disclosure import is_told, told_digest
from landbridge.envelope import evidence_to_proto
from landbridge.log.merkle import leaf_hash
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import Pseudonym
from landbridge.rights.access_request import (
    PAGE,
    WhoLooked,
    check_one_subject,
    verify_access_request,
)
from landbridge.rights.request import VerifiedRequest
from landbridge.subject import Schemes, SubjectId, SubjectKind
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import log_pb2, rights_service_pb2

_LARGEST: Final = 1_000_000
"""Bytes of entries that are told at once, save one that alone is larger."""


@dataclass(frozen=True, slots=True)
class Found:
    """Entries that may be told, newest first, and whether there are older ones."""

    entries: tuple[tuple[int, bytes], ...]
    more: bool


def find_accesses(
    log: LogStore,
    subjects: Sequence[SubjectId],
    *,
    at: int,
    before: int | None = None,
    limit: int = PAGE,
) -> Found:
    """Find the entries on a subject that may be told at a time, Unix milliseconds.

    Raises:
        LandbridgeError: LB-5001, LB-5002 when the log cannot be read.
    """
    found: list[tuple[int, bytes]] = []
    size = 0
    for index, data in _entries(log, subjects, before, limit):
        if not is_told(log_pb2.LogEntry.FromString(data), at):
            continue
        size += len(data)
        # Whether there is more is told by what may be told: what is kept back does not show.
        if len(found) == limit or (found and size > _LARGEST):
            return Found(tuple(found), more=True)
        found.append((index, data))
    return Found(tuple(found), more=False)


class Accesses:
    """Answers signed requests to know who looked. Thread-safe as far as `admit` is.

    `desks` are the agencies whose word for who is who counts here; None: every consent desk.
    `admit` refuses a request that was answered before, and `forget` takes an admission back.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        agency: str,
        log: LogStore,
        bundle: Callable[[], TrustBundle],
        schemes: Schemes,
        desks: Collection[str] | None,
        admit: Callable[[bytes, int, int], None],
        forget: Callable[[bytes], None],
    ) -> None:
        self._agency = agency
        self._log = log
        self._bundle = bundle
        self._schemes = schemes
        self._desks = desks
        self._admit = admit
        self._forget = forget

    def list(self, request: bytes, at: int) -> rights_service_pb2.ListAccessesResponse:
        """Tell who looked, to who speaks for the subject; `at` is now, in Unix milliseconds.

        Raises:
            LandbridgeError: LB-4107, LB-4001, LB-4002, LB-4003, LB-4108 for a request that is not
                the subject's; LB-1002 to LB-1004, LB-3014 for identifiers that are not of one
                subject; LB-4004 when it was answered before; LB-2003 when too many requests are
                remembered; LB-5001, LB-5002, LB-5003 for the log.
        """
        verified = verify_access_request(
            request, self._bundle(), at, agency=self._agency, desks=self._desks
        )
        kind = check_one_subject(verified.subjects, self._schemes)
        self._admit(verified.digest, verified.expires_at, at)
        try:
            return self._tell(verified, kind, at)
        except BaseException:
            self._forget(verified.digest)
            raise

    def _tell(
        self, verified: VerifiedRequest[WhoLooked], kind: SubjectKind, at: int
    ) -> rights_service_pb2.ListAccessesResponse:
        asked = verified.request
        found = find_accesses(
            self._log, verified.subjects, at=at, before=asked.before, limit=asked.limit
        )
        entry = log_pb2.LogEntry(
            kind=log_pb2.ENTRY_KIND_DISCLOSURE,
            logged_at_unix_ms=at,
            query_digest=verified.digest,
            requester=verified.speaker.desk,
            subject_kind=kind.number,  # type: ignore[arg-type]
            payload_digest=told_digest(
                [leaf_hash(data) for _, data in found.entries], more=found.more
            ),
            query_expires_at_unix_ms=verified.expires_at,
        )

        def write(named: list[list[Pseudonym]]) -> list[bytes]:
            first, *others = named[0]
            entry.subject_pseudonym, entry.pseudonym_period = first.value, first.period
            entry.other_pseudonyms.extend(other.value for other in others)
            return [entry.SerializeToString()]

        about = [(one.scheme, one.value, at) for one in verified.subjects]
        (logged,) = self._log.append_about([about], write)
        # The head over the disclosure stands over all that it tells of, too.
        paths = self._log.inclusion_proofs((index for index, _ in found.entries), logged.index + 1)
        return rights_service_pb2.ListAccessesResponse(
            entries=[
                rights_service_pb2.LoggedEntry(entry=data, index=index, path=path)
                for (index, data), path in zip(found.entries, paths, strict=True)
            ],
            checkpoint=logged.checkpoint,
            more=found.more,
            logged=evidence_to_proto(logged),
        )


def _entries(
    log: LogStore, subjects: Sequence[SubjectId], before: int | None, page: int
) -> Iterator[tuple[int, bytes]]:
    """Give every entry that names the subject before a position, newest first."""
    log.refresh()  # another process may append to it
    names = [name for one in subjects for name in log.subjects.find(one.scheme, one.value)]
    end = log.size if before is None else min(before, log.size)
    while positions := log.positions(names, before=end, limit=page + 1):
        yield from zip(positions, log.entries_at(positions), strict=True)
        end = positions[-1]
