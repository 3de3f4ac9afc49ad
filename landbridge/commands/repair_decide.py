"""`landbridge repair review` and `decide`: the deciding agency takes the steps of a repair."""

from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import Parameter

from landbridge.commands.case_line import tell_case
from landbridge.commands.case_step import Decider, take, tell_next
from landbridge.commands.output import Output, OutputOption
from landbridge.rights.steps import CaseKind, Step

_COMPLETE: Final = 0


def review(  # noqa: PLR0913  one parameter an option
    case: str = "",
    /,
    *,
    state: Path | None = None,
    at: str = "",
    deciding: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Take a request for a repair for review.

    Args:
        case: The repair; with --state, its beginning will do, and it may be left out where one
            waits alone.
        state: The folder of the node that holds the record, where that agency decides itself.
        at: The agency that holds the record, where another one decides: it goes by the gateway.
        deciding: The deciding agency, with --at.
        key: Its key for memoranda, where that does not lie in its requester's folder.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when it is not said where; LB-4108 when it is not this agency's to
            decide; LB-4110, LB-4111 when the step does not follow; LB-2001 for an agency out of
            reach.
    """
    who = Decider(state, at, deciding, key, home)
    tell_case(take(who, CaseKind.REPAIR, case, Step.UNDER_REVIEW, ""), output)
    return _COMPLETE


def decide(  # noqa: PLR0913
    case: str = "",
    /,
    *,
    outcome: Literal["repaired", "refused"],
    reason: str,
    state: Path | None = None,
    at: str = "",
    deciding: Annotated[str | None, Parameter(name="--as")] = None,
    key: Path | None = None,
    home: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Decide on a repair: a repaired record is given no more.

    Args:
        case: The repair; with --state, its beginning will do, and it may be left out where one
            waits alone.
        outcome: repaired or refused.
        reason: Why: at most 1,000 characters of plain text.
        state: The folder of the node that holds the record, where that agency decides itself.
        at: The agency that holds the record, where another one decides: it goes by the gateway.
        deciding: The deciding agency, with --at.
        key: Its key for memoranda, where that does not lie in its requester's folder.
        home: The home folder, where it is not .landbridge here or above.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: as `landbridge repair review`; LB-4112 for the reason.
    """
    who = Decider(state, at, deciding, key, home)
    told = take(who, CaseKind.REPAIR, case, Step(outcome), reason)
    tell_case(told, output)
    tell_next(told, who, output)
    return _COMPLETE
