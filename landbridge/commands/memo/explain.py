"""`landbridge memo explain`: which clause allows or refuses, and what would have to change."""

from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from landbridge.commands.memo.agreed import Agreed, read_agreed, read_state
from landbridge.commands.memo.explained import print_explanation
from landbridge.commands.moment import read_moment
from landbridge.commands.output import Output, OutputOption, talk
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.policy.authorization import AccessRequest
from landbridge.policy.coverage import Clause
from landbridge.policy.explanation import explain as explain_request
from landbridge.policy.explanation import explain_to_requester
from landbridge.subject import SubjectKind
from landbridge.suggestion import did_you_mean

_COMPLETE: Final = 0
_PARTIAL: Final = 3
_REFUSED: Final = 4

Flag = Annotated[bool, Parameter(negative=())]


def explain(  # noqa: PLR0913 - one option for each part of a request
    *,
    federation: Path | None = None,
    state: Path | None = None,
    requester: Annotated[str, Parameter(name="--from")],
    provider: Annotated[str, Parameter(name="--to")],
    dataset: str,
    purpose: str,
    field: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    argument: Annotated[tuple[str, ...], Parameter(negative=())] = (),
    subject_kind: SubjectKind = SubjectKind.LEGAL_ENTITY,
    at: str = "",
    known: str = "",
    revocation_stale: Flag = False,
    consented: Flag = False,
    sealed: Flag = False,
    requester_view: Flag = False,
    output: OutputOption = Output.TABLE,
) -> int:
    """Say which clause allows or refuses, and what would have to change.

    Exits with 0 when every field is allowed, 3 when some are, 4 when none is.

    Args:
        federation: The folder with federation.toml and memoranda/.
        state: The folder of a party: what counts there is what every party has signed.
        requester: The agency that asks.
        provider: The agency that is asked.
        dataset: The provider's dataset.
        purpose: Why, as federation.toml names it.
        field: A field or predicate; may be repeated. Without it, all that a clause names.
        argument: What a query gives for a predicate, as NAME=VALUE; may be repeated.
        subject_kind: Whom the records are about: legal-entity or natural-person.
        at: When, such as 2026-05-01 or 2026-05-01T12:00:00Z; without it, now.
        known: By what the party knew then; only with --state of a node or gateway.
        revocation_stale: Ask what holds while revocation data are too old.
        consented: Ask what holds when the person has consented.
        sealed: Ask what holds for a sealed answer.
        requester_view: Say only what the requester may know.
        output: How to print: table, json or ndjson.

    Raises:
        LandbridgeError: LB-1005 for an unknown purpose, LB-1106 for an unknown agency or time;
            LB-1101 and LB-4101 for malformed files; LB-5002 for a damaged folder of a party.
    """
    agreed = _read(federation, state, known)
    if federation is not None:
        shared = Federation.load(federation / "federation.toml")
        shared.check_purpose(purpose)
        for agency, option in ((requester, "--from"), (provider, "--to")):
            _check_agency(agency, option, shared)
    clauses = [
        clause
        for clause in agreed.policy.clauses(provider, dataset)
        if not requester_view or requester in clause.memorandum.parties
    ]
    named = dict.fromkeys(sorted(name for clause in clauses for name in clause.grant.names))
    request = AccessRequest(
        provider,
        dataset,
        requester,
        purpose,
        subject_kind,
        field or tuple(named),
        read_moment(at, "--at"),
        revocation_stale,
        consented,
        sealed,
    )
    told = (explain_to_requester if requester_view else explain_request)(agreed.policy, request)
    if not requester_view:
        _talk(agreed, request, clauses)
    allowed = print_explanation(told, _arguments(argument), output)
    if allowed == len(told.verdicts):
        return _COMPLETE
    return _PARTIAL if allowed else _REFUSED


def _read(federation: Path | None, state: Path | None, known: str) -> Agreed:
    if state is not None:
        return read_state(state, read_moment(known, "--known") if known else None)
    if known:
        raise refuse(
            Reason.USAGE,
            "what was known when stands in the folder of a node or gateway",
            where="--known",
            next_step="give its folder with --state",
        )
    if federation is None:
        raise refuse(
            Reason.USAGE,
            "no memoranda are named",
            where="--federation",
            next_step="name a federation's folder with --federation, or a party's with --state",
        )
    return read_agreed(federation)


def _talk(agreed: Agreed, request: AccessRequest, clauses: list[Clause]) -> None:
    talk(agreed.note)
    for refused, why in sorted(agreed.policy.settled.refused.items()):
        talk(f"{Reason.NOT_A_SUCCESSOR.code} {refused} does not count: {why}")
    if not clauses:
        near = did_you_mean(request.dataset, agreed.policy.datasets(request.provider))
        talk(f"no clause is on {request.provider}/{request.dataset}{near}")


def _check_agency(agency: str, option: str, federation: Federation) -> None:
    if agency not in federation.agencies:
        raise refuse(
            Reason.USAGE,
            f"{agency!r} is no agency of {federation.name}"
            + did_you_mean(agency, federation.agencies),
            where=option,
            next_step=f"name one of: {', '.join(federation.agencies)}",
        )


def _arguments(given: tuple[str, ...]) -> dict[str, str]:
    arguments = {}
    for text in given:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise refuse(
                Reason.USAGE,
                "an argument is written NAME=VALUE",
                where="--argument",
                next_step="write it like --argument day=2026-05-01",
            )
        arguments[name] = value
    return arguments
