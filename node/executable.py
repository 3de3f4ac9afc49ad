"""Whether this node can execute a memorandum exactly as it is written."""

from landbridge.errors import Reason, refuse
from landbridge.memorandum.condition import conditions_of
from landbridge.memorandum.document import Memorandum
from node.config import NodeConfig
from node.sources.source import Source


def check_executable(memorandum: Memorandum, config: NodeConfig, source: Source) -> None:
    """Check that this node can execute each of its own clauses exactly as written.

    Raises:
        LandbridgeError: LB-1006, LB-1007, LB-1101, LB-3005 for a clause that names a dataset or
            field that is not published, a row condition that the database cannot run, or
            another kind of subject than the records are about.
    """
    fields = {dataset.name: {field.name for field in dataset.fields} for dataset in config.datasets}
    kinds = {dataset.name: dataset.subject_kind for dataset in config.datasets}
    for grant in memorandum.grants:
        if grant.provider != config.node.agency:
            continue
        where = f"memorandum {memorandum.id}, clause {grant.clause}"
        if grant.dataset not in fields:
            raise refuse(
                Reason.UNKNOWN_DATASET, f"{grant.dataset!r} is not published here", where=where
            )
        if set(grant.subject_kinds) != {kinds[grant.dataset]}:
            raise refuse(
                Reason.SUBJECT_KIND_NOT_COVERED,
                f"the records of {grant.dataset} are about a {kinds[grant.dataset]}, which is not"
                " what the clause grants",
                where=where,
            )
        conditions = [condition for rule in grant.where for condition in conditions_of(rule)]
        named = [*grant.fields, *(condition.field for condition in conditions)]
        for name in named:
            if name not in fields[grant.dataset]:
                raise refuse(
                    Reason.UNKNOWN_FIELD, f"{grant.dataset} has no field {name!r}", where=where
                )
        for rule in grant.where:
            source.check_rule(grant.dataset, rule)
