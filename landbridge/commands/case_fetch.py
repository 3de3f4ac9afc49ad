"""Fetches a case with its proofs: as its subject, or as the agency that decides on it."""

from dataclasses import dataclass
from pathlib import Path

from landbridge.commands.case_line import FetchedCase, Subject, fetch_case, fetch_case_as_agency
from landbridge.errors import Reason, refuse
from landbridge.rights.steps import CaseKind


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which case, and who wants it."""

    kind: CaseKind
    case: str
    subject: str
    at: str
    who: str | None
    key: Path | None
    binding: Path | None
    home: Path | None


def fetch(wanted: Wanted) -> FetchedCase:
    """Fetch a case and return its verified document.

    Raises:
        LandbridgeError: LB-1106 when the agency is not named; the agency's reason; LB-4xxx for what
            is not proven.
    """
    if not wanted.at:
        raise refuse(
            Reason.USAGE,
            "it is not said which agency holds the record",
            next_step="give --at AGENCY, as the case was opened there",
        )
    if wanted.subject:
        who = Subject(wanted.subject, wanted.who, wanted.key, wanted.binding, wanted.home)
        return fetch_case(who, wanted.at, wanted.kind, wanted.case)
    return fetch_case_as_agency(wanted.home, wanted.who, wanted.key, wanted.at, wanted.case)
