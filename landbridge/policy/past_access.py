"""What was asked and answered, as a log tells it: names and counts, and no value."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from landbridge.errors import Reason
from landbridge.subject import SubjectKind


@dataclass(frozen=True, slots=True)
class PastAccess:
    """What one query got, or did not get, of one dataset by one clause."""

    at: int
    """When, Unix milliseconds."""
    query: bytes
    """SHA-256 of the query, so that its parts can be put together."""
    provider: str
    dataset: str
    requester: str
    purpose: str
    subject_kind: SubjectKind
    outcome: Reason
    memorandum: str
    """The memorandum by which it was decided; empty where none covered the request."""
    clause: str
    released: tuple[str, ...]
    refused: tuple[str, ...]
    """Both empty where the whole dataset was refused."""
    records: int
    resolving: bool
    """Whether only identifiers were asked for, to find the subject's other names."""
    consented: bool
    """Whether something was released by a consent."""

    @property
    def sealed(self) -> bool:
        """Whether the answer left sealed."""
        return self.outcome is Reason.SEALED


@dataclass(frozen=True, slots=True)
class PastQuestion:
    """What one query asked of one dataset in one step, put together from all clauses' accesses."""

    first: PastAccess
    released: Mapping[str, PastAccess]
    refused: Mapping[str, PastAccess]


def put_together(past: Iterable[PastAccess]) -> Iterator[PastQuestion]:
    """Put together what belongs to one step of one query and one dataset."""
    grouped: dict[tuple[bytes, bool, str, str], list[PastAccess]] = {}
    for access in past:
        if not (access.outcome.is_refusal or _was_read(access)):
            # A failure of the source says nothing of policy.
            continue
        key = access.query, access.resolving, access.provider, access.dataset
        grouped.setdefault(key, []).append(access)
    for accesses in grouped.values():
        released = {name: access for access in accesses for name in access.released}
        refused = {name: access for access in accesses for name in access.refused}
        yield PastQuestion(accesses[0], released, refused)


def _was_read(access: PastAccess) -> bool:
    return access.outcome in (Reason.ANSWERED, Reason.NO_RECORD, Reason.SEALED)
