"""Subjects to ask for: some identifiers of each dataset, read from the agency's own database.

They are asked for on this machine alone, and stand in no report.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from landbridge.federation import Federation
from landbridge.subject import SubjectId
from node.config import NodeConfig
from node.sources.binding import Bound, bind, refuse_problems
from node.sources.keys import Key
from node.sources.opening import open_database, open_records
from node.sources.tables import kind_of

MOST: Final = 8
"""Subjects of each dataset that are asked for."""
_ROWS: Final = 1000


def sample_subjects(
    config: NodeConfig, federation: Federation, work: Path, given: Sequence[SubjectId] = ()
) -> dict[str, list[SubjectId]]:
    """Find subjects of every dataset: first those that are given, then some of its own.

    `work` is an empty folder for files that are loaded.

    Raises:
        LandbridgeError: LB-11xx as when the node is opened, LB-2xxx when the database does not
            answer.
    """
    with ExitStack() as opened:
        database = open_database(config, _never)
        if database is not None:
            opened.callback(database.database.close)
        records = open_records(config, work, _never)
        if records is not None:
            opened.callback(records.database.close)
        found, problems = bind(config, database, records)
        refuse_problems(config, problems)
        return {
            bound.dataset.name: [*_asked_for(bound, given), *_sample(bound, federation)][:MOST]
            for bound in found
        }


def _asked_for(bound: Bound, given: Sequence[SubjectId]) -> list[SubjectId]:
    schemes = {key.scheme for key in bound.dataset.keys}
    return [subject for subject in dict.fromkeys(given) if subject.scheme in schemes]


def _sample(bound: Bound, federation: Federation) -> Iterator[SubjectId]:
    (first, *_), native = bound.dataset.keys, bound.native
    scheme = federation.schemes[first.scheme]
    column = native.table.c[first.column]
    key = Key(first, scheme, kind_of(column))
    query = sa.select(column).where(column.is_not(None)).limit(_ROWS)
    compiled = query.compile(
        dialect=native.database.dialect, compile_kwargs={"literal_binds": True}
    )
    seen: set[SubjectId] = set()
    for (value,) in native.database.read(str(compiled), ()):
        for item in key.items(value):
            if not key.names_nobody(item) and len(seen) < MOST:
                subject = SubjectId(first.scheme, scheme.normalise(item))
                # What is written in none of the key's spellings is found by nobody.
                if subject not in seen and any(
                    text == item for _, text in key.spell(subject.value)
                ):
                    seen.add(subject)
                    yield subject


def _never(_label: str, _native: object) -> bool:
    """Stand in for row conditions, of which sampling runs none."""
    return False
