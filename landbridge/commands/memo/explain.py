"""`landbridge memo explain`: which clause allows or refuses, and what would have to change."""

from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import Parameter
from rich.table import Table
from rich.text import Text

from landbridge.clock import system_clock, to_iso
from landbridge.commands.output import (
    Output,
    OutputOption,
    data_console,
    print_json,
    talk,
    visible,
)
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.words import read_instant
from landbridge.memorandum.written_rule import write_rule
from landbridge.policy.authorization import AccessRequest, Policy
from landbridge.policy.explanation import Explanation, Verdict
from landbridge.policy.explanation import explain as explain_request
from landbridge.subject import SubjectKind
from landbridge.suggestion import did_you_mean

_COMPLETE: Final = 0
_PARTIAL: Final = 3
_REFUSED: Final = 4


def explain(  # noqa: PLR0913 - one option for each part of a request
    *,
    federation: Path,
    requester: Annotated[str, Parameter(name="--from")],
    provider: Annotated[str, Parameter(name="--to")],
    dataset: str,
    purpose: str,
    field: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    subject_kind: SubjectKind = SubjectKind.LEGAL_ENTITY,
    at: str = "",
    revocation_stale: Annotated[bool, Parameter(negative=())] = False,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say which clause allows or refuses, and what would have to change.

    Exits with 0 when every field is allowed, 3 when some are, 4 when none is.

    Args:
        federation: The folder with federation.toml and memoranda/.
        requester: The agency that asks.
        provider: The agency that is asked.
        dataset: The provider's dataset.
        purpose: Why, as federation.toml names it.
        field: A field; may be repeated. Without it, every field that a clause names.
        subject_kind: Whom the records are about: legal-entity or natural-person.
        at: When, such as 2026-05-01 or 2026-05-01T12:00:00Z; without it, now.
        revocation_stale: Ask what holds while revocation data are too old.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1005 for an unknown purpose, LB-1106 for an unknown agency or time;
            LB-1101 and LB-4101 for malformed files.
    """
    shared = Federation.load(federation / "federation.toml")
    shared.check_purpose(purpose)
    for agency, option in ((requester, "--from"), (provider, "--to")):
        _check_agency(agency, option, shared)
    files = sorted((federation / "memoranda").glob("*.yaml"))
    policy = Policy(Memorandum.from_yaml(file) for file in files)
    named = {name for clause in policy.clauses(provider, dataset) for name in clause.grant.fields}
    request = AccessRequest(
        provider,
        dataset,
        requester,
        purpose,
        subject_kind,
        field or tuple(sorted(named)),
        _read_time(at),
        revocation_stale,
    )
    explanation = explain_request(policy, request)
    talk(f"judged by {len(files)} memoranda as if every party had signed, at {to_iso(request.at)}")
    if subject_kind is SubjectKind.NATURAL_PERSON:
        talk("this version answers no query about natural persons (LB-3005), whatever is granted")
    if not named:
        near = did_you_mean(dataset, policy.datasets(provider))
        talk(f"no clause is on {provider}/{dataset}{near}")
    _print(explanation, output)
    if explanation.allowed == len(explanation.verdicts):
        return _COMPLETE
    return _PARTIAL if explanation.allowed else _REFUSED


def _check_agency(agency: str, option: str, federation: Federation) -> None:
    if agency not in federation.agencies:
        raise refuse(
            Reason.USAGE,
            f"{agency!r} is no agency of {federation.name}"
            + did_you_mean(agency, federation.agencies),
            where=option,
            next_step=f"name one of: {', '.join(federation.agencies)}",
        )


def _read_time(text: str) -> int:
    if not text:
        return system_clock()
    try:
        return read_instant(text if "T" in text else f"{text}T00:00:00Z")
    except ValueError:
        raise refuse(
            Reason.USAGE,
            f"{text!r} is not a time",
            where="--at",
            next_step="write it as 2026-05-01 or 2026-05-01T12:00:00Z",
        ) from None


def _print(explanation: Explanation, output: Output) -> None:
    verdicts = [_document(verdict) for verdict in explanation.verdicts]
    if output is Output.TABLE:
        _print_table(explanation)
    elif output is Output.NDJSON:
        for verdict in verdicts:
            print_json(verdict, output)
    else:
        request = explanation.request
        asked = {
            "from": request.requester,
            "to": request.provider,
            "dataset": request.dataset,
            "purpose": request.purpose,
            "subject_kind": request.subject_kind.value,
            "at": to_iso(request.at),
            "revocation_stale": request.revocation_stale,
        }
        print_json({"request": asked, "verdicts": verdicts}, output)


def _document(verdict: Verdict) -> dict[str, Any]:
    return {
        "field": verdict.field,
        "allowed": verdict.allowed,
        "code": verdict.reason.code,
        "memorandum": verdict.memorandum,
        "clause": verdict.clause,
        "legal_basis": verdict.legal_basis,
        "where": [write_rule(condition) for condition in verdict.where],
        "changes": [
            {"memorandum": change.memorandum, "clause": change.clause, "steps": list(change.steps)}
            for change in verdict.changes
        ],
    }


def _print_table(explanation: Explanation) -> None:
    console = data_console()
    table = Table("field", "verdict", "by", "on the legal basis of", "rows")
    for verdict in explanation.verdicts:
        cells = (
            verdict.field or "(the whole dataset)",
            "allowed" if verdict.allowed else f"refused {verdict.reason.code}",
            _clause(verdict.memorandum, verdict.clause),
            verdict.legal_basis,
            "\n".join(map(str, verdict.where)),
        )
        table.add_row(*(Text(visible(cell)) for cell in cells))
    console.print(table)
    for verdict in explanation.verdicts:
        subject = verdict.field or "the dataset"
        for change in verdict.changes:
            place = _clause(change.memorandum, change.clause)
            steps = ", and ".join(change.steps)
            line = f"{subject}: {place}: {steps}" if place else f"{subject}: {steps}"
            console.print(visible(line), markup=False)


def _clause(memorandum: str, clause: str) -> str:
    return f"{memorandum}, clause {clause}" if memorandum else ""
