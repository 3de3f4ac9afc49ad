"""The words of our ODRL profile: its JSON-LD context, its operators, and how things are named.

The profile is `urn:landbridge:odrl`; docs/exchange.md describes it. Where ODRL has a term, that
term is taken: Agreement, AssetCollection, obtainConsent, delete, purpose, count.
"""

from typing import Any, Final

from landbridge.memorandum.condition import Operator

PROFILE: Final = "urn:landbridge:odrl"
ODRL_CONTEXT: Final = "http://www.w3.org/ns/odrl.jsonld"
AGENCY: Final = "urn:landbridge:agency:"
DATASET: Final = "urn:landbridge:dataset:"
MEMORANDUM: Final = "urn:landbridge:memorandum:"
PURPOSE: Final = "urn:landbridge:purpose:"
ASKED: Final = "urn:landbridge:asked:"
FIELD: Final = "field:"
"""Prefix of a canonical field as the left side of a condition."""
DURATION: Final = "xsd:duration"
INSTANT: Final = "xsd:dateTime"

_LISTED: Final = {"@container": "@list"}


def _term(name: str, **more: str) -> dict[str, str]:
    return {"@id": f"lb:{name}", **more}


CONTEXT: Final[list[Any]] = [
    ODRL_CONTEXT,
    {
        "lb": f"{PROFILE}#",
        "field": "urn:landbridge:field:",
        # The context that the W3C publishes says "odrl:neg".
        "neq": "odrl:neq",
        "title": "dct:title",
        "amends": {"@id": "dct:replaces", "@type": "@id"},
        "parties": _term("party", **{"@type": "@id"}, **_LISTED),
        "linkSources": _term("linkSource", **{"@type": "@id"}, **_LISTED),
        "consentDesks": _term("consentDesk", **{"@type": "@id"}, **_LISTED),
        "valid": _term("valid"),
        "from": _term("from", **{"@type": INSTANT}),
        "until": _term("until", **{"@type": INSTANT}),
        "illustrative": _term("illustrative"),
        "staleRevocation": _term("staleRevocation"),
        "legalBasis": _term("legalBasis"),
        "ownLegalBasis": _term("ownLegalBasis"),
        "ownValidity": _term("ownValidity"),
        "clause": _term("clause"),
        "statute": _term("statute"),
        "freshWithin": _term("freshWithin", **{"@type": DURATION}),
        "delayedDisclosure": _term("delayedDisclosure"),
        "delay": _term("delay", **{"@type": DURATION}),
        "window": _term("window"),
        "not": _term("not"),
        "predicates": _term("predicate", **_LISTED),
        "name": _term("name"),
        "when": _term("when"),
        "asks": _term("asks", **_LISTED),
        "argumentType": _term("argumentType"),
        "of": _term("of", **_LISTED),
    },
]
"""The context of every agreement that we write."""

OPERATORS: Final[dict[Operator, str]] = {
    Operator.EQ: "eq",
    Operator.NE: "neq",
    Operator.IN: "isAnyOf",
    Operator.LT: "lt",
    Operator.LE: "lteq",
    Operator.GT: "gt",
    Operator.GE: "gteq",
    Operator.BETWEEN: "lb:between",
    Operator.WITHIN: "lb:within",
    Operator.IS_NULL: "lb:isEmpty",
    Operator.NOT_NULL: "lb:isFilled",
}
"""How each of our operators is called there; those with `lb:` are the profile's own."""
