"""What an agency publishes, told to strangers: from node.toml and the federation's words."""

from landbridge.errors import Reason, refuse
from landbridge.exchange.description import (
    DescribedAgency,
    DescribedDataset,
    DescribedField,
    DescribedKey,
)
from landbridge.federation import Federation
from landbridge.suggestion import did_you_mean
from node.config import NodeConfig
from node.node_file import DatasetTable, FieldTable, FieldType


def describe(config: NodeConfig, federation: Federation) -> DescribedAgency:
    """Describe every dataset of a node; nothing of where and how the agency keeps it."""
    agency = config.node.agency
    return DescribedAgency(
        federation=federation.name,
        federation_title=federation.title,
        id=agency,
        name=federation.agencies[agency].title,
        title=config.node.title or f"Datasets of {federation.agencies[agency].title}",
        datasets=tuple(_dataset(dataset, federation) for dataset in config.datasets),
    )


def choose_dataset(agency: DescribedAgency, name: str) -> DescribedDataset:
    """Return the dataset of a name; the only one where the name is empty.

    Raises:
        LandbridgeError: LB-1006 when there is none of the name, LB-1106 when several are there and
            none is named.
    """
    names = [dataset.name for dataset in agency.datasets]
    if not name and len(names) > 1:
        raise refuse(
            Reason.USAGE,
            f"{agency.id} has several datasets: {', '.join(names)}",
            next_step="name one with --dataset",
        )
    for dataset in agency.datasets:
        if name in ("", dataset.name):
            return dataset
    message = f"{agency.id} has no dataset {name[:100]!r}{did_you_mean(name[:100], names)}"
    raise refuse(Reason.UNKNOWN_DATASET, message)


def _dataset(dataset: DatasetTable, federation: Federation) -> DescribedDataset:
    schemes = federation.schemes
    return DescribedDataset(
        name=dataset.name,
        title=dataset.title,
        subject_kind=str(dataset.subject_kind),
        keys=tuple(
            DescribedKey(
                key.scheme,
                schemes[key.scheme].title,
                covers_group=key.covers_group or schemes[key.scheme].group,
            )
            for key in dataset.keys
        ),
        fields=tuple(_field(field, federation) for field in dataset.fields),
        as_of=str(dataset.as_of or ""),
        source=dataset.source,
    )


def _field(field: FieldTable, federation: Federation) -> DescribedField:
    coded = field.type is FieldType.CODE
    return DescribedField(
        name=field.name,
        type=str(field.type),
        title=field.description,
        term=field.term or "",
        term_title=federation.terms[field.term].title if field.term else "",
        scheme=field.scheme or "",
        codes=tuple(dict.fromkeys(map(str, field.codes.values()))) if coded else (),
        several=field.separator is not None,
    )
