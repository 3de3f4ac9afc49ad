"""Row conditions in the WHERE clause, with exactly the meaning of `holds`.

That is `landbridge.memorandum.condition.holds`.

SQLite runs `holds` itself, as an SQL function over the native column, so that loaded files and
SQLite databases can execute every condition. PostgreSQL gets expressions of its own, and a
condition for which there is no exact one is refused (`node.sources.postgresql_conditions`).
A value that is empty meets only `is-null`; one that is unreadable meets nothing.
"""

from collections.abc import Callable

import sqlalchemy as sa

from landbridge.memorandum.condition import Condition, holds
from landbridge.subject import Schemes
from node.sources.database import HOLDS
from node.sources.fields import PublishedField
from node.sources.operands import check_operands, comparable
from node.sources.parsers import Quality
from node.sources.postgresql_conditions import write_condition


class RowConditions:
    """The row conditions of a node's datasets, as SQL. Thread-safe."""

    def __init__(self, schemes: Schemes) -> None:
        self._schemes = schemes
        self._tests: dict[str, Callable[[object], bool]] = {}

    def compile(
        self, dataset: str, field: PublishedField, condition: Condition, *, dialect: str
    ) -> sa.ColumnElement[bool]:
        """Write a condition on a field's column.

        Raises:
            LandbridgeError: LB-1101 when it cannot be executed exactly as it is written.
        """
        check_operands(dataset, field.table, condition, self._schemes)
        if dialect != "sqlite":
            return write_condition(dataset, field.table, condition, field.column)
        # The label is what a reader of the statement sees; each stands for one test.
        label = f"{dataset}: {condition}"
        self._tests[label] = _compile_test(field, condition)
        return getattr(sa.func, HOLDS)(label, field.column, type_=sa.Boolean)  # type: ignore[no-any-return]

    def hold(self, label: str, native: object) -> bool:
        """Test a native value; what SQLite calls for each row that a key has found."""
        return self._tests[label](native)


def _compile_test(field: PublishedField, condition: Condition) -> Callable[[object], bool]:
    def test(native: object) -> bool:
        reading = field.parse(native)
        if reading.quality is Quality.UNREADABLE:
            return False
        return holds(condition, comparable(field.table, reading))

    return test
