"""A case as a whole: its opening, the steps that were taken, and which may follow."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Self

from landbridge.errors import Reason, refuse
from landbridge.rights.opening import Opening, VerifiedOpening
from landbridge.rights.speaker import Speaker
from landbridge.rights.step_document import VerifiedStep
from landbridge.rights.steps import CaseKind, CaseState, Step, state_after, steps_after
from landbridge.subject import SubjectId


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that counts; times are Unix milliseconds."""

    step: Step
    document: bytes
    digest: bytes
    by: str
    """The agency that took it, or who speaks for the subject."""
    at: int
    """When the node took it: clocks run from then."""
    entry: int
    """Its place in the node's log."""
    reason: str = ""
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A dispute or a repair."""

    opening: Opening
    speaker: Speaker
    deciding: str
    """The agency whose decision it is."""
    taken: tuple[Taken, ...]

    @classmethod
    def begin(cls, verified: VerifiedOpening, document: bytes, *, deciding: str, at: int) -> Self:
        """Begin a case; the place of its first entry is noted when it is logged."""
        (first,) = steps_after(verified.opening.kind, ())
        taken = Taken(first, document, verified.digest, verified.speaker.signer, at, entry=-1)
        return cls(verified.opening, verified.speaker, deciding, (taken,))

    @property
    def id(self) -> str:
        """Its id."""
        return self.opening.id

    @property
    def kind(self) -> CaseKind:
        """What it is about."""
        return self.opening.kind

    @property
    def subject(self) -> SubjectId:
        """By which identifier the record is on the subject."""
        return self.opening.subject.subject

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that were taken."""
        return tuple(taken.step for taken in self.taken)

    @property
    def state(self) -> CaseState:
        """How far it has come."""
        return state_after(self.steps)

    @property
    def opened_at(self) -> int:
        """When the node took it, Unix milliseconds."""
        return self.taken[0].at

    @property
    def last(self) -> Taken:
        """The newest step."""
        return self.taken[-1]

    @property
    def reason(self) -> str:
        """What was decided last, and why; empty where nothing was."""
        return next((taken.reason for taken in reversed(self.taken) if taken.reason), "")

    @property
    def is_extended(self) -> bool:
        """Whether the agency took more time."""
        return Step.EXTENDED in self.steps

    @property
    def is_told(self) -> bool:
        """Whether those who had the record have been told."""
        return Step.ISSUED in self.steps

    def concerns(self, other: Opening, known_by: Collection[SubjectId] | None = None) -> bool:
        """Whether another opening is about the same: kind, record, and a field of both.

        `known_by` are the identifiers that the other's record states, where its name alone does not
        tell it; None where it does.
        """
        own = self.opening
        return (
            self.kind is other.kind
            and (own.dataset, own.record) == (other.dataset, other.record)
            and (known_by is None or self.subject in known_by)
            and (not own.fields or not other.fields or not set(own.fields).isdisjoint(other.fields))
        )

    def follow(self, verified: VerifiedStep, document: bytes, *, at: int) -> Self:
        """Take a step; the place of its entry is noted when it is logged.

        Raises:
            LandbridgeError: LB-4111 when it does not follow, is another case's, or is not for this
                agency to take; LB-4110 for a step that was taken already.
        """
        found, step = verified.document, verified.step
        where = f"case {self.id}: step {step}"
        if (found.case, found.agency) != (self.id, self.opening.agency):
            raise refuse(Reason.STEP_REFUSED, "it is of another case", where=where)
        if step in self.steps:
            raise refuse(Reason.CASE_CONFLICT, "this step was taken already", where=where)
        allowed = steps_after(self.kind, self.steps)
        if step not in allowed:
            raise refuse(
                Reason.STEP_REFUSED,
                f"the case is {self.state}",
                where=where,
                next_step="what may follow: " + (", ".join(sorted(allowed)) or "nothing"),
            )
        if found.previous != self.last.digest.hex():
            raise refuse(
                Reason.STEP_REFUSED, "it does not name the document of the step before", where=where
            )
        entitled = self.opening.agency if step is Step.ISSUED else self.deciding
        if found.by != entitled:
            raise refuse(
                Reason.STEP_REFUSED,
                f"it is for {entitled} to take, not for {found.by}",
                where=where,
            )
        taken = Taken(
            step, document, verified.digest, found.by, at, -1, found.reason, found.notices
        )
        return replace(self, taken=(*self.taken, taken))

    def logged(self, entry: int) -> Self:
        """Note the place in the log of the newest step."""
        return replace(self, taken=(*self.taken[:-1], replace(self.last, entry=entry)))
