"""Whether a profile is still good: its answers, held against the status lists of their logs.

No data are read again, and who asks for a list does not say which entry matters to him.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from landbridge.envelope import ANSWER_TYPE, EvidenceVerifier
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.profile import SignedProfile
from landbridge.rights.correction import Correction
from landbridge.rights.status_list import StatusList
from landbridge.trust.bundle import TrustBundle


class Standing(StrEnum):
    """What became of an answer."""

    GOOD = "good"
    SUPERSEDED = "superseded"
    UNKNOWN = "unknown"
    """No list says."""


@dataclass(frozen=True, slots=True)
class AnswerPlace:
    """Where an answer of a profile stands: which entry of which log."""

    agency: str
    origin: str
    index: int
    datasets: tuple[str, ...]
    """What it holds records of; empty where the answer is sealed."""


@dataclass(frozen=True, slots=True)
class AnswerStatus:
    """What became of one answer of a profile."""

    place: AnswerPlace
    standing: Standing
    as_of: int = 0
    """When the list was issued that says so, Unix milliseconds."""
    corrections: tuple[Correction, ...] = ()
    """The notices at hand that name it."""
    error: LandbridgeError | None = None
    """Why it is unknown."""


def answer_places(signed: SignedProfile, bundle: TrustBundle) -> list[AnswerPlace]:
    """Say where each answer of a profile stands, by its proof.

    Raises:
        LandbridgeError: LB-4001, LB-4002, LB-4008 for a proof that does not hold.
    """
    logs = EvidenceVerifier(bundle.log_keys)
    places = []
    for envelope, answer in zip(signed.profile.answers, signed.answers, strict=True):
        holder = logs.verify(envelope, ANSWER_TYPE)
        datasets = tuple(one.dataset for one in answer.datasets if one.extracts)
        places.append(AnswerPlace(holder.agency, holder.origin, holder.index, datasets))
    return places


def answer_statuses(
    places: Iterable[AnswerPlace],
    lists: Mapping[str, StatusList | LandbridgeError],
    corrections: Iterable[Correction],
    at: int,
) -> list[AnswerStatus]:
    """Say what became of answers by the lists of their logs, by origin; `at` is Unix milliseconds.

    What a list calls superseded is so however old the list is.
    """
    named: dict[tuple[str, int], list[Correction]] = {}
    for correction in corrections:
        for entry, _ in correction.answers:
            named.setdefault((correction.log, entry), []).append(correction)
    return [
        _status(
            place, lists.get(place.origin), tuple(named.get((place.origin, place.index), ())), at
        )
        for place in places
    ]


def _status(
    place: AnswerPlace,
    found: StatusList | LandbridgeError | None,
    corrections: tuple[Correction, ...],
    at: int,
) -> AnswerStatus:
    if corrections:
        # A notice that is signed needs no list.
        return AnswerStatus(place, Standing.SUPERSEDED, corrections[0].issued_at, corrections)
    if found is None:
        found = refuse(
            Reason.BAD_STATUS_LIST,
            "there is no list of this log",
            where=f"status list of {place.origin}",
        )
    if isinstance(found, LandbridgeError):
        return AnswerStatus(place, Standing.UNKNOWN, error=found)
    try:
        if found.is_superseded(place.index):
            return AnswerStatus(place, Standing.SUPERSEDED, found.issued_at)
        found.check_fresh(at)
    except LandbridgeError as error:
        return AnswerStatus(place, Standing.UNKNOWN, found.issued_at, error=error)
    return AnswerStatus(place, Standing.GOOD, found.issued_at)
