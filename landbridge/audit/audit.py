"""A whole comparison of logs: it looks until nothing is in flight that may still come."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from landbridge.audit.fact_store import FactStore
from landbridge.audit.finding import Finding, Kind
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.look import Look, Terms, take_a_look
from landbridge.audit.shown_log import Party
from landbridge.clock import Clock
from landbridge.errors import Reason

FORMAT: Final = "landbridge-log-audit"
VERSION: Final = 1
_PAUSE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Report:
    """What a comparison of logs comes to."""

    logs: tuple[Party, ...]
    queries: int
    findings: tuple[Finding, ...]
    more: int

    @property
    def result(self) -> str:
        """One word: findings, unfinished or clean."""
        kinds = {finding.kind for finding in self.findings}
        if kinds - {Kind.UNFINISHED} or self.more:
            return "findings"
        return "unfinished" if kinds else "clean"

    def document(self) -> dict[str, Any]:
        """Write it for a reader of JSON."""
        return {
            "format": {"name": FORMAT, "version": VERSION},
            "result": self.result,
            "logs": [
                {"log": one.origin, "agency": one.agency, "role": one.role.value, "size": one.size}
                for one in self.logs
            ],
            "queries": self.queries,
            "findings": [finding.document() for finding in self.findings],
            "more_findings": self.more,
        }


def audit(  # noqa: PLR0913  what is looked at, by what, and how long
    paths: Sequence[Path],
    listed: ListedLogs,
    terms: Terms,
    *,
    clock: Clock,
    sleep: Callable[[float], None],
    waiting: Callable[[int], None] = lambda _: None,
) -> Report:
    """Hold logs against one another.

    While something is missing that is younger than the grace of `terms`, it looks again, and tells
    `waiting` how many such things there are.

    Raises:
        LandbridgeError: LB-1106 when a log is not there; LB-4001, LB-4002, LB-4008 for a head;
            LB-5001 when a log cannot be read; LB-5002 when it is not what its head says.
    """
    store = FactStore.temporary()
    try:
        look = _look(store, paths, listed, terms)
        findings, queries, more = list(look.findings), look.queries, look.more
        while look.in_flight:
            waiting(len(look.in_flight))
            sleep(min(_PAUSE_S, terms.grace_ms / 1000))
            terms = replace(terms, now=clock())
            look = _look(store, paths, listed, terms, anew=False)
            findings = [one for one in findings if not _is_judged_anew(one, look)] + look.findings
            more += look.more
        return Report(tuple(look.logs), queries, tuple(_in_order(findings)), more)
    finally:
        store.close()


def _look(
    store: FactStore, paths: Sequence[Path], listed: ListedLogs, terms: Terms, *, anew: bool = True
) -> Look:
    look = take_a_look(store, paths, listed, terms, anew=anew)
    for error in look.troubles.values():
        # A log that was rewritten while it was looked at is a finding.
        if error.reason is not Reason.LOG_FORKED:
            raise error
    return look


def _is_judged_anew(finding: Finding, look: Look) -> bool:
    return not finding.query or look.judged is None or finding.query in look.judged


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    kinds = list(Kind)
    return sorted(findings, key=lambda one: (kinds.index(one.kind), one.by, one.at, one.query))
