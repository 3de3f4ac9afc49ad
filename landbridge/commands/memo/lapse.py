"""`landbridge memo lapse`: who loses what, and when."""

import re
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from landbridge.clock import to_datetime
from landbridge.commands.memo.agreed import read_agreed
from landbridge.commands.memo.field_types import find_types, guesses
from landbridge.commands.memo.wording import (
    access_document,
    circumstances,
    clause_of,
    moment,
    record_of,
    witness_document,
)
from landbridge.commands.moment import read_moment
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import plain
from landbridge.errors import Reason, refuse
from landbridge.period import Period
from landbridge.policy.lapse import Loss, find_losses
from landbridge.policy.possible_record import RecordFinder

_NOTHING: Final = 0
_LOST: Final = 3
_WITHIN: Final = re.compile(r"\d{1,6}[dwmyDWMY]", re.ASCII)


def lapse(
    place: Path,
    /,
    *,
    within: str = "90d",
    at: str = "",
    federation: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say who loses what, and when, if nothing is signed until then.

    Exits with 0 when nobody loses anything, else with 3.

    Args:
        place: A memorandum, or the folder of memoranda, of a federation or of a party.
        within: How far to look ahead: 90d, 12w, 6m, 1y, or an ISO 8601 period.
        at: From when, such as 2026-05-01 or 2026-05-01T12:00:00Z; without it, now.
        federation: The federation's folder, whose node.toml files tell the types of fields.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when nothing is there, or a time or period is wrong; LB-4101 for a
            malformed memorandum; LB-1101 for malformed files of the federation.
    """
    agreed = read_agreed(place)
    talk(agreed.note)
    first = read_moment(at, "--at")
    last = _later(first, within)
    finder = RecordFinder(find_types((federation, place)))
    losses = find_losses(agreed.policy, finder, first, last)
    for guess in guesses(finder):
        talk(f"note: {guess}")
    groups = [list(group) for _, group in groupby(sorted(losses, key=_alike), key=_alike)]
    if output is Output.TABLE:
        _print(groups, first, last)
    elif output is Output.NDJSON:
        for group in groups:
            print_json(_document(group), output)
    else:
        losses_ = [_document(group) for group in groups]
        print_json({"from": moment(first), "until": moment(last), "losses": losses_}, output)
    return _LOST if losses else _NOTHING


def _later(first: int, within: str) -> int:
    text = f"P{within.upper()}" if _WITHIN.fullmatch(within) else within
    try:
        period = Period.parse(text)
    except ValueError:
        raise refuse(
            Reason.USAGE,
            f"{within!r} is no period",
            where="--within",
            next_step="write it like 90d, 12w, 6m, 1y or P90D",
        ) from None
    start = to_datetime(first)
    days = period.after(start.date()) - start.date()
    return first + days.days * 86_400_000


def _alike(loss: Loss) -> tuple[Any, ...]:
    one = loss.difference
    return (
        one.start,
        one.access,
        loss.cause,
        clause_of(one.old),
        clause_of(one.new),
        record_of(one.disappears) if one.new else "",
        sorted(map(repr, one.standings)),
    )


def _print(groups: list[list[Loss]], first: int, last: int) -> None:
    console = data_console()
    if not groups:
        console.print(f"Nobody loses anything between {moment(first)} and {moment(last)}.")
    for group in groups:
        loss = group[0]
        one = loss.difference
        names = ", ".join(each.difference.name for each in group)
        who = f"{one.access.requester} asks {one.access.provider} for {one.access.dataset}"
        console.print(
            plain(f"{moment(one.start)}: {who}, purpose {one.access.purpose}:", "bold"),
            soft_wrap=True,
        )
        console.print(
            plain(f"  loses {names}, as {clause_of(one.old)} {loss.cause}"), soft_wrap=True
        )
        if one.new is not None:
            console.print(
                plain(f"  only of some records: {record_of(one.disappears)}"), soft_wrap=True
            )
        if words := circumstances(one.standings):
            console.print(plain(f"  holds {words}"), soft_wrap=True)


def _document(group: list[Loss]) -> dict[str, Any]:
    loss = group[0]
    one = loss.difference
    return {
        **access_document(one.access),
        "fields": [each.difference.name for each in group],
        "at": moment(one.start),
        "clause": clause_of(one.old),
        "cause": loss.cause.name.lower(),
        "wholly": one.new is None,
        "disappears": witness_document(one.disappears),
        "circumstances": circumstances(one.standings),
    }
