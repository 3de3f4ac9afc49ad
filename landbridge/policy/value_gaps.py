"""What lies between two values: nearby values that stand for all others between the two.

Each function takes two bounds, of which either may be missing, and returns a value that lies truly
between them, or None where there is none of the type. Values that read well come first.
"""

import re
from datetime import UTC, date, datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from typing import Final

DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?Z?", re.ASCII)
MOMENT: Final = re.compile(f"{DAY.pattern}|{TIME.pattern}", re.ASCII)
_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1
_ROUGH: Final = Context(prec=40, Emax=MAX_EMAX, Emin=MIN_EMIN)
_FINE: Final = Context(prec=4100, Emax=MAX_EMAX, Emin=MIN_EMIN)
"""As exact as two numbers of the longest text that a memorandum takes need."""
_PLAIN: Final = Decimal(10) ** 15


def read_number(operand: object) -> Decimal | None:
    """Read an operand as a number; None where it is none."""
    if isinstance(operand, bool) or not isinstance(operand, str | int):
        return None
    try:
        number = Decimal(operand)
    except ArithmeticError:
        return None
    return number if number.is_finite() else None


def number_between(low: Decimal | None, high: Decimal | None) -> Decimal | None:
    """Return a number between two others, a whole one where there is one."""
    if low is None:
        return Decimal(0) if high is None else _above(high.copy_negate()).copy_negate()
    if high is None:
        return _above(low)
    whole = _above(low).to_integral_value(rounding=ROUND_FLOOR) if abs(low) < _PLAIN else high
    if low < whole < high:
        return whole
    for context in (_ROUGH, _FINE):
        middle = context.divide(context.add(low, high), Decimal(2))
        if low < middle < high:
            return middle
    return None


def _above(low: Decimal) -> Decimal:
    return _FINE.next_plus(low) if abs(low) >= _PLAIN else low.to_integral_value(ROUND_FLOOR) + 1


def whole_at(point: Decimal) -> int | None:
    """Return a number as a whole one of 64 bits; None where it is not one."""
    if not _SMALLEST <= point <= _LARGEST or point != point.to_integral_value():
        return None
    return int(point)


def whole_between(low: Decimal | None, high: Decimal | None) -> int | None:
    """Return a whole number of 64 bits between two others."""
    if low is None and high is None:
        return 0
    if low is None or low < _SMALLEST:
        # The greatest below the upper one; from the smallest on where that is none.
        top = _LARGEST if high is None or high > _LARGEST else _below(high)
        return top if top >= _SMALLEST else None
    if low >= _LARGEST:
        return None
    first = int(low.to_integral_value(rounding=ROUND_FLOOR)) + 1
    return first if high is None or first < high else None


def _below(high: Decimal) -> int:
    if high < _SMALLEST:
        return _SMALLEST - 1
    return int(high.to_integral_value(rounding=ROUND_CEILING)) - 1


def text_between(low: str | None, high: str | None) -> str | None:
    """Return a text between two others by code points, one that can be read where there is one."""
    start = low or ""
    candidates = (
        "other", "A", "M", "a", "m", "0",
        *(start + more for more in (" a", "a", "-a", "0", " 0", "\t0", "\x00")),
    )  # fmt: skip
    for text in candidates:
        if start < text and (high is None or text < high):
            return text
    return None


def is_real(text: str) -> bool:
    """Tell whether there is such a day or time in the calendar."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def day_between(low: str | None, high: str | None) -> str | None:
    """Return a day between two days or times, as texts."""
    if low is None:
        if high is None:
            return "2000-01-01"
        first = date.fromisoformat(high[:10])
        before = first if len(high) > len("2000-01-01") else _moved(first, -1)
        return before.isoformat() if before is not None else None
    day = _moved(date.fromisoformat(low[:10]), 1)
    return day.isoformat() if day and (high is None or day.isoformat() < high) else None


def _moved(day: date, days: int) -> date | None:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return None


def time_between(low: str | None, high: str | None) -> str | None:
    """Return a time between two days or times, as texts; noon where there is one."""
    for day in (day_between(low, high), low and low[:10]):
        noon = f"{day}T12:00:00"
        if day and (low is None or low < noon) and (high is None or noon < high):
            return noon
    least = "0001-01-01T00:00:00" if low is None else _next_time(low)
    return least if least is not None and (high is None or least < high) else None


def _next_time(low: str) -> str | None:
    """Return the first time, as text, after a day or a time: to the second, finer, then with Z."""
    if DAY.fullmatch(low):
        return f"{low}T00:00:00"
    second, zone = low.removesuffix("Z"), low.endswith("Z")
    if not zone:
        return f"{second}Z" if "." in second else f"{second}.000001"
    moment = datetime.fromisoformat(second).replace(tzinfo=UTC)
    if not moment.microsecond and "." not in second:
        return _later(moment, timedelta(seconds=1))
    if moment.microsecond == 999_999:  # noqa: PLR2004 - the last microsecond
        return second.partition(".")[0] + "Z"
    return _later(moment, timedelta(microseconds=1))


def _later(moment: datetime, by: timedelta) -> str | None:
    try:
        return (moment + by).replace(tzinfo=None).isoformat()
    except OverflowError:
        return None
