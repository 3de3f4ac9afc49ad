"""Whether a memorandum fits a federation: its agencies, purposes, datasets, fields and types.

Only files are read: `federation.toml`, and each agency's `node.toml` where it lies in the folder.
Whether the tables behind them are there, each node says itself.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from landbridge.agency import Role
from landbridge.errors import LandbridgeError
from landbridge.federation import Federation
from landbridge.memorandum.condition import Asked, Condition, Operator, Rule
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Grant, Predicate
from landbridge.memorandum.written_rule import place_conditions
from landbridge.places import Keys
from landbridge.subject import Schemes
from landbridge.suggestion import did_you_mean
from node.config import load_node_config
from node.node_file import DatasetTable, FieldTable
from node.sources.operands import check_argument, check_operands

Misfit = tuple[Keys, str]
"""The way to a value of the memorandum, and what does not fit about it."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What memoranda are held against."""

    federation: Federation
    datasets: Mapping[str, Mapping[str, DatasetTable]]
    """The datasets by agency and name, of each agency whose `node.toml` is there."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a federation's folder.

        Raises:
            LandbridgeError: LB-1101 for a malformed `federation.toml` or `node.toml`.
        """
        federation = Federation.load(folder / "federation.toml")
        configs = (
            load_node_config(path, federation)
            for path in sorted(folder.glob("agencies/*/node.toml"))
        )
        return cls(
            federation,
            {
                config.node.agency: {dataset.name: dataset for dataset in config.datasets}
                for config in configs
            },
        )

    def unseen(self, memorandum: Memorandum) -> list[str]:
        """Name the providers whose datasets cannot be looked up here."""
        providers = dict.fromkeys(grant.provider for grant in memorandum.grants)
        return [provider for provider in providers if provider not in self.datasets]


def find_misfits(memorandum: Memorandum, around: Surroundings) -> Iterator[Misfit]:
    """Find everything in a memorandum that the federation does not have."""
    federation = around.federation
    for key, agencies in (
        ("parties", memorandum.parties),
        ("consent_desks", memorandum.consent_desks),
    ):
        for number, agency in enumerate(agencies):
            if agency not in federation.agencies:
                near = did_you_mean(agency, federation.agencies)
                yield (key, number), f"{agency} is no agency of {federation.name}{near}"
    for number, source in enumerate(memorandum.link_sources):
        agency, _, name = source.partition("/")
        what = "" if agency in federation.agencies else f"{agency} is no agency of the federation"
        if agency in around.datasets and name not in around.datasets[agency]:
            what = _unknown("dataset", name, agency, around.datasets[agency])
        if what:
            yield ("link_sources", number), what
    for number, grant in enumerate(memorandum.grants):
        for way, what in (*_wrong_words(grant, federation), *_wrong_dataset(grant, around)):
            yield ("grants", number, *way), what


def _wrong_words(grant: Grant, federation: Federation) -> Iterator[Misfit]:
    provider = federation.agencies.get(grant.provider)
    if provider and Role.NODE not in provider.roles:
        yield ("provider",), f"{grant.provider} runs no node, so that it can release nothing"
    for number, name in enumerate(grant.requesters):
        requester = federation.agencies.get(name)
        if requester and Role.REQUESTER not in requester.roles:
            yield ("requesters", number), f"{name} is no requester in {federation.name}"
    for number, purpose in enumerate(grant.purposes):
        if purpose not in federation.purposes:
            yield (
                ("purposes", number),
                _unknown("purpose", purpose, federation.name, federation.purposes),
            )


def _wrong_dataset(grant: Grant, around: Surroundings) -> Iterator[Misfit]:
    datasets = around.datasets.get(grant.provider)
    if datasets is None:
        return
    dataset = datasets.get(grant.dataset)
    if dataset is None:
        yield ("dataset",), _unknown("dataset", grant.dataset, grant.provider, datasets)
        return
    for number, kind in enumerate(grant.subject_kinds):
        if kind is not dataset.subject_kind:
            yield (
                ("subject_kinds", number),
                f"the records of {dataset.name} are about a {dataset.subject_kind}",
            )
    yield from _Fields(dataset, around.federation.schemes).wrong(grant)


class _Fields:
    """What a clause says of the fields of one dataset."""

    def __init__(self, dataset: DatasetTable, schemes: Schemes) -> None:
        self._dataset = dataset
        self._schemes = schemes
        self._fields = {field.name: field for field in dataset.fields}

    def wrong(self, grant: Grant) -> Iterator[Misfit]:
        for number, name in enumerate(grant.fields):
            if name not in self._fields:
                yield ("fields", number), self._unknown(name)
        yield from self._wrong_rules(("where",), grant.where, self._check_fixed)
        for number, predicate in enumerate(grant.predicates):
            way: Keys = ("predicates", number)
            if predicate.name in self._fields:
                yield (*way, "name"), f"{predicate.name} is a field of {self._dataset.name}"
            yield from self._wrong_rules(
                (*way, "when"), predicate.when, self._checker_of(predicate)
            )

    def _wrong_rules(
        self, way: Keys, rules: Iterable[Rule], check: Callable[[FieldTable, Condition], None]
    ) -> Iterator[Misfit]:
        for number, rule in enumerate(rules):
            for place, condition in place_conditions(rule, (*way, number)):
                field = self._fields.get(condition.field)
                if field is None:
                    yield (*place, "field"), self._unknown(condition.field)
                    continue
                for inner, single in _singles(condition):
                    try:
                        check(field, single)
                    except LandbridgeError as error:
                        yield (*place, *inner), error.message

    def _check_fixed(self, field: FieldTable, condition: Condition) -> None:
        check_operands(self._dataset.name, field, condition, self._schemes)

    def _checker_of(self, predicate: Predicate) -> Callable[[FieldTable, Condition], None]:
        def check(field: FieldTable, condition: Condition) -> None:
            if isinstance(condition.value, Asked):
                argument = predicate.asks[condition.value.argument]
                check_argument(self._dataset.name, field, condition, argument, self._schemes)
            else:
                self._check_fixed(field, condition)

        return check

    def _unknown(self, name: str) -> str:
        return _unknown("field", name, self._dataset.name, self._fields)


def _singles(condition: Condition) -> Iterator[tuple[Keys, Condition]]:
    """Take a list of values apart, so that each wrong one is found, at its own place."""
    key = str(condition.operator)
    if condition.operator is Operator.IN and isinstance(condition.value, tuple):
        for number, value in enumerate(condition.value):
            yield (key, number), replace(condition, value=(value,))
    else:
        yield (key,), condition


def _unknown(what: str, name: str, of: str, known: Iterable[str]) -> str:
    return f"{of} has no {what} {name!r}{did_you_mean(name, known)}"
