"""`landbridge memo try`: a node's own past under a draft, before anybody signs it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from landbridge.commands.memo.agreed import read_state
from landbridge.commands.memo.diff import read_changed
from landbridge.commands.memo.field_types import find_types, guesses
from landbridge.commands.memo.past_log import read_past
from landbridge.commands.memo.wording import moment, record_of, witness_document
from landbridge.commands.moment import read_moment
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import heading, plain
from landbridge.policy.authorization import Policy
from landbridge.policy.possible_record import RecordFinder
from landbridge.policy.replayed import Line, Outcome, Replay, Replayer, Spent
from landbridge.policy.small_counts import is_hidden, shown_count, shown_total
from landbridge.subject import SubjectKind
from node.quota_window import window_at

_SAME: Final = 0
_DIFFERENT: Final = 3
_KINDS: Final = {SubjectKind.LEGAL_ENTITY: "legal entities", SubjectKind.NATURAL_PERSON: "persons"}
_TITLES: Final = {
    Outcome.REFUSED: "Was released, and would be refused",
    Outcome.ALLOWED: "Was refused, and would be released",
    Outcome.FEWER_RECORDS: "Would be released, but not of every record",
    Outcome.MORE_RECORDS: "Would be released of more records",
    Outcome.OTHER_RECORDS: "Would be released of other records",
    Outcome.OTHER_QUESTION: "Would be another question",
    Outcome.NOT_KNOWN: "Would be released; by what it was is not known here",
}


def try_draft(  # noqa: PLR0913 - one option for each thing to read
    new: Path,
    /,
    *,
    log: Path,
    federation: Path | None = None,
    at: str = "",
    since: str = "",
    output: OutputOption = Output.TABLE,
) -> int:
    """Replay a party's own log under a draft: what would have been refused, or allowed.

    Every question of the log is asked anew of the memoranda in the party's folder with the draft
    put in, at one time. Nothing is written. Exits with 0 when all would be as it was, else with 3.

    Args:
        new: The draft of one memorandum, or the folder of memoranda as they would be.
        log: The folder of the node or gateway whose log is replayed.
        federation: The federation's folder, whose node.toml files tell the types of fields.
        at: When to ask anew; without it, when the draft is in force: from its first instant, or
            now if that has passed.
        since: Leave out what was asked before.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1106 when nothing is there or a time is wrong; LB-4101 for a malformed
            draft; LB-4001, LB-4002, LB-5001 and LB-5002 for the log.
    """
    before = read_state(log)
    after = read_changed(before, log, new)
    when = read_moment(at, "--at") if at else _in_force(before.policy, after.policy)
    start = read_moment(since, "--since") if since else 0
    finder = RecordFinder(find_types((federation, new)))
    past = [access for access in read_past(log) if access.at >= start]
    replay = Replayer(before.policy, after.policy, when, finder, window_at).replay(past)
    talk(f"{_replayed(replay)} of the log, asked anew as of {moment(when)}")
    for guess in guesses(finder):
        talk(f"note: {guess}")
    changed = any(line.outcome is not Outcome.SAME for line in replay.lines) or replay.spent
    if output is Output.TABLE:
        _print(replay)
    elif output is Output.NDJSON:
        for document in (*_lines(replay), *map(_spent, replay.spent)):
            print_json(document, output)
    else:
        spent = [_spent(each) for each in replay.spent]
        print_json({"at": moment(when), "accesses": list(_lines(replay)), "quotas": spent}, output)
    return _DIFFERENT if changed else _SAME


def _in_force(before: Policy, after: Policy) -> int:
    known = {memorandum.digest for memorandum in before.memoranda}
    starts = [each.valid.start for each in after.memoranda if each.digest not in known]
    return max([read_moment("", "--at"), *starts])


def _print(replay: Replay) -> None:
    console = data_console()
    for outcome, title in _TITLES.items():
        lines = _together(replay, outcome)
        if lines:
            heading(title, console)
        for line, (names, count) in lines.items():
            console.print(plain(_sentence(line, names, count)), soft_wrap=True)
    if replay.spent:
        heading("Would be beyond a quota", console)
    for spent in replay.spent:
        beyond = _queries(spent.queries, spent.subject_kind)
        console.print(
            plain(
                f"{spent.requester}, for {spent.purpose}: {beyond} beyond the quota of "
                f"{spent.memorandum} {spent.clause}, in {_windows(spent)} of its windows"
            ),
            soft_wrap=True,
        )
    same = [(line, count) for line, count in replay.lines.items() if line.outcome is Outcome.SAME]
    total = _totals(same)
    console.print()
    console.print(plain(f"As it was, counted field by field: {total}."))


def _sentence(line: Line, names: list[str], count: str) -> str:
    why = f" {line.reason.code}" if line.outcome in (Outcome.REFUSED, Outcome.ALLOWED) else ""
    by = " -> ".join(dict.fromkeys(filter(None, (line.was, line.would_be))))
    return (
        f"{line.requester}, for {line.purpose}, of {line.provider}/{line.dataset}: "
        f"{', '.join(names) or 'the whole dataset'}: {count}{why}" + (f" ({by})" if by else "")
    )


def _together(replay: Replay, outcome: Outcome) -> dict[Line, tuple[list[str], str]]:
    """Join the fields that fared alike."""
    joined: dict[tuple[Line, int], list[str]] = {}
    for line, count in replay.lines.items():
        if line.outcome is outcome:
            joined.setdefault((line._replace(name=""), count), []).append(line.name)
    return {
        line._replace(name=names[0]): (
            list(filter(None, names)),
            _queries(count, line.subject_kind),
        )
        for (line, count), names in joined.items()
    }


def _totals(lines: list[tuple[Line, int]]) -> str:
    kinds = {line.subject_kind for line, _ in lines}
    return (
        " and ".join(
            f"{shown_total([count for line, count in lines if line.subject_kind is kind], kind)} "
            f"about {_KINDS[kind]}"
            for kind in sorted(kinds)
        )
        or "0"
    )


def _queries(count: int, kind: SubjectKind) -> str:
    shown = shown_count(count, kind)
    return f"{shown} query" if shown == "1" else f"{shown} queries"


def _windows(spent: Spent) -> str:
    return shown_count(spent.windows, spent.subject_kind)


def _replayed(replay: Replay) -> str:
    """Say how many queries were replayed; not where a hidden count would follow from it."""
    hidden = any(is_hidden(count, line.subject_kind) for line, count in replay.lines.items())
    words = []
    for kind, count in sorted(replay.queries.items()):
        is_told = kind is SubjectKind.LEGAL_ENTITY or not (hidden or is_hidden(count, kind))
        words.append(f"{_queries(count, kind) if is_told else 'queries'} about {_KINDS[kind]}")
    return " and ".join(words) or "no queries"


def _lines(replay: Replay) -> Iterator[Mapping[str, Any]]:
    for line, count in replay.lines.items():
        witness = replay.witnesses.get(line)
        yield {
            "outcome": line.outcome.value,
            "requester": line.requester,
            "provider": line.provider,
            "dataset": line.dataset,
            "purpose": line.purpose,
            "subject_kind": line.subject_kind.value,
            "field": line.name,
            "code": line.reason.code,
            "was": line.was,
            "would_be": line.would_be,
            "queries": shown_count(count, line.subject_kind),
            "record": witness_document(witness),
            "shown_by": record_of(witness),
        }


def _spent(spent: Spent) -> Mapping[str, Any]:
    return {
        "outcome": "quota-spent",
        "memorandum": spent.memorandum,
        "clause": spent.clause,
        "requester": spent.requester,
        "purpose": spent.purpose,
        "windows": _windows(spent),
        "queries": shown_count(spent.queries, spent.subject_kind),
    }
