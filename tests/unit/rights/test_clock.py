"""Until when an agency has to decide: by days of the calendar, by working days, in its own zone."""

from datetime import UTC, date, datetime

import pytest

from landbridge.jurisdiction import Allowed, Jurisdiction
from landbridge.period import Period
from landbridge.rights.case import Case, Taken
from landbridge.rights.clock import due_at, is_overdue, last_day, reminders_at
from landbridge.rights.opening import Opening
from landbridge.rights.speaker import Principal, Speaker
from landbridge.rights.steps import CaseKind, Step
from tests.cases import law


def case_of(opened: str, *more: Step, kind: CaseKind = CaseKind.DISPUTE) -> Case:
    at = int(datetime.fromisoformat(opened).replace(tzinfo=UTC).timestamp() * 1000)
    first = Step.OPENED if kind is CaseKind.DISPUTE else Step.REQUESTED
    name = {kind.value: "ab" * 16}
    opening = Opening(
        **name,
        agency="registry.one",
        dataset="d",
        record="r",
        subject=Principal(scheme="s", value="v"),
        statement="x",
        opened_at="2026-01-01T00:00:00Z",
    )
    steps = [Taken(step, b"", b"", "", at, 0) for step in (first, *more)]
    return Case(opening, Speaker("desk", "desk"), "registry.one", tuple(steps))


def allowed(within: str = "", working_days: int = 0) -> Allowed:
    return Allowed(Period.parse(within) if within else None, working_days)


def iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("opened", "rule", "last"),
    [
        ("2026-01-01T00:00:00", law(), "2026-01-31"),
        ("2026-01-01T23:59:59", law(), "2026-01-31"),
        ("2024-02-28T12:00:00", law(), "2024-03-29"),
        ("2026-01-31T12:00:00", law(dispute=allowed("P1M")), "2026-02-28"),
        ("2024-01-31T12:00:00", law(dispute=allowed("P1M")), "2024-02-29"),
        ("2024-02-29T12:00:00", law(dispute=allowed("P1Y")), "2025-02-28"),
        ("2026-05-01T12:00:00", law(dispute=allowed(working_days=10)), "2026-05-15"),
        ("2026-05-02T12:00:00", law(dispute=allowed(working_days=1)), "2026-05-04"),
        (
            "2026-05-01T12:00:00",
            law(
                dispute=allowed(working_days=10),
                holidays=frozenset({date(2026, 5, 4), date(2026, 5, 9)}),
            ),
            "2026-05-18",
        ),
        # Late on the first of May in New York is the second in Greenwich.
        ("2026-05-02T03:00:00", law(time_zone="America/New_York"), "2026-05-31"),
        ("2026-05-01T17:00:00", law(time_zone="Asia/Shanghai"), "2026-06-01"),
    ],
)
def test_the_last_day_is_exact(opened: str, rule: Jurisdiction, last: str) -> None:
    case = case_of(opened)

    assert last_day(case, rule) == date.fromisoformat(last)
    due = due_at(case, rule)
    assert not is_overdue(case, rule, due - 1)
    assert is_overdue(case, rule, due)


def test_time_ends_where_the_jurisdiction_s_day_ends() -> None:
    opened = case_of("2026-03-01T12:00:00")

    assert iso(due_at(opened, law())) == "2026-04-01T00:00"
    assert iso(due_at(opened, law(time_zone="Asia/Shanghai"))) == "2026-03-31T16:00"
    # Summer time has begun by then.
    assert iso(due_at(opened, law(time_zone="America/New_York"))) == "2026-04-01T04:00"


def test_an_extension_counts_from_the_last_day() -> None:
    rule = law(extension=Period.parse("P15D"))

    assert last_day(case_of("2026-01-01T12:00:00", Step.EXTENDED), rule) == date(2026, 2, 15)
    assert last_day(case_of("2026-01-01T12:00:00"), rule) == date(2026, 1, 31)


def test_reminders_come_before_the_end_and_after_the_beginning() -> None:
    rule = law(reminders=tuple(map(Period.parse, ("P3D", "P10D", "P60D"))))

    found = [iso(at) for at in reminders_at(case_of("2026-01-01T12:00:00"), rule)]

    assert found == ["2026-01-21T00:00", "2026-01-28T00:00"]


def test_repairs_have_a_time_of_their_own_and_no_law_sets_none() -> None:
    repair = case_of("2026-05-01T12:00:00", kind=CaseKind.REPAIR)

    assert last_day(repair, law()) == date(2026, 5, 15)
    assert due_at(repair, None) == 0
    assert reminders_at(repair, None) == ()
    assert not is_overdue(repair, None, 10**15)


def test_a_decided_case_is_never_overdue() -> None:
    decided = case_of("2026-01-01T12:00:00", Step.REJECTED)

    assert not is_overdue(decided, law(), 10**15)
