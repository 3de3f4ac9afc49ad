"""Memoranda: what agencies agree that one may read of another.

A memorandum is written as YAML, which people read and amend, and signed as RFC 8785 JSON
(`landbridge.memorandum_signature`). Both hold the same keys. What no memorandum grants is refused
(`landbridge.policy`).

    memorandum = Memorandum.from_yaml(Path("memoranda/ed-2026-01.yaml"))
    payload = memorandum.to_json()
"""

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from landbridge.errors import Reason, refuse
from landbridge.memorandum_fields import (
    AgencyId,
    ClauseNumber,
    Distinct,
    Instant,
    Line,
    LinkSource,
    MemorandumId,
    Name,
    Parties,
    Rows,
    SomeDistinct,
    StaleRevocation,
    read_instant,
)
from landbridge.memorandum_problems import complain, json_path, validate
from landbridge.places import Keys
from landbridge.strict_yaml import read_yaml
from landbridge.subject import SubjectKind
from landbridge.suggestion import did_you_mean

MAX_BYTES: Final = 1_000_000
"""Largest memorandum that is read."""

_MAX_GRANTS: Final = 1000
_NOT_LATER: Final = "must be later than `from`"


def _drop_default(schema: dict[str, Any]) -> None:
    # Leaving the key out is the only way to have it.
    schema.pop("default", None)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True)


class Validity(_Part):
    """From when until when; the last instant is no longer part of it."""

    from_: Instant = Field(alias="from", description="The first instant in force.")
    until: Instant = Field(description="The first instant no longer in force.")

    @cached_property
    def start(self) -> int:
        """The first instant in force, Unix milliseconds."""
        return read_instant(self.from_)

    @cached_property
    def end(self) -> int:
        """The first instant no longer in force, Unix milliseconds."""
        return read_instant(self.until)


class Grant(_Part):
    """One clause: what one provider releases to whom, for what, of which records."""

    clause: ClauseNumber = Field(description="The clause of the agreement, such as 2.1.")
    provider: AgencyId = Field(description="The party that releases.")
    dataset: Name = Field(description="The dataset as the provider publishes it.")
    requesters: SomeDistinct[AgencyId] = Field(description="The parties that may ask.")
    fields: SomeDistinct[Name] = Field(description="The canonical fields that are released.")
    where: Rows = Field(
        (),
        json_schema_extra=_drop_default,
        description="Which records; all conditions must hold. Left out: every record.",
    )
    purposes: SomeDistinct[Name] = Field(description="Purposes of the federation's list.")
    subject_kinds: SomeDistinct[SubjectKind] = Field(description="Whom the records are about.")
    legal_basis: Line | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=_drop_default,
        description="The legal basis of this clause. Left out: the memorandum's.",
    )
    valid: Validity | SkipJsonSchema[None] = Field(
        None,
        json_schema_extra=_drop_default,
        description="When this clause is in force. Left out: as long as the memorandum.",
    )


class Memorandum(_Part):
    """An agreement of two or more agencies."""

    id: MemorandumId = Field(alias="memorandum", description="The id of the memorandum.")
    title: Line = Field(description="The title for readers.")
    illustrative: bool = Field(
        default=False, description="Whether it is an example that no agency agreed on."
    )
    parties: Parties = Field(description="The agencies that agree and sign.")
    legal_basis: Line = Field(description="The legal basis of every clause without its own.")
    valid: Validity = Field(description="When the memorandum is in force.")
    link_sources: Distinct[LinkSource] = Field(
        (), description="Datasets whose identifier links the providers accept. Empty: none."
    )
    stale_revocation: StaleRevocation = Field(
        StaleRevocation.REFUSE,
        description="What holds while revocation data are too old: refuse or serve.",
    )
    grants: tuple[Grant, ...] = Field(
        min_length=1, max_length=_MAX_GRANTS, description="The clauses, in their order."
    )

    @classmethod
    def from_yaml(cls, path: Path) -> Self:
        """Read the form that people write.

        Raises:
            LandbridgeError: LB-4101; it lists every problem with file, line and column.
        """
        document = read_yaml(_read_text(path), str(path))
        memorandum = validate(
            cls, json.dumps(document.data), document.place_of_value, document.place_of_key
        )
        problems = [
            (document.place_of_value(way), what) for way, what in _find_contradictions(memorandum)
        ]
        if problems:
            raise complain(problems)
        return memorandum

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        """Read the form that parties sign. Whoever calls has verified the bytes.

        Raises:
            LandbridgeError: LB-4101 when it is not a memorandum in its one signed form.
        """
        memorandum = validate(cls, payload, json_path, json_path)
        problems = [(json_path(way), what) for way, what in _find_contradictions(memorandum)]
        if problems:
            raise complain(problems)
        # Keys written twice, other spacing or a default written out would be a second writing of
        # the same agreement, and one that other readers could take to mean something else.
        if memorandum.to_json() != payload:
            raise refuse(
                Reason.MALFORMED_MEMORANDUM,
                "the payload is not the canonical writing of the memorandum that it holds",
                next_step="sign the memorandum with `landbridge memo sign`",
            )
        return memorandum

    def to_json(self) -> bytes:
        """Write the bytes that parties sign: RFC 8785, without keys that have their default."""
        return rfc8785.dumps(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    def legal_basis_of(self, grant: Grant) -> str:
        """The legal basis that a clause stands on."""
        return grant.legal_basis or self.legal_basis

    def validity_of(self, grant: Grant) -> Validity:
        """When a clause is in force."""
        return grant.valid or self.valid


def _find_contradictions(memorandum: Memorandum) -> Iterator[tuple[Keys, str]]:
    """Find what is wrong between values, each of which is right by itself."""
    whole = memorandum.valid
    if whole.start >= whole.end:
        yield ("valid", "until"), _NOT_LATER
    for number, grant in enumerate(memorandum.grants):
        way: Keys = ("grants", number)
        if grant.provider not in memorandum.parties:
            yield (*way, "provider"), _no_party(grant.provider, memorandum)
        for position, requester in enumerate(grant.requesters):
            if requester not in memorandum.parties:
                yield (*way, "requesters", position), _no_party(requester, memorandum)
        if grant.valid is None:
            continue
        if grant.valid.start >= grant.valid.end:
            yield (*way, "valid", "until"), _NOT_LATER
        if grant.valid.start < whole.start:
            yield (*way, "valid", "from"), f"is before the memorandum's own, {whole.from_}"
        if grant.valid.end > whole.end:
            yield (*way, "valid", "until"), f"is after the memorandum's own, {whole.until}"


def _no_party(agency: str, memorandum: Memorandum) -> str:
    return f"{agency} is no party of the memorandum{did_you_mean(agency, memorandum.parties)}"


def json_schema() -> dict[str, Any]:
    """Describe the YAML form for editors, as JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:landbridge:memorandum",
        **Memorandum.model_json_schema(by_alias=True),
    }


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise refuse(
            Reason.MALFORMED_MEMORANDUM,
            f"the file cannot be read: {error.strerror}",
            where=str(path),
            next_step="name a file that exists and that you may read",
        ) from None
    if len(content) > MAX_BYTES:
        raise refuse(Reason.MALFORMED_MEMORANDUM, f"larger than {MAX_BYTES} bytes", where=str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise refuse(
            Reason.MALFORMED_MEMORANDUM, "this is not UTF-8 text", where=f"{path}:{line}:{column}"
        ) from None
