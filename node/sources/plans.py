"""Plans: compiled statements, and how their rows become the records of an answer."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from landbridge.subject import SubjectId
from node.sources.conditions import Form, PreparedRule
from node.sources.fields import PublishedField
from node.sources.keys import Search
from node.sources.lookup import Lookup
from node.sources.native import native_text
from node.sources.statements import Statement
from node.sources.tables import Naming
from node.sources.values import ColumnWriter, about, write_name, write_truth
from node.sources.without import Cut, PreparedCut

Records = list[bytes]
"""Records as the wire writes them."""
Sizes = tuple[tuple[int, int], ...]
"""Position of each key that is searched, and for how many values."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is wanted, its rules taken apart."""

    fields: tuple[str, ...]
    where: tuple[PreparedRule, ...]
    predicates: tuple[PreparedRule, ...]
    counted: bool = False
    cuts: tuple[PreparedCut, ...] = ()
    only: tuple[PreparedCut, ...] = ()
    plans: "dict[tuple[Sizes, tuple[int, ...]], AnyPlan]" = field(
        default_factory=dict, compare=False
    )
    """The plans of the statements that were run for it, by the two parts of their shape."""
    values: tuple[object, ...] = field(init=False, compare=False)
    """What is given with each run, in the order of the statement's places."""

    def __post_init__(self) -> None:
        """Gather the values."""
        parts = (
            *(one.values for one in (*self.cuts, *self.only)),
            *(rule.values for rule in (*self.where, *self.predicates)),
        )
        object.__setattr__(self, "values", tuple(value for part in parts for value in part))

    @property
    def form(self) -> "PreparedForm":
        """What a statement is compiled for."""
        return (
            self.fields,
            tuple(rule.form for rule in self.where),
            tuple(rule.form for rule in self.predicates),
            self.counted,
            tuple(cut.form for cut in self.cuts),
            tuple(one.form for one in self.only),
        )


PreparedForm = tuple[
    tuple[str, ...],
    tuple[Form, ...],
    tuple[Form, ...],
    bool,
    tuple[Cut, ...],
    tuple[Cut, ...],
]


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled statement, and where its rows hold what."""

    statement: Statement
    sizes: Sizes
    keys: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ValuePlan(Plan):
    """Gives each row as a record."""

    order: Callable[[tuple[Any, ...]], Any]
    written_order: Callable[[tuple[Any, ...]], tuple[str, ...]]
    name: Callable[[tuple[Any, ...]], str]
    parts: tuple[tuple[int, ColumnWriter], ...]

    def deal(
        self, search: Search, rows: list[tuple[Any, ...]], lookups: Sequence[Lookup], most: int
    ) -> list[Records]:
        """Make each row a record of every lookup that it belongs to, at most so many of each."""
        if len(rows) > 1:
            try:
                rows.sort(key=self.order)
            except TypeError:
                # In SQLite a primary key may be empty, or hold texts beside numbers.
                rows.sort(key=self.written_order)
        room = [most] * len(lookups)
        given: list[tuple[Any, ...]] = []
        dealt: list[tuple[int, int, bytes]] = []
        for row, owners in zip(rows, search.owners(rows, self.keys), strict=True):
            before = len(dealt)
            for slot, subject, covers_group in owners:
                if room[slot]:
                    room[slot] -= 1
                    dealt.append((slot, len(given), about(subject, covers_group)))
            if len(dealt) > before:
                given.append(row)
        names, contents = list(map(write_name, map(self.name, given))), self._write(given)
        found: list[Records] = [[] for _ in lookups]
        for slot, number, known in dealt:
            found[slot].append(names[number] + known + contents[number])
        return found

    def _write(self, rows: Sequence[tuple[Any, ...]]) -> list[bytes]:
        """Write what rows hold, column by column."""
        if not self.parts:
            return [b""] * len(rows)
        natives = list(zip(*rows, strict=True))
        columns = [write(natives[at]) for at, write in self.parts] if rows else []
        return list(map(b"".join, zip(*columns, strict=True)))


@dataclass(frozen=True, slots=True)
class TruthPlan(Plan):
    """Gives the rows of a subject as one record of yes and no."""

    def deal(
        self, search: Search, rows: list[tuple[Any, ...]], lookups: Sequence[Lookup], _most: int
    ) -> list[Records]:
        """Answer each lookup that some row belongs to: yes where at least one row says so."""
        answers = self.statement.answers
        truths: list[list[bool] | None] = [None] * len(lookups)
        groups: set[int] = set()
        for row, owners in zip(rows, search.owners(rows, self.keys), strict=True):
            for slot, _subject, covers_group in owners:
                truth = truths[slot]
                if truth is None:
                    truths[slot] = truth = [False] * len(answers)
                for number, at in enumerate(answers):
                    # Some databases have no type for truth: they say 1 or 0.
                    truth[number] = truth[number] or bool(row[at])
                if covers_group:
                    groups.add(slot)
        return [
            [] if truth is None else [_write_answer(lookup.asked, slot in groups, truth)]
            for slot, (lookup, truth) in enumerate(zip(lookups, truths, strict=True))
        ]


@dataclass(frozen=True, slots=True)
class CountPlan(Plan):
    """Gives each row as a record of which nothing was read."""

    def deal(
        self, search: Search, rows: list[tuple[Any, ...]], lookups: Sequence[Lookup], most: int
    ) -> list[Records]:
        """Make each row a record of every lookup that it belongs to, at most so many of each."""
        counts = [0] * len(lookups)
        for owners in search.owners(rows, self.keys):
            for slot, _subject, _covers_group in owners:
                counts[slot] += 1
        return [[b""] * min(count, most) for count in counts]


AnyPlan = ValuePlan | TruthPlan | CountPlan


def plan_values(
    plan: Plan,
    naming: Naming,
    fields: Sequence[PublishedField],
    as_of: tuple[PublishedField, str] | None,
) -> ValuePlan:
    """Make the plan of a statement that reads fields.

    Args:
        plan: The statement, and where it holds the keys.
        naming: How its rows are named.
        fields: What it reads.
        as_of: The field that says which day a record describes, and the dataset's day.
    """
    at = plan.statement.at
    parts = [(at[field.column.name], field.write) for field in fields]
    if as_of is not None:
        day, dataset_as_of = as_of
        parts.insert(0, (at[day.column.name], day.as_of_writer(dataset_as_of)))
    order = [at[column.name] for column in naming.order]
    return ValuePlan(
        statement=plan.statement,
        sizes=plan.sizes,
        keys=plan.keys,
        # Columns that are not a primary key may be empty, and NULL has no order.
        order=itemgetter(*order) if naming.is_native else _written(order),
        written_order=_written(order),
        name=naming.compile([at[column.name] for column in naming.columns]),
        parts=tuple(parts),
    )


def _write_answer(
    asked: SubjectId,
    covers_group: bool,  # noqa: FBT001 - as `about` takes it
    truth: Sequence[bool],
) -> bytes:
    return about(asked, covers_group) + b"".join(map(write_truth, truth))


def _written(positions: Sequence[int]) -> Callable[[tuple[Any, ...]], tuple[str, ...]]:
    return lambda row: tuple(native_text(row[at]) for at in positions)
