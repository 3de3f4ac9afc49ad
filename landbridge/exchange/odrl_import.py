"""Reading an ODRL Agreement of our profile as a memorandum, exactly or not at all.

What the agreement says is read, and then written anew: where the two differ, the agreement holds
something that no memorandum says, or says something twice and differently, and is refused there.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

import rfc8785

from landbridge.document import first_difference, read_document
from landbridge.errors import LandbridgeError
from landbridge.exchange.odrl import write_agreement
from landbridge.exchange.odrl_rules import not_importable, read_constraint, read_list
from landbridge.exchange.odrl_terms import AGENCY, CONTEXT, DATASET, MEMORANDUM, PROFILE, PURPOSE
from landbridge.memorandum.document import MAX_BYTES, Memorandum
from landbridge.memorandum.problems import json_path, validate

_CONTEXT: Final = "@context"
_LARGEST: Final = 4 * MAX_BYTES
_LISTS: Final = frozenset(
    {
        *("permission", "assignee", "constraint", "refinement", "duty", "action"),
        *("parties", "linkSources", "consentDesks", "predicates", "asks", "of", "when", "@list"),
    }
)
"""Keys that hold lists; JSON-LD may write a list of one as its only member."""
_READ: Final = {"odrl:read": "fields", "lb:ask": "predicates"}


def read_agreement(data: bytes) -> Memorandum:
    """Read an Agreement.

    Raises:
        LandbridgeError: LB-4106 with its place when it is not JSON, not an agreement of the
            profile, or says what a memorandum cannot say.
    """
    if len(data) > _LARGEST:
        raise not_importable(f"larger than {_LARGEST} bytes", "")
    try:
        written = read_document(data)
        # The context says what words mean, and may name our lists without holding any.
        context = written.pop(_CONTEXT, None)
        document = _unfold(written)
    except (LandbridgeError, RecursionError) as error:
        message = error.message if isinstance(error, LandbridgeError) else "nested too deeply"
        raise not_importable(message, "") from None
    _check_kind(document, context)
    memorandum = _validate(_memorandum(document))
    again = _plain(write_agreement(memorandum))
    del again[_CONTEXT]
    place = first_difference(again, document)
    if place is not None:
        raise not_importable(
            "a memorandum of the same words would say something else here, or nothing", place
        )
    return memorandum


def _check_kind(document: Mapping[str, Any], context: object) -> None:
    if document.get("@type") != "Agreement":
        raise not_importable("only an ODRL Agreement can become a memorandum", "@type")
    if document.get("profile") != PROFILE:
        raise not_importable(f"only agreements of the profile {PROFILE} can be read", "profile")
    if context != _plain(CONTEXT):
        raise not_importable("another context: its words may mean something else", _CONTEXT)


def _validate(written: dict[str, Any]) -> Memorandum:
    try:
        memorandum = validate(Memorandum, json.dumps(written), json_path, json_path)
        # Only this tells of values that are right by themselves and contradict each other.
        return Memorandum.from_json(memorandum.to_json())
    except LandbridgeError as error:
        raise not_importable(f"as a memorandum: {error.message}", error.where) from error
    except rfc8785.CanonicalizationError as error:
        raise not_importable(f"as a memorandum it cannot be signed: {error}", "") from error


def _memorandum(document: Mapping[str, Any]) -> dict[str, Any]:
    amends = document.get("amends")
    written: dict[str, Any] = {
        "memorandum": _name(document.get("uid"), MEMORANDUM, "uid"),
        "title": document.get("title"),
        "illustrative": document.get("illustrative"),
        "parties": _names(document, "parties", AGENCY),
        "legal_basis": document.get("legalBasis"),
        "valid": document.get("valid"),
        "link_sources": _names(document, "linkSources", DATASET),
        "stale_revocation": document.get("staleRevocation"),
        "consent_desks": _names(document, "consentDesks", AGENCY),
        "grants": [
            _grant(_object(permission, place), place)
            for permission, place in _members(document, "permission")
        ],
    }
    return written if amends is None else written | {"amends": _name(amends, MEMORANDUM, "amends")}


def _grant(permission: Mapping[str, Any], place: str) -> dict[str, Any]:
    target = _object(permission.get("target"), f"{place}.target")
    dataset = _name(target.get("source"), DATASET, f"{place}.target.source")
    constraints = _Found(permission, place)
    grant: dict[str, Any] = {
        "clause": permission.get("clause"),
        "provider": _name(permission.get("assigner"), AGENCY, f"{place}.assigner"),
        "dataset": dataset.partition("/")[2],
        "requesters": _names(permission, "assignee", AGENCY, place),
        "purposes": [
            _name(_object(purpose, place).get("@id"), PURPOSE, f"{place}.constraint")
            for purpose in constraints.list("purpose")
        ],
        "subject_kinds": constraints.list("lb:subjectKind"),
        "sealed": constraints.first("lb:sealed") is not None,
    }
    kind, names = _released(permission, place)
    grant[kind] = names if kind == "fields" else _predicates(permission, place)
    if "refinement" in target:
        grant["where"] = _rules(target, "refinement", f"{place}.target")
    if permission.get("ownLegalBasis"):
        grant["legal_basis"] = permission.get("legalBasis")
    if permission.get("ownValidity"):
        grant["valid"] = {
            "from": constraints.value("dateTime", "gteq"),
            "until": constraints.value("dateTime", "lt"),
        }
    if (count := constraints.first("count")) is not None:
        grant["quota"] = {"queries": count.get("rightOperand"), "per": count.get("window")}
    for key, name in (("statute", "statute"), ("freshWithin", "fresh_within")):
        if key in permission:
            grant[name] = permission[key]
    if "delayedDisclosure" in permission:
        delayed = _object(permission["delayedDisclosure"], f"{place}.delayedDisclosure")
        grant["delayed_disclosure"] = {
            "legal_basis": delayed.get("legalBasis"),
            "delay": delayed.get("delay"),
        }
    retention = _retention(permission, place)
    return grant if retention is None else grant | {"retention": retention}


class _Found:
    """The constraints of a permission, found by what they limit."""

    def __init__(self, permission: Mapping[str, Any], place: str) -> None:
        self._place = f"{place}.constraint"
        self._constraints = [
            _object(member, where) for member, where in _members(permission, "constraint", place)
        ]

    def first(self, left: str, operator: str = "") -> Mapping[str, Any] | None:
        for each in self._constraints:
            if each.get("leftOperand") == left and operator in ("", each.get("operator")):
                return each
        return None

    def list(self, left: str) -> list[Any]:
        return read_list(self._right(left, "isAnyOf"), self._place)

    def value(self, left: str, operator: str) -> object:
        return _object(self._right(left, operator), self._place).get("@value")

    def _right(self, left: str, operator: str) -> object:
        found = self.first(left, operator)
        if found is None:
            raise not_importable(f"a constraint {left} {operator} is missing", self._place)
        return found.get("rightOperand")


def _released(permission: Mapping[str, Any], place: str) -> tuple[str, list[Any]]:
    action = _action(permission, place)
    name = _object(action.get("rdf:value"), f"{place}.action").get("@id")
    if not isinstance(name, str) or name not in _READ:
        raise not_importable(f"the action is one of {', '.join(_READ)}", f"{place}.action")
    refinement, where = next(iter(_members(action, "refinement", f"{place}.action")), ({}, place))
    return _READ[name], read_list(_object(refinement, where).get("rightOperand", []), where)


def _predicates(permission: Mapping[str, Any], place: str) -> list[dict[str, Any]]:
    written = []
    for member, where in _members(permission, "predicates", place):
        predicate = _object(member, where)
        asks = [_object(ask, at) for ask, at in _members(predicate, "asks", where)]
        written.append(
            {
                "name": predicate.get("name"),
                "title": predicate.get("title"),
                "asks": {
                    str(ask.get("name")): {"type": ask.get("argumentType"), "of": ask.get("of")}
                    for ask in asks
                },
                "when": _rules(predicate, "when", where),
            }
        )
    return written


def _retention(permission: Mapping[str, Any], place: str) -> object:
    for member, where in _members(permission, "duty", place):
        action = _action(_object(member, where), where)
        if action.get("rdf:value") == {"@id": "odrl:delete"}:
            refinement, at = next(iter(_members(action, "refinement", where)), ({}, where))
            right = _object(refinement, at).get("rightOperand")
            return _object(right, at).get("@value")
    return None


def _action(rule: Mapping[str, Any], place: str) -> Mapping[str, Any]:
    action, where = next(iter(_members(rule, "action", place)), (None, f"{place}.action"))
    return _object(action, where)


def _rules(holder: Mapping[str, Any], key: str, place: str) -> list[dict[str, Any]]:
    return [read_constraint(member, where) for member, where in _members(holder, key, place)]


def _members(holder: Mapping[str, Any], key: str, place: str = "") -> list[tuple[Any, str]]:
    at = f"{place}.{key}".removeprefix(".")
    values = read_list(holder.get(key, []), at)
    return [(value, f"{at}[{number}]") for number, value in enumerate(values)]


def _object(value: object, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise not_importable("an object is expected here", place)
    return value


def _names(holder: Mapping[str, Any], key: str, prefix: str, place: str = "") -> list[str]:
    return [_name(value, prefix, where) for value, where in _members(holder, key, place)]


def _name(value: object, prefix: str, place: str) -> str:
    if not isinstance(value, str) or not value.startswith(prefix):
        raise not_importable(f"must be written {prefix}NAME", place)
    return value.removeprefix(prefix)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return JSON as a reader of its text gets it."""
    return json.loads(json.dumps(value))


def _unfold(value: Any, key: str = "") -> Any:  # noqa: ANN401 - any JSON
    """Write each list of one as a list."""
    if isinstance(value, list):
        return [_unfold(member) for member in value]
    if isinstance(value, dict):
        value = {name: _unfold(member, name) for name, member in value.items()}
    return [value] if key in _LISTS else value
