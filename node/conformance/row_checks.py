"""Checks that rows are cut, and yes or no is said, exactly as conditions are written.

The yardstick is `landbridge.memorandum.condition.meets`, put to the records that the node gives
where all of them are granted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from landbridge.errors import LandbridgeError, Reason
from landbridge.heading import read_columns, read_heading
from landbridge.memorandum.condition import (
    UNREADABLE,
    Asked,
    Condition,
    Not,
    Operator,
    Rule,
    Scalar,
    Unreadable,
    meets,
)
from landbridge.memorandum.grant import Argument, Predicate
from landbridge.memorandum.written_rule import write_rule
from landbridge.v1 import answer_pb2
from node.conformance.told import Told, names
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NotApplicableError, demand
from node.node_file import DatasetTable, FieldTable, FieldType

Value = Scalar | Unreadable | None

_COMPARED: Final = {
    FieldType.TEXT: "text",
    FieldType.CODE: "text",
    FieldType.DATE: "date",
    FieldType.INTEGER: "integer",
    FieldType.IDENTIFIER: "text",
}
"""Types of fields on which the conditions are tried, and what a predicate asks for them."""
_QUESTION: Final = "conform-question"
_LONGEST: Final = 200
"""Letters that a query may give for a predicate."""


@dataclass(frozen=True, slots=True)
class _Trialled:
    """A field on whose values the records of a dataset differ."""

    dataset: DatasetTable
    field: FieldTable
    values: tuple[Scalar, ...]
    """At least two."""


async def _rows(trial: Trial) -> str:
    found = await _find_field(trial)
    rule = Condition(found.field.name, Operator.EQ, found.values[0])
    for topic, each in (("rows", rule), ("others", Not(rule))):
        grant = trial.parties.grant(topic, found.dataset, where=[write_rule(each)])
        await trial.put_memorandum(trial.parties.agree(topic, [grant]))
    met = unmet = 0
    for whole in await trial.everything(found.dataset.name):
        for topic, each in (("rows", rule), ("others", Not(rule))):
            told = await trial.collect(topic, found.dataset.name, whole.about)
            expected = _met_by(whole, each)
            demand(
                names(told) == expected,
                f"{found.dataset.name}: {len(expected)} records of a subject meet a condition of "
                f"{topic!r}, and {len(names(told))} or others were released",
            )
            if topic == "rows":
                met += len(expected)
            else:
                unmet += len(expected)
    return (
        f"{found.dataset.name}: of {met + unmet} records, {met} meet a condition on "
        f"{found.field.name} and {unmet} do not; exactly these were released, without a restart"
    )


async def _predicates(trial: Trial) -> str:
    found = await _find_field(trial)
    dataset, field = found.dataset, found.field
    asked = Condition(field.name, Operator.EQ, Asked("value"))
    predicate = {
        "name": _QUESTION,
        "title": "Is it this value?",
        "asks": {"value": {"type": _COMPARED[field.type]}},
        "when": [write_rule(asked)],
    }
    grant = trial.parties.grant("questions", dataset, fields=None, predicates=[predicate])
    await trial.put_memorandum(trial.parties.agree("questions", [grant]))
    said = {True: 0, False: 0}
    for whole in await trial.everything(dataset.name):
        for value in found.values[:2]:
            # The value goes as text: the node reads it as what the predicate asks for.
            arguments = (("value", str(value)),)
            told = await trial.collect(
                "questions", dataset.name, whole.about, fields=(_QUESTION,), arguments=arguments
            )
            if whole.outcome is Reason.NO_RECORD:
                demand(told.outcome is Reason.NO_RECORD, "a yes or no on a subject without records")
                continue
            rule = Condition(field.name, Operator.EQ, value)
            yes = _yes_or_no(told)
            demand(yes is bool(_met_by(whole, rule)), f"{dataset.name}: a wrong yes or no")
            said[yes] += 1
    told = await trial.collect(
        "questions", dataset.name, trial.subjects[dataset.name][0], fields=(_QUESTION,)
    )
    reasons = [Reason(each.reason) for each in told.dataset.refusals]
    demand(reasons == [Reason.BAD_ARGUMENT], "a predicate without its argument is not refused")
    return f"{dataset.name}: {said[True]} times yes, {said[False]} times no, and no value left"


def _yes_or_no(told: Told) -> bool:
    demand(told.outcome is Reason.ANSWERED, f"a predicate gave {told.outcome.code}")
    extracts = [
        (
            [(column.field, column.type) for column in read_columns(extract.heading)],
            [
                (record.record, [value.WhichOneof("canonical") for value in record.values])
                for record in extract.records
            ],
        )
        for extract in told.dataset.extracts
    ]
    one = ([(_QUESTION, answer_pb2.VALUE_TYPE_BOOLEAN)], [("", ["boolean"])])
    demand(extracts == [one], "the answer to a predicate holds more than one yes or no")
    return told.dataset.extracts[0].records[0].values[0].boolean


async def _find_field(trial: Trial) -> _Trialled:
    """Find a field whose values differ among the sampled records, and which can be compared."""
    for dataset in trial.datasets:
        records = [
            record for told in await trial.everything(dataset.name) for record in _records(told)
        ]
        # An identifier tells subjects apart, and seldom one subject's records.
        fields = sorted(dataset.fields, key=lambda field: field.type is FieldType.IDENTIFIER)
        for field in fields:
            if field.type not in _COMPARED or field.separator is not None:
                continue
            found = [held.get(field.name) for _, held in records]
            values = dict.fromkeys(
                value
                for value in found
                if isinstance(value, str | int) and len(str(value)) <= _LONGEST
            )
            if len(values) > 1 and _can_compare(trial, dataset, field, next(iter(values))):
                return _Trialled(dataset, field, tuple(values))
    raise NotApplicableError("no field has different values among the sampled records")


def _can_compare(trial: Trial, dataset: DatasetTable, field: FieldTable, value: Scalar) -> bool:
    rule = Condition(field.name, Operator.EQ, value)
    asked = Predicate(
        name=_QUESTION,
        title="?",
        asks={"value": Argument.model_validate({"type": _COMPARED[field.type]})},
        when=(Condition(field.name, Operator.EQ, Asked("value")),),
    )
    try:
        trial.node.source.check_rule(dataset.name, rule)
        trial.node.source.check_rule(dataset.name, Not(rule))
        trial.node.source.check_predicate(dataset.name, asked)
    except LandbridgeError:
        return False
    return True


def _met_by(whole: Told, rule: Rule) -> list[str]:
    return sorted(name for name, held in _records(whole) if meets(rule, held.get))


def _records(told: Told) -> Iterator[tuple[str, dict[str, Value]]]:
    """Give the name of each record and its values, as conditions compare them."""
    for extract in told.dataset.extracts:
        fields = read_heading(extract.heading).fields
        for record in extract.records:
            yield (
                record.record,
                {field: _value(value) for field, value in zip(fields, record.values, strict=True)},
            )


def _value(value: answer_pb2.Value) -> Value:
    match value.WhichOneof("canonical"):
        case "text":
            return value.text
        case "integer":
            return value.integer
        case "boolean":
            return value.boolean
        case "list":
            return UNREADABLE
        case _:
            return None if value.quality == answer_pb2.QUALITY_EMPTY else UNREADABLE


CHECKS: Final = (
    Check("rows", "Exactly the records that meet the conditions are released.", _rows),
    Check("predicates", "Predicates are answered with yes or no, and no value.", _predicates),
)
