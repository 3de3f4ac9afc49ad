"""A memorandum in sentences: who may read what about whom, why, by what right, on which terms."""

from collections.abc import Iterator, Sequence
from typing import Final

from landbridge.memorandum.condition import in_words, value_in_words
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Argument, Grant, Predicate, Validity
from landbridge.memorandum.words import StaleRevocation
from landbridge.subject import SubjectKind

NOTHING_ELSE: Final = "Everything else is refused."

_KINDS = {SubjectKind.LEGAL_ENTITY: "legal entities", SubjectKind.NATURAL_PERSON: "natural persons"}
_STALE = {
    StaleRevocation.REFUSE: "While revocation data are too old, providers refuse (LB-3008).",
    StaleRevocation.SERVE: "While revocation data are too old, providers serve all the same.",
}
_TYPES = {"date": "a day", "integer": "a whole number", "decimal": "a number", "text": "a text"}


def sentences(memorandum: Memorandum, at: int) -> Iterator[str]:
    """Write the whole memorandum, one sentence a line; `at` is now, in Unix milliseconds."""
    yield f"Memorandum {memorandum.id}: {memorandum.title}."
    yield from general_sentences(memorandum, at)
    for grant in memorandum.grants:
        yield clause_sentence(memorandum, grant)
        yield from term_sentences(grant)
    yield NOTHING_ELSE


def general_sentences(memorandum: Memorandum, at: int | None = None) -> Iterator[str]:
    """Write what holds for all clauses; with `at`, also whether it is in force then."""
    if memorandum.illustrative:
        yield "ILLUSTRATIVE: this is an example; no agency has agreed on it."
    yield f"It is between {join(memorandum.parties)}."
    state = "" if at is None else f" ({_standing(memorandum.valid, at)})"
    yield f"It is in force {period(memorandum.valid)}{state}."
    if memorandum.amends is not None:
        yield f"It takes the place of {memorandum.amends}, which ends when this one begins."
    if memorandum.link_sources:
        yield f"Providers accept identifier links of {join(memorandum.link_sources)}."
    else:
        yield "Providers accept no identifier links: each source is asked by the id that is given."
    yield _STALE[memorandum.stale_revocation]
    if memorandum.consent_desks:
        desks = join(memorandum.consent_desks, "or")
        yield f"That a person has consented, providers believe on the word of {desks}."


def clause_sentence(memorandum: Memorandum, grant: Grant) -> str:
    """Write what one clause allows as one sentence."""
    act = "may learn yes or no, and no value, on" if grant.predicates else "may read"
    rows = f", only of records where {in_words(grant.where)}" if grant.where else ""
    return (
        f"Clause {grant.clause}: {join(grant.requesters)} {act} {join(grant.names)} "
        f"from {grant.dataset} of {grant.provider} about {whom(grant)}{rows}, "
        f"for the purpose {join(grant.purposes, 'or')}, "
        f"on the legal basis of {memorandum.legal_basis_of(grant)}, "
        f"{period(memorandum.validity_of(grant))}."
    )


def term_sentences(grant: Grant) -> Iterator[str]:
    """Write what one clause asks back and promises, and what its predicates mean."""
    for predicate in grant.predicates:
        yield predicate_sentence(predicate)
    if grant.statute is not None:
        yield f"No person needs to consent: {grant.statute}."
    elif grant.needs_consent:
        yield "The person must have consented, to this requester and for this purpose."
    if grant.quota is not None:
        yield (
            f"For each requester and purpose, {_queries(grant.quota.queries)} answered in each "
            f"{grant.quota.per} (by the calendar, in UTC)."
        )
    if grant.sealed:
        yield "Answers leave sealed: only the requester can open them, and the gateway cannot."
    if (delayed := grant.delayed_disclosure) is not None:
        yield (
            f"The subject is told who looked only {delayed.delay.in_words()} after an access, "
            f"on the legal basis of {delayed.legal_basis}."
        )
    if grant.retention is not None:
        yield f"A requester may keep what it got for {grant.retention.in_words()}."
    if grant.fresh_within is not None:
        age = grant.fresh_within.in_words()
        yield f"{grant.provider} promises data that are at most {age} old."


def predicate_sentence(predicate: Predicate) -> str:
    """Write one question of yes or no, and when the answer is yes."""
    given = [f"{name} ({_argument(each)})" for name, each in sorted(predicate.asks.items())]
    asked = f", asked with {join(given)}" if given else ""
    stop = "" if predicate.title.endswith((".", "?", "!")) else "."
    return (
        f"The question {predicate.name}{asked}: {predicate.title}{stop} "
        f"Yes, if in some record {in_words(predicate.when)}."
    )


def whom(grant: Grant) -> str:
    """Say whom the records of a clause are about."""
    return join([_KINDS[kind] for kind in grant.subject_kinds])


def period(valid: Validity) -> str:
    """Write from when until when."""
    return f"from {valid.from_} until {valid.until}"


def standing(valid: Validity, at: int) -> str:
    """Say whether it is in force now: `not yet`, `no longer`, or empty where it is."""
    if at < valid.start:
        return "not yet"
    return "" if at < valid.end else "no longer"


def join(words: Sequence[str], last: str = "and") -> str:
    """Write words as a list within a sentence."""
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {last} {words[-1]}"


def _standing(valid: Validity, at: int) -> str:
    return f"{standing(valid, at)} in force now".strip()


def _argument(argument: Argument) -> str:
    if argument.of:
        chosen = join([value_in_words(value) for value in argument.of], "or")
        return f"{_TYPES[argument.type]}, {chosen}"
    return _TYPES[argument.type]


def _queries(count: int) -> str:
    return "at most 1 query is" if count == 1 else f"at most {count} queries are"
