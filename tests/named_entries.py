"""Entries on subjects, as a log's party appends them: named within the append."""

from collections.abc import Sequence

from landbridge.log.evidence import Evidence
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import About, Pseudonym


def append_on(log: LogStore, *groups: Sequence[About]) -> list[list[Pseudonym]]:
    """Append an entry on each group of subjects, and return what the log calls them.

    An entry is the pseudonyms of its group, or `nobody`.
    """
    given: list[list[Pseudonym]] = []

    def write(named: list[list[Pseudonym]]) -> list[bytes]:
        given.extend(named)
        return [b"".join(name.value for name in names) or b"nobody" for names in named]

    log.append_about(groups, write)
    return given


def names_at(at: int, *subjects: str) -> list[About]:
    """Say whom an entry names, all of one scheme, at a time in Unix milliseconds."""
    return [("ope", subject, at) for subject in subjects]


def append_written(log: LogStore, entry: bytes, about: Sequence[About]) -> Evidence:
    """Append an entry that is written already, found under these."""
    return log.append_about([about], lambda _: [entry])[0]
