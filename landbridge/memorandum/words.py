"""The words of a memorandum: how agencies, names, times and lines of text are written in it.

Each type refuses with a sentence that a reader without programming understands, and describes
itself in the JSON Schema that editors use.
"""

from collections import Counter
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Final, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
    WithJsonSchema,
)

from landbridge.agency import check_agency
from landbridge.errors import LandbridgeError
from landbridge.memorandum.written_rule import RowRule
from landbridge.period import Period

Item = TypeVar("Item")

_INSTANT: Final = "%Y-%m-%dT%H:%M:%SZ"
_MAX_ITEMS: Final = 1000


class StaleRevocation(StrEnum):
    """What a provider does while it cannot learn which certificates were revoked."""

    REFUSE = "refuse"
    SERVE = "serve"


def read_instant(text: str) -> int:
    """Read a time such as 2026-01-01T00:00:00Z as Unix milliseconds.

    Raises:
        ValueError: when it is not exactly of this form.
    """
    moment = datetime.strptime(text, _INSTANT).replace(tzinfo=UTC)
    if moment.strftime(_INSTANT) != text:
        raise ValueError(text)
    return int(moment.timestamp()) * 1000


def _check_instant(text: str) -> str:
    try:
        read_instant(text)
    except ValueError:
        raise ValueError("must be a time in UTC such as 2026-01-01T00:00:00Z") from None
    return text


def _check_agency_id(text: str) -> str:
    try:
        return check_agency(text)
    except LandbridgeError:
        raise ValueError("must be an agency id: lower-case labels joined by dots") from None


def _check_link_source(text: str) -> str:
    agency, slash, dataset = text.partition("/")
    if not slash or not dataset:
        raise ValueError("must be written agency/dataset")
    _check_agency_id(agency)
    return text


def _read_period(written: object) -> Period:
    return written if isinstance(written, Period) else Period.parse(str(written))


def _refuse_empty(written: object) -> object:
    if written is None:
        raise ValueError("must not be empty; leave the key out instead")
    return written


def _write_on_one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        raise ValueError("must not be empty")
    if not line.isprintable():
        raise ValueError("holds a character that cannot be seen")
    return line


def _check_distinct(values: tuple[Item, ...]) -> tuple[Item, ...]:
    twice = sorted(str(value) for value, count in Counter(values).items() if count > 1)
    if twice:
        raise ValueError(f"{', '.join(twice)} is written twice")
    return values


AgencyId = Annotated[str, AfterValidator(_check_agency_id)]
"""An agency's id, such as `nces.ed`."""
MemorandumId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=100)]
"""A memorandum's id; the signed form's file is named after it."""
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=100)]
"""The name of a dataset, a field or a purpose."""
LinkSource = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9./_-]+$", max_length=360),
    AfterValidator(_check_link_source),
]
"""A dataset with its agency, such as `nces.ed/institutions`."""
Line = Annotated[str, Field(max_length=2000), AfterValidator(_write_on_one_line)]
"""A line of text for readers; line breaks become spaces."""
ClauseNumber = Annotated[str, Field(max_length=40), AfterValidator(_write_on_one_line)]
"""The number of a clause, such as 2.1; several grants may spell out one clause."""
Instant = Annotated[
    str,
    AfterValidator(_check_instant),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}),
]
"""A time in UTC, to the second."""
Distinct = Annotated[
    tuple[Item, ...],
    Field(max_length=_MAX_ITEMS, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_check_distinct),
]
"""A list, possibly empty, in which nothing stands twice."""
SomeDistinct = Annotated[
    tuple[Item, ...],
    Field(min_length=1, max_length=_MAX_ITEMS, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_check_distinct),
]
"""A list of at least one, in which nothing stands twice."""
Parties = Annotated[
    tuple[AgencyId, ...],
    Field(min_length=2, max_length=100, json_schema_extra={"uniqueItems": True}),
    AfterValidator(_check_distinct),
]
"""Who agrees: at least two agencies."""
Rows = Annotated[tuple[RowRule, ...], Field(min_length=1, max_length=100)]
"""Row conditions of one grant, all of which a record must meet."""
Left = Annotated[Item | None, BeforeValidator(_refuse_empty)]
"""What may be left out; where it is written, it is not empty."""
CalendarPeriod = Annotated[
    Period,
    PlainValidator(_read_period),
    PlainSerializer(str),
    WithJsonSchema({"type": "string", "pattern": r"^P(\d+Y)?(\d+M)?(\d+W)?(\d+D)?$"}),
]
"""A length of calendar time, such as P2Y."""
