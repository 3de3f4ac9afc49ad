"""The form of federation.toml, key by key; docs/schemas/federation.schema.json is made of it."""

import re
from datetime import date
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from landbridge.agency import check_agency
from landbridge.configuration import checked
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.period import Period
from landbridge.spelling import compile_pattern, compile_step, find_validator
from landbridge.subject import PLAIN, SubjectKind, check_scheme_name

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_LABEL: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DPV: Final = re.compile(r"dpv(?:-[a-z]+)*:[A-Za-z][A-Za-z0-9]*")


def _unfit(message: str, next_step: str) -> LandbridgeError:
    return refuse(Reason.INVALID_CONFIGURATION, message, next_step=next_step)


def _check_trust_domain(name: str) -> None:
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise _unfit(
            f"{name!r} is not a trust domain",
            "write lower-case labels joined by dots, such as 'institutions.example'",
        )


def _check_label(name: str) -> None:
    if not _LABEL.fullmatch(name):
        raise _unfit(
            f"{name!r} is not a name of a gateway",
            "write lower-case letters, digits and hyphens, such as 'main'",
        )


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _unfit(
            f"{name!r} does not serve as a name",
            "write lower-case words joined by hyphens, such as 'approval-review'",
        )


def _check_spelling_name(name: str) -> None:
    if name == PLAIN:
        raise _unfit(f"{PLAIN!r} is the normal form itself", "give the spelling another name")
    _check_name(name)


def _check_dpv(term: str) -> None:
    if not _DPV.fullmatch(term):
        raise _unfit(f"{term!r} is not a term of DPV", "write it like 'dpv:LegalCompliance'")


def _check_period(text: str) -> None:
    try:
        Period.parse(text)
    except ValueError:
        raise _unfit(
            f"{text!r} is not a length of calendar time", "write it like 'P30D', 'P1M' or 'P2Y'"
        ) from None


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise _unfit(
            f"{name!r} is not a time zone", "write it like 'UTC' or 'Asia/Shanghai'"
        ) from None


AgencyId = Annotated[str, checked(check_agency)]
Name = Annotated[str, checked(_check_name)]
Title = Annotated[str, Field(min_length=1)]
Step = Annotated[str, checked(compile_step)]
PeriodText = Annotated[str, checked(_check_period)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FederationTable(_Table):
    """What the federation is."""

    name: Annotated[str, checked(_check_trust_domain)]
    """The trust domain; it stands in every certificate."""
    title: Title
    """The title for readers."""


class GatewayTable(_Table):
    """The gateway."""

    agency: AgencyId
    """The agency that runs the gateway."""
    name: Annotated[str, checked(_check_label)] = "main"
    """The gateway's own name in its certificate."""


class AgencyTable(_Table):
    """A member other than the gateway's agency."""

    title: Title
    """The title for readers."""
    roles: Annotated[tuple[Literal["node", "requester"], ...], Field(min_length=1)]
    """What it does: `node` provides records, `requester` asks."""
    desk: bool = False
    """Whether it keeps a desk: it says who a subject is, with a key for consent."""


class SchemeTable(_Table):
    """How the identifiers of one kind are read, checked and written."""

    title: Title
    """The title for readers."""
    subject_kind: SubjectKind
    """What kind of subject carries such identifiers."""
    group: bool = False
    """Whether one value stands for a group whose members have identifiers of their own."""
    read: tuple[Step, ...] = ("strip",)
    """Steps from any writing to the normal form."""
    pattern: Annotated[str, checked(compile_pattern)] | None = None
    """Regular expression that the whole normal form matches."""
    stdnum: Annotated[str, checked(find_validator)] | None = None
    """Module of python-stdnum that checks form and check digits."""
    spellings: dict[Annotated[str, checked(_check_spelling_name)], tuple[Step, ...]] = Field(
        default_factory=dict
    )
    """Steps from the normal form to each way in which native tables write it."""


class PurposeTable(_Table):
    """Why a requester asks."""

    title: Title
    """The title for readers."""
    dpv: Annotated[str, checked(_check_dpv)] | None = None
    """The term of the W3C Data Privacy Vocabulary that means the same."""


class TermTable(_Table):
    """A term that several agencies' fields share."""

    title: Title
    """The title for readers."""
    compare: Literal["exact", "letters"] = "exact"
    """When two values agree: `exact`, or `letters` to look at letters and digits only."""
    authoritative: str | None = None
    """The agency, or agency/dataset, whose values are shown first."""


class LimitsTable(_Table):
    """Limits of one query."""

    max_links: int = Field(default=20, ge=1, le=1000)
    """Identifiers of one scheme that are followed in one query."""
    max_rounds: int = Field(default=3, ge=1, le=10)
    """Rounds of the resolve step."""
    max_records: int = Field(default=500, ge=1, le=10_000)
    """Records of one dataset in one answer."""
    max_query_lifetime_s: int = Field(default=300, ge=1, le=86_400)
    """Seconds from the signing of a query to its expiry."""
    clock_skew_s: int = Field(default=30, ge=0, le=600)
    """Seconds by which clocks may differ."""


class JurisdictionTable(_Table):
    """How long an agency has to answer a subject, as a law says."""

    title: Title
    """The title for readers."""
    source: Title
    """The law, and its article."""
    answer_within: PeriodText | None = None
    """Time to decide a dispute; in calendar time, or as `working_days`."""
    working_days: int | None = Field(default=None, ge=1, le=400)
    """Working days to decide a dispute."""
    repair_within: PeriodText | None = None
    """Time to decide a repair; as for a dispute where neither this nor the next is given."""
    repair_working_days: int | None = Field(default=None, ge=1, le=400)
    """Working days to decide a repair."""
    extension: PeriodText | None = None
    """Further time that the agency may take once, with a reason; none where left out."""
    reminders: tuple[PeriodText, ...] = Field(default=(), max_length=10)
    """How long before the end the agency is reminded."""
    statement_stays: bool = False
    """Whether the subject's statement travels on with a record that was found to be right."""
    time_zone: Annotated[str, checked(_check_zone)] = "UTC"
    """Where days begin and end."""
    holidays: tuple[date, ...] = ()
    """Days that are no working days, apart from Saturdays and Sundays."""


class FederationFile(_Table):
    """A federation: its members, and the words that they share."""

    federation: FederationTable
    gateway: GatewayTable
    agencies: dict[AgencyId, AgencyTable] = Field(default_factory=dict)
    """Every member but the gateway's agency, by its id."""
    schemes: dict[Annotated[str, checked(check_scheme_name)], SchemeTable] = Field(
        default_factory=dict
    )
    """Identifier schemes by name."""
    purposes: dict[Name, PurposeTable] = Field(default_factory=dict)
    """Purposes by name."""
    terms: dict[Name, TermTable] = Field(default_factory=dict)
    """Shared terms by name."""
    jurisdictions: dict[Name, JurisdictionTable] = Field(default_factory=dict)
    """Laws on disputes and repairs by name."""
    limits: LimitsTable = LimitsTable()
    """Limits of one query; each has a default."""
