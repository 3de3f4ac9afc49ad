"""`landbridge memo audit`: grants that nobody uses, that overlap, that are wider than any query."""

from pathlib import Path
from typing import Any, Final

from landbridge.clock import system_clock
from landbridge.commands.memo.agreed import Agreed, read_agreed, read_state
from landbridge.commands.memo.field_types import find_types, guesses
from landbridge.commands.memo.past_log import read_past
from landbridge.commands.memo.wording import clause_of, record_of, witness_document
from landbridge.commands.moment import read_moment
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import heading, plain
from landbridge.errors import Reason, refuse
from landbridge.policy.past_access import PastAccess
from landbridge.policy.possible_record import RecordFinder
from landbridge.policy.usage import Overlap, Unused, find_overlaps, find_unused

_IN_ORDER: Final = 0
_FOUND: Final = 3


def audit(  # noqa: PLR0913 - one option for each thing to read
    place: Path | None = None,
    /,
    *,
    log: Path | None = None,
    provider: str = "",
    since: str = "",
    federation: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Find grants that are unused, wider than any query ever asked, or behind others.

    With --log it tells what the log of that party has never used; without a place, it judges the
    memoranda in that party's folder. Exits with 0 when nothing is found, else with 3.

    Args:
        place: A memorandum, or the folder of memoranda, of a federation or of a party.
        log: The folder of the node or gateway whose log is read.
        provider: Tell what is unused only of this provider's clauses; a node's log knows no other.
        since: Leave out what was asked before.
        federation: The federation's folder, whose node.toml files tell the types of fields.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when nothing is named or there; LB-4101 for a malformed
            memorandum; LB-4001, LB-4002, LB-5001 and LB-5002 for the log.
    """
    agreed = _read(place, log)
    talk(agreed.note)
    finder = RecordFinder(find_types((federation, place)))
    now = system_clock()
    overlaps = find_overlaps(agreed.policy, finder, now)
    unused: list[Unused] = []
    if log is not None:
        start = read_moment(since, "--since") if since else 0
        past = [access for access in read_past(log) if access.at >= start]
        unused = find_unused(agreed.policy, past, now, provider or _only_provider(past))
    for guess in guesses(finder):
        talk(f"note: {guess}")
    if output is Output.TABLE:
        _print(unused, overlaps)
    elif output is Output.NDJSON:
        for document in (*map(_unused, unused), *map(_overlap, overlaps)):
            print_json(document, output)
    else:
        found = {"unused": [*map(_unused, unused)], "overlaps": [*map(_overlap, overlaps)]}
        print_json(found, output)
    return _FOUND if unused or overlaps else _IN_ORDER


def _read(place: Path | None, log: Path | None) -> Agreed:
    if place is not None:
        return read_agreed(place)
    if log is not None:
        return read_state(log)
    raise refuse(
        Reason.USAGE, "nothing is named", next_step="landbridge memo audit FOLDER --log STATE"
    )


def _only_provider(past: list[PastAccess]) -> str:
    """Name the one provider that a log knows; empty for a log that knows several."""
    providers = {access.provider for access in past}
    return providers.pop() if len(providers) == 1 else ""


def _print(unused: list[Unused], overlaps: list[Overlap]) -> None:
    console = data_console()
    never = [each for each in unused if each.entirely]
    wider = [each for each in unused if not each.entirely]
    if never:
        heading("Never used", console)
    for each in never:
        grant = each.clause.grant
        line = f"{clause_of(each.clause)}: {', '.join(grant.requesters)} of {grant.provider}"
        console.print(plain(f"{line}/{grant.dataset}"), soft_wrap=True)
    if wider:
        heading("Wider than any query", console)
    for each in wider:
        parts = [
            f"{what} {', '.join(names)}"
            for what, names in (
                ("fields", each.names),
                ("requesters", each.requesters),
                ("purposes", each.purposes),
            )
            if names
        ]
        console.print(plain(f"{clause_of(each.clause)}: {'; '.join(parts)}"), soft_wrap=True)
    if overlaps:
        heading("Behind another clause", console)
    for overlap in overlaps:
        console.print(plain(_sentence(overlap)), soft_wrap=True)
    if not unused and not overlaps:
        console.print("Nothing is unused, too wide or behind another clause.")


def _sentence(overlap: Overlap) -> str:
    first, second = clause_of(overlap.first), clause_of(overlap.second)
    who = ", ".join(dict.fromkeys(access.requester for access in overlap.accesses))
    line = f"{second} gives {who} {', '.join(overlap.names)}, but {first} comes first and counts"
    if overlap.hidden:
        return (
            f"{line}: {record_of(overlap.hidden)}, which only {second} lets through, stays hidden"
        )
    return f"{line}; it would let no further record through"


def _unused(each: Unused) -> dict[str, Any]:
    return {
        "finding": "never-used" if each.entirely else "wider-than-asked",
        "memorandum": each.clause.memorandum.id,
        "clause": each.clause.grant.clause,
        "provider": each.clause.grant.provider,
        "dataset": each.clause.grant.dataset,
        "fields": list(each.names),
        "requesters": list(each.requesters),
        "purposes": list(each.purposes),
    }


def _overlap(overlap: Overlap) -> dict[str, Any]:
    return {
        "finding": "behind-another",
        "first": clause_of(overlap.first),
        "second": clause_of(overlap.second),
        "fields": list(overlap.names),
        "requesters": list(dict.fromkeys(access.requester for access in overlap.accesses)),
        "purposes": list(dict.fromkeys(access.purpose for access in overlap.accesses)),
        "both": witness_document(overlap.both),
        "hidden": witness_document(overlap.hidden),
    }
