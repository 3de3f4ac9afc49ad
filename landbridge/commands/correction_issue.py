"""`landbridge correction issue`: corrects a record, and tells everyone who received it."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter

from landbridge.agency import Role
from landbridge.clock import system_clock, to_iso
from landbridge.commands.correction_notices import REASONS, Issued, find_untold, write_notices
from landbridge.commands.moment import read_moment
from landbridge.commands.node import nearest_config, nearest_federation
from landbridge.commands.output import Output, OutputOption, data_console, print_json, talk
from landbridge.commands.table import open_table, plain
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.keys import KeyUse
from landbridge.party import PartyFolder
from landbridge.rights.step_document import write_step
from landbridge.rights.steps import CaseState, Step
from landbridge.subject import SubjectId
from node.case_files import CaseFiles
from node.config import load_node_config
from node.correcting import Desk, correct_record, read_row
from node.decided_case import DecidedCase, find_decided, read_decided

_COMPLETE: Final = 0
_SECOND_MS: Final = 1000
_NAMED_IN_STEP: Final = 250


def issue(  # noqa: PLR0913  one parameter an option
    *,
    state: Path,
    case: str = "",
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative=())] = (),
    since: str = "",
    config: Path | None = None,
    federation: Path | None = None,
    output: OutputOption = Output.TABLE,
) -> int:
    """Correct a record, and sign a notice to everyone who received what was wrong.

    After a dispute that was decided `corrected`, --set says what is right. In files that are
    loaded it is corrected in the node's own copy, at once and at every load; a database must say so
    already. After `upheld`, and after a repair, there is nothing to set. Who received it is found
    in the node's log. The notices leave by themselves; when they lie in the folder, the flag of a
    corrected record ends.

    Args:
        state: The folder of the agency's node.
        case: The dispute or repair, as `landbridge dispute list` names it; it may be left out where
            there is only one to follow up.
        set_: FIELD=NATIVE, again for each field: the right value as the file or database writes it.
        since: From when on it was wrong, such as 2026-05-01; without it, since the first answer.
        config: The agency's node.toml; by default agencies/AGENCY/node.toml in a folder above the
            state, or beside the federation.toml of the home that the state lies in.
        federation: The federation.toml; by default the nearest one above node.toml.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-4110 for a case that is none, or was followed up; LB-4111 for one that
            is not decided so, or a value that cannot be; LB-4109 for a record that is none; LB-1106
            for arguments that do not fit; LB-1105 and LB-5001 for the folder.
    """
    party = PartyFolder.open(state)
    key = party.signing_key(KeyUse.MEMORANDUM)
    wrong_since = read_moment(since, "--since") if since else 0
    decided = read_decided(state, case) if case else find_decided(state)
    given = _read_given(set_, decided.state)
    place = config or nearest_config(state, key.agency)
    terms = Federation.load(federation or nearest_federation(place))
    desk = Desk(load_node_config(place, terms), terms, state, party.bundle, key)
    subjects, fields = _correct(desk, decided, given)
    until = _settle(desk, decided)
    log = party.open_log(party.identity(Role.NODE))
    try:
        found = find_untold(desk, decided, subjects, fields, log, (wrong_since, until))
        issued = write_notices(desk, decided, found, log.origin, wrong_since)
    finally:
        log.close()
    _follow_up(desk, decided, issued)
    _show(decided, issued, state, output)
    return _COMPLETE


def _read_given(written: tuple[str, ...], reached: CaseState) -> dict[str, str]:
    given: dict[str, str] = {}
    for text in written:
        name, equals, native = text.partition("=")
        if not equals or not name or name in given:
            raise refuse(
                Reason.USAGE,
                f"{text!r} is not FIELD=NATIVE, each field once",
                where="--set",
                next_step="write it as --set status=A",
            )
        given[name] = native
    if bool(given) is not (reached is CaseState.CORRECTED):
        raise refuse(
            Reason.USAGE,
            f"the case is {reached}: "
            + ("there is nothing to set" if given else "say what is right"),
            where="--set",
            next_step="leave --set out" if given else "give --set FIELD=NATIVE",
        )
    return given


def _correct(
    desk: Desk, decided: DecidedCase, given: Mapping[str, str]
) -> tuple[frozenset[SubjectId], frozenset[str]]:
    """Correct the record; return by which identifiers it is found, and which fields were wrong."""
    opening = decided.opening
    own = frozenset((opening.subject.subject,))
    try:
        subjects = own | frozenset(read_row(desk, opening).subjects)
    except LandbridgeError as error:
        if given or error.reason is not Reason.NO_SUCH_RECORD:
            raise
        talk(f"note: the record is gone; who received it is found by {opening.subject} alone")
        subjects = own
    if not given:
        return subjects, frozenset(opening.fields)
    return subjects, correct_record(desk, opening, given, system_clock())


def _settle(desk: Desk, decided: DecidedCase) -> int:
    """Wait until what was read before the change is in the log; return until when that was."""
    case, reached = decided.opening.id, decided.state
    errata = [one.issued_at for one in desk.errata() if one.case == case]
    # A database was changed at some time before, and nobody says when.
    at_last = system_clock() if reached is CaseState.CORRECTED else decided.decided_at
    changed = min([at_last, *errata])
    until = changed + desk.config.node.statement_timeout_ms + _SECOND_MS
    time.sleep(max(0, until - system_clock()) / _SECOND_MS)
    return until


def _follow_up(desk: Desk, decided: DecidedCase, issued: list[Issued]) -> None:
    """Note in the case that those who had the record have been told: the node takes it up."""
    opening, now = decided.opening, system_clock()
    # The subject reads the case: who looked and may not be told of yet is not told of here.
    told = [one.id for one in issued if one.told_from <= now]
    step = write_step(
        opening.id,
        Step.ISSUED,
        previous=decided.last,
        agency=opening.agency,
        key=desk.key,
        at=now,
        # A step has a bounded size; each notice names the case.
        notices=tuple(told[:_NAMED_IN_STEP]),
    )
    CaseFiles(desk.state).put(opening.id, decided.number, Step.ISSUED, step.to_bytes())


def _show(decided: DecidedCase, issued: list[Issued], state: Path, output: Output) -> None:
    documents: list[dict[str, Any]] = [
        {
            "correction": one.id,
            "recipient": one.recipient,
            "fields": list(one.fields),
            "answers": one.answers,
            "file": str(one.path),
        }
        for one in issued
    ]
    if output is Output.NDJSON:
        for document in documents:
            print_json(document, output)
        return
    if output is Output.JSON:
        opening = decided.opening
        print_json(
            {
                "case": opening.id,
                "dataset": opening.dataset,
                "record": opening.record,
                "reason": REASONS[decided.state],
                "issued_at": to_iso(system_clock()),
                "notices": documents,
            },
            output,
        )
        return
    table = open_table("CORRECTION", "TO", "FIELDS", "ANSWERS")
    for one in issued:
        table.add_row(one.id, plain(one.recipient), plain(", ".join(one.fields)), str(one.answers))
    data_console().print(table)
    talk(
        f"next: landbridge correction status --state {state} {decided.opening.id}"
        if issued
        else "nobody received it: there is nobody to tell"
    )
