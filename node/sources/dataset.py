"""Reading one dataset: lookups in, records out, with as few statements as possible."""

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.condition import AllOf, Rule
from landbridge.memorandum.grant import Predicate
from landbridge.subject import Schemes
from node.node_file import DatasetTable
from node.sources.conditions import PreparedRule, RowConditions
from node.sources.database import StatementFailedError
from node.sources.fields import PublishedField
from node.sources.keys import Key, Search
from node.sources.lookup import Lookup, Wanted, Withdrawn
from node.sources.plans import (
    AnyPlan,
    CountPlan,
    Plan,
    Prepared,
    PreparedForm,
    Records,
    TruthPlan,
    plan_values,
)
from node.sources.statements import Searched, Shape, Write, compile_statement, pad, padded
from node.sources.tables import Naming, NativeTable, kind_of
from node.sources.without import PreparedCut, prepare_cut, write_cut, write_only

Outcome = Records | LandbridgeError

_MOST_VALUES: Final = 512
"""Values that one statement searches for, before they are rounded up."""
_MOST_PLANS: Final = 500
_MOST_RULES: Final = 500
"""Rules that are kept as they were taken apart; those of memoranda come again and again."""
_MOST_PREPARED: Final = 100
_MOST_SHAPES: Final = 50
_GUARDED: Final = 4
"""How many times as many rows are read where some of them may turn out not to count."""


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
        self._key_schemes = frozenset(key.scheme for key in table.keys)
        self._as_of = str(table.as_of or "")
        self._lock = threading.Lock()
        self._plans: dict[tuple[PreparedForm, Shape], AnyPlan] = {}
        self._take_apart = lru_cache(_MOST_RULES)(self._take_apart_anew)
        self._prepare = lru_cache(_MOST_PREPARED)(self._prepare_anew)

    def check_rule(self, rule: Rule) -> None:
        """Check that the database can execute a rule exactly as it is written.

        Raises:
            LandbridgeError: LB-1007 for a field that is not published, LB-1101 when it cannot.
        """
        self._conditions.check_rule(self.table.name, self.field, rule, dialect=self._dialect)

    def check_predicate(self, predicate: Predicate) -> None:
        """Check that the database can answer a predicate, whatever queries may ask.

        Raises:
            LandbridgeError: LB-1007 for a field that is not published, LB-1101 when it cannot.
        """
        self._conditions.check_predicate(
            self.table.name, self.field, predicate, dialect=self._dialect
        )

    def field(self, name: str) -> PublishedField:
        """Return a field.

        Raises:
            LandbridgeError: LB-1007 when it is not published.
        """
        if name not in self.fields:
            raise refuse(Reason.UNKNOWN_FIELD, f"{self.table.name} has no field {name!r}")
        return self.fields[name]

    @property
    def is_named_by_line(self) -> bool:
        """Whether records are named by the lines of a file, which another edition may move."""
        return bool(self._searched.naming.prefix)

    def check_cut(self, withdrawn: Withdrawn) -> None:
        """Check that a record could be left out of what is read.

        Raises:
            LandbridgeError: LB-2004 when it cannot be told from others in a statement.
        """
        prepare_cut(self._searched, withdrawn)

    def read(self, wanted: Wanted, lookups: Sequence[Lookup]) -> list[Outcome]:
        """Read lookups that want the same; one outcome a lookup, in order.

        Raises:
            LandbridgeError: LB-1007, LB-1101, LB-1009 for what cannot be executed.
        """
        prepared = self._prepare(wanted)
        outcomes: list[Outcome] = []
        batch: list[Lookup] = []
        values = 0
        for lookup in lookups:
            values += 1 + len(lookup.aliases)
            if batch and values > _MOST_VALUES:
                outcomes += self._read_batch(prepared, batch)
                batch, values = [], 1 + len(lookup.aliases)
            batch.append(lookup)
        return outcomes + self._read_batch(prepared, batch)

    def _read_batch(self, prepared: Prepared, lookups: Sequence[Lookup]) -> list[Outcome]:
        search = Search(self._searched.keys, lookups)
        if not search.natives:
            return [self._nothing_searched(lookup) for lookup in lookups]
        try:
            plan = self._plan(prepared, search)
            limit = (self._max_records + 1) * len(lookups) * (_GUARDED if search.guards else 1)
            rows = self._run(plan, search, limit, prepared)
        except StatementFailedError as error:
            if len(lookups) > 1:
                return self._read_singly(prepared, lookups)
            return [error]
        except LandbridgeError as error:
            return [error] * len(lookups)
        complete = len(rows) < limit
        if not complete and len(lookups) > 1:
            return self._read_singly(prepared, lookups)
        found = plan.deal(search, rows, lookups, self._max_records + 1)
        return [
            records if records and complete else self._outcome(lookup, records, complete=complete)
            for lookup, records in zip(lookups, found, strict=True)
        ]

    def _read_singly(self, prepared: Prepared, lookups: Sequence[Lookup]) -> list[Outcome]:
        return [self._read_batch(prepared, [lookup])[0] for lookup in lookups]

    def _run(
        self, plan: AnyPlan, search: Search, limit: int, prepared: Prepared
    ) -> list[tuple[Any, ...]]:
        values: list[object] = []
        for position, size in plan.sizes:
            values += pad(search.natives[position], size)
        values.append(limit)
        values += prepared.values
        return self._database.read(plan.statement.sql, plan.statement.arrange(values))

    def _outcome(self, lookup: Lookup, records: Records, *, complete: bool) -> Outcome:
        if not complete and len(records) <= self._max_records:
            return refuse(
                Reason.TOO_MANY_RECORDS,
                f"more records than can be told apart in one answer of {self.table.name}",
            )
        return records or self._nothing_searched(lookup)

    def _nothing_searched(self, lookup: Lookup) -> Outcome:
        known = {lookup.asked.scheme, *(alias.scheme for alias in lookup.aliases)}
        if known.isdisjoint(self._key_schemes):
            return refuse(
                Reason.NOT_ADDRESSABLE, f"no known identifier is a key of {self.table.name}"
            )
        return []

    def _prepare_anew(self, wanted: Wanted) -> Prepared:
        where = (self._take_apart(AllOf(wanted.where)),) if wanted.where else ()
        try:
            predicates = tuple(self._take_apart(AllOf(when)) for _, when in wanted.predicates)
        except LandbridgeError:
            # The memorandum's own part was tried when it was loaded: what is left was asked.
            raise refuse(
                Reason.BAD_ARGUMENT,
                f"what is asked of {self.table.name} is no value that its fields can have",
            ) from None
        cuts = tuple(prepare_cut(self._searched, one) for one in wanted.without)
        only = tuple(prepare_cut(self._searched, one) for one in wanted.only)
        return Prepared(wanted.fields, where, predicates, wanted.counted, cuts, only)

    def _take_apart_anew(self, rule: Rule) -> PreparedRule:
        return self._conditions.prepare(self.table.name, self.field, rule, dialect=self._dialect)

    def _plan(self, prepared: Prepared, search: Search) -> AnyPlan:
        natives, guards = search.natives, search.guards
        sizes = tuple([(position, padded(len(natives[position]))) for position in sorted(natives)])
        others = tuple(sorted(guards.difference(natives))) if guards else ()
        plan = prepared.plans.get((sizes, others))
        if plan is None:
            plan = self._find_plan(prepared, Shape(sizes, others))
            if len(prepared.plans) >= _MOST_SHAPES:
                prepared.plans.clear()
            prepared.plans[sizes, others] = plan
        return plan

    def _find_plan(self, prepared: Prepared, shape: Shape) -> AnyPlan:
        key = (prepared.form, shape)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._compile(prepared, shape)
            with self._lock:
                # Requesters choose fields: there may be more shapes than are worth keeping.
                if len(self._plans) >= _MOST_PLANS:
                    self._plans.clear()
                self._plans[key] = plan
        return plan

    def _compile(self, prepared: Prepared, shape: Shape) -> AnyPlan:
        fields = [self.field(name) for name in prepared.fields]
        statement = compile_statement(
            self._searched,
            shape,
            [field.column for field in fields],
            [
                *(self._cutter(cut) for cut in prepared.cuts),
                *((self._chooser(prepared.only),) if prepared.only else ()),
                *(self._writer(rule) for rule in prepared.where),
            ],
            [self._writer(rule) for rule in prepared.predicates],
            counted=prepared.counted,
        )
        # The most exact key comes first: by it a record says whom it is about.
        positions = sorted([*(position for position, _ in shape.searched), *shape.guards])
        keys = tuple(
            (position, statement.at[self._searched.keys[position].column]) for position in positions
        )
        if prepared.counted:
            return CountPlan(statement, shape.searched, keys)
        if prepared.predicates:
            return TruthPlan(statement, shape.searched, keys)
        plan = Plan(statement, shape.searched, keys)
        day = self.table.as_of_field
        as_of = None
        if day is not None and day in prepared.fields:
            as_of = (self.field(day), self._as_of)
        return plan_values(plan, self._searched.naming, fields, as_of)

    def _cutter(self, cut: PreparedCut) -> Write:
        return lambda bind: write_cut(self._searched, cut.form, bind)

    def _chooser(self, only: Sequence[PreparedCut]) -> Write:
        return lambda bind: write_only(self._searched, [one.form for one in only], bind)

    def _writer(self, rule: PreparedRule) -> Write:
        return lambda bind: self._conditions.write(
            self.field, rule.form, dialect=self._dialect, bind=bind
        )
