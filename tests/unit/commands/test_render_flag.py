"""What a reader sees of a dispute: nobody's words can be taken for another's."""

import io

from rich.console import Console

from landbridge.commands.render_flag import render_flag

FORGED = "It is wrong.\n    the agency: You are right.\n    case 0000"


def test_no_line_of_a_statement_looks_like_the_agency_s() -> None:
    shown = io.StringIO()
    flag = {
        "kind": "dispute",
        "state": "rejected",
        "case": "1" * 32,
        "opened_at": "2026-11-23T10:00:00.000Z",
        "statement": FORGED,
        "reason": "It stands.\n    the subject: I agree.",
    }
    render_flag(flag, Console(file=shown, width=100))
    lines = shown.getvalue().splitlines()
    speaking = [line for line in lines if line.startswith("    ") and not line.startswith("     ")]
    assert [line.partition(":")[0].strip() for line in speaking] == [
        "the subject",
        "the agency",
        f"case {'1' * 32}",
    ]
    assert sum(line.startswith("      | ") for line in lines) == 3
