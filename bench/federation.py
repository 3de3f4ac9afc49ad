"""Writes a federation folder to measure with: equal agencies that know the same subjects.

The same plan gives the same folder, byte for byte but for SQLite's own bookkeeping.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

from bench.records import FIELDS, KEY, TERMS, make_records, subject_numbers
from landbridge.subject import SubjectId

NAME: Final = "bench.example"
GATEWAY: Final = "exchange"
REQUESTER: Final = "inspectorate"
SCHEME: Final = "enterprise-number"
LINKED_SCHEME: Final = "tax-number"
PURPOSE: Final = "inspection"
DATASET: Final = "enterprises"


@dataclass(frozen=True, slots=True)
class Plan:
    """How many agencies know how many subjects, and how many others ask."""

    nodes: int = 8
    subjects: int = 10_000
    seed: int = 1
    requesters: int = 1
    two_stage: bool = False
    """Whether all but the first know the subjects by a number that only the first can tell."""

    @property
    def agencies(self) -> list[str]:
        """The agencies that run a node."""
        return [f"register-{number}" for number in range(1, self.nodes + 1)]

    @property
    def asking(self) -> list[str]:
        """The agencies that ask."""
        return [REQUESTER, *(f"{REQUESTER}-{n}" for n in range(2, self.requesters + 1))]


def write_federation(folder: Path, plan: Plan) -> None:
    """Write federation.toml, and for each agency a node.toml, a database and a memorandum."""
    folder.mkdir(parents=True)
    (folder / "federation.toml").write_text("\n".join(_federation(plan)) + "\n")
    for position, agency in enumerate(plan.agencies):
        home = folder / "agencies" / agency
        home.mkdir(parents=True)
        (home / "node.toml").write_text("\n".join(_node(agency, position, plan)) + "\n")
        _write_database(home / "records.sqlite", plan, position)
        memoranda = folder / "memoranda"
        memoranda.mkdir(exist_ok=True)
        (memoranda / f"{agency}.yaml").write_text(
            "\n".join(_memorandum(agency, position, plan)) + "\n"
        )


def subjects_in_random_order(plan: Plan) -> list[SubjectId]:
    """List every subject once, so shuffled that neighbours do not share a database page."""
    numbers = subject_numbers(plan.subjects)
    Random(plan.seed).shuffle(numbers)
    return [SubjectId(SCHEME, number) for number in numbers]


def _federation(plan: Plan) -> Iterator[str]:
    yield from ("[federation]", f'name = "{NAME}"', 'title = "A federation to measure with"')
    yield from ("[gateway]", f'agency = "{GATEWAY}"', 'name = "main"')
    for agency in plan.agencies:
        yield from (f"[agencies.{agency}]", f'title = "{agency}"', 'roles = ["node"]')
    for agency in plan.asking:
        yield from (f"[agencies.{agency}]", 'title = "Inspectorate"', 'roles = ["requester"]')
    for scheme in (SCHEME, LINKED_SCHEME) if plan.two_stage else (SCHEME,):
        yield from (f"[schemes.{scheme}]", f'title = "{scheme}"')
        yield from ('subject_kind = "legal-entity"', 'read = ["strip", "pad 8"]')
        yield r"pattern = '\d{8}'"
    yield from (f"[purposes.{PURPOSE}]", 'title = "Inspection of an enterprise"')
    for term, compare in TERMS.items():
        yield from (f"[terms.{term}]", f'title = "{term}"', f'compare = "{compare}"')


def _node(agency: str, position: int, plan: Plan) -> Iterator[str]:
    yield from ("[node]", f'agency = "{agency}"', 'database = "sqlite:///records.sqlite"')
    yield from ("[[datasets]]", f'name = "{DATASET}"', 'title = "Enterprises on the register"')
    yield from (f'table = "{DATASET}"', 'subject_kind = "legal-entity"', "as_of = 2026-06-30")
    scheme = LINKED_SCHEME if plan.two_stage and position else SCHEME
    yield from ("[[datasets.keys]]", f'scheme = "{scheme}"', f'column = "{KEY}"')
    for linked in _linking(position, plan):
        yield from ("[[datasets.fields]]", f'name = "{linked}"', f'column = "{KEY}"')
        yield from ('type = "identifier"', f'scheme = "{linked}"')
    for field in FIELDS:
        yield from ("[[datasets.fields]]", f'name = "{field.name}"', f'column = "{field.column}"')
        yield from (f'type = "{field.kind}"', *field.mapping(position))
        if field.term:
            yield f'term = "{field.term}"'


def _linking(position: int, plan: Plan) -> tuple[str, ...]:
    """Name the numbers that an agency states side by side."""
    return (SCHEME, LINKED_SCHEME) if plan.two_stage and not position else ()


def _memorandum(agency: str, position: int, plan: Plan) -> Iterator[str]:
    fields = ", ".join((*_linking(position, plan), *(field.name for field in FIELDS)))
    requesters = ", ".join(plan.asking)
    yield f"memorandum: {agency}-2026-01"
    yield f"title: What {agency} releases for inspections"
    yield "illustrative: true"
    yield f"parties: [{agency}, {requesters}]"
    yield "legal_basis: Inspection Act, section 12"
    yield "valid: {from: 2020-01-01T00:00:00Z, until: 2100-01-01T00:00:00Z}"
    if plan.two_stage:
        yield f"link_sources: [{plan.agencies[0]}/{DATASET}]"
    yield "grants:"
    yield '  - clause: "1.1"'
    yield f"    provider: {agency}"
    yield f"    dataset: {DATASET}"
    yield f"    requesters: [{requesters}]"
    yield f"    fields: [{fields}]"
    yield f"    purposes: [{PURPOSE}]"
    yield "    subject_kinds: [legal-entity]"


def _write_database(path: Path, plan: Plan, position: int) -> None:
    columns = [field.column for field in FIELDS]
    layout = ", ".join(f"{field.column} {field.affinity} NOT NULL" for field in FIELDS)
    marks = ", ".join("?" * (len(columns) + 1))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(
            f"CREATE TABLE {DATASET} (row_no INTEGER PRIMARY KEY, {KEY} TEXT NOT NULL, {layout})"
        )
        database.executemany(
            f"INSERT INTO {DATASET} ({KEY}, {', '.join(columns)}) VALUES ({marks})",
            make_records(plan.subjects, plan.seed, position),
        )
        database.execute(f"CREATE UNIQUE INDEX {DATASET}_by_{KEY} ON {DATASET} ({KEY})")
