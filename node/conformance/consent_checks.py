"""Checks that a person's records need the person's consent: to just this, and while it lasts.

The consents are those of a throw-away desk, whose word the kit's own memorandum takes.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from landbridge.clock import system_clock, to_datetime
from landbridge.consent.giving import Terms, write_as_desk
from landbridge.consent.record import read_record
from landbridge.consent.revocation import revoke_as_desk
from landbridge.counted import counted
from landbridge.errors import Reason
from landbridge.keys import KeyUse
from landbridge.library.kinds import Kind
from landbridge.rpc.document_log import read_document_entry
from landbridge.statement.signed import SignedByOne
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import log_pb2
from node.conformance.parties import DESK, OTHER_DESK, name_of
from node.conformance.told import FOUND_OR_NOT, Told, demand_answered, names, released
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, NotApplicableError, demand
from node.node_file import DatasetTable

_TOPIC: Final = "consent"
_TAKEN_S: Final = 20.0
_POLL_S: Final = 0.1
_PAST: Final = "2000-01-01T00:00:00Z"
_PASSED: Final = "2001-01-01T00:00:00Z"
_TO_COME: Final = "2090-01-01T00:00:00Z"
_FUTURE: Final = "2100-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class _Wrong:
    """A paper that opens nothing, and why the node must refuse it."""

    what: str
    paper: bytes
    reason: Reason = Reason.CONSENT_REFUSED


def prepare(trial: Trial) -> None:
    """Lay the memorandum of this check into the node's folder, where a dataset is on persons."""
    persons = [each for each in trial.config.datasets if _is_on_persons(each)]
    if persons:
        grants = [trial.parties.grant(_TOPIC, dataset, statute=None) for dataset in persons]
        made = trial.parties.agree(_TOPIC, grants, consent_desks=[name_of(DESK)])
        trial.put(trial.parties.sign(made), Kind.MEMORANDUM, made.id)


async def _consent(trial: Trial) -> str:
    persons = [dataset for dataset in trial.datasets if _is_on_persons(dataset)]
    if not persons:
        raise NotApplicableError("no dataset is about persons")
    tried = 0
    for dataset in persons:
        subject = (await trial.everything(dataset.name))[0].about
        await _refused(trial, dataset, subject)
        good = _terms(trial, dataset, subject)
        await _opened(trial, dataset, _write(trial, good))
        for wrong in _wrong_papers(trial, dataset, good):
            await _refused(trial, dataset, subject, wrong)
            tried += 1
    await _revoked(trial, persons[0])
    return (
        f"{counted(len(persons), 'dataset')} on persons: nothing without a consent, all with one; "
        f"{counted(tried, 'paper')} that are none refused, and one that was revoked"
    )


async def _opened(trial: Trial, dataset: DatasetTable, consent: SignedByOne) -> Told:
    """Demand that a consent opens what the memorandum grants."""
    whole, *others = await trial.everything(dataset.name)
    told = await _ask(trial, dataset, whole.about, consent.to_bytes())
    demand_answered(told, [whole, *others], "with the person's consent")
    demand(
        (names(told), released(told)) == (names(whole), released(whole)),
        f"{dataset.name}: a consent opens other records than there are",
    )
    return told


async def _refused(
    trial: Trial, dataset: DatasetTable, subject: SubjectId, wrong: _Wrong | None = None
) -> None:
    """Demand that nothing is released: without a consent, or with a paper that is none."""
    told = await _ask(trial, dataset, subject, *([wrong.paper] if wrong else []))
    what = f"on {wrong.what}" if wrong else "without a consent"
    reason = wrong.reason if wrong else Reason.CONSENT_MISSING
    demand(not told.dataset.extracts, f"{dataset.name}: released records {what}")
    demand(
        told.outcome is reason,
        f"{dataset.name}: {told.outcome.code} {what}, instead of {reason.code}",
    )


async def _ask(trial: Trial, dataset: DatasetTable, subject: SubjectId, *papers: bytes) -> Told:
    return await trial.collect(_TOPIC, dataset.name, subject, consents=papers)


def _wrong_papers(trial: Trial, dataset: DatasetTable, good: Terms) -> Iterator[_Wrong]:
    others = [each for each in trial.subjects[dataset.name] if each != good.subject]
    # Where one subject alone is known, the other one is made up.
    other = others[0] if others else replace(good.subject, value=f"{good.subject.value}0")
    changed = {
        "a consent of another person": replace(good, subject=other),
        "a consent for another requester": replace(good, requester=name_of("all")),
        "a consent to another dataset": replace(good, datasets=(f"{trial.agency}/no-such-one",)),
        "a consent that has ended": replace(good, valid_until=_PASSED),
        "a consent that has not begun": replace(good, valid_from=_TO_COME),
    }
    if trial.other_purposes:
        purpose = trial.other_purposes[0]
        changed["a consent for another purpose"] = replace(good, purpose=purpose)
    for what, terms in changed.items():
        yield _Wrong(what, _write(trial, terms).to_bytes())
    yield _Wrong(
        "the word of a desk that the memorandum does not name",
        _write(trial, good, OTHER_DESK).to_bytes(),
    )
    signed, own = _write(trial, replace(good, subject=other)), _write(trial, good)
    altered = replace(signed, payload=own.payload).to_bytes()
    yield _Wrong("a consent that was altered", altered, Reason.BAD_SIGNATURE)
    yield _Wrong("what is no consent", b"yes, I do", Reason.MALFORMED_CONSENT)


async def _revoked(trial: Trial, dataset: DatasetTable) -> None:
    """Demand that a consent ends for good, by itself alone, when the node notices its end."""
    subject = (await trial.everything(dataset.name))[0].about
    terms = _terms(trial, dataset, subject)
    consent, other = _write(trial, terms), _write(trial, terms)
    await _opened(trial, dataset, consent)
    record = read_record(consent.payload)
    key = trial.parties.key(name_of(DESK), KeyUse.CONSENT)
    end = revoke_as_desk(record, key, revoked_at=terms.given_at)
    record_id = record.consent_record.record_id
    trial.put(end.to_bytes(), Kind.REVOCATION, record_id)
    wrong = _Wrong("a consent that was revoked", consent.to_bytes(), Reason.CONSENT_REVOKED)
    deadline = asyncio.get_running_loop().time() + _TAKEN_S
    while (await _ask(trial, dataset, subject, wrong.paper)).outcome in FOUND_OR_NOT:
        if asyncio.get_running_loop().time() > deadline:
            raise NonconformityError(f"answers go on {_TAKEN_S:g} s after a consent was revoked")
        await asyncio.sleep(_POLL_S)
    await _refused(trial, dataset, subject, wrong)
    await _opened(trial, dataset, other)
    _check_order(trial, record_id, sha256(consent.payload).digest())


def _check_order(trial: Trial, record_id: str, consent: bytes) -> None:
    """Demand that the log shows the end of a consent behind the last answer that relied on it."""
    for index, data in trial.node.log.entries_backwards():
        found = read_document_entry(index, data)
        if found and (found.change.kind, found.change.subject) == (Kind.REVOCATION, record_id):
            return
        demand(
            consent not in log_pb2.LogEntry.FromString(data).consents,
            "the log shows an answer by a consent behind its end, or no end",
        )
    raise NonconformityError("no entry says when a consent was revoked")


def _terms(trial: Trial, dataset: DatasetTable, subject: SubjectId) -> Terms:
    return Terms(
        subject=subject,
        requester=name_of(_TOPIC),
        purpose=trial.purpose,
        datasets=(f"{trial.agency}/{dataset.name}",),
        valid_from=_PAST,
        valid_until=_FUTURE,
        given_at=to_datetime(system_clock()).strftime("%Y-%m-%dT%H:%M:%SZ"),
        notice="A trial",
        withdrawal="None: it ends with the trial",
    )


def _write(trial: Trial, terms: Terms, desk: str = DESK) -> SignedByOne:
    return write_as_desk(terms, trial.parties.key(name_of(desk), KeyUse.CONSENT))


def _is_on_persons(dataset: DatasetTable) -> bool:
    return dataset.subject_kind is SubjectKind.NATURAL_PERSON


CHECKS: Final = (Check("consent", "A person's records need the person's consent.", _consent),)
