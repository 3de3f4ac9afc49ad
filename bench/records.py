"""The records of the measured federation: sixteen fields, about 1 KB in an answer.

Agencies agree on most facts, differ on some, and write dates and codes each in its own way, so that
mapping and comparison have something to do.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Final

KEY: Final = "ent_no"
TERMS: Final = {"name": "letters", "city": "letters", "status": "exact", "opened-on": "exact"}

_DIFFERS: Final = 0.1
"""Share of an agency's records in which a shared fact differs from what the others hold."""
_ENDS: Final = ("Mills", "Works", "Foundry", "Bakery", "Shipping", "Textiles", "Timber", "Salt")
_PLACES: Final = ("Northgate", "Eastmere", "Ashford", "Kingsbridge", "Oldhaven", "Stonebury")
_STATUSES: Final = ({"A": "active", "S": "suspended"}, {"1": "active", "0": "suspended"})
_REGIONS: Final = {f"R{number}": f"region-{number}" for number in range(1, 10)}
_DATES: Final = ("%m/%d/%Y", "%d.%m.%Y", "%Y-%m-%d")
_FIRST_DAY: Final = date(1950, 1, 1)


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its canonical name, its native column, its type, and its shared term if any."""

    name: str
    column: str
    kind: str
    term: str = ""
    affinity: str = "TEXT"

    def mapping(self, position: int) -> list[str]:
        """Write the lines of node.toml that say how this agency writes the field."""
        if self.name == "status":
            return [f"codes = {_inline(_STATUSES[position % len(_STATUSES)])}"]
        if self.name == "region":
            return [f"codes = {_inline(_REGIONS)}"]
        if self.kind == "date":
            return [f'dates = ["{_DATES[position % len(_DATES)]}"]']
        if self.kind == "boolean":
            return ["codes = { Y = true, N = false }"]
        return ['currency = "EUR"'] if self.kind == "money" else []


FIELDS: Final = (
    Field("name", "ent_name", "text", "name"),
    Field("trade-name", "trade_name", "text"),
    Field("street", "street", "text"),
    Field("city", "town", "text", "city"),
    Field("region", "region_cd", "code"),
    Field("postal-code", "post_cd", "text"),
    Field("status", "status_cd", "code", "status"),
    Field("opened-on", "opened", "date", "opened-on"),
    Field("reviewed-on", "reviewed", "date"),
    Field("staff", "staff_n", "integer", affinity="INTEGER"),
    Field("turnover", "turnover", "money"),
    Field("export-share", "export_share", "decimal"),
    Field("exempt", "exempt_fl", "boolean"),
    Field("officer", "officer", "text"),
    Field("phone", "phone", "text"),
    Field("remark", "remark", "text"),
)


def subject_numbers(count: int) -> list[str]:
    """Number the subjects."""
    return [f"{10_000_000 + 7 * number}" for number in range(count)]


def make_records(count: int, seed: int, position: int) -> Iterator[tuple[str | int, ...]]:
    """Make one agency's records, the key first; `position` counts the agencies from 0."""
    shared = Random(seed)
    own = Random(f"{seed}/{position}")
    codes = {meaning: code for code, meaning in _STATUSES[position % len(_STATUSES)].items()}
    form = _DATES[position % len(_DATES)]
    write: Callable[[str], str] = str.upper if position % 2 else str
    for number in subject_numbers(count):
        name = f"{shared.choice(_PLACES)} {shared.choice(_ENDS)} No. {number[-5:]}"
        city, status = shared.choice(_PLACES), shared.choice(("active", "suspended"))
        opened = _FIRST_DAY + timedelta(shared.randrange(25_000))
        if own.random() < _DIFFERS:
            city, status = own.choice(_PLACES), own.choice(("active", "suspended"))
        yield (
            number,
            write(name),
            name.partition(" ")[0],
            f"{own.randrange(1, 400)} {own.choice(_ENDS)} Street",
            write(city),
            own.choice(tuple(_REGIONS)),
            f"{own.randrange(10_000, 99_999)}",
            codes[status],
            opened.strftime(form),
            (_FIRST_DAY + timedelta(27_000 + own.randrange(700))).strftime(form),
            own.randrange(1, 5_000),
            f"{own.randrange(10_000, 90_000_000)}.{own.randrange(100):02}",
            f"{own.randrange(10, 50) / 10}",
            own.choice("YN"),
            f"Office {own.randrange(1, 60)}, desk of {own.choice(_PLACES)}",
            f"+1 555 {own.randrange(1_000_000, 9_999_999)}",
            f"Seen by officer {own.randrange(1_000)}; file {own.getrandbits(1024):0256x}",
        )


def _inline(codes: dict[str, str]) -> str:
    return "{ " + ", ".join(f'"{code}" = "{meaning}"' for code, meaning in codes.items()) + " }"
