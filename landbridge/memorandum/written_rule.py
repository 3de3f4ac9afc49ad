"""How row conditions are written in a memorandum: comparisons, joined by `all`, `any` and `not`.

{field: status, in: [active, closed]}
{field: closed_on, within: P5Y}
{any: [{field: ended_on, is-null: true}, {not: {field: city, eq: Troy}}]}

In a predicate a value may be what the query asks: {field: amount, gt: {asked: threshold}}.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from landbridge.memorandum.condition import AllOf, AnyOf, Asked, Condition, Not, Operator, Rule
from landbridge.memorandum.operand import find_problem
from landbridge.period import Period
from landbridge.places import Keys
from landbridge.suggestion import did_you_mean

OUT_OF_PLACE: Final = "row_condition"
"""The kind of pydantic's error whose context says, as `way`, where within a rule it stands,
and, as `of_key`, whether it is the key there that is wrong."""

FIELD: Final = "field"
ASKED: Final = "asked"
ALL, ANY, NOT = "all", "any", "not"
NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,99}$"
_NAMED: Final = re.compile(NAME)
_OPERATORS: Final = {str(operator): operator for operator in Operator}
_KEYS: Final = (FIELD, *_OPERATORS, ALL, ANY, NOT)
_NULL_TESTS: Final = (Operator.IS_NULL, Operator.NOT_NULL)
_ASKABLE: Final = (
    Operator.EQ,
    Operator.NE,
    Operator.LT,
    Operator.LE,
    Operator.GT,
    Operator.GE,
)
MAX_VALUES: Final = 1000
_MAX_DEPTH: Final = 5
_MAX_NAME: Final = 100
MAX_PARTS: Final = 100
_MAX_TEXT: Final = 2000

REFERENCE: Final = {"title": "Row condition", "type": "object"}
"""What stands in schemas for a row condition, which holds others."""


class _WrittenWrongError(ValueError):
    """A rule that cannot be read, and where in it."""

    def __init__(self, way: Keys, message: str, *, of_key: bool = False) -> None:
        super().__init__(message)
        self.way = way
        self.of_key = of_key


def read_rule(written: object) -> Rule:
    """Read one row condition, or a rule that joins several.

    Raises:
        ValueError: when it is written otherwise, is nested deeper than 5 levels or holds more than
            100 conditions; `way` says where within it.
    """
    return _Reader().read(written, ())


def write_rule(rule: Rule) -> dict[str, object]:
    """Write a rule as memoranda hold it; the opposite of `read_rule`."""
    match rule:
        case AllOf():
            return {ALL: [write_rule(part) for part in rule.parts]}
        case AnyOf():
            return {ANY: [write_rule(part) for part in rule.parts]}
        case Not():
            return {NOT: write_rule(rule.part)}
        case _:
            return {FIELD: rule.field, rule.operator.value: _write_value(rule)}


def place_conditions(rule: Rule, way: Keys) -> Iterator[tuple[Keys, Condition]]:
    """Give every single condition of a rule with the way to it, as the rule is written."""
    match rule:
        case AllOf() | AnyOf():
            key = ALL if isinstance(rule, AllOf) else ANY
            for number, part in enumerate(rule.parts):
                yield from place_conditions(part, (*way, key, number))
        case Not():
            yield from place_conditions(rule.part, (*way, NOT))
        case _:
            yield way, rule


def _write_value(condition: Condition) -> object:
    match condition.value:
        case None:
            return True
        case tuple():
            return list(condition.value)
        case Period():
            return str(condition.value)
        case Asked():
            return {ASKED: condition.value.argument}
        case _:
            return condition.value


class _Reader:
    def __init__(self) -> None:
        self._conditions = 0

    def read(self, written: object, way: Keys) -> Rule:
        if isinstance(written, Condition | AllOf | AnyOf | Not):
            return written
        if not isinstance(written, dict):
            raise _WrittenWrongError(way, "must be written {field: NAME, OPERATOR: VALUE}")
        if sum(isinstance(step, str) for step in way) >= _MAX_DEPTH:
            raise _WrittenWrongError(way, f"conditions are nested deeper than {_MAX_DEPTH} levels")
        joins = [key for key in (ALL, ANY, NOT) if key in written]
        if joins and len(written) > 1:
            raise _WrittenWrongError(way, f"{joins[0]!r} stands alone, without further keys")
        if NOT in written:
            return Not(self.read(written[NOT], (*way, NOT)))
        if joins:
            parts = self._read_parts(written[joins[0]], (*way, joins[0]))
            return AllOf(parts) if joins[0] == ALL else AnyOf(parts)
        return self._read_condition(written, way)

    def _read_parts(self, written: object, way: Keys) -> tuple[Rule, ...]:
        if not isinstance(written, list | tuple) or not written:
            raise _WrittenWrongError(way, "needs a list of at least one condition")
        return tuple(self.read(part, (*way, number)) for number, part in enumerate(written))

    def _read_condition(self, written: dict[Any, Any], way: Keys) -> Condition:
        operators: list[Operator] = []
        for key in written:
            if key in _OPERATORS:
                operators.append(_OPERATORS[key])
            elif key != FIELD:
                name = str(key)[:_MAX_NAME]
                near = did_you_mean(name, _KEYS)
                raise _WrittenWrongError((*way, key), f"unknown key {name!r}{near}", of_key=True)
        if len(operators) != 1:
            raise _WrittenWrongError(way, f"needs exactly one operator of {', '.join(Operator)}")
        field = written.get(FIELD)
        if not isinstance(field, str) or not _NAMED.fullmatch(field):
            raise _WrittenWrongError(way, "needs `field`, the name of a field in lower case")
        self._conditions += 1
        if self._conditions > MAX_PARTS:
            raise _WrittenWrongError(way, f"more than {MAX_PARTS} conditions are joined")
        return _make(field, operators[0], written[operators[0]], way)


def _make(field: str, operator: Operator, value: Any, way: Keys) -> Condition:  # noqa: ANN401 - checked here
    problem = ""
    if operator in _NULL_TESTS:
        problem = "" if value is True else "takes only true; is-null and not-null are opposites"
        value = None
    elif operator is Operator.WITHIN:
        value, problem = _read_period(value)
    elif isinstance(value, dict):
        value, problem = _read_asked(operator, value)
    elif isinstance(value, list):
        value = tuple(value)
    problem = problem or find_problem(operator, value)
    if isinstance(value, tuple) and len(value) > MAX_VALUES:
        problem = f"takes at most {MAX_VALUES} values"
    texts = value if isinstance(value, tuple) else (value,)
    if any(isinstance(text, str) and len(text) > _MAX_TEXT for text in texts):
        problem = f"takes texts of at most {_MAX_TEXT} letters"
    if problem:
        raise _WrittenWrongError((*way, str(operator)), f"{operator} {problem}")
    return Condition(field, operator, value)


def _read_period(value: object) -> tuple[Period | None, str]:
    try:
        return Period.parse(value if isinstance(value, str) else ""), ""
    except ValueError as error:
        return None, str(error)


def _read_asked(operator: Operator, value: dict[Any, Any]) -> tuple[Asked | None, str]:
    name = value.get(ASKED)
    if set(value) != {ASKED} or not isinstance(name, str) or not _NAMED.fullmatch(name):
        return None, "takes a value, or {asked: ARGUMENT} in a predicate"
    if operator not in _ASKABLE:
        return None, f"compares with fixed values only; asked ones go with {', '.join(_ASKABLE)}"
    return Asked(name), ""


def _validate(written: object) -> Rule:
    try:
        return read_rule(written)
    except _WrittenWrongError as error:
        raise PydanticCustomError(
            OUT_OF_PLACE, "{what}", {"what": str(error), "way": error.way, "of_key": error.of_key}
        ) from None


RowRule = Annotated[
    Rule,
    PlainValidator(_validate),
    PlainSerializer(write_rule),
    WithJsonSchema(REFERENCE),
]
"""A row condition, or a rule that joins several, as a key of the memorandum's model."""
