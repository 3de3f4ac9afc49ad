"""Takes a step in a case as an agency: in the folder of its own node, or through the gateway."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landbridge.clock import system_clock
from landbridge.commands.case_folder import find_case, take_step
from landbridge.commands.case_line import decide_from_afar
from landbridge.commands.output import Output, talk
from landbridge.errors import Reason, refuse
from landbridge.rights.case import Case
from landbridge.rights.steps import CaseKind, Step


@dataclass(frozen=True, slots=True)
class Decider:
    """Who takes the step: the folder of a node, or an agency that reaches it by the gateway."""

    state: Path | None
    at: str
    """The agency that holds the record, where it is another's."""
    deciding: str | None
    key: Path | None
    home: Path | None


def take(who: Decider, kind: CaseKind, case_id: str, step: Step, reason: str) -> dict[str, Any]:
    """Take a step, and return how far the case has come.

    Raises:
        LandbridgeError: LB-1106 when it is not said where; LB-4110, LB-4111 when the step does not
            follow; LB-4112 for the reason; LB-4002, LB-4011 for the key.
    """
    if bool(who.state) is bool(who.at):
        raise refuse(
            Reason.USAGE,
            "it is not said where the case is",
            next_step="give --state FOLDER of the agency's own node, or --at AGENCY that holds the"
            " record",
        )
    if who.state is None and not case_id:
        raise refuse(
            Reason.USAGE,
            "it is not said which case",
            next_step="name it: the holder of the record, or the subject, knows its 32 digits",
        )
    if who.state is None:
        return decide_from_afar(who.home, who.deciding, who.key, who.at, case_id, step, reason)
    case = find_case(who.state, case_id, kind, before=step)
    taken = take_step(who.state, case, step, reason=reason, at=system_clock())
    if taken is None:
        talk(
            f"note: no process has taken the step in {who.state} yet; until one does, it has no"
            " effect"
        )
    return _told(taken or case)


def tell_next(told: dict[str, Any], who: Decider, output: Output) -> None:
    """Say what is to be done after a decision that changes what others hold."""
    if (
        output is Output.TABLE
        and who.state
        and told["state"] in ("upheld", "corrected", "repaired")
    ):
        more = " --set FIELD=VALUE" if told["state"] == "corrected" else ""
        talk(f"next: landbridge correction issue --state {who.state} --case {told['case']}{more}")


def _told(case: Case) -> dict[str, Any]:
    return {
        "case": case.id,
        "agency": case.opening.agency,
        "state": case.state.value,
        "due_at": None,
        "entry": case.last.entry,
    }
