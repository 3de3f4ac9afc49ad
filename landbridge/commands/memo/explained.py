"""How explanations of policy are printed."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from landbridge.clock import to_datetime, to_iso
from landbridge.commands.output import Output, data_console, print_json, visible
from landbridge.counted import counted
from landbridge.errors import LandbridgeError
from landbridge.memorandum.written_rule import write_rule
from landbridge.policy.decision import Terms
from landbridge.policy.explanation import Explanation, Verdict
from node.predicates import bind_predicate


def print_explanation(told: Explanation, arguments: Mapping[str, str], output: Output) -> int:
    """Print an explanation; returns how many of its verdicts allow."""
    wrong = {
        verdict.field: problem
        for verdict in told.verdicts
        if (problem := _problem(verdict, told, arguments)) is not None
    }
    verdicts = [_document(verdict, wrong.get(verdict.field)) for verdict in told.verdicts]
    if output is Output.TABLE:
        _print_table(told, wrong)
    elif output is Output.NDJSON:
        for verdict in verdicts:
            print_json(verdict, output)
    else:
        request = told.request
        asked = {
            "from": request.requester,
            "to": request.provider,
            "dataset": request.dataset,
            "purpose": request.purpose,
            "subject_kind": request.subject_kind.value,
            "at": to_iso(request.at),
            "revocation_stale": request.revocation_stale,
            "consented": request.consented,
            "sealed": request.sealed,
        }
        print_json({"request": asked, "verdicts": verdicts}, output)
    return told.allowed - len(wrong)


def terms_in_words(terms: Terms) -> dict[str, str]:
    """Write the terms on which something is released, without those that are not agreed."""
    quota = f"{counted(terms.quota.queries, 'query')} a {terms.quota.per}" if terms.quota else ""
    words = {
        "quota": quota,
        "sealed": "only sealed" if terms.sealed else "",
        "consent": "only with the person's consent" if terms.consent else "",
        "disclosure": _delay(terms),
        "retention": str(terms.retention or ""),
        "fresh_within": str(terms.fresh_within or ""),
    }
    return {term: text for term, text in words.items() if text}


def _delay(terms: Terms) -> str:
    delayed = terms.delayed_disclosure
    return f"the subject is told after {delayed.delay}, by {delayed.legal_basis}" if delayed else ""


def _problem(
    verdict: Verdict, told: Explanation, arguments: Mapping[str, str]
) -> LandbridgeError | None:
    """Say what is wrong with what a query gives for an allowed predicate."""
    if verdict.predicate is None or not arguments:
        return None
    try:
        bind_predicate(verdict.predicate, arguments, to_datetime(told.request.at).date())
    except LandbridgeError as error:
        return error
    return None


def _document(verdict: Verdict, wrong: LandbridgeError | None) -> dict[str, Any]:
    reason = wrong.reason if wrong else verdict.reason
    document: dict[str, Any] = {
        "field": verdict.field,
        "allowed": verdict.allowed and wrong is None,
        "code": reason.code,
        "memorandum": verdict.memorandum,
        "clause": verdict.clause,
        "legal_basis": verdict.legal_basis,
        "where": [write_rule(condition) for condition in verdict.where],
        "terms": terms_in_words(verdict.terms),
        "changes": [
            {"memorandum": change.memorandum, "clause": change.clause, "steps": list(change.steps)}
            for change in verdict.changes
        ],
    }
    if verdict.predicate is not None:
        asks = {name: argument.type for name, argument in verdict.predicate.asks.items()}
        document["predicate"] = {
            "title": verdict.predicate.title,
            "asks": asks,
            "when": [write_rule(rule) for rule in verdict.predicate.when],
        }
    if wrong is not None:
        document["problem"] = wrong.message
    return document


def _print_table(told: Explanation, wrong: Mapping[str, LandbridgeError]) -> None:
    console = data_console()
    table = Table("field", "verdict", "by", "on the legal basis of", "rows", "terms")
    for verdict in told.verdicts:
        problem = wrong.get(verdict.field)
        refused = (problem.reason if problem else verdict.reason).code
        terms = [f"{term}: {words}" for term, words in terms_in_words(verdict.terms).items()]
        cells = (
            verdict.field or "(the whole dataset)",
            "allowed" if verdict.allowed and problem is None else f"refused {refused}",
            _clause(verdict.memorandum, verdict.clause),
            verdict.legal_basis,
            "\n".join(map(str, verdict.where)),
            "\n".join([*_question(verdict), *terms]),
        )
        table.add_row(*(Text(visible(cell)) for cell in cells))
    console.print(table)
    for verdict in told.verdicts:
        subject = verdict.field or "the dataset"
        if (problem := wrong.get(verdict.field)) is not None:
            console.print(visible(f"{subject}: {problem.message}"), markup=False)
        for change in verdict.changes:
            place = _clause(change.memorandum, change.clause)
            steps = ", and ".join(change.steps)
            line = f"{subject}: {place}: {steps}" if place else f"{subject}: {steps}"
            console.print(visible(line), markup=False)


def _question(verdict: Verdict) -> list[str]:
    predicate = verdict.predicate
    if predicate is None:
        return []
    asks = ", ".join(f"{name} ({argument.type})" for name, argument in predicate.asks.items())
    return [f"yes or no: {predicate.title}", *([f"asks for {asks}"] if asks else [])]


def _clause(memorandum: str, clause: str) -> str:
    return f"{memorandum}, clause {clause}" if memorandum else ""
