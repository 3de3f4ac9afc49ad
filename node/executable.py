"""Whether this node can execute a memorandum exactly as it is written."""

from landbridge.errors import Reason, refuse
from landbridge.memorandum import Memorandum
from node.config import NodeConfig
from node.sources.source import Source


def check_executable(memorandum: Memorandum, config: NodeConfig, source: Source) -> None:
    """Check that this node can execute each of its own clauses exactly as written.

    Raises:
        LandbridgeError: LB-1006, LB-1007, LB-1101 for a clause that names a dataset or field that
            is not published, or a row condition that the database cannot run.
    """
    fields = {dataset.name: {field.name for field in dataset.fields} for dataset in config.datasets}
    for grant in memorandum.grants:
        if grant.provider != config.node.agency:
            continue
        where = f"memorandum {memorandum.id}, clause {grant.clause}"
        if grant.dataset not in fields:
            raise refuse(
                Reason.UNKNOWN_DATASET, f"{grant.dataset!r} is not published here", where=where
            )
        named = [*grant.fields, *(condition.field for condition in grant.where)]
        for name in named:
            if name not in fields[grant.dataset]:
                raise refuse(
                    Reason.UNKNOWN_FIELD, f"{grant.dataset} has no field {name!r}", where=where
                )
        for condition in grant.where:
            source.check_condition(grant.dataset, condition)
