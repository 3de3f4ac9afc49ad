"""Who received what turned out to be wrong: found in the node's own log.

The log names no record: an answer counts that released something of the dataset on the subject, in
one of the fields, since the date. An agency may so be told of an answer in which another record of
the same subject stood; none is left out that held the wrong one.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from landbridge.log.store import LogStore
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2, reason_pb2

_PAGE = 1000
_ANSWERED = reason_pb2.REASON_CODE_ANSWERED
_SEALED = reason_pb2.REASON_CODE_SEALED

FieldsOf = Callable[[str, str, str], frozenset[str] | None]
"""From memorandum, clause and a name that was released to the fields that a predicate of that name
compares; None where it is none that is known."""


@dataclass(slots=True)
class Received:
    """What one agency received of it."""

    fields: set[str] = field(default_factory=set)
    answers: list[tuple[int, str]] = field(default_factory=list)
    """Entry in the log and digest of the query in hex, in order."""
    since: int = 0
    """When the first of them was logged, Unix milliseconds."""
    told_from: int = 0
    """From when the subject may know of all of them."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What was wrong: which fields of a dataset, all where none is named, and since when."""

    dataset: str
    fields: frozenset[str]
    published: frozenset[str]
    """All fields of the dataset."""
    since: int
    """Unix milliseconds, as the next."""
    until: int
    """From when on no answer held it."""


def find_recipients(
    log: LogStore, subjects: Collection[SubjectId], sought: Sought, fields_of: FieldsOf
) -> dict[str, Received]:
    """Find who received something of it, and with which answers.

    Raises:
        LandbridgeError: LB-5001, LB-5002 when the log cannot be read.
    """
    found: dict[str, Received] = {}
    for index, entry in sorted(_entries(log, subjects)):
        in_time = sought.since <= entry.logged_at_unix_ms < sought.until
        if entry.kind != log_pb2.ENTRY_KIND_ANSWER or not in_time:
            continue
        fields = _released(entry.accesses, sought, fields_of)
        if fields:
            received = found.setdefault(entry.requester, Received(since=entry.logged_at_unix_ms))
            received.fields |= fields
            received.answers.append((index, entry.query_digest.hex()))
            received.since = min(received.since, entry.logged_at_unix_ms)
            delays = [access.disclosed_from_unix_ms for access in entry.accesses]
            received.told_from = max(received.told_from, *delays)
    return found


def _entries(
    log: LogStore, subjects: Collection[SubjectId]
) -> Iterator[tuple[int, log_pb2.LogEntry]]:
    names = [name for one in subjects for name in log.subjects.find(one.scheme, one.value)]
    before: int | None = None
    while positions := log.positions(names, before=before, limit=_PAGE):
        for index, data in zip(positions, log.entries_at(positions), strict=True):
            yield index, log_pb2.LogEntry.FromString(data)
        before = positions[-1]


def _released(
    accesses: Sequence[log_pb2.Access], sought: Sought, fields_of: FieldsOf
) -> frozenset[str]:
    """Return which of the wrong fields an answer released, in records or in answers yes and no."""
    released: set[str] = set()
    for access in accesses:
        if access.dataset != sought.dataset or access.outcome not in (_ANSWERED, _SEALED):
            continue
        for name in access.released:
            if name in sought.published:
                # How many records a sealed answer holds is in no log.
                if access.records or access.outcome == _SEALED:
                    released.add(name)
            else:
                # An answer yes or no on nothing may be wrong, too.
                compared = fields_of(access.memorandum, access.clause, name)
                released |= sought.fields or sought.published if compared is None else compared
    return frozenset(released & (sought.fields or sought.published))
