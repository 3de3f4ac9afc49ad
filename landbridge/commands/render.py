"""A profile document as tables for a reader: what conflicts first, what is missing last."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from landbridge.commands.output import visible
from landbridge.commands.render_flag import render_flag
from landbridge.commands.table import heading, open_table, plain
from landbridge.counted import counted
from landbridge.period import Period

_Document = Mapping[str, Any]

_STATES: Final = {
    "complete": "green",
    "partial": "yellow",
    "refused": "red",
    "unreachable": "red",
}
_COVERAGE: Final = {
    "exact": "",
    "group": "covers a group to which the subject belongs",
    "one-of-several": "one of several linked identifiers; may be about another subject",
}


def render_profile(document: _Document, console: Console) -> None:
    """Print a profile document."""
    _header(document, console)
    _comparisons(document["comparisons"], console)
    for section in document["sections"]:
        _section(section, console)
    _links(document["links"], console)
    _gaps(document["gaps"], console)
    _completeness(document["completeness"], console)


def name_of(document: _Document) -> str:
    """Find what the sources call the subject; empty where no shared term or field is a name.

    A name is the value of a term or field called `name` or ending in `-name`; an authoritative
    source's name stands first among compared values.
    """
    compared = (
        (comparison["term"], value)
        for comparison in document["comparisons"]
        for value in comparison["values"]
    )
    stated = (
        (value.get("term") or value["field"], value)
        for section in document["sections"]
        for record in section["records"]
        if record["coverage"] == "exact"
        for value in record["values"]
    )
    for named in (compared, stated):
        for name, value in named:
            last = name.replace("_", "-").rpartition("-")[2]
            if last == "name" and isinstance(value["value"], str):
                return str(value["value"])
    return ""


def next_steps(document: _Document, *, saved: str = "") -> str:
    """Name the commands that help from here."""
    steps = [f"landbridge explain {code}" for code in _codes(document["gaps"])[:2]]
    failed = any(gap["kind"] == "failed" for gap in document["gaps"])
    if failed:
        steps.append("ask again with --deadline 15s")
    steps.append(f"landbridge verify {saved}" if saved else "--save FILE keeps it for `verify`")
    return "next: " + "  |  ".join(steps)


def _codes(gaps: Iterable[_Document]) -> list[str]:
    return list(dict.fromkeys(gap["code"] for gap in gaps if gap["kind"] != "no-record"))


def shown(value: _Document) -> str:
    """Write a value as a reader reads it: canonical, else why there is none."""
    if value["value"] is None:
        return f"({value['quality']})"
    return _scalar(value["value"])


def _native(value: _Document) -> str:
    native = str(value.get("native", ""))
    # Blanks at an end are all that differs from the canonical writing, and would not be seen.
    return native if native == native.strip() else f'"{native}"'


def _scalar(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(_scalar(item) for item in value)
    if isinstance(value, Mapping):
        return f"({value['quality']})"
    return str(value)


def _header(document: _Document, console: Console) -> None:
    query, count = document["query"], document["completeness"]
    subject = query["subject"]
    name = name_of(document)
    line = Text(no_wrap=False)
    if name:
        line.append(visible(name), style="bold").append("   ")
    line.append(visible(f"{subject['scheme']}:{subject['value']}"), style="" if name else "bold")
    line.append(f"   {count['answered']} of {counted(count['sources'], 'source')} answered")
    console.print(line)
    asked = f"asked by {query['requester']} for {query['purpose']}, case {query['case']}"
    sealed = ", sealed" if "sealed" in query else ""
    console.print(plain(f"{asked}, {document['assembled_at']}{sealed}", "dim"))


def _comparisons(comparisons: Iterable[_Document], console: Console) -> None:
    listed = list(comparisons)
    conflicts = [item for item in listed if item["status"] == "conflict"]
    if conflicts:
        table = open_table("TERM AND VALUES", "AS OF", "SOURCE", "RECORD", "CLAUSE")
        for comparison in conflicts:
            table.add_row(plain(f"! {comparison['term']}", "yellow"))
            for value in comparison["values"]:
                table.add_row(
                    Padding(plain(shown(value)), (0, 0, 0, 2)),
                    plain(value.get("as_of", "")),
                    plain(_source(value) + _standing(value)),
                    plain(value.get("record", "")),
                    plain(_clause(value)),
                )
        heading("Conflicts: sources state different values", console)
        console.print(table)
    agreed = [item["term"] for item in listed if item["status"] == "agreement"]
    if agreed:
        console.print()
        console.print(plain(f"Sources agree on: {', '.join(agreed)}"))


def _standing(value: _Document) -> str:
    standing = " (authoritative)" if value["authoritative"] else ""
    standing += " (disputed)" if "disputed" in value else ""
    return standing + (" (one of several)" if value["coverage"] == "one-of-several" else "")


def _section(section: _Document, console: Console) -> None:
    as_of = f", as of {section['as_of']}" if "as_of" in section else ""
    heading(f"{_source(section)}{as_of}", console)
    for record in section["records"]:
        about = record["about"]
        line = f"record {record['record']}, about" if "record" in record else "answers about"
        line += f" {about['scheme']}:{about['value']}"
        if "as_of" in record and record["as_of"] != section.get("as_of"):
            line += f", as of {record['as_of']}"
        console.print(plain(line))
        if remark := _COVERAGE[record["coverage"]]:
            console.print(plain(f"  ! {remark}", "yellow"))
        native = any("native" in value for value in record["values"])
        table = open_table("FIELD", "VALUE", *(("NATIVE",) if native else ()), "CLAUSE")
        for value in record["values"]:
            natively = (plain(_native(value), "dim"),) if native else ()
            table.add_row(
                plain(value["field"]), plain(shown(value)), *natively, plain(_clause(value))
            )
        console.print(Padding(table, (0, 0, 0, 2), expand=False))
        for flag in record.get("flags", ()):
            render_flag(flag, console)
    for text, style in dict.fromkeys(
        term
        for record in section["records"]
        for value in record["values"]
        for term in _terms(value)
    ):
        console.print(plain(f"  {text}", style))


def _terms(value: _Document) -> Iterator[tuple[str, str]]:
    """Say on what terms a value was released, and in which style."""
    if "overdue" in value:
        promised = in_words(value.get("fresh_within", ""))
        yield f"! {_clause(value)}: older than the {promised} that are promised", "yellow"
    if "retention" in value:
        yield f"{_clause(value)}: to be kept for at most {in_words(value['retention'])}", "dim"


def in_words(period: str) -> str:
    """Write a period as a reader says it; what is none is shown as it came."""
    try:
        return Period.parse(period).in_words()
    except ValueError:
        return period


def _links(links: Iterable[_Document], console: Console) -> None:
    ambiguous = [link for link in links if link["ambiguous"]]
    if not ambiguous:
        return
    heading("Ambiguous links: several identifiers of one scheme, never merged", console)
    table = open_table("FROM", "TO", "STATED BY", "RECORD", "ASKED BY IT")
    for link in ambiguous:
        table.add_row(
            plain(f"{link['known']['scheme']}:{link['known']['value']}"),
            plain(f"{link['linked']['scheme']}:{link['linked']['value']}"),
            plain(_source(link)),
            plain(link["record"]),
            plain("yes" if link["followed"] else "no"),
        )
    console.print(table)


def _gaps(gaps: Iterable[_Document], console: Console) -> None:
    listed = list(gaps)
    if not listed:
        return
    heading("Gaps: what is not here, and why", console)
    table = open_table("SOURCE", "CODE", "WHY", "CLAUSE")
    for gap in listed:
        why = gap["meaning"]
        if gap["fields"]:
            why += f" Fields: {', '.join(gap['fields'])}."
        if "withheld" in gap:
            why += f" {gap['withheld']} withheld as expired."
        if "detail" in gap:
            why += f" {gap['detail']}"
        clause = _clause(gap) if "memorandum" in gap else ""
        table.add_row(plain(_source(gap)), plain(gap["code"]), plain(why), plain(clause))
    console.print(table)


def _completeness(count: _Document, console: Console) -> None:
    parts = [f"{count['answered']} of {counted(count['sources'], 'source')} answered"]
    parts += [
        f"{count[key]} {word}"
        for key, word in (
            ("refused", "refused"),
            ("failed", "failed"),
            ("not_addressable", "not addressable"),
        )
        if count[key]
    ]
    if fields := count["refused_fields"]:
        parts.append(f"{counted(fields, 'field')} refused")
    console.print()
    line = Text(f"{count['state']}: ", style=f"bold {_STATES[count['state']]}")
    console.print(line.append(", ".join(parts), style="default"))


def _source(item: _Document) -> str:
    return f"{item['agency']}/{item['dataset']}" if "dataset" in item else str(item["agency"])


def _clause(item: _Document) -> str:
    return f"{item['memorandum']} {item.get('clause', '')}".strip()
