"""`landbridge memo matrix`: who can see what, when, on which records and terms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.commands.memo.agreed import read_agreed
from landbridge.commands.memo.wording import (
    access_document,
    circumstances,
    clause_of,
    moment,
    rows_of,
)
from landbridge.commands.moment import read_moment
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import open_table, plain
from landbridge.memorandum.written_rule import write_rule
from landbridge.policy.matrix import Cell, Matrix
from landbridge.policy.terms import terms_of

_COMPLETE: Final = 0
_EMPTY: Final = 4


def matrix(  # noqa: PLR0913 - one option for each thing to look for
    place: Path,
    /,
    *,
    requester: Annotated[str, Parameter(name="--from")] = "",
    provider: Annotated[str, Parameter(name="--to")] = "",
    dataset: str = "",
    field: str = "",
    purpose: str = "",
    at: str = "",
    all_time: Annotated[bool, Parameter(negative=())] = False,
    output: OutputOption = Output.TABLE,
) -> int:
    """Show who can see what, exactly: each field that a clause releases, to whom and for what.

    Exits with 4 when nothing is released.

    Args:
        place: A memorandum, or the folder of memoranda, of a federation or of a party.
        requester: Only what this agency may ask.
        provider: Only what this agency releases.
        dataset: Only this dataset.
        field: Only this field or predicate.
        purpose: Only for this purpose.
        at: As of when, such as 2026-05-01 or 2026-05-01T12:00:00Z; without it, now.
        all_time: Over all of time instead of at one.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when nothing is there or a time is wrong; LB-4101 for a malformed
            memorandum.
    """
    agreed = read_agreed(place)
    talk(agreed.note)
    when = None if all_time else read_moment(at, "--at")
    wanted = {
        "requester": requester,
        "provider": provider,
        "dataset": dataset,
        "purpose": purpose,
    }
    cells = [
        cell
        for cell in Matrix(agreed.policy).cells(when)
        if all(not name or getattr(cell.access, key) == name for key, name in wanted.items())
        and (not field or field in cell.names)
    ]
    if output is Output.TABLE:
        _print_table(cells)
    elif output is Output.NDJSON:
        for cell in cells:
            print_json(_document(cell), output)
    else:
        print_json({"releases": [_document(cell) for cell in cells]}, output)
    return _COMPLETE if cells else _EMPTY


def _print_table(cells: list[Cell]) -> None:
    console = data_console()
    table = open_table("WHO", "READS", "FIELDS", "FOR", "RECORDS", "ON TERMS", "BY", "WHILE")
    for cell in cells:
        access = cell.access
        table.add_row(
            plain(access.requester),
            plain(f"{access.provider}/{access.dataset}"),
            plain(", ".join(cell.names)),
            plain(access.purpose),
            plain(rows_of(cell.clause)),
            plain("\n".join(_terms(cell))),
            plain(clause_of(cell.clause)),
            plain(f"{moment(cell.start)}\n{moment(cell.end)}"),
        )
    console.print(table)


def _terms(cell: Cell) -> Iterator[str]:
    if words := circumstances(cell.standings):
        yield words
    if cell.clause.predicates:
        yield "answered with yes or no"
    for term, words in terms_of(cell.clause).items():
        if term != "legal basis":
            yield f"{term}: {words}"


def _document(cell: Cell) -> dict[str, Any]:
    return {
        **access_document(cell.access),
        "fields": list(cell.names),
        "predicates": bool(cell.clause.predicates),
        "memorandum": cell.clause.memorandum.id,
        "clause": cell.clause.grant.clause,
        "where": [write_rule(rule) for rule in cell.clause.grant.where],
        "terms": terms_of(cell.clause),
        "circumstances": circumstances(cell.standings),
        "from": moment(cell.start),
        "until": moment(cell.end),
    }
