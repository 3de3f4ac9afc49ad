"""Whether this node can execute a memorandum exactly as it is written."""

from collections.abc import Collection, Mapping

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.memorandum.condition import AllOf, Not, conditions_of
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant
from node.config import NodeConfig
from node.expiry import Expiry
from node.sources.source import Source


def check_executable(memorandum: Memorandum, config: NodeConfig, source: Source) -> None:
    """Check that this node can execute each of its own clauses exactly as written.

    Raises:
        LandbridgeError: LB-1006, LB-1007, LB-1101, LB-3005 for a clause that names a dataset or
            field that is not published, a row condition or predicate that the database cannot
            run, a predicate called as a field is, or another kind of subject than the records are
            about.
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
        _check_names(grant, fields[grant.dataset], where)
        if grant.where:
            # Together, as the statement holds them.
            source.check_rule(grant.dataset, AllOf(grant.where))
        for predicate in grant.predicates:
            source.check_predicate(grant.dataset, predicate)


def check_expiries(
    config: NodeConfig, expiries: Mapping[str, Expiry], source: Source, at: int
) -> None:
    """Check that this node can tell which records are past their term; `at` is Unix ms.

    Raises:
        LandbridgeError: LB-1007, LB-1101 with the place in node.toml.
    """
    for number, dataset in enumerate(config.datasets):
        expiry = expiries.get(dataset.name)
        if expiry is None:
            continue
        try:
            source.check_rule(dataset.name, Not(expiry.expired(at)))
        except LandbridgeError as error:
            raise refuse(
                error.reason,
                error.message,
                where=config.place("datasets", number, "expiry"),
                next_step="correct the rule, or publish a date field on which it can be executed",
            ) from error


def _check_names(grant: Grant, published: Collection[str], where: str) -> None:
    rules = [*grant.where, *(rule for predicate in grant.predicates for rule in predicate.when)]
    compared = [condition.field for rule in rules for condition in conditions_of(rule)]
    for name in (*grant.fields, *compared):
        if name not in published:
            raise refuse(
                Reason.UNKNOWN_FIELD, f"{grant.dataset} has no field {name!r}", where=where
            )
    for predicate in grant.predicates:
        if predicate.name in published:
            raise refuse(
                Reason.INVALID_CONFIGURATION,
                f"{grant.dataset} has a field {predicate.name!r}, as the predicate is called",
                where=where,
                next_step="give the predicate another name, so that a query can say what it wants",
            )
