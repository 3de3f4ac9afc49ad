"""What a comparison of logs finds, in a sentence and with its proof."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from landbridge.clock import to_iso
from landbridge.errors import Reason

_LAST_MS: Final = 253_402_300_800_000
"""The year 10000, which no date can be written of."""


class Kind(StrEnum):
    """What is wrong between logs."""

    HIDDEN = "hidden"
    FORKED = "forked"
    DIFFERS = "differs"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True)
class Proof:
    """An entry that shows it: in which log, where, and its RFC 6962 leaf hash."""

    origin: str
    index: int
    leaf_hash: bytes

    def document(self) -> Mapping[str, Any]:
        """Write it for a reader of JSON."""
        return {"log": self.origin, "index": self.index, "leaf_hash": self.leaf_hash.hex()}


@dataclass(frozen=True, slots=True)
class Head:
    """What a log was at one size, as one party heard it or as it was signed."""

    size: int
    root: bytes
    shown_by: str

    def document(self) -> Mapping[str, Any]:
        """Write it for a reader of JSON."""
        return {"size": self.size, "root": self.root.hex(), "shown_by": self.shown_by}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not fit. It names no subject: entries hold none in the clear."""

    kind: Kind
    by: str
    """Origin of the log that it is about."""
    sentence: str
    query: bytes = b""
    requester: str = ""
    purpose: str = ""
    at: int = 0
    """When the newest entry about the query was written, Unix milliseconds."""
    proof: tuple[Proof, ...] = ()
    heads: tuple[Head, ...] = ()
    word: tuple[str, ...] = ()
    """Origins of the logs on whose word alone it rests; empty where more than one party, or the log
    itself by its signature, says so."""
    topic: str = ""
    """Tells findings of one kind about one query and log apart."""
    may_be_late: bool = field(default=False, compare=False)
    """Whether something is missing that may still be written."""

    @property
    def code(self) -> str:
        """The reason as users meet it: LB-4301 or LB-4302."""
        reason = Reason.LOG_FORKED if self.kind is Kind.FORKED else Reason.ACCESS_HIDDEN
        return reason.code

    @property
    def key(self) -> str:
        """What stays the same as long as it is the same trouble."""
        return f"{self.kind}/{self.by}/{self.query.hex()}/{self.topic}"

    def document(self) -> dict[str, Any]:
        """Write it for a reader of JSON."""
        return {
            "kind": self.kind.value,
            "code": self.code,
            "log": self.by,
            "query_digest": self.query.hex(),
            "requester": self.requester,
            "purpose": self.purpose,
            "at": to_iso(self.at) if 0 < self.at < _LAST_MS else "",
            "sentence": self.sentence,
            "on_the_word_of": list(self.word),
            "proof": [each.document() for each in self.proof],
            "heads": [each.document() for each in self.heads],
        }
