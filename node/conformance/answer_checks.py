"""Checks of what leaves the node: its catalogue, records, identifiers and sealed answers."""

from typing import Final

from landbridge.counted import counted
from landbridge.errors import LandbridgeError, Reason
from landbridge.heading import read_columns
from landbridge.sealed_answer import open_answer, unseal
from landbridge.sealing import SealingKey
from landbridge.subject import SubjectId
from landbridge.v1 import query_pb2
from node.conformance.parties import name_of
from node.conformance.told import Told, released
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, NotApplicableError, demand
from node.node_file import FieldType


async def _catalogue(trial: Trial) -> str:
    told = await trial.catalogue()
    published = {
        dataset.name: [field.name for field in dataset.fields] for dataset in trial.config.datasets
    }
    seen = {dataset.name: [field.name for field in dataset.fields] for dataset in told.datasets}
    demand(told.agency == trial.agency, f"it calls itself {told.agency!r}")
    demand(seen == published, "it publishes other datasets or fields than node.toml says")
    return f"{counted(len(seen), 'dataset')}, as node.toml says"


async def _sealing(trial: Trial) -> str:
    key = SealingKey.generate()
    for dataset in trial.datasets:
        whole = (await trial.everything(dataset.name))[0]
        told = await trial.collect("all", dataset.name, whole.about, seal_to=key.public)
        demand(
            told.outcome is Reason.SEALED and told.answer.HasField("sealed"),
            f"{dataset.name}: a query that wants its answer sealed gets {told.outcome.code}",
        )
        demand(not released(told), f"{dataset.name}: a sealed answer shows records beside the seal")
        try:
            opened = unseal(told.answer, open_answer(told.answer, key, requester=name_of("all")))
        except LandbridgeError as error:
            raise NonconformityError(f"{dataset.name}: {error.message}") from error
        demand(
            opened.datasets[0].extracts == whole.dataset.extracts,
            f"{dataset.name}: the opened answer holds something else than the open one",
        )
        plain = await trial.collect("sealed", dataset.name, whole.about)
        demand(
            plain.outcome is Reason.SEALING_REQUIRED and not plain.dataset.extracts,
            f"{dataset.name}: a clause that wants sealing answers an open query with "
            f"{plain.outcome.code}",
        )
        sealed = await trial.collect("sealed", dataset.name, whole.about, seal_to=key.public)
        demand(sealed.outcome is Reason.SEALED, f"{dataset.name}: {sealed.outcome.code}")
    return f"{counted(len(trial.datasets), 'dataset')}: sealed, and opened by the requester alone"


async def _records(trial: Trial) -> str:
    found, untold = 0, []
    for dataset in trial.datasets:
        subjects = trial.subjects[dataset.name]
        told = [await trial.collect("all", dataset.name, subject) for subject in subjects]
        of_table = [each for each in told if each.about not in trial.given]
        # What another one of the agency's tables knows need not stand in this one.
        looked_for = of_table or told
        number = sum(each.outcome is Reason.ANSWERED for each in looked_for)
        outcomes = ", ".join(sorted({each.outcome.code for each in looked_for}))
        demand(
            number or not of_table,
            f"{dataset.name}: of {counted(len(of_table), 'subject')} that stand in the table it "
            f"finds none ({outcomes})",
        )
        untold += [] if number else [dataset.name]
        found += number
    demand(found, "none of the subjects that were named is found")
    rest = f"; those that were named are not in {', '.join(untold)}" if untold else ""
    return f"{counted(found, 'subject')} found{rest}"


async def _resolving(trial: Trial) -> str:
    tried = 0
    for dataset in trial.datasets:
        fields = {each.name for each in dataset.fields if each.type is FieldType.IDENTIFIER}
        for whole in await trial.everything(dataset.name):
            told = await _resolve(trial, "all", dataset.name, whole.about)
            more = released(told) - fields
            demand(
                not more,
                f"{dataset.name}: resolving released {counted(len(more), 'field')} too many",
            )
            if fields and whole.outcome is Reason.ANSWERED:
                missing = _identifiers(whole, fields) - _identifiers(told, fields)
                demand(
                    told.outcome is Reason.ANSWERED and not missing,
                    f"{dataset.name}: resolving leaves out {counted(len(missing), 'identifier')}",
                )
                tried += 1
        sealed = await _resolve(trial, "sealed", dataset.name, trial.subjects[dataset.name][0])
        demand(not released(sealed), f"{dataset.name}: resolving by a sealed clause")
    if not tried:
        raise NotApplicableError("the sampled records hold no identifiers to be given")
    return f"{counted(tried, 'subject')}: all identifiers and nothing else, none of a sealed clause"


async def _resolve(trial: Trial, topic: str, dataset: str, subject: SubjectId) -> Told:
    query = trial.parties.query(topic, subject)
    return await trial.tell(query, dataset, about=subject, step=query_pb2.STEP_RESOLVE)


def _identifiers(told: Told, fields: set[str]) -> set[tuple[str, bytes]]:
    """Give the values of the fields, each as the answer writes it."""
    return {
        (column.field, value.SerializeToString(deterministic=True))
        for extract in told.dataset.extracts
        for record in extract.records
        for column, value in zip(read_columns(extract.heading), record.values, strict=True)
        if column.field in fields and value.WhichOneof("canonical")
    }


CHECKS: Final = (
    Check("catalogue", "The node publishes what its configuration says.", _catalogue),
    Check("records", "Subjects that stand in the tables are found.", _records),
    Check("resolving", "Resolving gives identifiers alone, and all of them.", _resolving),
    Check("sealing", "Sealed answers can be read by their requester alone.", _sealing),
)
