"""What does not fit between the entries of one query: the rules, in their order."""

from collections.abc import Sequence

from landbridge.audit.absences import check_absences
from landbridge.audit.agreement import check_agreement
from landbridge.audit.case import Case, Shown
from landbridge.audit.fact import Fact
from landbridge.audit.finding import Finding
from landbridge.audit.named_entries import check_named


def judge(shown: Shown, facts: Sequence[Fact]) -> list[Finding]:
    """Say what does not fit; the facts are all those of one query. A pure function."""
    case = Case(shown, facts)
    if not case.facts:
        return []
    return [*check_named(case), *check_absences(case), *check_agreement(case)]
