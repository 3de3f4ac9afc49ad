"""Shows correction notices, to who gave the wrong answers and to who received them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich.text import Text

from landbridge.clock import to_iso
from landbridge.commands.output import Output, data_console, print_json, talk
from landbridge.commands.table import open_table, plain
from landbridge.rights.acknowledgement import Acknowledgement
from landbridge.rights.correction import Correction

Row = Callable[[Correction, Mapping[str, Any]], tuple[str | Text, ...]]
"""Writes the cells of a notice and of its document."""


def describe(
    notice: Correction, receipt: Acknowledgement | None, parties: Mapping[str, str]
) -> dict[str, Any]:
    """Write a notice as programs read it; `parties` is what the reader is not itself."""
    return {
        "correction": notice.id,
        "case": notice.case,
        **parties,
        "dataset": notice.dataset,
        "fields": list(notice.fields),
        "reason": notice.reason,
        "since": to_iso(notice.since),
        "issued_at": to_iso(notice.issued_at),
        "answers": [{"entry": entry, "query": query} for entry, query in notice.answers],
        "acknowledged_at": to_iso(receipt.acknowledged_at) if receipt else "",
    }


def show(  # noqa: PLR0913  by name
    notices: Sequence[Correction],
    documents: Sequence[Mapping[str, Any]],
    output: Output,
    *,
    columns: Sequence[str],
    row: Row,
    nothing: str,
) -> None:
    """Print notices and their documents, in the same order; or say that there is nothing."""
    if output is Output.NDJSON:
        for document in documents:
            print_json(document, output)
    elif output is Output.JSON:
        print_json({"corrections": documents}, output)
    elif not documents:
        talk(nothing)
    else:
        table = open_table(*columns)
        for notice, document in zip(notices, documents, strict=True):
            table.add_row(*row(notice, document))
        data_console().print(table)


def in_short(notice: Correction) -> Text:
    """Say what was wrong, in one cell."""
    return plain(f"{notice.dataset}: {', '.join(notice.fields)} {notice.reason}")
