"""What a party knew at a past moment, from its folder alone: the second time of every clause.

known = known_at(state, at)
policy = Policy(known.memoranda, known.notices)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from landbridge.library.history import History, Logged
from landbridge.library.kinds import Kind
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, barred
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signature import SignedForm


@dataclass(frozen=True, slots=True)
class Known:
    """What counted at a moment, and of this what a party knew then."""

    memoranda: tuple[Memorandum, ...]
    notices: tuple[Notice, ...]
    revocations: tuple[str, ...]
    """Ids of the consent records that had ended."""
    entries: Mapping[str, Logged]
    """By which log entry each counted: by the memorandum's, notice's or record's digest."""


def known_at(state: Path, at: int) -> Known:
    """Return what a party knew at a time (Unix milliseconds), from its folder.

    Raises:
        LandbridgeError: LB-1101 when a file is missing; LB-5002 when one is not what was logged.
    """
    history = History(state)
    memoranda: list[Memorandum] = []
    notices: list[Notice] = []
    revocations: list[str] = []
    entries: dict[str, Logged] = {}
    for (kind, digest), logged in history.counting(at).items():
        document = history.document(digest)
        if kind is Kind.MEMORANDUM:
            memorandum = Memorandum.from_json(SignedForm.parse(document).payload)
            memoranda.append(memorandum)
            entries[memorandum.digest] = logged
            if logged.change.barred:
                notices.append(barred(memorandum, "the node could not do what it says"))
        elif kind is Kind.NOTICE:
            notice = WrittenNotice.from_json(SignedNotice.parse(document).payload).taken()
            notices.append(notice)
            entries[notice.id] = logged
        else:
            revocations.append(logged.change.subject)
            entries[logged.change.subject] = logged
    return Known(tuple(memoranda), tuple(notices), tuple(revocations), entries)
