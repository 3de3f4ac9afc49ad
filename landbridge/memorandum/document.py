"""Memoranda: what agencies agree that one may read of another.

A memorandum is written as YAML, which people read and amend, and signed as RFC 8785 JSON
(`landbridge.memorandum.signature`). Both hold the same keys. What no memorandum grants is refused
(`landbridge.policy.authorization`).

    memorandum = Memorandum.from_yaml(Path("memoranda/ed-2026-01.yaml"))
    payload = memorandum.to_json()
"""

import json
from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Final, Self

import rfc8785
from pydantic import Field

from landbridge.errors import Reason, refuse
from landbridge.memorandum.grant import (
    DelayedDisclosure,
    Grant,
    Part,
    Quota,
    Validity,
    drop_default,
    find_contradictions,
)
from landbridge.memorandum.problems import complain, json_path, validate
from landbridge.memorandum.words import (
    AgencyId,
    Distinct,
    Left,
    Line,
    LinkSource,
    MemorandumId,
    Parties,
    StaleRevocation,
)
from landbridge.places import Keys
from landbridge.strict_yaml import PlacedDocument, read_yaml
from landbridge.suggestion import did_you_mean

MAX_BYTES: Final = 1_000_000
"""Largest memorandum that is read."""

_MAX_GRANTS: Final = 1000
_MAX_CONDITIONS: Final = 5000
_ONE_CONDITION: Final = b'"field":'
"""What each condition has once in the signed writing, and no text can hold: its quotes would be
escaped."""
_MAX_COMBINATIONS: Final = 20_000
"""Each is an entry of the tables in which a policy is looked up."""
_TOO_WIDE: Final = (
    f"the clauses name more than {_MAX_COMBINATIONS} combinations of requester, purpose and subject"
    " kind"
)
_TOO_MANY: Final = f"more than {_MAX_CONDITIONS} conditions in all"
_NOT_LATER: Final = "must be later than `from`"
_NO_CONSENT: Final = (
    "records on persons need a `statute`, or a consent that an agency of `consent_desks` takes"
)


class Memorandum(Part):
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
    amends: Left[MemorandumId] = Field(
        None,
        json_schema_extra=drop_default,
        description="The memorandum in whose place this one steps, from its first instant on.",
    )
    consent_desks: Distinct[AgencyId] = Field(
        (),
        description="Agencies whose word the providers take for a person's consent.",
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
        return cls.with_places(path)[0]

    @classmethod
    def with_places(cls, path: Path) -> tuple[Self, PlacedDocument]:
        """Read the form that people write, and where in it each key and value stands.

        Raises:
            LandbridgeError: as for `from_yaml`.
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
        return memorandum, document

    @classmethod
    def from_json(cls, payload: bytes) -> Self:
        """Read the form that parties sign. Whoever calls has verified the bytes.

        Raises:
            LandbridgeError: LB-4101 when it is not a memorandum in its one signed form.
        """
        # Whoever is a party may offer anything: what is too large is refused before it is read.
        if len(payload) > MAX_BYTES:
            raise refuse(Reason.MALFORMED_MEMORANDUM, f"larger than {MAX_BYTES} bytes")
        if payload.count(_ONE_CONDITION) > _MAX_CONDITIONS:
            raise refuse(Reason.MALFORMED_MEMORANDUM, _TOO_MANY, where="grants")
        memorandum = validate(cls, payload, json_path, json_path)
        problems = [(json_path(way), what) for way, what in _find_contradictions(memorandum)]
        if problems:
            raise complain(problems)
        # Keys written twice, other spacing or a default written out would be a second writing of
        # the same agreement, and one that other readers could take to mean something else.
        try:
            canonical = memorandum.to_json()
        except rfc8785.CanonicalizationError:
            canonical = b""  # a number that readers of JSON could take to be another one
        if canonical != payload:
            raise refuse(
                Reason.MALFORMED_MEMORANDUM,
                "the payload is not the canonical writing of the memorandum that it holds",
                next_step="sign the memorandum with `landbridge memo sign`",
            )
        return memorandum

    def to_json(self) -> bytes:
        """Write the bytes that parties sign: RFC 8785, without keys that have their default."""
        return rfc8785.dumps(self.model_dump(mode="json", by_alias=True, exclude_defaults=True))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the signed writing, in hex: which text of the memorandum this is."""
        return sha256(self.to_json()).hexdigest()

    def legal_basis_of(self, grant: Grant) -> str:
        """The legal basis that a clause stands on."""
        return grant.legal_basis or self.legal_basis

    def validity_of(self, grant: Grant) -> Validity:
        """When a clause is in force."""
        return grant.valid or self.valid


def _combinations(grant: Grant) -> int:
    return len(grant.requesters) * len(grant.purposes) * len(grant.subject_kinds)


def _find_contradictions(memorandum: Memorandum) -> Iterator[tuple[Keys, str]]:
    """Find what is wrong between values, each of which is right by itself."""
    if memorandum.amends == memorandum.id:
        yield ("amends",), "a memorandum cannot amend itself"
    if memorandum.valid.start >= memorandum.valid.end:
        yield ("valid", "until"), _NOT_LATER
    if sum(len(list(grant.conditions())) for grant in memorandum.grants) > _MAX_CONDITIONS:
        yield ("grants",), _TOO_MANY
    if sum(map(_combinations, memorandum.grants)) > _MAX_COMBINATIONS:
        yield ("grants",), _TOO_WIDE
    quotas: dict[tuple[str, str], Quota | None] = {}
    delays: dict[tuple[str, str], DelayedDisclosure | None] = {}
    for number, grant in enumerate(memorandum.grants):
        # Queries are counted by clause: each of its grants says the same of it.
        if quotas.setdefault((grant.provider, grant.clause), grant.quota) != grant.quota:
            yield ("grants", number, "quota"), f"clause {grant.clause} has another quota above"
        # Nor does it depend on what of a clause was asked for when the subject is told.
        delay = grant.delayed_disclosure
        if delays.setdefault((grant.provider, grant.clause), delay) != delay:
            what = f"clause {grant.clause} delays disclosure otherwise above"
            yield ("grants", number, "delayed_disclosure"), what
        for inner, what in (
            *_wrong_parties(memorandum, grant),
            *find_contradictions(grant),
            *_wrong_validity(memorandum.valid, grant.valid),
        ):
            yield ("grants", number, *inner), what


def _wrong_parties(memorandum: Memorandum, grant: Grant) -> Iterator[tuple[Keys, str]]:
    if grant.provider not in memorandum.parties:
        yield ("provider",), _no_party(grant.provider, memorandum)
    for position, requester in enumerate(grant.requesters):
        if requester not in memorandum.parties:
            yield ("requesters", position), _no_party(requester, memorandum)
    if grant.needs_consent and not memorandum.consent_desks:
        yield ("subject_kinds",), _NO_CONSENT


def _wrong_validity(whole: Validity, own: Validity | None) -> Iterator[tuple[Keys, str]]:
    if own is None:
        return
    if own.start >= own.end:
        yield ("valid", "until"), _NOT_LATER
    if own.start < whole.start:
        yield ("valid", "from"), f"is before the memorandum's own, {whole.from_}"
    if own.end > whole.end:
        yield ("valid", "until"), f"is after the memorandum's own, {whole.until}"


def _no_party(agency: str, memorandum: Memorandum) -> str:
    return f"{agency} is no party of the memorandum{did_you_mean(agency, memorandum.parties)}"


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
