"""What a party knew at a past moment, from its folder alone: the second time of every clause.

known = known_at(state, at)
policy = Policy(known.memoranda, known.notices)
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from landbridge.library.changes import Logged
from landbridge.library.history import History
from landbridge.library.kinds import Kind
from landbridge.library.remembered import recall_document
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.life import Notice, barred


@dataclass(frozen=True, slots=True)
class Known:
    """What counted at a moment, and of this what a party knew then."""

    memoranda: tuple[Memorandum, ...]
    notices: tuple[Notice, ...]
    revocations: tuple[str, ...]
    """Ids of the consent records that had ended."""
    entries: Mapping[str, Logged]
    """By which log entry each counted: by the memorandum's, notice's or record's digest."""


CANNOT_KEEP: Final = "the node cannot do exactly what it says"
"""Why a memorandum is barred, as far as the log tells."""


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
        opened = recall_document(kind, history.document(digest))
        entries[opened.subject if opened.revocation else opened.signed] = logged
        if opened.memorandum is not None:
            memoranda.append(opened.memorandum)
            if logged.change.barred:
                notices.append(barred(opened.memorandum, CANNOT_KEEP))
        elif opened.notice is not None:
            notices.append(opened.notice)
        elif opened.revocation is not None:
            revocations.append(opened.subject)
    ids = {memorandum.id for memorandum in memoranda}
    for memorandum in _lost(history, at):
        if memorandum.id not in ids:
            memoranda.append(memorandum)
            notices.append(barred(memorandum, "its signatures no longer counted"))
    return Known(tuple(memoranda), tuple(notices), tuple(revocations), entries)


def _lost(history: History, at: int) -> Iterator[Memorandum]:
    """Give the memoranda that no longer counted then, and had ended what they amend."""
    counting = history.counting(at)
    for kind, digest in history.ever(at):
        if kind is Kind.MEMORANDUM and (kind, digest) not in counting:
            opened = recall_document(kind, history.document(digest))
            if opened.memorandum is not None and opened.memorandum.amends is not None:
                yield opened.memorandum
