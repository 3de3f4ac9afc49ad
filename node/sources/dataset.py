"""Reading one dataset: lookups in, records out, with as few statements as possible."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.condition import AllOf, AnyOf, Not, Rule
from landbridge.subject import Schemes
from landbridge.v1 import answer_pb2
from node.node_file import DatasetTable
from node.sources.conditions import RowConditions
from node.sources.database import StatementFailedError
from node.sources.fields import PublishedField
from node.sources.keys import Key, Search
from node.sources.lookup import Lookup
from node.sources.native import native_text
from node.sources.statements import Searched, Shape, Statement, compile_statement, pad, padded
from node.sources.tables import Naming, NativeTable, kind_of
from node.sources.values import Writer, about, write_record

Records = list[answer_pb2.Record]
Outcome = Records | LandbridgeError

_MOST_VALUES: Final = 512
"""Values that one statement searches for, before they are rounded up."""
_MOST_PLANS: Final = 500
_GUARDED: Final = 4
"""How many times as many rows are read where some of them may turn out not to count."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """A compiled statement, and how its rows become records."""

    statement: Statement
    sizes: tuple[tuple[int, int], ...]
    keys: tuple[tuple[int, int], ...]
    order: Callable[[tuple[Any, ...]], Any]
    name: Callable[[tuple[Any, ...]], str]
    parts: tuple[tuple[int, Writer], ...]


class DatasetReader:
    """Reads the records of one dataset. Thread-safe."""

    def __init__(  # noqa: PLR0913 - built once, by name
        self,
        *,
        table: DatasetTable,
        native: NativeTable,
        naming: Naming,
        schemes: Schemes,
        conditions: RowConditions,
        max_records: int,
    ) -> None:
        columns = native.table.c
        self.table = table
        self.fields = {
            field.name: PublishedField.compile(field, columns[field.column], schemes)
            for field in table.fields
        }
        self._schemes = schemes
        self._conditions = conditions
        self._max_records = max_records
        self._database = native.database
        self._dialect = native.database.dialect.name
        self._searched = Searched(
            native,
            naming,
            [Key(key, schemes[key.scheme], kind_of(columns[key.column])) for key in table.keys],
        )
        self._as_of = str(table.as_of or "")
        self._lock = threading.Lock()
        self._plans: dict[tuple[object, ...], _Plan] = {}

    def check_rule(self, rule: Rule) -> sa.ColumnElement[bool]:
        """Compile a rule of row conditions.

        Raises:
            LandbridgeError: LB-1007 for a field that is not published, LB-1101 for a condition that
                the database cannot execute exactly as it is written.
        """
        match rule:
            case AllOf():
                return sa.and_(*map(self.check_rule, rule.parts))
            case AnyOf():
                return sa.or_(*map(self.check_rule, rule.parts))
            case Not():
                return sa.not_(self.check_rule(rule.part))
            case _:
                return self._conditions.compile(
                    self.table.name, self.field(rule.field), rule, dialect=self._dialect
                )

    def field(self, name: str) -> PublishedField:
        """Return a field.

        Raises:
            LandbridgeError: LB-1007 when it is not published.
        """
        if name not in self.fields:
            raise refuse(Reason.UNKNOWN_FIELD, f"{self.table.name} has no field {name!r}")
        return self.fields[name]

    def read(
        self, fields: tuple[str, ...], where: tuple[Rule, ...], lookups: Sequence[Lookup]
    ) -> list[Outcome]:
        """Read lookups of the same fields and conditions; one outcome a lookup, in order."""
        outcomes: list[Outcome] = []
        batch: list[Lookup] = []
        values = 0
        for lookup in lookups:
            values += 1 + len(lookup.aliases)
            if batch and values > _MOST_VALUES:
                outcomes += self._read_batch(fields, where, batch)
                batch, values = [], 1 + len(lookup.aliases)
            batch.append(lookup)
        return outcomes + self._read_batch(fields, where, batch)

    def _read_batch(
        self, fields: tuple[str, ...], where: tuple[Rule, ...], lookups: Sequence[Lookup]
    ) -> list[Outcome]:
        search = Search(self._searched.keys, lookups)
        if not search.natives:
            return [self._nothing_searched(lookup) for lookup in lookups]
        try:
            plan = self._plan(fields, where, search)
            limit = (self._max_records + 1) * len(lookups) * (_GUARDED if search.guards else 1)
            rows = self._run(plan, search, limit)
        except StatementFailedError as error:
            if len(lookups) > 1:
                return self._read_singly(fields, where, lookups)
            return [error]
        except LandbridgeError as error:
            return [error] * len(lookups)
        if len(rows) >= limit and len(lookups) > 1:
            return self._read_singly(fields, where, lookups)
        found = self._deal(plan, search, rows, len(lookups))
        return [
            self._outcome(lookup, records, complete=len(rows) < limit)
            for lookup, records in zip(lookups, found, strict=True)
        ]

    def _read_singly(
        self, fields: tuple[str, ...], where: tuple[Rule, ...], lookups: Sequence[Lookup]
    ) -> list[Outcome]:
        return [self._read_batch(fields, where, [lookup])[0] for lookup in lookups]

    def _run(self, plan: _Plan, search: Search, limit: int) -> list[tuple[Any, ...]]:
        values: list[object] = []
        for position, size in plan.sizes:
            values += pad(search.natives[position], size)
        values.append(limit)
        rows = self._database.read(plan.statement.sql, plan.statement.arrange(values))
        if len(rows) > 1:
            rows.sort(key=plan.order)
        return rows

    def _deal(
        self, plan: _Plan, search: Search, rows: Sequence[tuple[Any, ...]], slots: int
    ) -> list[Records]:
        """Make each row a record of every lookup that it belongs to."""
        found: list[Records] = [[] for _ in range(slots)]
        most = self._max_records + 1
        for row in rows:
            parts: list[bytes] | None = None
            for slot, subject, covers_group in search.matches(row, plan.keys):
                if len(found[slot]) < most:
                    if parts is None:
                        parts = [write(row[at]) for at, write in plan.parts]
                    found[slot].append(
                        write_record(plan.name(row), about(subject, covers_group), parts)
                    )
        return found

    def _outcome(self, lookup: Lookup, records: Records, *, complete: bool) -> Outcome:
        if not complete and len(records) <= self._max_records:
            return refuse(
                Reason.TOO_MANY_RECORDS,
                f"more records than can be told apart in one answer of {lookup.dataset}",
            )
        return records or self._nothing_searched(lookup)

    def _nothing_searched(self, lookup: Lookup) -> Outcome:
        known = {lookup.asked.scheme, *(alias.scheme for alias in lookup.aliases)}
        if known.isdisjoint(key.scheme for key in self._searched.keys):
            return refuse(
                Reason.NOT_ADDRESSABLE, f"no known identifier is a key of {lookup.dataset}"
            )
        return []

    def _plan(self, fields: tuple[str, ...], where: tuple[Rule, ...], search: Search) -> _Plan:
        sizes = tuple(
            (position, padded(len(found))) for position, found in sorted(search.natives.items())
        )
        guards = tuple(sorted(search.guards.difference(search.natives)))
        shape = (fields, where, sizes, guards)
        plan = self._plans.get(shape)
        if plan is None:
            plan = self._compile(fields, where, Shape(sizes, guards))
            with self._lock:
                # Requesters choose fields: there may be more shapes than are worth keeping.
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[shape] = plan
        return plan

    def _compile(self, fields: tuple[str, ...], where: tuple[Rule, ...], shape: Shape) -> _Plan:
        published = [self.field(name) for name in fields]
        statement = compile_statement(
            self._searched,
            shape,
            [field.column for field in published],
            [self.check_rule(rule) for rule in where],
        )
        at, naming = statement.at, self._searched.naming
        # The most exact key comes first: by it a record says whom it is about.
        positions = sorted([*(position for position, _ in shape.searched), *shape.guards])
        parts = [(at[field.column.name], field.write) for field in published]
        if self.table.as_of_field in fields:
            day = self.field(self.table.as_of_field)
            parts.insert(0, (at[day.column.name], day.as_of_writer(self._as_of)))
        return _Plan(
            statement=statement,
            sizes=shape.searched,
            keys=tuple(
                (position, at[self._searched.keys[position].column]) for position in positions
            ),
            order=_order([at[column.name] for column in naming.order], named=naming.is_native),
            name=naming.compile([at[column.name] for column in naming.columns]),
            parts=tuple(parts),
        )


def _order(positions: Sequence[int], *, named: bool) -> Callable[[tuple[Any, ...]], Any]:
    if named:
        return itemgetter(*positions)
    # Columns that are not a primary key may be empty, and NULL has no order.
    return lambda row: tuple(native_text(row[at]) for at in positions)
