"""A signed step as whoever hands it in knows it: of which case, at which agency, which step."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from landbridge.rights.kind import rights_document
from landbridge.rights.opening import read_opening
from landbridge.rights.step_document import read_step
from landbridge.rights.steps import CaseKind, Step
from landbridge.statement.signed import SignedByOne

_WHAT = rights_document("step of a case")


@dataclass(frozen=True, slots=True)
class SentStep:
    """A step that is handed in."""

    document: bytes
    agency: str
    """The agency that holds the record."""
    case_id: str
    step: Step
    kind: CaseKind | None = None
    """What the case is about, where the step opens it."""

    @classmethod
    def read(cls, document: bytes) -> Self:
        """Read what a signed document says of itself; its signature is not verified.

        Raises:
            LandbridgeError: LB-4107, LB-4112 when it is no step of a case.
        """
        if b'"case":' in SignedByOne.parse(document, _WHAT).payload:
            found = read_step(document)
            return cls(document, found.document.agency, found.document.case, found.step)
        opening = read_opening(document).opening
        step = Step.OPENED if opening.kind is CaseKind.DISPUTE else Step.REQUESTED
        return cls(document, opening.agency, opening.id, step, opening.kind)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the document: by this the log names it."""
        return sha256(self.document).digest()
