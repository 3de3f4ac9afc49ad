"""How a row condition is written in a memorandum: one field, one operator, its value.

{field: status, in: [active, closed]}
{field: closed_on, ge: 2015-01-01}
{field: closed_on, is-null: true}
"""

import re
from typing import Annotated, Any, Final

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from landbridge.condition import Condition, Operator, find_problem
from landbridge.suggestion import did_you_mean

_FIELD: Final = "field"
_NAME: Final = r"^[a-z0-9][a-z0-9._-]*$"
_NULL_TESTS: Final = (Operator.IS_NULL, Operator.NOT_NULL)
_MAX_VALUES: Final = 1000

# Authors may write decimals bare; they are read and signed as text.
_ONE_VALUE: Final = {"type": ["string", "number", "boolean"]}
_SCHEMA_OF_VALUE: Final[dict[Operator, dict[str, Any]]] = {
    Operator.EQ: _ONE_VALUE | {"description": "The field has this value."},
    Operator.NE: _ONE_VALUE | {"description": "The field is filled and has another value."},
    Operator.IN: {
        "type": "array",
        "items": _ONE_VALUE,
        "minItems": 1,
        "maxItems": _MAX_VALUES,
        "description": "The field has one of these values.",
    },
    Operator.LT: {"type": ["string", "number"], "description": "The field is below this."},
    Operator.LE: {"type": ["string", "number"], "description": "The field is at most this."},
    Operator.GT: {"type": ["string", "number"], "description": "The field is above this."},
    Operator.GE: {"type": ["string", "number"], "description": "The field is at least this."},
    Operator.IS_NULL: {"const": True, "description": "The field is empty."},
    Operator.NOT_NULL: {"const": True, "description": "The field is filled."},
}
_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Row condition",
    "properties": {
        _FIELD: {
            "type": "string",
            "pattern": _NAME,
            "description": "The canonical field that is compared.",
        },
        **{str(operator): schema for operator, schema in _SCHEMA_OF_VALUE.items()},
    },
    "required": [_FIELD],
    "minProperties": 2,
    "maxProperties": 2,
    "additionalProperties": False,
}


def read_condition(written: object) -> Condition:
    """Read one row condition.

    Raises:
        ValueError: when it is not exactly one comparison of one field.
    """
    if isinstance(written, Condition):
        return written
    if not isinstance(written, dict):
        raise ValueError("must be written {field: NAME, OPERATOR: VALUE}")  # noqa: TRY004 - pydantic's
    known = [_FIELD, *Operator]
    for key in written:
        if key not in known:
            raise ValueError(f"unknown key {key!r}{did_you_mean(key, known)}")
    operators = [operator for operator in Operator if operator in written]
    if len(operators) != 1:
        raise ValueError(f"needs exactly one operator of {', '.join(Operator)}")
    field = written.get(_FIELD)
    if not isinstance(field, str) or not re.fullmatch(_NAME, field):
        raise ValueError("needs `field`, the name of a field in lower case")
    return _make(field, operators[0], written[operators[0]])


def write_condition(condition: Condition) -> dict[str, object]:
    """Write a row condition as memoranda hold it; the opposite of `read_condition`."""
    value = condition.value
    if isinstance(value, tuple):
        return {_FIELD: condition.field, condition.operator.value: list(value)}
    null_test = condition.operator in _NULL_TESTS
    return {_FIELD: condition.field, condition.operator.value: True if null_test else value}


def _make(field: str, operator: Operator, value: Any) -> Condition:  # noqa: ANN401 - checked here
    if operator in _NULL_TESTS:
        if value is not True:
            raise ValueError(f"{operator} takes only true; is-null and not-null are opposites")
        value = None
    if isinstance(value, list):
        value = tuple(value)
    problem = find_problem(operator, value)
    if isinstance(value, tuple) and len(value) > _MAX_VALUES:
        problem = f"takes at most {_MAX_VALUES} values"
    if problem:
        raise ValueError(f"{operator} {problem}")
    return Condition(field, operator, value)


RowCondition = Annotated[
    Condition,
    PlainValidator(read_condition),
    PlainSerializer(write_condition),
    WithJsonSchema(_SCHEMA),
]
"""A row condition as a key of the memorandum's model."""
