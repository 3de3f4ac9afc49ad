"""Checks that look back: every answer is proven, and the log says what was answered, and no more.

An entry is held against the query as it was signed, the answer as it came, and the memorandum that
was made for it: not against what the node says of itself elsewhere.
"""

import itertools
from collections import Counter
from hashlib import sha256
from typing import Final

from landbridge.agency import Role
from landbridge.consent.record import WHAT
from landbridge.counted import counted
from landbridge.envelope import ANSWER_TYPE, QUERY_TYPE, EvidenceVerifier, digest
from landbridge.errors import LandbridgeError, Reason
from landbridge.heading import read_heading
from landbridge.library.kinds import Kind
from landbridge.memorandum.grant import Grant
from landbridge.party import PartyFolder
from landbridge.rpc.document_log import read_document_entry
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId
from landbridge.v1 import log_pb2, query_pb2
from node.conformance.parties import name_of
from node.conformance.told import FOUND_OR_NOT, Told
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, demand
from node.node_file import FieldType

_SHORTEST: Final = 6
"""Letters of an identifier that stand nowhere by chance."""


async def _evidence(trial: Trial) -> str:
    bundle = PartyFolder.open(trial.parties.gateway_folder).bundle
    verifier = EvidenceVerifier(bundle.log_keys)
    pseudonyms: dict[SubjectId, set[tuple[str, bytes]]] = {}
    for told in trial.told:
        try:
            found = verifier.verify(told.envelope, ANSWER_TYPE)
        except LandbridgeError as error:
            raise NonconformityError(f"an answer is not proven: {error}") from error
        demand((found.agency, found.role) == (trial.agency, Role.NODE), "another log proves it")
        entry = found.entry
        query = query_pb2.Query.FromString(told.query.payload)
        grant = _grant(trial, query, told)
        _compare_question(told, entry, query, grant)
        _compare_accesses(told, entry, query, grant)
        _compare_names(trial, told, entry, query, grant)
        _compare_grounds(trial, entry, query, grant)
        pseudonyms.setdefault(told.about, set()).add(
            (entry.pseudonym_period, entry.subject_pseudonym)
        )
    _compare_pseudonyms(pseudonyms)
    return f"{len(trial.told)} answers, each proven by an entry of the node's own log"


def _grant(trial: Trial, query: query_pb2.Query, told: Told) -> Grant | None:
    """Find the clause that was made for a requester and a dataset."""
    memorandum = trial.parties.agreed.get(query.requester)
    grants = memorandum.grants if memorandum else ()
    return next((each for each in grants if each.dataset == told.dataset.dataset), None)


def _compare_question(
    told: Told, entry: log_pb2.LogEntry, query: query_pb2.Query, grant: Grant | None
) -> None:
    """Hold an entry against the question, and the consents on which the answer relies."""
    relies = grant is not None and grant.needs_consent and told.outcome in FOUND_OR_NOT
    shown = [SignedByOne.parse(each, WHAT).payload for each in query.consents if relies]
    consents = [sha256(payload).digest() for payload in shown]
    asked = digest(QUERY_TYPE, told.query.payload)
    pairs = {
        "kind of entry": (entry.kind, log_pb2.ENTRY_KIND_ANSWER),
        "query": (entry.query_digest, asked),
        "requester": (entry.requester, query.requester),
        "purpose": (entry.purpose, query.purpose),
        "case": (entry.case_reference, query.case_reference),
        "kind of subject": (entry.subject_kind, query.subject_kind),
        "step": ((entry.step, entry.round), (told.answer.step, told.answer.round)),
        "end of the query": (entry.query_expires_at_unix_ms, query.expires_at_unix_ms),
        "set of consents": (list(entry.consents), consents),
    }
    wrong = [what for what, (logged, true) in pairs.items() if logged != true]
    demand(not wrong, f"the entry has another {', another '.join(wrong)} than was asked")


def _compare_accesses(
    told: Told, entry: log_pb2.LogEntry, query: query_pb2.Query, grant: Grant | None
) -> None:
    """Hold what an entry says came of it against what came."""
    answer, accesses = told.dataset, entry.accesses
    demand(
        {access.dataset for access in accesses} == {answer.dataset},
        "the entry records other datasets than were answered",
    )
    demand(
        {Reason(access.outcome) for access in accesses} == {told.outcome},
        f"the entry records another outcome than the answer, {told.outcome.code}",
    )
    logged = Counter(
        (access.memorandum, access.clause, frozenset(access.released), access.records)
        for access in accesses
        if access.records
    )
    given = Counter(
        (
            extract.memorandum,
            extract.clause,
            frozenset(read_heading(extract.heading).fields),
            len(extract.records),
        )
        for extract in answer.extracts
    )
    demand(
        logged == given or told.outcome is not Reason.SEALED,
        "the entry counts what an answer holds that is sealed",
    )
    demand(logged == given, "the entry records other fields and numbers than each clause released")
    near = [(each.memorandum, each.clause) for each in answer.refusals]
    if told.outcome in (*FOUND_OR_NOT, Reason.SEALED) or not near:
        near = [(query.requester, grant.clause if grant else "")]
    demand(
        {(access.memorandum, access.clause) for access in accesses} == {near[0]},
        "the entry names another clause than decided",
    )


def _compare_names(
    trial: Trial,
    told: Told,
    entry: log_pb2.LogEntry,
    query: query_pb2.Query,
    grant: Grant | None,
) -> None:
    """Hold the names in an entry against what is granted of what was asked for."""
    wanted = _wanted(trial, told, query)
    granted = {*grant.fields, *(each.name for each in grant.predicates)} if grant else set()
    released = {name for access in entry.accesses for name in access.released}
    covered = told.outcome in (*FOUND_OR_NOT, Reason.SEALED)
    demand(
        released == (wanted & granted if covered else set()),
        "the entry names other fields as released than are granted of what was asked for",
    )
    refused = {name for access in entry.accesses for name in access.refused}
    due = {each.field for each in told.dataset.refusals if each.field}
    if told.outcome is Reason.SEALED:
        due = wanted - granted  # the refusals themselves are sealed
    demand(refused == due, "the entry names other fields as refused than were")


def _compare_grounds(
    trial: Trial, entry: log_pb2.LogEntry, query: query_pb2.Query, grant: Grant | None
) -> None:
    """Hold by what right a field was released, and when its subject is told, against the clause."""
    memorandum = trial.parties.agreed.get(query.requester)
    basis = memorandum.legal_basis_of(grant) if memorandum and grant else ""
    demand(
        all(
            access.legal_basis == basis or not (access.legal_basis or access.released)
            for access in entry.accesses
        ),
        "the entry names another legal basis than the clause",
    )
    demand(
        not any(access.disclosed_from_unix_ms or access.delay_basis for access in entry.accesses),
        "the entry keeps from the subject what the clause does not",
    )


def _wanted(trial: Trial, told: Told, query: query_pb2.Query) -> set[str]:
    (dataset,) = [each for each in trial.datasets if each.name == told.dataset.dataset]
    resolving = told.answer.step == query_pb2.STEP_RESOLVE
    named = {field for wanted in query.wanted for field in wanted.fields}
    published = {
        field.name
        for field in dataset.fields
        if not resolving or field.type is FieldType.IDENTIFIER
    }
    return named or published


def _compare_pseudonyms(pseudonyms: dict[SubjectId, set[tuple[str, bytes]]]) -> None:
    """Demand one pseudonym of every subject, and none of two."""
    demand(
        all(len(found) == 1 and all(all(each) for each in found) for found in pseudonyms.values()),
        "the entries on one subject have no pseudonym, or several",
    )
    distinct = {each for found in pseudonyms.values() for each in found}
    demand(len(distinct) == len(pseudonyms), "the entries on two subjects have the same pseudonym")


async def _log(trial: Trial) -> str:
    written = list(trial.node.log.entries_backwards())
    entries = [log_pb2.LogEntry.FromString(data) for _, data in written]
    answers = [entry for entry in entries if entry.kind == log_pb2.ENTRY_KIND_ANSWER]
    digests = {entry.payload_digest for entry in answers}
    missing = [
        told for told in trial.told if digest(ANSWER_TYPE, told.envelope.payload) not in digests
    ]
    demand(not missing, f"{len(missing)} answers stand not in the log")
    documents = [each for each in itertools.starmap(read_document_entry, written) if each]
    noticed = {(each.change.kind, each.change.subject) for each in documents}
    unsigned = (Kind.MEMORANDUM, name_of("half"))
    unseen = trial.laid - noticed - {unsigned}
    demand(not unseen, f"no entry says that notice was taken of {counted(len(unseen), 'document')}")
    demand(unsigned not in noticed, "an entry takes a memorandum for agreed that is half signed")
    subjects = {
        told.about.value.encode() for told in trial.told if len(told.about.value) >= _SHORTEST
    }
    disk = b"".join(path.read_bytes() for path in sorted(trial.parties.node.glob("log.sqlite*")))
    named = sum(subject in disk for subject in subjects)
    demand(not named, f"the log's file names {named} subjects by their identifiers")
    return f"{len(answers)} answers in the log, with the documents that counted; no subject named"


CHECKS: Final = (
    Check("evidence", "Every answer is proven by the node's log.", _evidence),
    Check("log", "The log holds every answer and names no subject.", _log),
)
"""They look back on everything that was answered before."""
