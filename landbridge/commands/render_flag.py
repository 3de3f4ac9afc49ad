"""Prints a dispute or a repair beside the record that it is about."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console

from landbridge.commands.table import plain

_SENTENCES: Final = {
    "open": "The subject says that this is wrong",
    "rejected": "The subject says that this is wrong; the agency has found it to be right",
    "corrected": "The agency has corrected this; those who had the wrong value are being told",
    "requested": "The subject says that it has made this good",
    "under-review": "The subject says that it has made this good; it is looked into",
}


def render_flag(flag: Mapping[str, Any], console: Console) -> None:
    """Print what travels with a record: who says what, since when, and until when it is decided."""
    sentence = _SENTENCES.get(flag["state"], f"{flag['kind']}: {flag['state']}")
    about = f" ({', '.join(flag['fields'])})" if "fields" in flag else ""
    line = f"  ! {sentence}{about}, since {_day(flag['opened_at'])}"
    if "overdue" in flag:
        line += f"; a decision was due before {_day(flag['due_at'])}, and is overdue"
    elif "due_at" in flag:
        line += f"; to be decided before {_day(flag['due_at'])}"
    console.print(plain(line, "yellow"))
    console.print(plain(quote("    the subject: ", flag["statement"])))
    if "reason" in flag:
        console.print(plain(quote("    the agency: ", flag["reason"])))
    console.print(plain(f"    case {flag['case']}", "dim"))


def quote(speaker: str, words: str) -> str:
    """Put somebody's words behind who speaks; further lines are marked, so that none speaks twice.

    Without the mark a line could be written to look like what somebody else says.
    """
    first, *others = words.split("\n")
    return "\n".join([speaker + first, *(f"      | {line}" for line in others)])


def _day(moment: str) -> str:
    return moment.partition("T")[0]
