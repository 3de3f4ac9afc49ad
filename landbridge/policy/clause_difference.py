"""What it changes that one clause releases a field in the place of another."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from landbridge.clock import to_datetime
from landbridge.memorandum.life import Span
from landbridge.policy.coverage import Clause
from landbridge.policy.outlook import Access
from landbridge.policy.possible_record import Dataset, RecordFinder, Witness
from landbridge.policy.terms import TermChange, compare_terms, question


class Effect(StrEnum):
    """What comes of a change for a field."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    RECORDS = "records"
    """Released before and after, of other records."""
    TERMS = "terms"
    """Released before and after, of the same records on other terms."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What is not the same, with records that show it."""

    effect: Effect
    appears: Witness | None = None
    disappears: Witness | None = None
    terms: tuple[TermChange, ...] = ()


class ClauseComparer:
    """Holds clauses against one another; remembers what came of it.

    Most fields of a clause fare alike, for each of its requesters and purposes.
    """

    def __init__(self, finder: RecordFinder) -> None:
        self._finder = finder
        self._known: dict[tuple[object, ...], Shown | None] = {}

    def compare(
        self, access: Access, name: str, span: Span, old: Clause | None, new: Clause | None
    ) -> Shown | None:
        """Compare two clauses on a field or predicate in a time; None where nothing differs.

        Raises:
            LandbridgeError: LB-1101 when row conditions have to be compared without a solver.
        """
        dataset = access.provider, access.dataset
        days = _day(span[0]), _day(span[1] - 1)
        asks = any(clause is not None and clause.predicates for clause in (old, new))
        key = old, new, days, name if asks else ""
        if key not in self._known:
            self._known[key] = self._compare(dataset, name, days, old, new)
        return self._known[key]

    def _compare(
        self,
        dataset: Dataset,
        name: str,
        days: tuple[date, date],
        old: Clause | None,
        new: Clause | None,
    ) -> Shown | None:
        finder = self._finder
        if old is None:
            where = () if new is None else new.grant.where
            return Shown(Effect.ALLOWED, appears=finder.find_any(dataset, where, days))
        if new is None:
            gone = finder.find_any(dataset, old.grant.where, days)
            return Shown(Effect.REFUSED, disappears=gone)
        appears = finder.find_difference(dataset, new.grant.where, old.grant.where, days)
        disappears = finder.find_difference(dataset, old.grant.where, new.grant.where, days)
        terms = compare_terms(old, new)
        if self._asks_otherwise(dataset, name, days, old, new):
            asked = question(old.predicates.get(name)), question(new.predicates.get(name))
            terms = (*terms, TermChange("question", *asked))
        if appears or disappears:
            return Shown(Effect.RECORDS, appears, disappears, terms)
        return Shown(Effect.TERMS, terms=terms) if terms else None

    def _asks_otherwise(
        self, dataset: Dataset, name: str, days: tuple[date, date], old: Clause, new: Clause
    ) -> bool:
        """Tell whether a predicate asks something else, or values stand where it stood."""
        before, after = old.predicates.get(name), new.predicates.get(name)
        if before is None or after is None:
            return before is not after
        if (before.asks, before.when) == (after.asks, after.when):
            return False
        if before.asks or after.asks:
            # A query can give anything: another writing counts as another question.
            return True
        yes_before = (*old.grant.where, *before.when)
        yes_after = (*new.grant.where, *after.when)
        return any(
            self._finder.find_difference(dataset, one, other, days)
            for one, other in ((yes_after, yes_before), (yes_before, yes_after))
        )


def _day(at: int) -> date:
    return to_datetime(at).date()
