"""Checks of what leaves the node: its catalogue, sealed answers, evidence and log."""

from typing import Final

from landbridge.agency import Role
from landbridge.envelope import ANSWER_TYPE, QUERY_TYPE, EvidenceVerifier, digest
from landbridge.errors import LandbridgeError, Reason
from landbridge.party import PartyFolder
from landbridge.sealed_answer import open_answer, unseal
from landbridge.sealing import SealingKey
from landbridge.v1 import answer_pb2, log_pb2, query_pb2
from node.conformance.parties import CASE, name_of
from node.conformance.told import Told, released
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, counted, demand
from node.node_file import FieldType

_SHORTEST: Final = 6
"""Letters of an identifier that stand nowhere by chance."""


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


async def _resolving(trial: Trial) -> str:
    tried = 0
    for dataset in trial.datasets:
        identifiers = {each.name for each in dataset.fields if each.type is FieldType.IDENTIFIER}
        subject = trial.subjects[dataset.name][0]
        step = query_pb2.STEP_RESOLVE
        for topic in ("all", "sealed"):
            query = trial.parties.query(topic, subject)
            told = await trial.tell(query, dataset.name, about=subject, step=step)
            may = identifiers if topic == "all" else set()
            more = len(released(told) - may)
            demand(
                not more, f"{dataset.name}: resolving released {counted(more, 'field')} too many"
            )
        tried += bool(identifiers)
    return f"identifiers alone, of {counted(tried, 'dataset')}, and none of a sealed clause"


async def _evidence(trial: Trial) -> str:
    bundle = PartyFolder.open(trial.parties.gateway_folder).bundle
    verifier = EvidenceVerifier(bundle.log_keys)
    for told in trial.told:
        try:
            found = verifier.verify(told.envelope, ANSWER_TYPE)
        except LandbridgeError as error:
            raise NonconformityError(f"an answer is not proven: {error}") from error
        demand((found.agency, found.role) == (trial.agency, Role.NODE), "another log proves it")
        _compare(told, found.entry)
    return f"{len(trial.told)} answers, each proven by an entry of the node's own log"


def _compare(told: Told, entry: log_pb2.LogEntry) -> None:
    """Hold an entry against the answer that it records."""
    demand(entry.kind == log_pb2.ENTRY_KIND_ANSWER, "the entry is not that of an answer")
    demand(
        entry.query_digest == digest(QUERY_TYPE, told.query.payload) == told.answer.query_digest,
        "the entry names another query",
    )
    demand(entry.case_reference == CASE, "the entry names another case")
    demand(entry.requester.startswith("conform-"), "the entry names another requester")
    demand(bool(entry.subject_pseudonym), "the entry has no pseudonym of the subject")
    logged = {(access.dataset, Reason(access.outcome)) for access in entry.accesses}
    demand(
        {dataset for dataset, _ in logged} == {told.dataset.dataset},
        "the entry records other datasets than were answered",
    )
    if told.outcome is not Reason.SEALED:
        fields = {name for access in entry.accesses for name in access.released}
        demand(
            released(told) <= fields,
            "the entry leaves out fields that the answer releases",
        )
        records = sum(access.records for access in entry.accesses)
        demand(records == _records(told.dataset), "the entry counts other records than were given")


def _records(dataset: answer_pb2.DatasetAnswer) -> int:
    return sum(len(extract.records) for extract in dataset.extracts)


async def _log(trial: Trial) -> str:
    entries = [log_pb2.LogEntry.FromString(data) for _, data in trial.node.log.entries_backwards()]
    kinds = [entry.kind for entry in entries]
    answers = [entry for entry in entries if entry.kind == log_pb2.ENTRY_KIND_ANSWER]
    digests = {entry.payload_digest for entry in answers}
    missing = [
        told for told in trial.told if digest(ANSWER_TYPE, told.envelope.payload) not in digests
    ]
    demand(not missing, f"{len(missing)} answers stand not in the log")
    demand(log_pb2.ENTRY_KIND_DOCUMENT in kinds, "no entry says of which memoranda it took notice")
    subjects = {
        told.about.value.encode() for told in trial.told if len(told.about.value) >= _SHORTEST
    }
    disk = b"".join(path.read_bytes() for path in sorted(trial.parties.node.glob("log.sqlite*")))
    named = sum(subject in disk for subject in subjects)
    demand(not named, f"the log's file names {named} subjects by their identifiers")
    return (
        f"{len(answers)} answers in the log, with the memoranda that counted, and no subject named"
    )


CHECKS: Final = (
    Check("catalogue", "The node publishes what its configuration says.", _catalogue),
    Check("resolving", "Resolving gives identifiers alone.", _resolving),
    Check("sealing", "Sealed answers can be read by their requester alone.", _sealing),
)
LAST: Final = (
    Check("evidence", "Every answer is proven by the node's log.", _evidence),
    Check("log", "The log holds every answer and names no subject.", _log),
)
"""What looks back on everything that was answered before."""
