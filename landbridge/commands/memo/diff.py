"""`landbridge memo diff`: exactly what a change of memoranda allows and refuses."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from landbridge.commands.memo.agreed import Agreed, read_agreed
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
from landbridge.errors import Reason
from landbridge.policy.clause_difference import Effect
from landbridge.policy.difference import Difference, compare
from landbridge.policy.possible_record import EVERY_RECORD, RecordFinder

_SAME: Final = 0
_DIFFERENT: Final = 3
_EFFECTS: Final = {
    Effect.ALLOWED: "becomes allowed",
    Effect.REFUSED: "becomes refused",
    Effect.RECORDS: "other records",
    Effect.TERMS: "other terms",
}
_STYLES: Final = {Effect.ALLOWED: "green", Effect.REFUSED: "red", Effect.RECORDS: "yellow"}


def diff(
    old: Path,
    new: Path,
    /,
    *,
    federation: Path | None = None,
    since: str = "",
    output: OutputOption = Output.TABLE,
) -> int:
    """Show exactly what a change allows and refuses, each with a record that shows it.

    Where NEW is one memorandum and OLD a folder, NEW is put in as it would be when signed. Exits
    with 0 when nothing changes, 3 when something does.

    Args:
        old: A memorandum, or the folder of memoranda, of a federation or of a party.
        new: What is to be held against it: the same, or one memorandum.
        federation: The federation's folder, whose node.toml files tell the types of fields.
        since: Leave out what changes only before; without it, now.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when nothing is there or a time is wrong; LB-4101 for a malformed
            memorandum; LB-1101 for malformed files of the federation, or without the solver.
    """
    before = read_agreed(old)
    if old.is_dir() and not new.is_dir():
        before = _without(before, new)
    after = read_changed(before, old, new)
    finder = RecordFinder(find_types((federation, old, new)))
    found = compare(before.policy, after.policy, finder, since=read_moment(since, "--since"))
    for refused, why in sorted(after.policy.settled.refused.items()):
        talk(f"{Reason.NOT_A_SUCCESSOR.code} {refused} does not count: {why}")
    for guess in guesses(finder):
        talk(f"note: {guess}")
    print_differences(found, output)
    return _DIFFERENT if found else _SAME


def _without(before: Agreed, new: Path) -> Agreed:
    """Leave the new memorandum out of the old ones, among which its draft may lie already."""
    digests = {memorandum.digest for memorandum in read_agreed(new).memoranda}
    others = tuple(one for one in before.memoranda if one.digest not in digests)
    if len(others) < len(before.memoranda):
        talk(f"note: {new.name} lies among the old ones already, and is left out of them")
    return replace(before, memoranda=others)


def read_changed(before: Agreed, old: Path, new: Path) -> Agreed:
    """Read what memoranda are to become: others, or the same with one put in.

    Raises:
        LandbridgeError: LB-1106 when nothing is there; LB-4101 for a malformed memorandum.
    """
    after = read_agreed(new)
    if new.is_dir():
        return after
    (draft,) = after.memoranda
    if old.is_dir() or draft.amends in {memorandum.id for memorandum in before.memoranda}:
        return before.with_draft(draft)
    return after


def print_differences(found: Iterable[Difference], output: Output) -> None:
    """Print differences; fields that differ alike together."""
    together: dict[tuple[Any, ...], list[Difference]] = {}
    for one in found:
        together.setdefault(_alike(one), []).append(one)
    groups = list(together.values())
    if output is Output.TABLE:
        _print_sentences(groups)
    elif output is Output.NDJSON:
        for group in groups:
            print_json(_document(group), output)
    else:
        print_json({"differences": [_document(group) for group in groups]}, output)


def _alike(one: Difference) -> tuple[Any, ...]:
    return (
        one.access,
        one.start,
        one.end,
        one.effect,
        clause_of(one.old),
        clause_of(one.new),
        one.appears,
        one.disappears,
        one.terms,
        one.standings,
    )


def _print_sentences(groups: list[list[Difference]]) -> None:
    console = data_console()
    if not groups:
        console.print("Nothing becomes allowed or refused, and no record appears or disappears.")
        return
    for group in groups:
        one = group[0]
        who = f"{one.access.requester} asks {one.access.provider} for {one.access.dataset}"
        console.print(plain(f"{who}, purpose {one.access.purpose}:", "bold"), soft_wrap=True)
        names = ", ".join(each.name for each in group)
        effect = plain(f"  {_EFFECTS[one.effect]}: ", _STYLES.get(one.effect, ""))
        console.print(effect.append_text(plain(f"{names} ({_clauses(one)})")), soft_wrap=True)
        for line in _details(one):
            console.print(plain(f"    {line}"), soft_wrap=True)


def _details(one: Difference) -> Iterator[str]:
    yield f"from {moment(one.start)} until {moment(one.end)}"
    if words := circumstances(one.standings):
        yield f"holds {words}"
    if one.appears:
        yield f"{record_of(one.appears)} would become visible"
    if one.disappears is EVERY_RECORD:
        yield "no record would be visible any longer"
    elif one.disappears:
        yield f"{record_of(one.disappears)} would no longer be visible"
    if not (one.appears or one.disappears) and one.effect is not Effect.TERMS:
        yield "proven: no record can meet its conditions"
    elif not (one.appears and one.disappears) and one.effect is Effect.RECORDS:
        gone = "no longer be visible" if one.appears else "become visible"
        yield f"proven: there is no record that would {gone}"
    for change in one.terms:
        yield f"{change.term}: {change.old or 'none'} -> {change.new or 'none'}"


def _clauses(one: Difference) -> str:
    names = dict.fromkeys(filter(None, (clause_of(one.old), clause_of(one.new))))
    return " -> ".join(names)


def _document(group: list[Difference]) -> dict[str, Any]:
    one = group[0]
    return {
        **access_document(one.access),
        "fields": [each.name for each in group],
        "effect": one.effect.value,
        "from": moment(one.start),
        "until": moment(one.end),
        "circumstances": circumstances(one.standings),
        "old": clause_of(one.old),
        "new": clause_of(one.new),
        "appears": witness_document(one.appears),
        "disappears": witness_document(one.disappears),
        "terms": [
            {"term": change.term, "old": change.old, "new": change.new} for change in one.terms
        ],
    }
