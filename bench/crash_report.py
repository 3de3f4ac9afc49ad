"""What the logs show after an ordeal, and whether it is what was promised."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bench.holdings import Holdings, check_named, compare, count_controls
from landbridge.agency import Identity
from landbridge.audit.audit import audit
from landbridge.audit.finding import Kind
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.look import Terms
from landbridge.clock import system_clock
from landbridge.errors import Reason, refuse

_GRACE_MS: Final = 1


def look_into_logs(
    holdings: Holdings, logs: Sequence[tuple[Identity, Path]], say: Callable[[str], None]
) -> dict[str, Any]:
    """Look up what the clients hold, and hold the logs against one another; nothing appends.

    A killed process leaves what was never finished: an answer that no profile came of, or a profile
    that no client received. Nobody hides anything by that.

    Raises:
        LandbridgeError: LB-5001, LB-5002 when a log cannot be audited at all.
    """
    shown = compare(holdings, logs)
    found: dict[str, Any] = {
        "missing_entries": len(shown.missing),
        "damaged_logs": len(shown.damaged),
        "control_unnoticed": count_controls(holdings, shown),
    }
    wrong = check_named(shown)
    if not shown.damaged:
        report = audit(
            [folder for _, folder in logs],
            ListedLogs.of(holdings.bundle),
            Terms(system_clock(), grace_ms=_GRACE_MS),
            clock=system_clock,
            sleep=time.sleep,
        )
        kept = [one for one in report.findings if one.kind is not Kind.UNFINISHED]
        found["audit_findings"] = len(kept)
        found["unfinished"] = len(report.findings) - len(kept)
        wrong += [str(one) for one in kept]
    for words in wrong[:10]:
        say(f"missing, damaged or hidden: {words}")
    return found | {"entries": shown.entries}


def check_crash(document: dict[str, Any]) -> None:
    """Hold the result against what is promised.

    Raises:
        LandbridgeError: LB-5002 when an entry is missing or a log damaged; LB-2004 when a process
            did not come back by itself, or a comparison proves nothing; LB-4301 when a log lacks
            what another one has.
    """
    for key, reason in (
        ("missing_entries", Reason.LOG_DAMAGED),
        ("damaged_logs", Reason.LOG_DAMAGED),
        ("audit_findings", Reason.ACCESS_HIDDEN),
        ("control_unnoticed", Reason.SOURCE_FAILED),
        ("manual_recoveries", Reason.SOURCE_FAILED),
        ("restarts_failed", Reason.SOURCE_FAILED),
    ):
        if document.get(key):
            raise refuse(reason, f"the ordeal ended with {key} = {document[key]}")
