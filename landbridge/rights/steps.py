"""The states of disputes and repairs, and which step may follow which: the table, and no more.

dispute: opened -> [extended] -> upheld | corrected | rejected
repair:  requested -> under-review -> repaired | refused
upheld, corrected, repaired -> issued: those who had the record have been told
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Final


class CaseKind(StrEnum):
    """What a case is about."""

    DISPUTE = "dispute"
    REPAIR = "repair"

    @property
    def number(self) -> int:
        """The kind as the wire contract numbers it."""
        return _NUMBER_OF_KIND[self]


class CaseState(StrEnum):
    """How far a case has come."""

    OPEN = "open"
    UPHELD = "upheld"
    CORRECTED = "corrected"
    REJECTED = "rejected"
    REQUESTED = "requested"
    UNDER_REVIEW = "under-review"
    REPAIRED = "repaired"
    REFUSED = "refused"

    @property
    def number(self) -> int:
        """The state as the wire contract numbers it."""
        return _NUMBER_OF_STATE[self]

    @property
    def is_open(self) -> bool:
        """Whether a decision is due."""
        return self in _OPEN

    @property
    def withdraws(self) -> bool:
        """Whether the record is given no more."""
        return self in (CaseState.UPHELD, CaseState.REPAIRED)


class Step(StrEnum):
    """What is done in a case."""

    OPENED = "opened"
    REQUESTED = "requested"
    EXTENDED = "extended"
    UPHELD = "upheld"
    CORRECTED = "corrected"
    REJECTED = "rejected"
    UNDER_REVIEW = "under-review"
    REPAIRED = "repaired"
    REFUSED = "refused"
    ISSUED = "issued"

    @property
    def needs_reason(self) -> bool:
        """Whether the subject is owed a reason."""
        return self in _DECISIONS or self is Step.EXTENDED


_NUMBER_OF_KIND: Final = {kind: number for number, kind in enumerate(CaseKind, start=1)}
_NUMBER_OF_STATE: Final = {state: number for number, state in enumerate(CaseState, start=1)}
_OPEN: Final = frozenset((CaseState.OPEN, CaseState.REQUESTED, CaseState.UNDER_REVIEW))
_DECISIONS: Final = frozenset(
    (Step.UPHELD, Step.CORRECTED, Step.REJECTED, Step.REPAIRED, Step.REFUSED)
)
_FIRST: Final = {CaseKind.DISPUTE: Step.OPENED, CaseKind.REPAIR: Step.REQUESTED}
_STATE_AFTER: Final = {
    Step.OPENED: CaseState.OPEN,
    Step.REQUESTED: CaseState.REQUESTED,
    Step.UPHELD: CaseState.UPHELD,
    Step.CORRECTED: CaseState.CORRECTED,
    Step.REJECTED: CaseState.REJECTED,
    Step.UNDER_REVIEW: CaseState.UNDER_REVIEW,
    Step.REPAIRED: CaseState.REPAIRED,
    Step.REFUSED: CaseState.REFUSED,
}
"""Steps that are not here leave the state as it is, and may be taken once."""
_NEXT: Final = {
    CaseState.OPEN: frozenset((Step.UPHELD, Step.CORRECTED, Step.REJECTED, Step.EXTENDED)),
    CaseState.UPHELD: frozenset((Step.ISSUED,)),
    CaseState.CORRECTED: frozenset((Step.ISSUED,)),
    CaseState.REJECTED: frozenset[Step](),
    CaseState.REQUESTED: frozenset((Step.UNDER_REVIEW,)),
    CaseState.UNDER_REVIEW: frozenset((Step.REPAIRED, Step.REFUSED)),
    CaseState.REPAIRED: frozenset((Step.ISSUED,)),
    CaseState.REFUSED: frozenset[Step](),
}


def state_after(taken: Sequence[Step]) -> CaseState:
    """Return how far a case has come by the steps that were taken; at least the first was."""
    return next(_STATE_AFTER[step] for step in reversed(taken) if step in _STATE_AFTER)


def steps_after(kind: CaseKind, taken: Sequence[Step]) -> frozenset[Step]:
    """Return which steps may be taken next."""
    if not taken:
        return frozenset((_FIRST[kind],))
    return frozenset(
        step for step in _NEXT[state_after(taken)] if step in _STATE_AFTER or step not in taken
    )
