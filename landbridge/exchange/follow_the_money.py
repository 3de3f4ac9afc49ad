"""A verified profile as FollowTheMoney entities, as investigation tools read them, one a line.

The subject becomes a LegalEntity or a Person, each identifier an Identification, each value of a
record a line of a Note. Which shared term is which property, the reader says (`city=address`):
nothing is guessed, and a property that several sources state has all their values.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from landbridge.errors import Reason, refuse
from landbridge.suggestion import did_you_mean

_THING: Final = ("name", "alias", "previousName", "address", "country", "description", "notes")
_LEGAL: Final = (
    *("legalForm", "status", "sector", "classification", "registrationNumber", "taxNumber"),
    *("idNumber", "licenseNumber", "incorporationDate", "dissolutionDate", "jurisdiction"),
    *("phone", "email", "website"),
)
_PERSON: Final = ("firstName", "lastName", "middleName", "title", "position", "birthDate")
PROPERTIES: Final = {
    "LegalEntity": frozenset({*_THING, *_LEGAL}),
    "Person": frozenset({*_THING, *_LEGAL, *_PERSON}),
}
"""Properties of the two schemata to which terms can be mapped."""
_SCHEMA: Final = {"legal-entity": "LegalEntity", "natural-person": "Person"}

Entity = dict[str, Any]


def write_entities(document: Mapping[str, Any], terms: Mapping[str, str]) -> Iterator[Entity]:
    """Write the entities of a profile document that has been verified.

    `terms` says for shared terms which property they are.

    Raises:
        LandbridgeError: LB-1106 for a property that the subject's schema does not have.
    """
    query = document["query"]
    schema = _SCHEMA[query["subject_kind"]]
    for term, name in terms.items():
        if name not in PROPERTIES[schema]:
            raise refuse(
                Reason.USAGE,
                f"{name!r} is not a property of {schema} that a term can be mapped to"
                + did_you_mean(name, PROPERTIES[schema]),
                where=f"--map {term}={name}",
            )
    key = _Key(document)
    holder = key.of("subject")
    yield _subject(document, schema, holder, terms)
    for scheme, value, authority in _identifiers(document):
        yield {
            "id": key.of("identifier", scheme, value),
            "schema": "Identification",
            "properties": _filled(
                holder=[holder], type=[scheme], number=[value], authority=[authority]
            ),
        }
    for section in document["sections"]:
        for number, record in enumerate(section["records"]):
            place = (section["agency"], section["dataset"], str(number))
            yield _note(document, section, record, key.of("record", *place), holder)


class _Key:
    """Names entities: the same profile gives the same names, another one others."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        subject = document["query"]["subject"]
        self._prefix = (document["federation"], subject["scheme"], subject["value"])

    def of(self, *parts: str) -> str:
        text = "\0".join((*self._prefix, *parts))
        return f"lb-{hashlib.sha256(text.encode()).hexdigest()[:40]}"


def _subject(
    document: Mapping[str, Any], schema: str, holder: str, terms: Mapping[str, str]
) -> Entity:
    properties: dict[str, list[str]] = {}
    for section in document["sections"]:
        for record in section["records"]:
            # What speaks of a group, or perhaps of another, is not a property of the subject.
            if record["coverage"] != "exact":
                continue
            for value in record["values"]:
                name = terms.get(value.get("term", ""))
                if name is not None:
                    found = properties.setdefault(name, [])
                    found += [text for text in _texts(value["value"]) if text not in found]
    subject = document["query"]["subject"]
    # A name is required there; where no source states one, the identifier is the name.
    properties.setdefault("name", [f"{subject['scheme']} {subject['value']}"])
    return {"id": holder, "schema": schema, "properties": _filled(**properties)}


def _identifiers(document: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    subject = document["query"]["subject"]
    yield subject["scheme"], subject["value"], ""
    seen = {(subject["scheme"], subject["value"])}
    for link in document["links"]:
        linked = (link["linked"]["scheme"], link["linked"]["value"])
        if not link["ambiguous"] and linked not in seen:
            seen.add(linked)
            yield (*linked, link["agency"])


def _note(
    document: Mapping[str, Any],
    section: Mapping[str, Any],
    record: Mapping[str, Any],
    name: str,
    holder: str,
) -> Entity:
    lines = [
        f"{value['field']}: {', '.join(_texts(value['value'])) or '(' + value['quality'] + ')'} "
        f"[memorandum {value['memorandum']}, clause {value['clause']}]"
        for value in record["values"]
    ]
    source = f"{section['agency']}/{section['dataset']}"
    properties = _filled(
        name=[f"{source} {record.get('record', '')}".strip()],
        description=["\n".join(lines)],
        summary=[f"coverage: {record['coverage']}"],
        publisher=[section["agency"]],
        retrievedAt=[document["assembled_at"][:10]],
        modifiedAt=[record.get("as_of", "")],
        entity=[holder],
    )
    return {"id": name, "schema": "Note", "properties": properties}


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    if isinstance(value, Mapping):
        return [str(value.get("native", ""))]
    if value is None:
        return []
    return [str(value).lower() if isinstance(value, bool) else str(value)]


def _filled(**properties: list[str]) -> dict[str, list[str]]:
    kept = {name: [text for text in texts if text] for name, texts in properties.items()}
    return {name: texts for name, texts in kept.items() if texts}
