"""The form of node.toml, key by key."""

import codecs
import re
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field

from landbridge.agency import check_agency
from landbridge.configuration import checked
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.words import CalendarPeriod, Rows
from landbridge.subject import PLAIN, SubjectKind, check_scheme_name

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_ENCODINGS: Final = "'utf-8', 'cp1252' or 'latin-1'"


def _unfit(message: str, next_step: str) -> LandbridgeError:
    return refuse(Reason.INVALID_CONFIGURATION, message, next_step=next_step)


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _unfit(f"{name!r} does not serve as a name", "write it like 'closed-on'")


def _check_currency(currency: str) -> None:
    if not _CURRENCY.fullmatch(currency):
        raise _unfit(f"{currency!r} is not an ISO 4217 currency", "write three letters: 'USD'")


def _check_encoding(encoding: str) -> None:
    try:
        info = codecs.lookup(encoding)
    except LookupError:
        raise _unfit(f"{encoding!r} is not a known encoding", f"write {_ENCODINGS}") from None
    if not info._is_text_encoding:  # noqa: SLF001 - the only way to tell 'rot13' from 'utf-8'
        raise _unfit(f"{encoding!r} is not an encoding of text", f"write {_ENCODINGS}")


def _check_date_form(form: str) -> None:
    moment = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    try:
        read = datetime.strptime(moment.strftime(form), form)  # noqa: DTZ007 - may hold no zone
    except (ValueError, re.error):
        read = datetime.min  # noqa: DTZ901 - says only that nothing was read
    if (read.year, read.month, read.day) != (moment.year, moment.month, moment.day):
        raise _unfit(f"{form!r} does not read a whole date", "write it like '%m/%d/%Y'")


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _unfit(f"{name!r} is not a time zone", "write it like 'America/New_York'") from None


def _check_some(items: tuple[object, ...]) -> None:
    # Pydantic's own limit would complain of every list in which an entry is wrong.
    if not items:
        raise _unfit("the list is empty", "give it at least one entry")


Name = Annotated[str, checked(_check_name)]
Text = Annotated[str, Field(min_length=1)]


class FieldType(StrEnum):
    """Types of canonical values."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    DATE = "date"
    TIMESTAMP = "timestamp"
    BOOLEAN = "boolean"
    CODE = "code"
    IDENTIFIER = "identifier"
    MONEY = "money"

    @property
    def number(self) -> int:
        """The type as the wire contract numbers it."""
        return _NUMBER_OF_TYPE[self]


_NUMBER_OF_TYPE: Final = {kind: number for number, kind in enumerate(FieldType, start=1)}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NodeTable(_Table):
    """The node and the agency's own database."""

    agency: Annotated[str, checked(check_agency)]
    """The agency that this node answers for."""
    title: str = ""
    """The title for readers; the federation's title of the agency where left out."""
    database: Text | None = None
    """SQLAlchemy URL of the agency's database; `${NAME}` takes an environment variable. A relative
    SQLite path starts at this file's folder."""
    schema_name: Annotated[Text | None, Field(alias="schema")] = None
    """The schema that holds the tables, where the database has several."""
    records: Annotated[tuple[Text, ...], checked(_check_some)] = (".",)
    """Folders for `[[files]]`, relative to this file: the first that exists is taken. One with a
    `${NAME}` that is not set is passed over."""
    files: Literal["sqlite", "duckdb"] = "sqlite"
    """In what kind of file of its own the node keeps what it loads from `[[files]]`."""
    statement_timeout_ms: int = Field(default=2000, ge=10, le=600_000)
    """Milliseconds after which a statement is stopped."""
    listen: Text = "127.0.0.1:0"
    """Address to serve on; the command line wins."""
    state: Text | None = None
    """Folder of keys, certificates and log, relative to this file; the command line wins."""


class FileTable(_Table):
    """A native file that is served as it is."""

    table: Text
    """The name by which datasets call it."""
    path: Text
    """The file, within the folder of `records`."""
    format: Literal["csv", "parquet"] = "csv"
    """How it is written."""
    encoding: Annotated[str, checked(_check_encoding)] = "utf-8"
    """How its characters are written."""
    header_line: int = Field(default=1, ge=1)
    """The line that names the columns; lines before it are passed over."""
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    """What separates cells."""


class KeyTable(_Table):
    """A key by which a dataset can be asked."""

    scheme: Annotated[str, checked(check_scheme_name)]
    """The identifier scheme."""
    column: Text
    """The native column."""
    spellings: Annotated[tuple[Text, ...], checked(_check_some)] = (PLAIN,)
    """The spellings of the scheme that occur in the column."""
    covers_group: bool = False
    """Whether one key stands for a group of subjects."""
    separator: Annotated[Text | None, Field(alias="list")] = None
    """What separates several identifiers in one cell; only for `[[files]]`."""


class FieldTable(_Table):
    """A canonical field."""

    name: Name
    """The canonical name."""
    column: Text
    """The native column."""
    type: FieldType = FieldType.TEXT
    """The type of its values."""
    codes: dict[str, str | bool] = Field(default_factory=dict)
    """Native codes and what they mean; for `code` and `boolean`."""
    dates: tuple[Annotated[str, checked(_check_date_form)], ...] = ()
    """How dates are written, tried in order; ISO 8601 where left out."""
    currency: Annotated[str, checked(_check_currency)] | None = None
    """ISO 4217 currency of the amounts; for `money`."""
    scheme: str | None = None
    """The identifier scheme; for `identifier`."""
    empties: tuple[str, ...] = ("",)
    """Signs for "empty", compared without outer blanks; a blank cell always is."""
    separator: Annotated[Text | None, Field(alias="list")] = None
    """What separates several values in one cell."""
    term: str | None = None
    """The federation's shared term."""
    description: str = ""
    """What it means."""


class ExpiryTable(_Table):
    """When records of a dataset are not read any more."""

    event: Name
    """The date field from which the term counts."""
    term: CalendarPeriod
    """How long a record may be given, such as P7Y: it is, until the day on which the term ends."""
    time_zone: Annotated[str, checked(_check_time_zone)] = "UTC"
    """Where it is decided which day it is, as the IANA time zone database names it."""
    adverse: Rows | tuple[()] = ()
    """Which records expire, written like the row conditions of memoranda; every one where left
    out."""


class DatasetTable(_Table):
    """What the agency publishes under one name."""

    name: Name
    """Its name, unique within the agency."""
    title: Text
    """The title for readers."""
    table: Text
    """A table or view of the database, or of `[[files]]`."""
    subject_kind: SubjectKind
    """What kind of subject it is about."""
    as_of: date | None = None
    """The day that the records describe."""
    as_of_field: str | None = None
    """A date field that says which day each record describes."""
    record: tuple[Text, ...] = ()
    """Columns that name a record; by default the line of a file, the primary key of a table."""
    source: str = ""
    """Publisher and edition."""
    jurisdiction: str | None = None
    """The law on disputes and repairs of its records; that of `[rights]` where left out."""
    deciding: Annotated[str, checked(check_agency)] | None = None
    """The agency that decides on repairs of its records; this one where left out."""
    expiry: ExpiryTable | None = None
    """After which term its records are not read any more; never where left out."""
    keys: Annotated[tuple[KeyTable, ...], checked(_check_some)]
    """Keys by which it can be asked, the most exact first."""
    fields: Annotated[tuple[FieldTable, ...], checked(_check_some)]
    """Its fields."""


class RightsTable(_Table):
    """What the subjects of the records can rely on."""

    jurisdiction: str | None = None
    """The law, of the federation's `[jurisdictions]`, that sets the time for disputes and repairs;
    none is set where left out."""
    desks: tuple[Annotated[str, checked(check_agency)], ...] | None = None
    """The agencies whose word for who a subject is counts here; every desk's where left out."""


class NodeFile(_Table):
    """What one agency's node serves, and from where."""

    node: NodeTable
    rights: RightsTable = RightsTable()
    files: tuple[FileTable, ...] = ()
    datasets: Annotated[tuple[DatasetTable, ...], checked(_check_some)]
