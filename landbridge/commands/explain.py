"""`landbridge explain CODE`: what a reason code means and what to do next. Works offline."""

from difflib import get_close_matches
from typing import Any

from landbridge.commands.output import Output, OutputOption, data_console, print_json, visible
from landbridge.errors import Reason, refuse
from landbridge.reasons import REASONS

_DIGITS = 4


def explain(code: str = "", /, *, output: OutputOption = Output.TABLE) -> int:
    """Say what a reason code means and what to do next; without a code, list them all.

    Args:
        code: A code as messages print it, such as LB-3004, or only its number.
        output: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 for a code that does not exist.
    """
    reasons = [find_reason(code)] if code else list(Reason)
    if output is Output.TABLE:
        (_print_one if code else _print_list)(reasons)
    elif output is Output.JSON and not code:
        print_json({"codes": [_document(reason) for reason in reasons]}, output)
    else:
        for reason in reasons:
            print_json(_document(reason), output)
    return 0


def find_reason(text: str) -> Reason:
    """Read a code in any of the ways in which people write it.

    Raises:
        LandbridgeError: LB-1106 when there is no such code.
    """
    digits = text.strip().upper().removeprefix("LB").removeprefix("-")
    by_code = {reason.code: reason for reason in Reason}
    code = f"LB-{digits.zfill(_DIGITS)}"
    if code in by_code:
        return by_code[code]
    near = get_close_matches(code, by_code, n=1, cutoff=0.7)
    raise refuse(
        Reason.USAGE,
        f"{text!r} is not a reason code" + (f"; did you mean {near[0]}?" if near else ""),
        next_step="`landbridge explain` lists every code",
    )


def _document(reason: Reason) -> dict[str, Any]:
    explanation = REASONS[reason]
    return {
        "code": reason.code,
        "name": reason.name.lower().replace("_", "-"),
        "meaning": explanation.meaning,
        "next_step": explanation.next_step,
        "grpc_status": explanation.status,
    }


def _print_one(reasons: list[Reason]) -> None:
    console = data_console()
    for reason in reasons:
        explanation = REASONS[reason]
        console.print(f"{reason.code}  {visible(explanation.meaning)}", markup=False)
        console.print(f"next: {explanation.next_step}", markup=False)
        console.print(f"On the wire: {explanation.status}", markup=False, style="dim")


def _print_list(reasons: list[Reason]) -> None:
    console = data_console()
    for reason in reasons:
        console.print(f"{reason.code}  {REASONS[reason].meaning}", markup=False)
