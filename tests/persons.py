"""Synthetic persons, drawn from a seed: no record here is on anybody who lives or lived.

Their numbers are Estonian personal codes by form and check digit (python-stdnum `ee.ik`), of births
from 2170 on: codes that no authority has issued. Their names say that they are synthetic.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from stdnum.ee import ik

from landbridge.subject import SubjectId

SCHEME = "ee-isikukood"
MARK = "Synthetic"
"""The first word of every name."""

_FIRST_BIRTH = date(2170, 1, 1)
_DAYS = 10_000
_GIVEN = ("Aare", "Helve", "Kaja", "Lembit", "Mare", "Olev", "Piret", "Rein", "Sirje", "Tõnis")
_FAMILY = ("Haab", "Jõgi", "Kask", "Lepp", "Mets", "Oja", "Pärn", "Rand", "Saar", "Tamm")


@dataclass(frozen=True, slots=True)
class Person:
    """An invented person."""

    number: str
    name: str
    born: date

    @property
    def subject(self) -> SubjectId:
        return SubjectId(SCHEME, self.number)


def invent(count: int, *, seed: int) -> list[Person]:
    """Invent that many persons, the same ones for a seed, each with a number of their own."""
    found: dict[str, Person] = {}
    for person in _draw(random.Random(seed)):
        found.setdefault(person.number, person)
        if len(found) == count:
            break
    return list(found.values())


def _draw(source: random.Random) -> Iterator[Person]:
    while True:
        born = _FIRST_BIRTH + timedelta(days=source.randrange(_DAYS))
        digits = f"{source.choice('78')}{born:%y%m%d}{source.randrange(1000):03}"
        number = digits + ik.calc_check_digit(digits + "0")
        yield Person(number, f"{MARK} {source.choice(_GIVEN)} {source.choice(_FAMILY)}", born)
