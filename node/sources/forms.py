"""How each database writes what row conditions need: trimmed text, readable moments, literals."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from node.sources.tables import Kind, kind_of

Expression = sa.ColumnElement[bool]

BLANKS: Final = "".join(sign for sign in map(chr, range(1, 0x3001)) if sign.isspace())
"""What Python strips; databases by themselves strip less."""
FIRST: Final = datetime.min  # noqa: DTZ901 - columns with a time zone are not compared
LAST: Final = datetime.max  # noqa: DTZ901


@dataclass(frozen=True, slots=True)
class Forms:
    """The forms of one database."""

    has_text: Callable[[sa.Column[Any]], bool]
    """Whether the database writes the same text of a value as its driver does."""
    text: Callable[[sa.Column[Any]], sa.ColumnElement[Any]]
    """The text that readers see, without blanks around it, compared by code points."""
    literal: Callable[[sa.BindParameter[Any]], sa.ColumnElement[Any]]
    """A given text, to compare with such a one."""
    is_null: Callable[[sa.Column[Any]], Expression]
    """Whether a day or time is NULL."""
    is_sign: Callable[[sa.Column[Any], Sequence[str]], Expression]
    """Whether a day or time is one of the signs for "empty"."""
    is_real: Callable[[sa.Column[Any]], Expression]
    """Whether a number, day or time is one that can be read."""
    moment: Callable[[sa.Column[Any]], sa.ColumnElement[Any]]
    """A number, day or time as readers see it."""
    has_grids: bool
    """Whether numbers are compared only with those that the column itself can hold."""


def is_null(column: sa.Column[Any]) -> Expression:
    """Test a column for NULL, where nothing else passes for it."""
    return column.is_(None)


def is_sign(column: sa.Column[Any], signs: Sequence[str]) -> Expression:
    """Compare with the signs that are days or times as readers see them."""
    found: list[sa.ColumnElement[Any]] = []
    is_day = kind_of(column) is Kind.DATE
    for sign in signs:
        with suppress(ValueError):
            moment = date.fromisoformat(sign) if is_day else datetime.fromisoformat(sign)
            # `fromisoformat` reads other writings too.
            if moment.isoformat() == sign:
                found.append(sa.literal(moment, sa.Date() if is_day else sa.DateTime()))
    return column.in_(found) if found else sa.false()


def is_in_range(column: sa.Column[Any]) -> Expression:
    """Leave out days and times that Python has none of, infinite ones among them."""
    if kind_of(column) is Kind.DATE:
        return column.between(sa.literal(date.min, sa.Date), sa.literal(date.max, sa.Date))
    return column.between(sa.literal(FIRST, sa.DateTime), sa.literal(LAST, sa.DateTime))


def itself(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Take a column or value as it is."""
    return column


def always(_column: sa.Column[Any]) -> bool:
    """Say so of every column."""
    return True
