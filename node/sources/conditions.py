"""Rules of row conditions in SQL, with exactly the meaning of `meets`.

That is `landbridge.memorandum.condition.meets`. Each single condition becomes an expression that is
true or false and never NULL, so that AND, OR and NOT of the database mean what they mean there.

SQLite runs `holds` itself, as an SQL function over the native column, so that loaded files and
SQLite databases can execute every condition. The other databases get expressions of their own, and
a condition for which there is no exact one is refused (`node.sources.expressions`).
A value that is empty meets only `is-null`; one that is unreadable meets nothing.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from typing import Any, Final
from weakref import WeakValueDictionary

import sqlalchemy as sa

from landbridge.errors import Reason, refuse
from landbridge.memorandum.condition import (
    AllOf,
    AnyOf,
    Asked,
    Condition,
    Not,
    Rule,
    changed,
    conditions_of,
    holds,
    on_day,
)
from landbridge.memorandum.grant import Predicate
from landbridge.subject import Schemes
from node.sources.database import HOLDS
from node.sources.expressions import Bind, Comparison, express, take_apart
from node.sources.fields import PublishedField
from node.sources.operands import SAMPLES, check_argument, check_operands, operands

FieldOf = Callable[[str], PublishedField]
"""Finds a field of a dataset by its name; LB-1007 where it is not published."""

_SOME_DAY: Final = date(2026, 1, 31)
"""Stands for today where it is only tried whether a rule can be executed."""
_MOST_VALUES: Final = 5000
"""Values that one rule may compare with: databases bound what a statement holds."""


class Test:
    """What SQLite calls for each row that a key has found; kept while a statement needs it."""

    __slots__ = ("__weakref__", "_condition", "_field")

    def __init__(self, field: PublishedField, condition: Condition) -> None:
        self._field = field
        self._condition = condition

    def met_by(self, native: object) -> bool:
        """Tell whether a row with this native value meets the condition."""
        return holds(self._condition, self._field.value(native))


class Joint(Enum):
    """How parts of a rule are joined."""

    ALL = "all"
    ANY = "any"
    NOT = "not"


Form = Comparison | str | tuple[Any, ...]
"""A rule apart from its values: a comparison, for SQLite the field alone, or a joint with parts."""


@dataclass(frozen=True, slots=True)
class PreparedRule:
    """A rule that was taken apart."""

    form: Form
    values: tuple[object, ...]
    tests: tuple[Test, ...]
    """What SQLite calls while a statement runs; to be kept as long."""


class RowConditions:
    """The row conditions of a node's datasets, as SQL. Thread-safe."""

    def __init__(self, schemes: Schemes) -> None:
        self._schemes = schemes
        # Queries choose the values of predicates: there is no end to the tests that come and go.
        self._tests: WeakValueDictionary[str, Test] = WeakValueDictionary()
        self._lock = threading.Lock()

    def prepare(self, dataset: str, field_of: FieldOf, rule: Rule, *, dialect: str) -> PreparedRule:
        """Take a rule apart: what a statement is compiled for, and what is given with each run.

        Args:
            dataset: Its name, for messages.
            field_of: Its fields.
            rule: Without `within` and asked values.
            dialect: SQLAlchemy's name of the database.

        Raises:
            LandbridgeError: LB-1007 for a field that is not published, LB-1101 when the rule cannot
                be executed exactly as it is written.
        """
        values: list[object] = []
        tests: list[Test] = []
        compared = 0

        def take(part: Rule) -> Form:
            nonlocal compared
            match part:
                case AllOf():
                    return (Joint.ALL, *map(take, part.parts))
                case AnyOf():
                    return (Joint.ANY, *map(take, part.parts))
                case Not():
                    return (Joint.NOT, take(part.part))
            field = field_of(part.field)
            check_operands(dataset, field.table, part, self._schemes)
            compared += len(operands(part))
            if dialect == "sqlite":
                tests.append(self._test(dataset, field, part, values))
                return part.field
            comparison, given = take_apart(dataset, field, part, dialect)
            values.extend(given)
            return comparison

        form = take(rule)
        if compared > _MOST_VALUES:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"a rule on dataset {dataset} compares with more than {_MOST_VALUES} values",
                next_step="publish a field that says what the long lists say",
            )
        return PreparedRule(form, tuple(values), tuple(tests))

    def write(
        self, field_of: FieldOf, form: Form, *, dialect: str, bind: Bind
    ) -> sa.ColumnElement[bool]:
        """Write what a rule was taken apart to, with a place for each value in their order."""
        if isinstance(form, Comparison):
            return express(field_of(form.field), form, dialect, bind)
        if isinstance(form, str):
            column = field_of(form).column
            return getattr(sa.func, HOLDS)(bind(sa.Text()), column, type_=sa.Boolean)  # type: ignore[no-any-return]
        joint, *parts = form
        written = [self.write(field_of, part, dialect=dialect, bind=bind) for part in parts]
        if joint is Joint.NOT:
            return sa.not_(written[0])
        return sa.and_(sa.true(), *written) if joint is Joint.ALL else sa.or_(sa.false(), *written)

    def check_rule(self, dataset: str, field_of: FieldOf, rule: Rule, *, dialect: str) -> None:
        """Check a rule as a memorandum holds it, `within` included.

        Raises:
            LandbridgeError: LB-1007, LB-1101.
        """
        for condition in conditions_of(rule):
            check_operands(dataset, field_of(condition.field).table, condition, self._schemes)
        self.prepare(dataset, field_of, on_day(rule, _SOME_DAY), dialect=dialect)

    def check_predicate(
        self, dataset: str, field_of: FieldOf, predicate: Predicate, *, dialect: str
    ) -> None:
        """Check a predicate: its rules, and whatever queries may ask in them.

        Raises:
            LandbridgeError: LB-1007, LB-1101.
        """

        def try_out(condition: Condition) -> Rule:
            if not isinstance(condition.value, Asked):
                return condition
            argument = predicate.asks[condition.value.argument]
            field = field_of(condition.field).table
            check_argument(dataset, field, condition, argument, self._schemes)
            sample = (argument.of or (SAMPLES[argument.type],))[0]
            return replace(condition, value=sample)

        for rule in predicate.when:
            self.check_rule(dataset, field_of, changed(rule, try_out), dialect=dialect)

    def hold(self, label: str, native: object) -> bool:
        """Test a native value; what SQLite calls for each row that a key has found."""
        return self._tests[label].met_by(native)

    def _test(
        self, dataset: str, field: PublishedField, condition: Condition, values: list[object]
    ) -> Test:
        # The label is what a reader of the statement sees; each stands for one test.
        label = f"{dataset}: {condition}"
        values.append(label)
        with self._lock:
            test = self._tests.get(label)
            if test is None:
                test = self._tests[label] = Test(field, condition)
        return test
