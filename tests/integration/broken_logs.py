"""Nodes whose logs say something else than was done, each in one respect."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import node.responder
from landbridge.evidenced import write_evidenced
from landbridge.log.evidence import Evidence
from landbridge.log.subject_keys import About, Naming, Pseudonym, SubjectKeys
from landbridge.v1 import log_pb2, query_pb2, reason_pb2
from node.conformance.trial import Trial
from node.trace import write_entry
from tests.integration.broken_nodes import ALL, Patch, Sabotage


def proves_another_entry(patch: Patch, _: Trial) -> None:
    def broken(payload_type: str, payload: bytes, proof: Evidence) -> bytes:
        return write_evidenced(payload_type, payload, replace(proof, index=proof.index + 1))

    patch.setattr(node.responder, "write_evidenced", broken)


def writing(change: Callable[[log_pb2.LogEntry, Any], object]) -> Sabotage:
    """Let the node write something else into its log than it did."""

    def sabotage(patch: Patch, _: Trial) -> None:
        def broken(task: Any, *arguments: Any, **more: Any) -> bytes:
            entry = log_pb2.LogEntry.FromString(write_entry(task, *arguments, **more))
            change(entry, task)
            return entry.SerializeToString()

        patch.setattr(node.responder, "write_entry", broken)

    return sabotage


def hides_its_answers(patch: Patch, trial: Trial) -> None:
    patch.setattr(type(trial.node.log), "entries_backwards", lambda *_: iter(()))


def forgets_documents(patch: Patch, trial: Trial) -> None:
    log = type(trial.node.log)
    true = log.entries_backwards

    def broken(self: Any, before: int | None = None) -> Iterator[tuple[int, bytes]]:
        for index, data in true(self, before):
            if log_pb2.LogEntry.FromString(data).kind != log_pb2.ENTRY_KIND_DOCUMENT:
                yield index, data

    patch.setattr(log, "entries_backwards", broken)


def one_pseudonym(patch: Patch, _: Trial) -> None:
    _name(patch, lambda: bytes(16))


def no_pseudonym_twice(patch: Patch, _: Trial) -> None:
    _name(patch, lambda: secrets.token_bytes(16))


def _name(patch: Patch, make: Callable[[], bytes]) -> None:
    def broken(_: SubjectKeys, __: object, ___: object, who: Iterable[About]) -> Naming:
        return Naming([Pseudonym(make(), "2026-11") for _ in who], {}, [])

    patch.setattr(SubjectKeys, "name_within", broken)


def each_access(change: Callable[[log_pb2.Access], object]) -> Sabotage:
    return writing(lambda entry, _: [change(access) for access in entry.accesses])


def each_sealed_access(change: Callable[[log_pb2.Access], object]) -> Sabotage:
    return writing(lambda entry, task: [change(access) for access in entry.accesses if task.sealed])


def setting(**fields: object) -> Callable[..., None]:
    """Change fields of a message."""

    def change(message: Any, *_: object) -> None:
        for name, value in fields.items():
            setattr(message, name, value)

    return change


def takes_refusals_for_another(access: log_pb2.Access) -> None:
    if not access.released:
        access.memorandum = ALL


BROKEN_LOGS: list[tuple[str, Sabotage]] = [
    ("evidence", proves_another_entry),
    ("evidence", writing(lambda entry, _: entry.ClearField("accesses"))),
    ("evidence", writing(lambda entry, _: entry.ClearField("subject_pseudonym"))),
    ("evidence", writing(lambda entry, _: entry.ClearField("consents"))),
    ("evidence", one_pseudonym),
    ("evidence", no_pseudonym_twice),
    ("evidence", writing(setting(requester="conform-stranger"))),
    ("evidence", writing(setting(purpose="statistics"))),
    ("evidence", writing(setting(case_reference="CONFORMANCE-1"))),
    ("evidence", writing(setting(step=query_pb2.STEP_RESOLVE))),
    ("evidence", writing(setting(round=2))),
    ("evidence", writing(setting(subject_kind=2))),
    ("evidence", writing(setting(query_expires_at_unix_ms=1))),
    ("evidence", writing(setting(query_digest=bytes(32)))),
    ("evidence", each_access(setting(outcome=reason_pb2.REASON_CODE_NO_RECORD))),
    ("evidence", each_access(setting(outcome=reason_pb2.REASON_CODE_ANSWERED))),
    ("evidence", each_access(setting(memorandum=""))),
    ("evidence", each_access(setting(clause="another"))),
    ("evidence", each_access(setting(dataset="holders"))),
    ("evidence", each_access(lambda access: access.released.append("city"))),
    ("evidence", each_access(lambda access: access.ClearField("released"))),
    ("evidence", each_access(lambda access: access.refused.append("city"))),
    ("evidence", each_access(lambda access: access.ClearField("refused"))),
    ("evidence", each_access(setting(legal_basis="another"))),
    ("evidence", each_access(setting(legal_basis=""))),
    ("evidence", each_access(setting(disclosed_from_unix_ms=1))),
    ("evidence", each_access(setting(records=7))),
    ("evidence", each_access(setting(records=0))),
    ("evidence", each_sealed_access(setting(outcome=reason_pb2.REASON_CODE_ANSWERED))),
    ("evidence", each_sealed_access(setting(records=2))),
    ("evidence", each_sealed_access(setting(clause="another"))),
    ("evidence", each_access(takes_refusals_for_another)),
    ("evidence", each_sealed_access(lambda access: access.ClearField("released"))),
    ("log", hides_its_answers),
    ("log", forgets_documents),
    (
        "log",
        writing(lambda entry, task: entry.__setattr__("case_reference", task.query.subject.value)),
    ),
    ("consent", forgets_documents),
]
