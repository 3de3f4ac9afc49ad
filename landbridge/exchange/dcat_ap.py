"""An agency's datasets as a catalogue of DCAT-AP 3, the European profile of W3C DCAT (JSON-LD).

There are no distributions: nobody downloads a dataset. Records are had one subject at a time, by
memorandum, which is what the access right RESTRICTED says.
"""

from typing import Any, Final

from landbridge.exchange.description import DescribedAgency, DescribedDataset, DescribedField

_RESTRICTED: Final = "http://publications.europa.eu/resource/authority/access-right/RESTRICTED"
CONTEXT: Final[dict[str, Any]] = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "csvw": "http://www.w3.org/ns/csvw#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "lb": "urn:landbridge:vocabulary#",
}


def write_catalogue(agency: DescribedAgency) -> dict[str, Any]:
    """Write an agency's catalogue."""
    base = f"urn:landbridge:{agency.federation}:{agency.id}"
    publisher = {
        "@id": base,
        "@type": "foaf:Agent",
        "foaf:name": agency.name,
        "dct:identifier": agency.id,
    }
    return {
        "@context": CONTEXT,
        "@id": f"{base}:catalogue",
        "@type": "dcat:Catalog",
        "dct:title": agency.title,
        "dct:description": f"What {agency.name} publishes in the federation "
        f"{agency.federation_title}. Records are had one subject at a time, by signed memoranda.",
        "dct:publisher": publisher,
        "dcat:dataset": [_dataset(dataset, agency.id, base) for dataset in agency.datasets],
    }


def _dataset(dataset: DescribedDataset, agency: str, base: str) -> dict[str, Any]:
    uri = f"{base}/{dataset.name}"
    written: dict[str, Any] = {
        "@id": uri,
        "@type": "dcat:Dataset",
        "dct:title": dataset.title,
        "dct:description": _describe(dataset),
        "dct:identifier": f"{agency}/{dataset.name}",
        "dct:publisher": {"@id": base},
        "dct:accessRights": {"@id": _RESTRICTED, "@type": "dct:RightsStatement"},
        "lb:subjectKind": dataset.subject_kind,
        "lb:key": [{"lb:scheme": key.scheme, "rdfs:label": key.title} for key in dataset.keys],
        "dct:conformsTo": {
            "@id": f"{uri}#schema",
            "@type": ["dct:Standard", "csvw:Schema"],
            "csvw:column": {
                "@list": [_column(field, f"{uri}#{field.name}") for field in dataset.fields]
            },
        },
    }
    if dataset.as_of:
        day = {"@type": "xsd:date", "@value": dataset.as_of}
        written["dct:temporal"] = {
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": day,
            "dcat:endDate": day,
        }
    if dataset.source:
        written["dct:provenance"] = {
            "@type": "dct:ProvenanceStatement",
            "rdfs:label": dataset.source,
        }
    return written


def _describe(dataset: DescribedDataset) -> str:
    fields = ", ".join(field.name for field in dataset.fields)
    keys = ", ".join(f"{key.title} ({key.scheme})" for key in dataset.keys)
    return f"{dataset.title}. Fields: {fields}. Can be asked by {keys}."


def _column(field: DescribedField, uri: str) -> dict[str, Any]:
    written: dict[str, Any] = {
        "@id": uri,
        "@type": "csvw:Column",
        "csvw:name": field.name,
        "lb:type": field.type,
    }
    if field.title:
        written["dct:description"] = field.title
    if field.scheme:
        written["lb:scheme"] = field.scheme
    if field.term:
        written["lb:term"] = {
            "@id": f"urn:landbridge:term:{field.term}",
            "@type": "skos:Concept",
            "skos:prefLabel": field.term_title,
        }
    return written
