"""Notices: by which parties suspend, resume or terminate a memorandum, or clauses of it.

A notice is signed by exactly those whom it names as its signers. Each of them stops with it the
clauses in which it is the provider or a requester; what all parties sign stops all of them
(`landbridge.memorandum.life`).

    {"clauses":["2.1"],"digest":"9f...","from":"2026-05-01T00:00:00Z","memorandum":"ed-2026-01",
     "notice":"suspend","reason":"Audit of the register","signers":["nces.ed"]}
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Final

import rfc8785
from pydantic import Field, StringConstraints

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Part
from landbridge.memorandum.life import Notice, NoticeKind
from landbridge.memorandum.problems import json_path, validate
from landbridge.memorandum.signed_form import FindKey, SignedDocument
from landbridge.memorandum.words import (
    AgencyId,
    ClauseNumber,
    Distinct,
    Instant,
    Line,
    MemorandumId,
    SomeDistinct,
    read_instant,
)
from landbridge.suggestion import did_you_mean

MAX_BYTES: Final = 100_000
"""Largest signed notice that is read."""
_WRITE: Final = "write notices with `landbridge memo suspend`, `resume` or `terminate`"


class WrittenNotice(Part):
    """The payload of a notice."""

    notice: NoticeKind = Field(description="What it does: suspend, resume or terminate.")
    memorandum: MemorandumId = Field(description="The memorandum that it is on.")
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the memorandum's signed writing: a notice is on one text alone."
    )
    from_: Instant = Field(alias="from", description="From when it holds.")
    reason: Line = Field(description="Why, in words for the other parties.")
    clauses: Distinct[ClauseNumber] = Field(
        (), description="The clauses that it is on. Empty: all."
    )
    signers: SomeDistinct[AgencyId] = Field(description="Exactly who signs.")

    @classmethod
    def draft(cls, fields: Mapping[str, Any]) -> "WrittenNotice":
        """Make a notice of its fields.

        Raises:
            LandbridgeError: LB-4104 when they make none.
        """
        return cls._read(json.dumps(fields).encode())

    @classmethod
    def from_json(cls, payload: bytes) -> "WrittenNotice":
        """Read the form that is signed. Whoever calls has verified the bytes.

        Raises:
            LandbridgeError: LB-4104 when it is not a notice in its one signed form.
        """
        written = cls._read(payload)
        if written.to_json() != payload:
            raise refuse(
                Reason.MALFORMED_NOTICE,
                "the payload is not the canonical writing of the notice that it holds",
                next_step=_WRITE,
            )
        return written

    @classmethod
    def _read(cls, payload: bytes) -> "WrittenNotice":
        try:
            return validate(cls, payload, json_path, json_path)
        except LandbridgeError as error:
            raise refuse(
                Reason.MALFORMED_NOTICE, error.message, where=error.where, next_step=_WRITE
            ) from error

    def to_json(self) -> bytes:
        """Write the bytes that are signed: RFC 8785, without keys that have their default."""
        return rfc8785.dumps(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    def taken(self) -> Notice:
        """Return the notice as it takes effect; whoever calls has verified it."""
        return Notice(
            id=sha256(self.to_json()).hexdigest(),
            memorandum=self.memorandum,
            digest=self.digest,
            kind=self.notice,
            signers=frozenset(self.signers),
            from_ms=read_instant(self.from_),
            reason=self.reason,
            clauses=frozenset(self.clauses),
        )


@dataclass(frozen=True, slots=True)
class SignedNotice(SignedDocument):
    """A notice with the signatures that it has so far."""

    reason: ClassVar[Reason] = Reason.MALFORMED_NOTICE
    name: ClassVar[str] = "a notice"


def verify_notice(document: bytes, keys: FindKey) -> Notice:
    """Return a notice that exactly its signers have signed.

    Raises:
        LandbridgeError: LB-4104 malformed; LB-4001 a signature that does not verify; LB-4002 a key
            that is not trusted; LB-4102 when others sign than it names.
    """
    if len(document) > MAX_BYTES:
        raise SignedNotice.malformed(f"larger than {MAX_BYTES} bytes")
    form = SignedNotice.parse(document)
    signed_by = form.verify_signers(keys)
    written = WrittenNotice.from_json(form.payload)
    if set(signed_by) != set(written.signers):
        raise refuse(
            Reason.SIGNERS_NOT_PARTIES,
            f"it names {', '.join(sorted(written.signers))} as its signers, and "
            f"{', '.join(sorted(signed_by))} signed it",
            where=f"notice on {written.memorandum}",
            next_step="have exactly those sign whom it names",
        )
    return written.taken()


def check_fits(notice: Notice, memorandum: Memorandum) -> None:
    """Check that a notice can be on a memorandum.

    Raises:
        LandbridgeError: LB-4104 when it is on another text of it, or on a clause that it has not;
            LB-4102 when a signer is no party.
    """
    where = f"notice on {memorandum.id}"
    if notice.digest != memorandum.digest:
        raise refuse(
            Reason.MALFORMED_NOTICE,
            f"it is on another text of {memorandum.id} than the one that counts here",
            where=where,
            next_step="write the notice by the text that was signed",
        )
    check_clauses(notice.clauses, memorandum, where)
    strangers = sorted(notice.signers - set(memorandum.parties))
    if strangers:
        raise refuse(
            Reason.SIGNERS_NOT_PARTIES,
            f"{', '.join(strangers)} signed without being a party",
            where=where,
            next_step="only the parties give notice",
        )


def check_clauses(clauses: Iterable[str], memorandum: Memorandum, where: str) -> None:
    """Check that a memorandum has these clauses.

    Raises:
        LandbridgeError: LB-4104 when it has not.
    """
    known = list(dict.fromkeys(grant.clause for grant in memorandum.grants))
    for clause in sorted(clauses):
        if clause not in known:
            raise refuse(
                Reason.MALFORMED_NOTICE,
                f"{memorandum.id} has no clause {clause}{did_you_mean(clause, known)}",
                where=where,
                next_step=f"name one of: {', '.join(known[:20])}",
            )
