"""Corrects a record in the node's own loaded copy, or sees that the agency's database has it right.

Files are the agency's, and may be read only: what was wrong in them is kept as an erratum. A
database is the agency's to change: here it is only read.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from landbridge.clock import to_datetime
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.keys import SigningKey
from landbridge.rights.erratum import Erratum, keep_erratum, read_errata, write_erratum
from landbridge.rights.opening import Opening
from landbridge.statement.signed import SignedByOne
from landbridge.suggestion import did_you_mean
from landbridge.trust.bundle import TrustBundle
from node.config import NodeConfig
from node.node_file import FieldTable
from node.sources.binding import Bound, bind
from node.sources.conditions import RowConditions
from node.sources.duckdb_records import correct_duckdb_records
from node.sources.engines import open_duckdb, open_sqlite
from node.sources.errata import Errata, Unfit
from node.sources.native_row import NativeRow, find_row, names_one_row
from node.sources.opening import load_files, open_database
from node.sources.parsers import Quality, compile_parser
from node.sources.records import RecordsFile, correct_records, find_file
from node.sources.tables import LINE, DatabaseTables


@dataclass(frozen=True, slots=True)
class Desk:
    """An agency's node, seen from its own folder."""

    config: NodeConfig
    federation: Federation
    state: Path
    bundle: TrustBundle
    key: SigningKey
    """The agency's key for memoranda."""

    @property
    def loaded(self) -> Path:
        """The node's own copy of the files."""
        return self.state / f"records.{self.config.node.files}"

    def errata(self) -> tuple[Erratum, ...]:
        """Read the errata that the node has.

        Raises:
            LandbridgeError: as for `read_errata`.
        """
        return read_errata(self.state, self.bundle, self.key.agency)


def read_row(desk: Desk, opening: Opening) -> NativeRow:
    """Read the row that a case is about, as the node has it now.

    Raises:
        LandbridgeError: LB-4109 when it is not there; LB-11xx and LB-2xxx for the source.
    """
    with _opened(desk, opening.dataset) as bound:
        return find_row(bound, desk.federation.schemes, opening.subject.subject, opening.record)


def correct_record(
    desk: Desk, opening: Opening, given: Mapping[str, str], at: int
) -> frozenset[str]:
    """See to it that fields of a record have the native values given; name all fields concerned.

    Raises:
        LandbridgeError: LB-4109 when there is no such record; LB-1007 for a field that is not
            published; LB-4111 for one that is not disputed, a value that it cannot have, or a
            database that says something else; LB-1105 when the loaded copy cannot be corrected.
    """
    dataset = next(one for one in desk.config.datasets if one.name == opening.dataset)
    fields = {field.name: field for field in dataset.fields}
    chosen = [(_choose(fields, name, opening), native) for name, native in given.items()]
    for field, native in chosen:
        _check_value(field, native, desk.federation)
    with _opened(desk, opening.dataset) as bound:
        row = find_row(bound, desk.federation.schemes, opening.subject.subject, opening.record)
        named_by = _named_by(bound, row)
        is_file = bool(bound.native.file)
    wrong = {field.column: native for field, native in chosen if row.cells[field.column] != native}
    if is_file:
        _correct_file(desk, opening, row, named_by, wrong, at)
    elif wrong:
        raise refuse(
            Reason.STEP_REFUSED,
            f"the agency's database says {', '.join(repr(row.cells[one]) for one in wrong)} still",
            where=f"{dataset.table}: {', '.join(wrong)}",
            next_step="change it in the database first: a node only reads it",
        )
    columns = {field.column for field, _ in chosen}
    return frozenset(field.name for field in dataset.fields if field.column in columns)


def _correct_file(  # noqa: PLR0913, PLR0917  what an erratum is made of
    desk: Desk,
    opening: Opening,
    row: NativeRow,
    named_by: tuple[str, ...],
    wrong: Mapping[str, str],
    at: int,
) -> None:
    before = desk.errata()
    own = next((one for one in before if one.case == opening.id), None)
    if not wrong:
        if own is None:
            raise refuse(
                Reason.STEP_REFUSED,
                "the record says so already: nothing was wrong",
                where=f"{opening.dataset} {opening.record}",
            )
        return  # a run before this one was cut short behind it
    if own is None:
        keep_erratum(desk.state, _write(desk, opening, row, named_by, wrong, at))
    elif {column: now for column, _, now in own.cells} != dict(wrong):
        raise refuse(
            Reason.CASE_CONFLICT,
            "this case has an erratum that says something else",
            where=str(desk.state / "errata"),
            next_step="give the values that it gives, or take it out of the folder first",
        )
    rest = tuple(one for one in before if one is not own)
    ended: list[Unfit] = []
    errata = Errata(desk.errata(), ended.append)
    correct = correct_records if desk.config.node.files == "sqlite" else correct_duckdb_records
    correct(_files(desk), desk.loaded, rest, errata)
    if any(unfit.erratum.case == opening.id for unfit in ended):
        raise refuse(
            Reason.NO_SUCH_RECORD,
            f"the record was not corrected: {ended[-1].why}",
            where=f"{opening.dataset} {opening.record}",
        )


def _write(  # noqa: PLR0913, PLR0917
    desk: Desk,
    opening: Opening,
    row: NativeRow,
    named_by: tuple[str, ...],
    wrong: Mapping[str, str],
    at: int,
) -> SignedByOne:
    table = next(one.table for one in desk.config.datasets if one.name == opening.dataset)
    fields = {
        "erratum": opening.id,
        "dataset": opening.dataset,
        "record": opening.record,
        "table": table,
        "row": [{"column": one, "value": row.cells[one]} for one in named_by],
        "cells": [{"column": one, "was": row.cells[one], "now": now} for one, now in wrong.items()],
        "issued_at": to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return write_erratum(fields, desk.key)


def _choose(fields: Mapping[str, FieldTable], name: str, opening: Opening) -> FieldTable:
    if name not in fields:
        raise refuse(
            Reason.UNKNOWN_FIELD,
            f"{opening.dataset} has no field {name!r}{did_you_mean(name, fields)}",
            where="--set",
        )
    if opening.fields and name not in opening.fields:
        raise refuse(
            Reason.STEP_REFUSED,
            f"the field {name} is not what the case is about",
            where=f"case {opening.id}",
            next_step=f"the fields are: {', '.join(opening.fields)}",
        )
    return fields[name]


def _check_value(field: FieldTable, native: str, federation: Federation) -> None:
    if compile_parser(field, federation.schemes)(native).quality is Quality.UNREADABLE:
        raise refuse(
            Reason.STEP_REFUSED,
            f"the field {field.name} cannot have the native value {native!r}",
            where="--set",
            next_step="write it as the file or database does",
        )


def _named_by(bound: Bound, row: NativeRow) -> tuple[str, ...]:
    """Say what tells the row from others; not its line, where less does, as lines shift."""
    without_line = tuple(column for column in row.named_by if column != LINE)
    cells = {column: row.cells[column] for column in without_line}
    return without_line if names_one_row(bound, cells) else row.named_by


@contextmanager
def _opened(desk: Desk, dataset: str) -> Iterator[Bound]:
    """Open the one dataset as the node that runs has it, and never load anything over it."""
    holds = RowConditions(desk.federation.schemes).hold
    table = next((one.table for one in desk.config.datasets if one.name == dataset), None)
    is_file = any(file.table == table for file in desk.config.files)
    tables = _loaded(desk) if is_file else open_database(desk.config, holds)
    try:
        found, problems = bind(
            desk.config, None if is_file else tables, tables if is_file else None
        )
        bound = next((one for one in found if one.dataset.name == dataset), None)
        if bound is None:
            why = next((one.message for one in problems if one.dataset == dataset), "")
            raise refuse(
                Reason.NO_SUCH_RECORD,
                why or f"the dataset {dataset!r} is not published here",
                where=str(desk.config.path),
            )
        yield bound
    finally:
        if tables is not None:
            tables.database.close()


def _loaded(desk: Desk) -> DatabaseTables:
    timeout_ms = desk.config.node.statement_timeout_ms
    holds = RowConditions(desk.federation.schemes).hold
    if not desk.loaded.is_file():
        return load_files(desk.config, _files(desk), desk.state, holds, Errata(desk.errata()))
    if desk.config.node.files == "duckdb":
        return DatabaseTables(open_duckdb(desk.loaded, timeout_ms))
    return DatabaseTables(open_sqlite(desk.loaded, timeout_ms, holds))


def _files(desk: Desk) -> list[RecordsFile]:
    return [find_file(desk.config, number) for number in range(len(desk.config.files))]
