"""The types of fields, from each agency's `node.toml` in a federation's folder."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from landbridge.commands.memo.fit import Surroundings
from landbridge.policy.possible_record import RecordFinder, TypeOf
from landbridge.policy.row_values import FieldType, ValueKind
from node.node_file import FieldTable
from node.node_file import FieldType as NativeType

_KINDS: Mapping[NativeType, ValueKind] = {
    NativeType.TEXT: ValueKind.TEXT,
    NativeType.IDENTIFIER: ValueKind.TEXT,
    NativeType.CODE: ValueKind.CODE,
    NativeType.INTEGER: ValueKind.WHOLE,
    NativeType.DECIMAL: ValueKind.NUMBER,
    NativeType.MONEY: ValueKind.NUMBER,
    NativeType.DATE: ValueKind.DAY,
    NativeType.TIMESTAMP: ValueKind.TIME,
    NativeType.BOOLEAN: ValueKind.TRUTH,
}


def find_types(places: Iterable[Path | None]) -> TypeOf:
    """Return what gives the types of fields, from the first federation's folder among places.

    Raises:
        LandbridgeError: LB-1101 for a malformed `federation.toml` or `node.toml`.
    """
    for place in places:
        if place is not None and (place / "federation.toml").exists():
            around = Surroundings.load(place)
            types = {
                (agency, name, field.name): _type_of(field)
                for agency, datasets in around.datasets.items()
                for name, dataset in datasets.items()
                for field in dataset.fields
            }
            return lambda provider, dataset, field: types.get((provider, dataset, field))
    return lambda _provider, _dataset, _field: None


def guesses(finder: RecordFinder) -> list[str]:
    """Say of each field whose type no description told what it was taken for."""
    return [
        f"{provider}/{dataset}: no node.toml tells the type of {field}; by what it is compared "
        f"with it is taken for {type_}"
        for (provider, dataset, field), type_ in sorted(finder.inferred.items())
    ]


def _type_of(field: FieldTable) -> FieldType:
    if field.separator is not None:
        return FieldType((ValueKind.LIST,))
    codes = tuple(sorted({str(code) for code in field.codes.values()}))
    kind = _KINDS[field.type]
    return FieldType((kind,), codes if kind is ValueKind.CODE else ())
