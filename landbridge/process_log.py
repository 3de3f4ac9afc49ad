"""What a process says of itself: one JSON object a line, on stderr. Never a word about a subject.

Written by hand because a logging library took a third of a node's start.
"""

import json
import sys
import traceback
from dataclasses import dataclass, field

from landbridge.clock import Clock, system_clock, to_iso

_NEVER = frozenset({"subject", "subject_id", "identifier", "value", "values", "case_reference"})
Fact = str | int | bool


@dataclass(frozen=True, slots=True)
class ProcessLog:
    """Writes lines that all carry the same facts, such as agency and role."""

    facts: dict[str, Fact] = field(default_factory=dict)
    clock: Clock = system_clock

    def info(self, event: str, **facts: Fact) -> None:
        """Tell of something that is as it should be."""
        self._write("info", event, facts)

    def error(self, event: str, **facts: Fact) -> None:
        """Tell of something that an operator should look at."""
        self._write("error", event, facts)

    def alarm(self, kind: str, why: Exception | str) -> None:
        """Tell of an alarm that begins, or with no cause that it is over."""
        if why:
            self.error("alarm", kind=kind, code=getattr(why, "code", ""), why=str(why))
        else:
            self.info("alarm is over", kind=kind)

    def failure(self, error: Exception) -> None:
        """Tell of a failure with its cause and place in the code, never with the values at hand."""
        cause = error.__cause__ or error
        frames = traceback.extract_tb(cause.__traceback__)
        self.error(
            "failed",
            code=getattr(error, "code", ""),
            error=type(cause).__name__,
            why=str(cause) if isinstance(cause, OSError) else "",
            place=f"{frames[-1].name}:{frames[-1].lineno}" if frames else "",
        )

    def _write(self, level: str, event: str, facts: dict[str, Fact]) -> None:
        line = {"at": to_iso(self.clock()), "level": level, "event": event, **self.facts, **facts}
        shown = {key: "[redacted]" if key in _NEVER else fact for key, fact in line.items()}
        sys.stderr.write(json.dumps(shown, ensure_ascii=False) + "\n")
        sys.stderr.flush()
