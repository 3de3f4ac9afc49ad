"""A dataset's description as a Table Schema (Data Package standard), of its canonical values."""

from typing import Any, Final

from landbridge.exchange.description import DescribedDataset, DescribedField

_TYPES: Final = {
    "text": ("string", {}),
    "integer": ("integer", {}),
    "decimal": ("number", {}),
    "date": ("date", {}),
    # With or without an offset, as the register states it: more forms than the default one.
    "timestamp": ("datetime", {"format": "any"}),
    "boolean": ("boolean", {}),
    "code": ("string", {}),
    "identifier": ("string", {}),
    "money": ("string", {}),
}
"""The type of each of our types, and what else it needs."""
_MONEY: Final = "-?[0-9]+([.][0-9]+)? [A-Z]{3}"


def write_table_schema(dataset: DescribedDataset) -> dict[str, Any]:
    """Write the Table Schema of a dataset; empty values are empty cells."""
    return {
        "name": dataset.name,
        "title": dataset.title,
        "fields": [_field(field) for field in dataset.fields],
        "missingValues": [""],
    }


def _field(field: DescribedField) -> dict[str, Any]:
    kind, more = _TYPES[field.type]
    written: dict[str, Any] = {"name": field.name, "type": kind, **more}
    constraints = _constraints(field)
    if field.several:
        # The items' own form cannot be said in every version of the standard.
        written, constraints = {"name": field.name, "type": "array"}, {}
    if field.title:
        written["description"] = field.title
    if constraints:
        written["constraints"] = constraints
    # Keys of ours: the standard lets a field hold more than it names.
    written["landbridge:type"] = field.type
    for key, value in (("term", field.term), ("scheme", field.scheme)):
        if value:
            written[f"landbridge:{key}"] = value
    return written


def _constraints(field: DescribedField) -> dict[str, Any]:
    if field.type == "money":
        return {"pattern": _MONEY}
    return {"enum": list(field.codes)} if field.codes else {}
