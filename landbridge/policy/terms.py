"""On what terms a clause releases, in words that can be held against one another."""

from dataclasses import dataclass

from landbridge.counted import counted
from landbridge.memorandum.grant import DelayedDisclosure, Predicate, Quota
from landbridge.policy.coverage import Clause


@dataclass(frozen=True, slots=True)
class TermChange:
    """A term that is not the same in two clauses; empty where one of them does not have it."""

    term: str
    old: str
    new: str


def terms_of(clause: Clause) -> dict[str, str]:
    """Write each term of a clause, by its name."""
    grant, terms = clause.grant, clause.terms
    written = {
        "legal basis": clause.legal_basis,
        "statute": grant.statute or "",
        "consent": ", ".join(clause.memorandum.consent_desks) if grant.needs_consent else "",
        "quota": _quota(terms.quota),
        "sealing": "the answer leaves only sealed" if terms.sealed else "",
        "disclosure": _delay(terms.delayed_disclosure),
        "retention": f"kept for {terms.retention}" if terms.retention else "",
        "freshness": f"at most {terms.fresh_within} old" if terms.fresh_within else "",
    }
    return {term: words for term, words in written.items() if words}


def compare_terms(old: Clause, new: Clause) -> tuple[TermChange, ...]:
    """Return the terms in which two clauses differ."""
    before, after = terms_of(old), terms_of(new)
    return tuple(
        TermChange(term, before.get(term, ""), after.get(term, ""))
        for term in {**before, **after}
        if before.get(term) != after.get(term)
    )


def _quota(quota: Quota | None) -> str:
    return f"{counted(quota.queries, 'query')} a {quota.per}" if quota else ""


def _delay(delayed: DelayedDisclosure | None) -> str:
    if delayed is None:
        return ""
    return f"the subject is told after {delayed.delay}, by {delayed.legal_basis}"


def question(predicate: Predicate | None) -> str:
    """Write what a predicate asks; of a field, that its values are released."""
    if predicate is None:
        return "the values"
    asked = ", ".join(f"{name} ({asks.type})" for name, asks in predicate.asks.items())
    rules = " and ".join(f"({rule})" for rule in predicate.when) or "there is a record"
    return f"yes if {rules}" + (f"; asks for {asked}" if asked else "")
