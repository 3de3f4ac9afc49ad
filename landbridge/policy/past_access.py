"""What was asked and answered, as a log tells it: names and counts, and no value."""

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
