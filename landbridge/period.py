"""Lengths of calendar time: years, months, weeks and days, as ISO 8601 writes durations."""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Self

_WRITTEN: Final = re.compile(
    r"P(?=\d)(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,5})W)?(?:(\d{1,6})D)?", re.ASCII
)
_MONTHS_IN_A_YEAR: Final = 12
_DAYS_IN_A_WEEK: Final = 7
_LONGEST_YEARS: Final = 200


@dataclass(frozen=True, slots=True)
class Period:
    """A length of calendar time, such as P5Y or P90D; at least one day, at most 200 years."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a period such as P5Y or P1Y6M.

        Raises:
            ValueError: when it is written otherwise, is empty or longer than 200 years.
        """
        found = _WRITTEN.fullmatch(text)
        period = cls(*(int(part or 0) for part in found.groups())) if found else cls()
        if period == cls() or period.longest_days > _LONGEST_YEARS * 366:
            raise ValueError("must be a period such as P5Y, P6M or P90D")
        return period

    @property
    def longest_days(self) -> int:
        """At most how many days it lasts."""
        months = self.years * _MONTHS_IN_A_YEAR + self.months
        return months * 31 + self.weeks * _DAYS_IN_A_WEEK + self.days

    def before(self, day: date) -> date:
        """Return the day that lies this period before another; 29 February becomes the 28th."""
        return self._moved(day, -1)

    def after(self, day: date) -> date:
        """Return the day that lies this period after another; 29 February becomes the 28th."""
        return self._moved(day, 1)

    def exceeds(self, other: "Period") -> bool:
        """Tell whether it ends later than another one, from whichever day both begin."""
        return _exceeds(self, other)

    def in_words(self) -> str:
        """Write it as a reader would say it: 1 year and 6 months."""
        counts = ((self.years, "year"), (self.months, "month"), (self.weeks, "week"))
        parts = [
            f"{count} {unit}" if count == 1 else f"{count} {unit}s"
            for count, unit in (*counts, (self.days, "day"))
            if count
        ]
        return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))

    def __str__(self) -> str:
        """Write it as ISO 8601 does."""
        parts = ((self.years, "Y"), (self.months, "M"), (self.weeks, "W"), (self.days, "D"))
        return "P" + "".join(f"{count}{unit}" for count, unit in parts if count)

    def _moved(self, day: date, way: int) -> date:
        months = day.year * _MONTHS_IN_A_YEAR + day.month - 1
        months += way * (self.years * _MONTHS_IN_A_YEAR + self.months)
        year, month = divmod(months, _MONTHS_IN_A_YEAR)
        if not date.min.year <= year <= date.max.year:
            return date.min if way < 0 else date.max
        last = monthrange(year, month + 1)[1]
        start = date(year, month + 1, min(day.day, last))
        try:
            return start + way * timedelta(days=self.weeks * _DAYS_IN_A_WEEK + self.days)
        except OverflowError:
            return date.min if way < 0 else date.max


@lru_cache(maxsize=1024)
def _exceeds(one: Period, other: Period) -> bool:
    # A leap year and the three after it: months and years are as long as days make them.
    days = (date(2024, 1, 1) + timedelta(days=number) for number in range(4 * 365 + 1))
    return any(one.after(day) > other.after(day) for day in days)
