"""Row conditions as ODRL constraints, and back."""

from collections.abc import Mapping
from typing import Any, Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.exchange.odrl_terms import ASKED, DURATION, FIELD, OPERATORS
from landbridge.memorandum.condition import AllOf, AnyOf, Asked, Condition, Not, Rule
from landbridge.period import Period

_OPERATOR_OF: Final = {name: operator for operator, name in OPERATORS.items()}
_JOINS: Final = {"and": "all", "or": "any", "not": "not"}
_REFERENCE: Final = "rightOperandReference"
_MAX_DEPTH: Final = 20


def listed(values: list[Any]) -> dict[str, list[Any]]:
    """Write values whose order counts."""
    return {"@list": values}


def constraint(left: str, operator: str, right: object) -> dict[str, Any]:
    """Write one constraint."""
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


def write_constraint(rule: Rule) -> dict[str, Any]:
    """Write a rule as a constraint, or as a logical constraint of several."""
    match rule:
        case AllOf():
            return {"and": listed([write_constraint(part) for part in rule.parts])}
        case AnyOf():
            return {"or": listed([write_constraint(part) for part in rule.parts])}
        case Not():
            return {"not": listed([write_constraint(rule.part)])}
        case _:
            return _write_condition(rule)


def _write_condition(condition: Condition) -> dict[str, Any]:
    left, operator = FIELD + condition.field, OPERATORS[condition.operator]
    match condition.value:
        case Asked():
            reference = ASKED + condition.value.argument
            return {"leftOperand": left, "operator": operator, _REFERENCE: reference}
        case None:
            # ODRL wants a right side; both tests for empty fields have none.
            return constraint(left, operator, right=True)
        case Period():
            return constraint(left, operator, {"@type": DURATION, "@value": str(condition.value)})
        case tuple():
            return constraint(left, operator, listed(list(condition.value)))
        case _:
            return constraint(left, operator, condition.value)


def read_constraint(written: object, place: str, depth: int = 0) -> dict[str, Any]:
    """Read a constraint as a rule is written in a memorandum.

    Whether fields, values and operators fit each other is seen when the memorandum is read.

    Raises:
        LandbridgeError: LB-4106 when it is not a constraint of the profile; `where` is its place.
    """
    if not isinstance(written, Mapping) or depth > _MAX_DEPTH:
        raise not_importable("a constraint is expected here", place)
    for key, join in _JOINS.items():
        if key in written:
            parts = [
                read_constraint(part, f"{place}.{key}[{number}]", depth + 1)
                for number, part in enumerate(read_list(written[key], f"{place}.{key}"))
            ]
            if join == "not" and len(parts) != 1:
                raise not_importable("`not` takes exactly one constraint", f"{place}.{key}")
            return {join: parts[0] if join == "not" else parts}
    left, operator = written.get("leftOperand"), written.get("operator")
    if not isinstance(left, str) or not left.startswith(FIELD):
        raise not_importable(f"the left side of a row condition is {FIELD}NAME", place)
    if not isinstance(operator, str) or operator not in _OPERATOR_OF:
        raise not_importable("not an operator of the profile", f"{place}.operator")
    return {"field": left.removeprefix(FIELD), str(_OPERATOR_OF[operator]): _read_right(written)}


def _read_right(written: Mapping[str, Any]) -> object:
    if _REFERENCE in written:
        return {"asked": str(written[_REFERENCE]).removeprefix(ASKED)}
    right = written.get("rightOperand")
    if isinstance(right, Mapping):
        return right.get("@list", right.get("@value"))
    return right


def read_list(written: object, place: str) -> list[Any]:
    """Read a list, whether JSON-LD wrote it as one, as an `@list`, or as its only member.

    Raises:
        LandbridgeError: LB-4106 when an `@list` holds none.
    """
    if isinstance(written, Mapping) and set(written) == {"@list"}:
        written = written["@list"]
        if not isinstance(written, list):
            raise not_importable("an `@list` is a list", place)
    return written if isinstance(written, list) else [written]


def not_importable(message: str, place: str) -> LandbridgeError:
    """Make the error for a document that cannot be imported."""
    return refuse(Reason.NOT_IMPORTABLE, message, where=place)
