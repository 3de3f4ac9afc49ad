"""Clauses: what one provider releases to whom, for what, of which records, on which terms."""

import re
from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from landbridge.clock import to_datetime
from landbridge.memorandum.condition import Asked, Condition, Rule, conditions_of
from landbridge.memorandum.words import (
    AgencyId,
    CalendarPeriod,
    ClauseNumber,
    Distinct,
    Instant,
    Left,
    Line,
    Name,
    Rows,
    SomeDistinct,
    read_instant,
)
from landbridge.memorandum.written_rule import place_conditions
from landbridge.period import Period
from landbridge.places import Keys
from landbridge.subject import SubjectKind
from landbridge.suggestion import did_you_mean

_MAX_PREDICATES: Final = 50
_MAX_ARGUMENTS: Final = 10
_MAX_QUERIES: Final = 1_000_000_000
_DAY_MS: Final = 86_400_000
_LONGEST_DELAY: Final = Period(years=2)


_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?")


def _check_delay(delay: Period) -> Period:
    if delay.exceeds(_LONGEST_DELAY):
        raise ValueError(f"must be at most {_LONGEST_DELAY}: a subject is told in the end")
    return delay


def drop_default(schema: dict[str, Any]) -> None:
    """Leave the default out of a schema: leaving the key out is the only way to have it."""
    schema.pop("default", None)


class Part(BaseModel):
    """A part of a memorandum."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, validate_by_name=True)


class Validity(Part):
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


class Window(StrEnum):
    """How long a quota counts, by the calendar in UTC; weeks begin on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Quota(Part):
    """How many queries of one requester for one purpose a clause answers."""

    queries: int = Field(ge=1, le=_MAX_QUERIES, description="Queries in each window.")
    per: Window = Field(description="The window, by the calendar in UTC: hour to year.")


class DelayedDisclosure(Part):
    """By what right, and for how long, a subject is not yet told that somebody looked."""

    legal_basis: Line = Field(description="The legal basis of the delay.")
    delay: Annotated[CalendarPeriod, AfterValidator(_check_delay)] = Field(
        description="How long after the access, such as P6M; at most P2Y."
    )

    def end(self, at: int) -> int:
        """Until when nobody is told of an access; both in Unix milliseconds."""
        day = to_datetime(at).date()
        return at + (self.delay.after(day) - day).days * _DAY_MS


class Argument(Part):
    """What a query gives for a predicate."""

    type: Literal["date", "integer", "decimal", "text"] = Field(description="The type.")
    of: Distinct[str | int] = Field((), description="The values to choose from. Empty: any.")

    def takes(self, value: str | int) -> bool:
        """Tell whether a value is of the type; `of` plays no part."""
        if self.type == "date":
            return isinstance(value, str) and _is_day(value)
        if self.type == "integer":
            return isinstance(value, int)
        if self.type == "decimal":
            return _DECIMAL.fullmatch(str(value)) is not None
        return isinstance(value, str) and bool(value) and value.isprintable()


class Predicate(Part):
    """A question on the subject's records that is answered with yes or no."""

    name: Name = Field(description="The name; no field of the dataset has it.")
    title: Line = Field(description="The question for readers.")
    asks: dict[Name, Argument] = Field(
        default_factory=dict,
        max_length=_MAX_ARGUMENTS,
        json_schema_extra=drop_default,
        description="What a query gives for it, by name.",
    )
    when: Rows = Field(description="Yes if some record of the subject meets all of these.")


class Grant(Part):
    """One clause: what one provider releases to whom, for what, of which records.

    It releases either `fields` or `predicates`.
    """

    clause: ClauseNumber = Field(description="The clause of the agreement, such as 2.1.")
    provider: AgencyId = Field(description="The party that releases.")
    dataset: Name = Field(description="The dataset as the provider publishes it.")
    requesters: SomeDistinct[AgencyId] = Field(description="The parties that may ask.")
    fields: SomeDistinct[Name] = Field((), description="The canonical fields that are released.")
    predicates: tuple[Predicate, ...] = Field(
        (),
        min_length=1,
        max_length=_MAX_PREDICATES,
        json_schema_extra=drop_default,
        description="Questions that are answered with yes or no, instead of fields.",
    )
    where: Rows = Field(
        (),
        json_schema_extra=drop_default,
        description="Which records; all conditions must hold. Left out: every record.",
    )
    purposes: SomeDistinct[Name] = Field(description="Purposes of the federation's list.")
    subject_kinds: SomeDistinct[SubjectKind] = Field(description="Whom the records are about.")
    statute: Left[Line] = Field(
        None,
        json_schema_extra=drop_default,
        description="The statute by which records on persons need no consent of theirs.",
    )
    quota: Left[Quota] = Field(
        None,
        json_schema_extra=drop_default,
        description="How many queries are answered. Left out: no limit.",
    )
    sealed: bool = Field(
        default=False,
        description="Whether the answer leaves only sealed, so that the gateway cannot read it.",
    )
    retention: Left[CalendarPeriod] = Field(
        None,
        json_schema_extra=drop_default,
        description="How long the requester may keep what it got. Left out: nothing is agreed.",
    )
    fresh_within: Left[CalendarPeriod] = Field(
        None,
        json_schema_extra=drop_default,
        description="How old the data are at most, as the provider promises.",
    )
    delayed_disclosure: Left[DelayedDisclosure] = Field(
        None,
        json_schema_extra=drop_default,
        description="When the subject is told who looked. Left out: whenever the subject asks.",
    )
    legal_basis: Left[Line] = Field(
        None,
        json_schema_extra=drop_default,
        description="The legal basis of this clause. Left out: the memorandum's.",
    )
    valid: Left[Validity] = Field(
        None,
        json_schema_extra=drop_default,
        description="When this clause is in force. Left out: as long as the memorandum.",
    )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What may be asked by name: the fields, or the predicates."""
        return self.fields or tuple(predicate.name for predicate in self.predicates)

    def conditions(self) -> Iterator[Condition]:
        """Give every single condition, of the rows and of the predicates."""
        rules = [*self.where, *(rule for predicate in self.predicates for rule in predicate.when)]
        return (condition for rule in rules for condition in conditions_of(rule))

    @property
    def needs_consent(self) -> bool:
        """Whether a person must have consented before it releases anything."""
        return SubjectKind.NATURAL_PERSON in self.subject_kinds and self.statute is None


def find_contradictions(grant: Grant) -> Iterator[tuple[Keys, str]]:
    """Find what is wrong within one clause, though each value is right by itself."""
    if bool(grant.fields) is bool(grant.predicates):
        yield (), "needs either `fields` or `predicates`, and not both"
    persons = SubjectKind.NATURAL_PERSON in grant.subject_kinds
    if persons and len(grant.subject_kinds) > 1:
        yield ("subject_kinds",), "write persons and legal entities in clauses of their own"
    if grant.statute is not None and not persons:
        yield ("statute",), "only records on natural persons need one"
    for number, rule in enumerate(grant.where):
        for place, _ in _asked_in(rule, ("where", number)):
            yield place, "only a predicate may compare with what a query asks"
    names = [predicate.name for predicate in grant.predicates]
    for number, predicate in enumerate(grant.predicates):
        way: Keys = ("predicates", number)
        if predicate.name in names[:number]:
            yield (*way, "name"), f"{predicate.name} is written twice"
        for inner, what in _wrong_arguments(predicate):
            yield (*way, *inner), what


def _wrong_arguments(predicate: Predicate) -> Iterator[tuple[Keys, str]]:
    asked = [
        found
        for number, rule in enumerate(predicate.when)
        for found in _asked_in(rule, ("when", number))
    ]
    used = {name for _, name in asked}
    for name, argument in predicate.asks.items():
        if name not in used:
            yield ("asks", name), "no condition compares with it"
        for position, value in enumerate(argument.of):
            if not argument.takes(value):
                yield ("asks", name, "of", position), f"{value!r} is no {argument.type}"
    for way, name in asked:
        if name not in predicate.asks:
            near = did_you_mean(name, predicate.asks)
            yield way, f"{name} is asked without standing in `asks`{near}"


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _asked_in(rule: Rule, way: Keys) -> Iterator[tuple[Keys, str]]:
    """Name the arguments with which a rule compares, each with the way to it."""
    for place, condition in place_conditions(rule, way):
        if isinstance(condition.value, Asked):
            yield (*place, str(condition.operator)), condition.value.argument
