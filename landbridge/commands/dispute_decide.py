"""`landbridge dispute decide`: the agency decides on a dispute, with its reason."""

from pathlib import Path
from typing import Final, Literal

from landbridge.commands.case_line import tell_case
from landbridge.commands.case_step import Decider, take, tell_next
from landbridge.commands.output import Output, OutputOption
from landbridge.rights.steps import CaseKind, Step

_COMPLETE: Final = 0


def decide(
    case: str = "",
    /,
    *,
    state: Path,
    outcome: Literal["upheld", "corrected", "rejected", "extended"],
    reason: str,
    output: OutputOption = Output.TABLE,
) -> int:
    """Decide on a dispute; the subject is told the reason, and readers of the record too.

    `upheld` withdraws the record: it is given no more. `corrected` says that it will be put right,
    with `landbridge correction issue`. `rejected` says that it stands. `extended` takes the further
    time that the law allows, once.

    Args:
        case: The dispute, as `landbridge dispute list` names it; its beginning will do, and it may
            be left out where one waits alone.
        state: The folder of the agency's node; its key for memoranda signs.
        outcome: upheld, corrected, rejected or extended.
        reason: Why: at most 1,000 characters of plain text.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4110 when there is no such dispute; LB-4111 when it is decided already;
            LB-4112 for the reason; LB-4011 for a key that others may read.
    """
    who = Decider(state, "", None, None, None)
    told = take(who, CaseKind.DISPUTE, case, Step(outcome), reason)
    tell_case(told, output)
    tell_next(told, who, output)
    return _COMPLETE
