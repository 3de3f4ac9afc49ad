"""Predicates: questions with yes or no, made exact by the day and by what a query gives for them.

What a query gives is text or a whole number from outside. It stands in a rule only once it is a
value of the argument's type, in the one writing that values of this type have, and one of those
that the clause allows. Errors name the argument and never the value.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.condition import Rule, Scalar, on_day, with_arguments
from landbridge.memorandum.grant import Argument, Predicate

_LARGEST: Final = 2**63 - 1
_INTEGER: Final = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,18})?")
_NEXT_STEP: Final = "`landbridge memo explain` names what the predicate asks for"

Bound = tuple[Rule, ...]
"""Rules that hold nothing of a day or a query any more."""


def rules_on(rules: tuple[Rule, ...], day: date) -> Bound:
    """Return rules as they read on a day (UTC); the same ones where none has a `within`."""
    if not rules:
        return rules
    bound = tuple(on_day(rule, day) for rule in rules)
    same = all(new is old for new, old in zip(bound, rules, strict=True))
    return rules if same else bound


def is_given(predicate: Predicate, given: Mapping[str, str | int]) -> bool:
    """Whether a query gives everything that the predicate asks for."""
    return predicate.asks.keys() <= given.keys()


def bind_predicate(predicate: Predicate, given: Mapping[str, str | int], day: date) -> Bound:
    """Return what a record must meet on a day for the predicate to be true of it.

    Raises:
        LandbridgeError: LB-1009 for an argument that is missing, of another type, or not one of
            those that the clause allows.
    """
    rules = rules_on(predicate.when, day)
    if not predicate.asks:
        return rules
    arguments = {
        name: _read(predicate, name, argument, given) for name, argument in predicate.asks.items()
    }
    return tuple(with_arguments(rule, arguments) for rule in rules)


def _read(
    predicate: Predicate, name: str, argument: Argument, given: Mapping[str, str | int]
) -> Scalar:
    if name not in given:
        raise _bad(predicate, f"asks for {name}, and the query gives none")
    value = _READERS[argument.type](given[name])
    if value is None:
        raise _bad(predicate, f"asks for {name} as {_FORMS[argument.type]}")
    if argument.of and not any(_is_same(argument.type, value, each) for each in argument.of):
        raise _bad(predicate, f"asks for {name}, and allows only some values, not the given one")
    return value


def _is_same(kind: str, value: Scalar, allowed: str | int) -> bool:
    """Compare as the type does: 1.50 is the decimal 1.5."""
    return Decimal(value) == Decimal(allowed) if kind == "decimal" else value == allowed


def _read_date(given: str | int) -> str | None:
    try:
        day = date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None
    return None if day is None or day.isoformat() != given else day.isoformat()


def _read_integer(given: str | int) -> int | None:
    if isinstance(given, str):
        if not _INTEGER.fullmatch(given):
            return None
        given = int(given)
    return given if -_LARGEST <= given <= _LARGEST else None


def _read_decimal(given: str | int) -> str | None:
    written = str(given)
    return written if _DECIMAL.fullmatch(written) else None


def _read_text(given: str | int) -> str | None:
    # Not every database can compare with what cannot be printed; no register holds it.
    return given if isinstance(given, str) and given and given.isprintable() else None


_READERS: Final[Mapping[str, Callable[[str | int], Scalar | None]]] = {
    "date": _read_date,
    "integer": _read_integer,
    "decimal": _read_decimal,
    "text": _read_text,
}
_FORMS: Final = {
    "date": "a day written like 2026-01-31",
    "integer": "a whole number",
    "decimal": "a decimal number written like 1000.50",
    "text": "text of printable letters",
}


def _bad(predicate: Predicate, what: str) -> LandbridgeError:
    return refuse(
        Reason.BAD_ARGUMENT, f"the predicate {predicate.name} {what}", next_step=_NEXT_STEP
    )
