"""What a node tells of the datasets that its agency publishes."""

from landbridge.federation import Federation
from landbridge.v1 import catalogue_pb2
from node.config import NodeConfig
from node.node_file import DatasetTable, FieldType


def build_catalogue(config: NodeConfig, federation: Federation) -> catalogue_pb2.Catalogue:
    """Describe every dataset: keys, fields, types, terms, and whether it links identifiers."""
    return catalogue_pb2.Catalogue(
        agency=config.node.agency,
        datasets=[_describe(dataset, federation) for dataset in config.datasets],
    )


def _describe(dataset: DatasetTable, federation: Federation) -> catalogue_pb2.Dataset:
    return catalogue_pb2.Dataset(
        name=dataset.name,
        title=dataset.title,
        subject_kind=dataset.subject_kind.number,  # type: ignore[arg-type]
        keys=[
            catalogue_pb2.Key(
                scheme=key.scheme,
                covers_group=key.covers_group or federation.schemes[key.scheme].group,
            )
            for key in dataset.keys
        ],
        fields=[
            catalogue_pb2.Field(
                name=field.name,
                type=field.type.number,  # type: ignore[arg-type]
                term=field.term or "",
                scheme=field.scheme or "",
                description=field.description,
            )
            for field in dataset.fields
        ],
        as_of=str(dataset.as_of or ""),
        expiry=_expiry(dataset),
        links=links_identifiers(dataset),
    )


def _expiry(dataset: DatasetTable) -> catalogue_pb2.Expiry | None:
    rule = dataset.expiry
    if rule is None:
        return None
    return catalogue_pb2.Expiry(event=rule.event, term=str(rule.term), time_zone=rule.time_zone)


def links_identifiers(dataset: DatasetTable) -> bool:
    """Say whether a dataset's records name several identifiers of a subject.

    A key by which it can be asked counts only where the identifier is published as a field too.
    """
    schemes = {field.scheme for field in dataset.fields if field.type is FieldType.IDENTIFIER}
    return len(schemes) > 1
