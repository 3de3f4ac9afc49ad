"""A request to read, and what policy makes of it: the words that node and gateway share."""

from dataclasses import dataclass
from typing import Final

from landbridge.errors import Reason
from landbridge.memorandum.condition import Rule
from landbridge.memorandum.grant import DelayedDisclosure, Predicate, Quota
from landbridge.period import Period
from landbridge.subject import SubjectKind

WHOLE_DATASET: Final = ""
"""Stands for the field in a refusal of the whole dataset."""


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """Who wants to read what of whom, why and when (Unix milliseconds).

    `revocation_stale` says that whoever decides holds revocation data that are too old, `consented`
    that the person asked about has consented to just this, `sealed` that the answer can leave
    sealed to the requester. `vouched_by` are the agencies whose word for the consent was shown;
    None where that is not known yet, and any will do.
    """

    provider: str
    dataset: str
    requester: str
    purpose: str
    subject_kind: SubjectKind
    fields: tuple[str, ...]
    at: int
    revocation_stale: bool = False
    consented: bool = False
    sealed: bool = False
    vouched_by: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a clause releases, beside fields and records."""

    quota: Quota | None = None
    sealed: bool = False
    """Whether the answer must leave sealed."""
    retention: Period | None = None
    fresh_within: Period | None = None
    consent: bool = False
    """Whether the person asked about must have consented."""
    delayed_disclosure: DelayedDisclosure | None = None
    """When the subject is told who looked; None: whenever it asks."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one clause releases of the records that meet all its rules.

    `fields` name its predicates where these are what it releases.
    """

    memorandum: str
    clause: str
    legal_basis: str
    fields: tuple[str, ...]
    where: tuple[Rule, ...]
    predicates: tuple[Predicate, ...] = ()
    terms: Terms = Terms()


@dataclass(frozen=True, slots=True)
class FieldRefusal:
    """A field that is not released, and the clause that came nearest.

    Memorandum and clause are empty where none did, or the requester is no party of it.
    """

    field: str
    reason: Reason
    memorandum: str
    clause: str
    delayed_disclosure: DelayedDisclosure | None = None
    """That clause's, where it is in force and names the requester, the purpose and the kind."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What of a request is allowed and what is refused; each wanted field is in one of them."""

    allowances: tuple[Allowance, ...]
    refusals: tuple[FieldRefusal, ...]


OTHER_KIND: Final = Decision(
    (), (FieldRefusal(WHOLE_DATASET, Reason.SUBJECT_KIND_NOT_COVERED, "", ""),)
)
"""The decision where a dataset is about another kind of subject than the query."""
