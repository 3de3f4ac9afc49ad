"""Readers of strptime forms; those of fixed width, such as %m/%d/%Y, without strptime where it can.

`strptime` costs ten times as much. A text of exactly the usual digits is read at once; whatever
else `strptime` takes, such as one digit for a month, is left to it.
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Final

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


def compile_day_form(form: str) -> Callable[[str], str | None]:
    """Make the reader of days in a strptime form: it gives ISO 8601, None for another form."""
    read = compile_form(form)

    def read_day(text: str) -> str | None:
        moment = read(text)
        return None if moment is None else moment.date().isoformat()

    fixed = _fixed(form)
    if fixed is None:
        return read_day
    fullmatch, order = fixed
    of_day = order[:_DAY]

    def read_at_once(text: str) -> str | None:
        match = fullmatch(text)
        if match is not None:
            year, month, day = match.group(*of_day)
            # Every month of every year has these.
            if day <= "28" and year != "0000":
                return f"{year}-{month}-{day}"
        return read_day(text)

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
