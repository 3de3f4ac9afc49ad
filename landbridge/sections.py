"""What the sources say, record by record: each value with who says it and by which clause.

A record that several clauses release field by field is shown once, with each value under its own
clause.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from landbridge.heading import read_columns
from landbridge.record_flags import merged, shown_flags
from landbridge.v1 import answer_pb2, profile_pb2, query_pb2, subject_pb2

_TYPES: Final = {
    answer_pb2.VALUE_TYPE_TEXT: "text",
    answer_pb2.VALUE_TYPE_INTEGER: "integer",
    answer_pb2.VALUE_TYPE_DECIMAL: "decimal",
    answer_pb2.VALUE_TYPE_DATE: "date",
    answer_pb2.VALUE_TYPE_TIMESTAMP: "timestamp",
    answer_pb2.VALUE_TYPE_BOOLEAN: "boolean",
    answer_pb2.VALUE_TYPE_CODE: "code",
    answer_pb2.VALUE_TYPE_IDENTIFIER: "identifier",
    answer_pb2.VALUE_TYPE_MONEY: "money",
}


class RecordReader:
    """Writes records and values as JSON, and says how exactly a record fits the subject."""

    def __init__(self, subject: subject_pb2.SubjectId, links: Iterable[profile_pb2.Link]) -> None:
        self._ambiguous = {
            (link.linked.scheme, link.linked.value) for link in links if link.ambiguous
        } - {(subject.scheme, subject.value)}

    def coverage(self, record: answer_pb2.Record) -> str:
        """Say whether a record is about the subject exactly, its group, or one of several."""
        if record.covers_group:
            return "group"
        if (record.about.scheme, record.about.value) in self._ambiguous:
            return "one-of-several"
        return "exact"

    def heading(
        self, record: answer_pb2.Record, dataset: answer_pb2.DatasetAnswer
    ) -> dict[str, Any]:
        """Write what a record is about, and as of when."""
        # An answer of yes or no is about all records of the subject, and so has no name.
        heading: dict[str, Any] = {"record": record.record} if record.record else {}
        heading |= {"about": identifier(record.about), "coverage": self.coverage(record)}
        if as_of := record.as_of or dataset.as_of:
            heading["as_of"] = as_of
        return heading


def identifier(subject: subject_pb2.SubjectId) -> dict[str, str]:
    """Write an identifier with its scheme."""
    return {"scheme": subject.scheme, "value": subject.value}


def stated_value(column: answer_pb2.Column, value: answer_pb2.Value) -> dict[str, Any]:
    """Write one value: its type, its canonical form, and its native text where that differs."""
    stated: dict[str, Any] = {"field": column.field}
    if column.term:
        stated["term"] = column.term
    stated["type"] = _TYPES[column.type]
    if column.scheme:
        stated["scheme"] = column.scheme
    stated["value"] = _canonical(value)
    stated.update(_reading(value))
    return stated


def _canonical(value: answer_pb2.Value) -> Any:  # noqa: ANN401  whatever JSON the type calls for
    match value.WhichOneof("canonical"):
        case "text":
            return value.text
        case "integer":
            return value.integer
        case "boolean":
            return value.boolean
        case "list":
            return [_item(item) for item in value.list.items]
        case _:
            return None


def _item(item: answer_pb2.Value) -> Any:  # noqa: ANN401  a scalar, or what stands in its place
    canonical = _canonical(item)
    return _reading(item) if canonical is None else canonical


def _reading(value: answer_pb2.Value) -> dict[str, str]:
    reading: dict[str, str] = {}
    if value.native:
        reading["native"] = value.native
    if value.quality == answer_pb2.QUALITY_EMPTY:
        reading["quality"] = "empty"
    elif value.quality != answer_pb2.QUALITY_UNSPECIFIED or value.WhichOneof("canonical") is None:
        reading["quality"] = "unreadable"
    return reading


def sections(answers: Sequence[answer_pb2.Answer], reader: RecordReader) -> list[dict[str, Any]]:
    """Write one section for each dataset that gave records, in the order of the answers."""
    written: dict[tuple[str, str], _Section] = {}
    for answer in answers:
        if answer.step != query_pb2.STEP_COLLECT:
            continue
        for dataset in answer.datasets:
            if any(extract.records for extract in dataset.extracts):
                key = (answer.agency, dataset.dataset)
                section = written.setdefault(key, _Section(answer.agency, dataset))
                for extract in dataset.extracts:
                    section.add(extract, dataset, reader)
    return [section.document for section in written.values()]


class _Section:
    """One section while its extracts are read."""

    def __init__(self, agency: str, dataset: answer_pb2.DatasetAnswer) -> None:
        self.document: dict[str, Any] = {"agency": agency, "dataset": dataset.dataset}
        if dataset.as_of:
            self.document["as_of"] = dataset.as_of
        self.document["records"] = []
        self._named: dict[tuple[str, ...], dict[str, Any] | None] = {}

    def add(
        self,
        extract: answer_pb2.Extract,
        dataset: answer_pb2.DatasetAnswer,
        reader: RecordReader,
    ) -> None:
        """Add the records of one clause, or their values to records that are there already."""
        names = [_name(record) for record in extract.records]
        occurrences = Counter(names)
        columns = read_columns(extract.heading)
        for name, record in zip(names, extract.records, strict=True):
            values, flags = _attributed(extract, columns, record), shown_flags(record)
            same = self._named.get(name)
            if same is not None and occurrences[name] == 1:
                same["values"].extend(values)
                if flags:
                    same["flags"] = merged(same.get("flags", ()), flags)
                continue
            written = {**reader.heading(record, dataset), "values": values}
            if flags:
                written["flags"] = flags
            self.document["records"].append(written)
            # A name that several native rows share cannot tell which of them another extract means.
            shared = name in self._named or occurrences[name] > 1
            self._named[name] = None if shared else written


def _name(record: answer_pb2.Record) -> tuple[str, ...]:
    about = record.about
    return record.record, about.scheme, about.value, record.as_of, str(record.covers_group)


def _attributed(
    extract: answer_pb2.Extract, columns: Iterable[answer_pb2.Column], record: answer_pb2.Record
) -> list[dict[str, Any]]:
    terms = _terms(extract)
    return [
        {
            **stated_value(column, value),
            "memorandum": extract.memorandum,
            "clause": extract.clause,
            "legal_basis": extract.legal_basis,
            **terms,
        }
        for column, value in zip(columns, record.values, strict=True)
    ]


def _terms(extract: answer_pb2.Extract) -> dict[str, Any]:
    """Write on what terms a clause releases, as far as they bind whoever reads it."""
    terms: dict[str, Any] = {}
    if extract.retention:
        terms["retention"] = extract.retention
    if extract.fresh_within:
        terms["fresh_within"] = extract.fresh_within
    if extract.overdue:
        terms["overdue"] = True
    return terms
