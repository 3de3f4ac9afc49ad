"""A memorandum in sentences: who may read what about whom, why, by what right and until when."""

from collections.abc import Iterator, Sequence

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant, Validity
from landbridge.memorandum.words import StaleRevocation
from landbridge.subject import SubjectKind

_KINDS = {SubjectKind.LEGAL_ENTITY: "legal entities", SubjectKind.NATURAL_PERSON: "natural persons"}
_STALE = {
    StaleRevocation.REFUSE: "While revocation data are too old, providers refuse (LB-3008).",
    StaleRevocation.SERVE: "While revocation data are too old, providers serve all the same.",
}


def sentences(memorandum: Memorandum, at: int) -> Iterator[str]:
    """Write the whole memorandum, one sentence a line; `at` is now, in Unix milliseconds."""
    yield f"Memorandum {memorandum.id}: {memorandum.title}."
    if memorandum.illustrative:
        yield "ILLUSTRATIVE: this is an example; no agency has agreed on it."
    yield f"It is between {_join(memorandum.parties)}."
    yield f"It is in force {period(memorandum.valid)}{_standing(memorandum.valid, at)}."
    if memorandum.link_sources:
        yield f"Providers accept identifier links of {_join(memorandum.link_sources)}."
    else:
        yield "Providers accept no identifier links: each source is asked by the id that is given."
    yield _STALE[memorandum.stale_revocation]
    for grant in memorandum.grants:
        yield clause_sentence(memorandum, grant)
    if any(SubjectKind.NATURAL_PERSON in grant.subject_kinds for grant in memorandum.grants):
        yield "This version answers no query about natural persons (LB-3005), whatever is granted."
    yield "Everything else is refused."


def clause_sentence(memorandum: Memorandum, grant: Grant) -> str:
    """Write one clause as one sentence."""
    rows = ", only of records where " + " and ".join(map(str, grant.where)) if grant.where else ""
    return (
        f"Clause {grant.clause}: {_join(grant.requesters)} may read {_join(grant.fields)} "
        f"from {grant.dataset} of {grant.provider} "
        f"about {_join([_KINDS[kind] for kind in grant.subject_kinds])}{rows}, "
        f"for the purpose {_join(grant.purposes, 'or')}, "
        f"on the legal basis of {memorandum.legal_basis_of(grant)}, "
        f"{period(memorandum.validity_of(grant))}."
    )


def period(valid: Validity) -> str:
    """Write from when until when."""
    return f"from {valid.from_} until {valid.until}"


def standing(valid: Validity, at: int) -> str:
    """Say whether it is in force now: `not yet`, `no longer`, or empty where it is."""
    if at < valid.start:
        return "not yet"
    return "" if at < valid.end else "no longer"


def _standing(valid: Validity, at: int) -> str:
    state = standing(valid, at)
    return f" ({state} in force now)" if state else " (in force now)"


def _join(words: Sequence[str], last: str = "and") -> str:
    if len(words) == 1:
        return words[0]
    return f"{', '.join(words[:-1])} {last} {words[-1]}"
