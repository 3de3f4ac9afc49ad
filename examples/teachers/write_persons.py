#!/usr/bin/env python3
"""Writes the records of this example: invented persons, the same ones every time.

    python examples/teachers/write_persons.py [FOLDER]

Nobody whom they are about lives or lived: see tests/persons.py for the numbers and names.
"""

import csv
import io
import random
import sys
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.persons import Person, invent  # noqa: E402  found only from here on

SEED = 27560
COUNT = 12
FIRST_DAY = date(2012, 6, 1)
SUBJECTS = ("mathematics", "physics", "history", "Estonian", "music", "biology")
DEGREES = ("B.Ed.", "M.Ed.", "M.Sc.", "M.A.")
STATUSES = ("V", "V", "V", "S", "X")
UNLICENSED, BANNED = 11, {2: False, 7: True}
"""Who has no licence, and who is banned and whether that ends; persons are counted from 0."""

Row = tuple[str, ...]


def main(folder: Path = HERE) -> None:
    """Write every file under a folder."""
    for path, text in files().items():
        target = folder / "agencies" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="")


def files() -> dict[str, str]:
    """Make every file's text, by its path below agencies/."""
    people, source = invent(COUNT, seed=SEED), random.Random(SEED)  # noqa: S311  no secret
    return {
        "licensing.edu/data/licences.csv": table(
            ("licence", "isikukood", "nimi", "subject", "state", "issued", "expires"),
            (
                row
                for n, one in enumerate(people)
                if n != UNLICENSED
                for row in licence(one, source)
            ),
        ),
        "degrees.uni/data/degrees.csv": table(
            ("isikukood", "name", "degree", "field", "day"),
            (row for one in people for row in degrees(one, source)),
        ),
        "conduct.edu/data/bans.csv": table(
            ("case", "person", "from", "until"),
            (row for n, ends in BANNED.items() for row in ban(people[n], source, ends=ends)),
        ),
    }


def licence(person: Person, source: random.Random) -> Iterable[Row]:
    """Invent the person's licence."""
    issued = FIRST_DAY + timedelta(days=source.randrange(3000))
    yield (
        f"L-{source.randrange(10_000, 99_999)}",
        person.number,
        person.name,
        source.choice(SUBJECTS),
        source.choice(STATUSES),
        f"{issued:%d.%m.%Y}",
        f"{issued + timedelta(days=365 * 20):%d.%m.%Y}",
    )


def degrees(person: Person, source: random.Random) -> Iterable[Row]:
    """Invent one or two degrees."""
    for _ in range(source.randint(1, 2)):
        day = FIRST_DAY - timedelta(days=source.randrange(2000))
        field = source.choice(SUBJECTS)
        yield person.number, person.name, source.choice(DEGREES), field, day.isoformat()


def ban(person: Person, source: random.Random, *, ends: bool) -> Iterable[Row]:
    """Invent a ban, with or without an end."""
    start = FIRST_DAY + timedelta(days=source.randrange(2500))
    end = (start + timedelta(days=1500)).isoformat() if ends else ""
    yield f"C-{source.randrange(100, 999)}", person.number, start.isoformat(), end


def table(header: Row, rows: Iterable[Row]) -> str:
    """Write a file as the agency would."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
