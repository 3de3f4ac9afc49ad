"""Laws on disputes and repairs: how long an agency has to answer a subject, as data."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from landbridge.federation_file import JurisdictionTable
from landbridge.period import Period


@dataclass(frozen=True, slots=True)
class Allowed:
    """How long something may take: calendar time, or working days."""

    within: Period | None
    working_days: int


@dataclass(frozen=True, slots=True)
class Jurisdiction:
    """How long an agency has to answer a subject, as a law says; see `landbridge.rights.clock`."""

    name: str
    title: str
    source: str
    dispute: Allowed
    repair: Allowed
    extension: Period | None
    reminders: tuple[Period, ...]
    statement_stays: bool
    time_zone: str
    holidays: frozenset[date]


def read_jurisdiction(name: str, table: JurisdictionTable) -> Jurisdiction:
    """Take a jurisdiction from its table."""
    dispute = _allowed(table.answer_within, table.working_days)
    of_repairs = (table.repair_within, table.repair_working_days)
    return Jurisdiction(
        name=name,
        title=table.title,
        source=table.source,
        dispute=dispute,
        repair=_allowed(*of_repairs) if any(of_repairs) else dispute,
        extension=Period.parse(table.extension) if table.extension else None,
        reminders=tuple(map(Period.parse, table.reminders)),
        statement_stays=table.statement_stays,
        time_zone=table.time_zone,
        holidays=frozenset(table.holidays),
    )


def _allowed(within: str | None, working_days: int | None) -> Allowed:
    return Allowed(Period.parse(within) if within else None, working_days or 0)


def wrong_jurisdictions(
    laws: Mapping[str, JurisdictionTable],
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find what each key alone cannot show to be wrong, with its place."""
    for name, law in laws.items():
        if bool(law.answer_within) is bool(law.working_days):
            yield (
                ("jurisdictions", name),
                "give either `answer_within` or `working_days`",
            )
        if law.repair_within and law.repair_working_days:
            yield (
                ("jurisdictions", name, "repair_working_days"),
                "`repair_within` says it already",
            )
