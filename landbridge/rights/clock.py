"""Until when an agency has to decide, as the law of its jurisdiction counts.

The day on which the node took the case does not count. Time ends with the last day, where the
jurisdiction's days end; a month from 31 January ends with February's last day.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from landbridge.clock import to_datetime
from landbridge.jurisdiction import Allowed, Jurisdiction
from landbridge.rights.case import Case
from landbridge.rights.steps import CaseKind

_DAY = timedelta(days=1)
_SATURDAY = 5


def due_at(case: Case, law: Jurisdiction | None) -> int:
    """Return the first instant that is too late, Unix milliseconds; 0 where no law sets a time."""
    last = last_day(case, law)
    return 0 if law is None or last is None else _start_of(last + _DAY, law)


def reminders_at(case: Case, law: Jurisdiction | None) -> tuple[int, ...]:
    """Return when the agency is to be reminded, earliest first, Unix milliseconds."""
    last = last_day(case, law)
    if law is None or last is None:
        return ()
    days = (reminder.before(last) for reminder in law.reminders)
    return tuple(sorted(at for at in (_start_of(day, law) for day in days) if at > case.opened_at))


def is_overdue(case: Case, law: Jurisdiction | None, at: int) -> bool:
    """Whether the time has passed without a decision; `at` is Unix milliseconds."""
    due = due_at(case, law) if case.state.is_open else 0
    return bool(due) and at >= due


def last_day(case: Case, law: Jurisdiction | None) -> date | None:
    """Return the last day of the time, by the jurisdiction's own days."""
    if law is None:
        return None
    opened = to_datetime(case.opened_at).astimezone(ZoneInfo(law.time_zone)).date()
    allowed = law.dispute if case.kind is CaseKind.DISPUTE else law.repair
    last = _after(opened, allowed, law)
    if case.is_extended and law.extension is not None:
        last = law.extension.after(last)
    return last


def _after(day: date, allowed: Allowed, law: Jurisdiction) -> date:
    if allowed.within is not None:
        return allowed.within.after(day)
    left = allowed.working_days
    while left:
        day += _DAY
        if day.weekday() < _SATURDAY and day not in law.holidays:
            left -= 1
    return day


def _start_of(day: date, law: Jurisdiction) -> int:
    midnight = datetime.combine(day, time(), ZoneInfo(law.time_zone)).astimezone(UTC)
    return int(midnight.timestamp()) * 1000
