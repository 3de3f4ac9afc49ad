"""Readers of strptime forms; those of fixed width, such as %m/%d/%Y, without strptime where it can.

`strptime` costs ten times as much. A text of exactly the usual digits is read at once; whatever
else `strptime` takes, such as one digit for a month, is left to it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Self

_DIGITS: Final = {
    "Y": "[0-9]{4}",
    "m": "0[1-9]|1[0-2]",
    "d": "0[1-9]|[12][0-9]|3[01]",
    "H": "[01][0-9]|2[0-3]",
    "M": "[0-5][0-9]",
    "S": "[0-5][0-9]",
}
"""What each directive is usually written as, in the order in which `datetime` takes them."""
_DAY: Final = 3
_YEAR: Final = 4
_COMMON_YEAR: Final = 2001
_DAYS: Final = 365
YEARS: Final = frozenset(map(str, range(1800, 2200)))
"""The years that registers write; any other is read by `strptime`."""
_PIECE: Final = re.compile(r"%(?P<directive>[YmdHMS])|(?P<sign>[-/.,:T ])")


def compile_form(form: str) -> Callable[[str], datetime | None]:
    """Make the reader of texts in a strptime form; it gives None for what is in another."""

    def read(text: str) -> datetime | None:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - most registers name no zone
        except ValueError:
            return None

    fixed = _fixed(form)
    if fixed is None:
        return read
    fullmatch, order = fixed

    def read_at_once(text: str) -> datetime | None:
        match = fullmatch(text)
        if match is None:
            return read(text)
        try:
            return datetime(*map(int, match.group(*order)))  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            return None

    return read_at_once


@dataclass(frozen=True, slots=True)
class DayForm:
    """A form of days whose year stands at one end: its texts are read by looking two parts up."""

    year: slice
    rest: slice
    days: Mapping[str, str]
    """Month and day as ISO 8601 writes them behind the year, by the rest of the text."""
    is_iso: bool
    """Whether its texts are ISO 8601 already."""
    size: int
    """Letters of a text."""

    @classmethod
    def find(cls, form: str) -> Self | None:
        """Take a strptime form apart; None where it is not so simple."""
        fixed = _fixed(form)
        if fixed is None or len(fixed[1]) != _DAY:
            return None
        first = form.startswith("%Y")
        if not (first or form.endswith("%Y")):
            return None
        rest = form.removeprefix("%Y") if first else form.removesuffix("%Y")
        # Every year has these days: the 29th of February is left to `strptime`.
        year = date(_COMMON_YEAR, 1, 1)
        every = [year + timedelta(number) for number in range(_DAYS)]
        days = {day.strftime(rest): day.strftime("-%m-%d") for day in every}
        length = len(every[0].strftime(rest))
        return cls(
            year=slice(0, _YEAR) if first else slice(length, None),
            rest=slice(_YEAR, None) if first else slice(0, length),
            days=days,
            is_iso=form == "%Y-%m-%d",
            size=_YEAR + length,
        )


def compile_day_form(form: str) -> Callable[[str], str | None]:
    """Make the reader of days in a strptime form: it gives ISO 8601, None for another form."""
    read = compile_form(form)

    def read_day(text: str) -> str | None:
        moment = read(text)
        return None if moment is None else moment.date().isoformat()

    simple = DayForm.find(form)
    if simple is None:
        return read_day
    year_at, rest_at, days = simple.year, simple.rest, simple.days

    def read_at_once(text: str) -> str | None:
        year, day = text[year_at], days.get(text[rest_at])
        return f"{year}{day}" if day is not None and year in YEARS else read_day(text)

    return read_at_once


def _fixed(form: str) -> tuple[Callable[[str], re.Match[str] | None], tuple[int, ...]] | None:
    """Return the pattern of a form, and its groups in the order in which `datetime` takes them.

    None where the form is not so simple.
    """
    pattern, at, found = "", 0, list[str]()
    while at < len(form):
        piece = _PIECE.match(form, at)
        if piece is None or piece["directive"] in found:
            return None
        if name := piece["directive"]:
            found.append(name)
            pattern += f"({_DIGITS[name]})"
        else:
            pattern += re.escape(piece["sign"])
        at = piece.end()
    names = list(_DIGITS)[: len(found)]
    if len(found) < _DAY or sorted(found) != sorted(names):
        return None
    return re.compile(pattern).fullmatch, tuple(found.index(name) + 1 for name in names)
