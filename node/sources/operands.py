"""Row conditions held against the fields that they compare.

A condition that could hold for no record, or that compares what has no order, is a mistake in the
memorandum: it is refused when the memorandum is loaded, never read in another sense.
"""

from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.condition import Asked, Condition, Operator, Scalar
from landbridge.memorandum.grant import Argument
from landbridge.period import Period
from landbridge.subject import Schemes
from landbridge.suggestion import did_you_mean
from node.node_file import FieldTable, FieldType
from node.sources.amounts import read_decimal
from node.sources.moments import compile_timestamp, read_iso
from node.sources.parsers import Quality, Reading, codes_of, empty_signs, write_scalar

NULL_TESTS: Final = (Operator.IS_NULL, Operator.NOT_NULL)
EQUALITY: Final = (Operator.EQ, Operator.NE, Operator.IN)
_UNORDERED: Final = (FieldType.CODE, FieldType.IDENTIFIER, FieldType.BOOLEAN)
_NUMBERS: Final = (FieldType.INTEGER, FieldType.DECIMAL, FieldType.MONEY)
_DAYS: Final = (FieldType.DATE, FieldType.TIMESTAMP)
_FROM_A_DAY: Final = (Operator.GE, Operator.LT)
"""What a day says of a time without doubt: from its first instant on, or before it."""
_FITTING: Final = {
    "date": _DAYS,
    "integer": _NUMBERS,
    "decimal": _NUMBERS,
    "text": (FieldType.TEXT, FieldType.CODE, FieldType.IDENTIFIER),
}
"""With which fields the arguments of each type are compared."""

_IN_NO_TEXT: Final = "a value holds a character that is in no text"


def check_operands(dataset: str, field: FieldTable, condition: Condition, schemes: Schemes) -> None:
    """Check that a condition can mean something for a field.

    Raises:
        LandbridgeError: LB-1101.
    """
    if condition.operator in NULL_TESTS:
        return
    if field.separator is not None:
        raise not_executable(
            dataset, condition, "the field holds several values; test only for empty or filled"
        )
    if condition.operator is Operator.WITHIN and field.type not in _DAYS:
        raise not_executable(dataset, condition, f"values of type {field.type} are no days")
    if field.type in _UNORDERED and condition.operator not in EQUALITY:
        raise not_executable(dataset, condition, f"values of type {field.type} have no order")
    for operand in operands(condition):
        what = _unwritable(operand) or _misfit(operand, field, condition.operator, schemes)
        if what:
            raise not_executable(dataset, condition, what)


def check_argument(
    dataset: str, field: FieldTable, condition: Condition, argument: Argument, schemes: Schemes
) -> None:
    """Check that what queries may ask in a condition can be compared with a field.

    Raises:
        LandbridgeError: LB-1101 for an argument of another type than the field, a value among its
            choices that the field never has, or one that is free where the field has codes.
    """
    if field.type not in _FITTING[argument.type]:
        raise not_executable(
            dataset,
            condition,
            f"what is asked is of type {argument.type}, and {field.name} of type {field.type}",
        )
    if not argument.of and field.type in _UNORDERED:
        raise not_executable(
            dataset, condition, f"list in `of` which values of type {field.type} can be asked for"
        )
    for value in argument.of or (SAMPLES[argument.type],):
        check_operands(dataset, field, replace(condition, value=value), schemes)


SAMPLES: Final[dict[str, Scalar]] = {
    "date": "2026-01-31",
    "integer": 1,
    "decimal": "0.5",
    "text": "text",
}
"""One value of each type of argument, by which conditions are tried."""


def operands(condition: Condition) -> tuple[Scalar, ...]:
    """Return what a condition compares with."""
    if condition.value is None or isinstance(condition.value, Period | Asked):
        return ()
    return condition.value if isinstance(condition.value, tuple) else (condition.value,)


def number(operand: Scalar) -> Decimal:
    """Return a checked operand of a number field as the number that it is."""
    return Decimal(str(operand))


def comparable(field: FieldTable, reading: Reading) -> Scalar | Decimal | None:
    """Return what `memorandum.condition.holds` compares: numbers as numbers, without currency."""
    value = reading.value
    if isinstance(value, tuple):
        return "several"
    if field.type in (FieldType.DECIMAL, FieldType.MONEY) and isinstance(value, str):
        return Decimal(value.partition(" ")[0])
    return None if reading.quality is Quality.EMPTY else value


def not_executable(dataset: str, condition: Condition, why: str) -> LandbridgeError:
    """Make the error for a condition that this node cannot execute exactly as it is written."""
    return refuse(
        Reason.INVALID_CONFIGURATION,
        f"the row condition '{condition}' cannot be executed on dataset {dataset}: {why}",
        next_step="amend the memorandum, or publish a field on which the condition can be executed",
    )


def _misfit(  # noqa: PLR0911 - one for each type
    operand: Scalar, field: FieldTable, operator: Operator, schemes: Schemes
) -> str:
    """Say what is wrong with an operand; empty where nothing is."""
    match field.type:
        case FieldType.INTEGER | FieldType.DECIMAL | FieldType.MONEY:
            return _wrong_number(operand)
        case FieldType.BOOLEAN:
            return _wrong_boolean(operand)
        case FieldType.DATE:
            return _wrong_day(operand)
        case FieldType.TIMESTAMP:
            return _wrong_timestamp(operand, operator)
        case FieldType.CODE:
            return _wrong_code(operand, field)
        case FieldType.IDENTIFIER:
            return _wrong_identifier(operand, field, schemes)
        case _:
            return _wrong_text(operand, field)


def _unwritable(operand: Scalar) -> str:
    """Say whether no database takes a text: it holds NUL, or half of a pair of surrogates."""
    if isinstance(operand, str):
        try:
            operand.encode()
        except UnicodeEncodeError:
            return _IN_NO_TEXT
        if "\0" in operand:
            return _IN_NO_TEXT
    return ""


def _wrong_boolean(operand: Scalar) -> str:
    return "" if isinstance(operand, bool) else f"{operand!r} is neither true nor false"


def _wrong_number(operand: Scalar) -> str:
    if isinstance(operand, bool) or "," in str(operand) or read_decimal(str(operand)) is None:
        return f"{operand!r} is not a number"
    return ""


def _wrong_day(operand: Scalar) -> str:
    moment = read_iso(operand) if isinstance(operand, str) else None
    if moment is None or moment.date().isoformat() != operand:
        return f"{operand!r} is not a day written like 2026-01-31"
    return ""


def _wrong_timestamp(operand: Scalar, operator: Operator) -> str:
    if operator in _FROM_A_DAY and not _wrong_day(operand):
        return ""
    # One with a zone has no order beside times without one, which is what most registers hold.
    is_zoned = isinstance(operand, str) and operand.endswith("Z")
    if not isinstance(operand, str) or is_zoned or compile_timestamp(())(operand) != operand:
        return f"{operand!r} is not a time written like 2026-01-31T09:00:00, without a zone"
    return ""


def _wrong_identifier(operand: Scalar, field: FieldTable, schemes: Schemes) -> str:
    with suppress(LandbridgeError):
        if operand == schemes[field.scheme or ""].normalise(str(operand)):
            return ""
    return f"a value is not an identifier of {field.scheme} in its normal form"


def _wrong_code(operand: Scalar, field: FieldTable) -> str:
    known = set(codes_of(field).values())
    if operand in known:
        return ""
    near = did_you_mean(str(operand), (write_scalar(code) for code in known))
    return f"{operand!r} is not a code of {field.name}{near}"


def _wrong_text(operand: Scalar, field: FieldTable) -> str:
    if not isinstance(operand, str):
        return f"{operand!r} is not text"
    if operand != operand.strip() or operand in empty_signs(field):
        return f"no value is {operand!r}: blanks around a text, and signs for empty, are left out"
    return ""
