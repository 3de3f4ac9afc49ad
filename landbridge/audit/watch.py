"""A comparison of logs that goes on: each look reads what is new, each finding is told once.

What was told stands in the monitor's file, written after it was told: a monitor that is killed
between both tells it again rather than never.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from landbridge.alarm import Alarms
from landbridge.audit.fact_store import FactStore
from landbridge.audit.finding import Finding, Kind
from landbridge.audit.listed_logs import ListedLogs
from landbridge.audit.look import Look, Terms, take_a_look
from landbridge.clock import Clock, to_iso
from landbridge.errors import LandbridgeError, Reason

Tell = Callable[[Mapping[str, Any]], None]
"""Told of one event, in a form that JSON holds."""


class Watch:
    """Looks at logs again and again. Use it from one thread.

    `listed` gives the federation's logs by the trust of the moment. A log that is away, damaged or
    older than it was raises an alarm, which is over when the log is back; findings wait for it. A
    finding is over when what was missing has come; a fork that two heads prove never is.
    """

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        store: FactStore,
        paths: Sequence[Path],
        *,
        listed: Callable[[], ListedLogs],
        grace_ms: int,
        clock: Clock,
        tell: Tell,
    ) -> None:
        self._store = store
        self._paths = paths
        self._listed = listed
        self._grace_ms = grace_ms
        self._clock = clock
        self._tell = tell
        self._alarms = Alarms(self._tell_alarm)
        self._reasons: dict[Path, Reason] = {}

    def look(self) -> Look:
        """Look once, and tell what is new."""
        terms = Terms(self._clock(), self._grace_ms)
        look = take_a_look(self._store, self._paths, self._listed(), terms, anew=False)
        for path in self._paths:
            error = look.troubles.get(path)
            if error is None or self._reasons.get(path, error.reason) is not error.reason:
                self._alarms.cleared(str(path))
                self._reasons.pop(path, None)
            if error is not None:
                self._reasons[path] = error.reason
                self._alarms.raised(str(path), error)
        with self._store.writing():
            self._tell_new(look.findings)
            if not look.troubles and not look.more:
                self._tell_over(look)
        return look

    def standing(self) -> list[Kind]:
        """Return the kinds of the findings that stand."""
        rows = self._store.connection.execute("SELECT document FROM told")
        return [Kind(json.loads(document)["kind"]) for (document,) in rows]

    def alarms(self) -> tuple[str, ...]:
        """Return the alarms that stand."""
        return self._alarms.standing()

    def _tell_new(self, findings: Iterable[Finding]) -> None:
        run = self._store.connection.execute
        for finding in findings:
            if run("SELECT 1 FROM told WHERE key = ?", (finding.key,)).fetchone() is None:
                document = finding.document()
                self._tell({"time": self._now(), "event": "found", **document})
                run(
                    "INSERT INTO told VALUES (?, ?, ?)",
                    (finding.key, finding.query, json.dumps(document)),
                )

    def _tell_over(self, look: Look) -> None:
        run = self._store.connection.execute
        still = {finding.key for finding in (*look.findings, *look.in_flight)}
        for key, query, document in run("SELECT key, query, document FROM told").fetchall():
            told = json.loads(document)
            is_judged = not query or look.judged is None or query in look.judged
            if is_judged and key not in still and told["kind"] != Kind.FORKED:
                self._tell({"time": self._now(), "event": "over", **told})
                run("DELETE FROM told WHERE key = ?", (key,))

    def _tell_alarm(self, kind: str, why: LandbridgeError | str) -> None:
        event: dict[str, Any] = {
            "time": self._now(),
            "event": "alarm" if why else "alarm over",
            "place": kind,
        }
        if isinstance(why, LandbridgeError):
            event |= {"code": why.code, "why": why.message, "next_step": why.next_step}
        self._tell(event)

    def _now(self) -> str:
        return to_iso(self._clock())
