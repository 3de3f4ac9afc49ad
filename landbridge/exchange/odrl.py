"""A memorandum as an ODRL Agreement (W3C ODRL 2.2, JSON-LD), exactly and in full.

Each clause is a permission: the provider assigns, the requesters are assigned, the target is the
dataset, refined by the row conditions. What ODRL cannot say, the profile's own terms say
(`landbridge.exchange.odrl_terms`). A reader that does not know them must not permit: what narrows a
clause is always a constraint or a refinement.
"""

from collections.abc import Iterable
from typing import Any

from landbridge.exchange.odrl_rules import constraint, listed, write_constraint
from landbridge.exchange.odrl_terms import (
    AGENCY,
    CONTEXT,
    DATASET,
    DURATION,
    INSTANT,
    MEMORANDUM,
    PROFILE,
    PURPOSE,
)
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant, Predicate, Validity


def write_agreement(memorandum: Memorandum) -> dict[str, Any]:
    """Write a memorandum as an Agreement; signatures are not part of it."""
    agreement: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "Agreement",
        "uid": MEMORANDUM + memorandum.id,
        "profile": PROFILE,
        "title": memorandum.title,
        "illustrative": memorandum.illustrative,
        "parties": [AGENCY + party for party in memorandum.parties],
        "legalBasis": memorandum.legal_basis,
        "valid": _span(memorandum.valid),
        "linkSources": [DATASET + source for source in memorandum.link_sources],
        "staleRevocation": str(memorandum.stale_revocation),
        "consentDesks": [AGENCY + desk for desk in memorandum.consent_desks],
        "permission": [
            _permission(memorandum, grant, number) for number, grant in enumerate(memorandum.grants)
        ],
    }
    if memorandum.amends is not None:
        agreement["amends"] = MEMORANDUM + memorandum.amends
    return agreement


def _span(valid: Validity) -> dict[str, str]:
    return {"from": valid.from_, "until": valid.until}


def _permission(memorandum: Memorandum, grant: Grant, number: int) -> dict[str, Any]:
    permission: dict[str, Any] = {
        "uid": f"{MEMORANDUM}{memorandum.id}#{number}",
        "clause": grant.clause,
        "assigner": AGENCY + grant.provider,
        "assignee": [AGENCY + requester for requester in grant.requesters],
        "target": _target(grant),
        "action": [_action(grant)],
        "constraint": list(_constraints(memorandum, grant)),
        "legalBasis": memorandum.legal_basis_of(grant),
        "ownLegalBasis": grant.legal_basis is not None,
        "ownValidity": grant.valid is not None,
    }
    if duties := list(_duties(memorandum, grant)):
        permission["duty"] = duties
    if grant.predicates:
        permission["predicates"] = [_predicate(predicate) for predicate in grant.predicates]
    if grant.statute is not None:
        permission["statute"] = grant.statute
    if (delayed := grant.delayed_disclosure) is not None:
        permission["delayedDisclosure"] = {
            "legalBasis": delayed.legal_basis,
            "delay": str(delayed.delay),
        }
    if grant.fresh_within is not None:
        permission["freshWithin"] = str(grant.fresh_within)
    return permission


def _target(grant: Grant) -> dict[str, Any]:
    target: dict[str, Any] = {
        "@type": "AssetCollection",
        "source": f"{DATASET}{grant.provider}/{grant.dataset}",
    }
    if grant.where:
        target["refinement"] = [write_constraint(rule) for rule in grant.where]
    return target


def _action(grant: Grant) -> dict[str, Any]:
    """Reading fields, or asking predicates, of which a value never leaves."""
    if grant.fields:
        return _refined("odrl:read", constraint("lb:field", "isAnyOf", listed([*grant.fields])))
    names = [predicate.name for predicate in grant.predicates]
    return _refined("lb:ask", constraint("lb:predicate", "isAnyOf", listed(names)))


def _refined(action: str, *refinements: dict[str, Any]) -> dict[str, Any]:
    written: dict[str, Any] = {"rdf:value": {"@id": action}}
    if refinements:
        written["refinement"] = list(refinements)
    return written


def _constraints(memorandum: Memorandum, grant: Grant) -> Iterable[dict[str, Any]]:
    purposes = [{"@id": PURPOSE + purpose} for purpose in grant.purposes]
    yield constraint("purpose", "isAnyOf", listed(purposes))
    kinds = [str(kind) for kind in grant.subject_kinds]
    yield constraint("lb:subjectKind", "isAnyOf", listed(kinds))
    valid = memorandum.validity_of(grant)
    yield constraint("dateTime", "gteq", {"@type": INSTANT, "@value": valid.from_})
    yield constraint("dateTime", "lt", {"@type": INSTANT, "@value": valid.until})
    if grant.sealed:
        yield constraint("lb:sealed", "eq", right=True)
    if grant.quota is not None:
        # Whoever overlooks the window takes the number for all time, which is the narrower reading.
        counted = constraint("count", "lteq", grant.quota.queries)
        yield counted | {"window": str(grant.quota.per)}


def _duties(memorandum: Memorandum, grant: Grant) -> Iterable[dict[str, Any]]:
    if grant.needs_consent:
        desks = [AGENCY + desk for desk in memorandum.consent_desks]
        yield {"action": [_refined("odrl:obtainConsent")], "consentDesks": desks}
    if grant.retention is not None:
        period = {"@type": DURATION, "@value": str(grant.retention)}
        yield {"action": [_refined("odrl:delete", constraint("elapsedTime", "lteq", period))]}


def _predicate(predicate: Predicate) -> dict[str, Any]:
    return {
        "name": predicate.name,
        "title": predicate.title,
        "asks": [
            {"name": name, "argumentType": argument.type, "of": list(argument.of)}
            for name, argument in predicate.asks.items()
        ],
        "when": [write_constraint(rule) for rule in predicate.when],
    }
