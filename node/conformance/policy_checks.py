"""Checks that memoranda are executed as they are written: fields, purposes, requesters, time."""

import asyncio
from datetime import timedelta
from typing import Final

from landbridge.clock import system_clock, to_datetime
from landbridge.counted import counted
from landbridge.errors import Reason
from landbridge.keys import KeyUse
from landbridge.library.kinds import Kind
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signed_form import sign
from landbridge.query import Wanted
from node.conformance.parties import name_of
from node.conformance.told import FOUND_OR_NOT, demand_answered, question, released
from node.conformance.trial import Trial
from node.conformance.verdict import Check, NonconformityError, NotApplicableError, demand

_NOT_COVERED: Final = (Reason.REQUESTER_NOT_COVERED, Reason.NOT_COVERED)
_TAKEN_S: Final = 20.0
_POLL_S: Final = 0.1


def prepare(trial: Trial) -> None:
    """Lay the memoranda of these checks into the node's folder, before it starts."""
    parties, datasets = trial.parties, trial.config.datasets
    terms: dict[str, dict[str, object]] = {
        "fields": {},
        "all": {},
        "purposes": {},
        "late": {},
        "early": {},
        "half": {},
        "suspended": {},
        "quota": {"quota": {"queries": 1, "per": "year"}},
        "sealed": {"sealed": True},
    }
    for topic, more in terms.items():
        grants = [parties.grant(topic, dataset, **more) for dataset in datasets]
        if topic == "fields":
            for grant in grants:
                grant["fields"] = grant["fields"][::2]
        valid = {
            "late": {"from": "2000-01-01T00:00:00Z", "until": "2001-01-01T00:00:00Z"},
            "early": {"from": "2090-01-01T00:00:00Z", "until": "2091-01-01T00:00:00Z"},
        }.get(topic)
        made = parties.agree(topic, grants, **({"valid": valid} if valid else {}))
        signers = [name_of(topic)] if topic == "half" else []
        trial.put(parties.sign(made, signers), Kind.MEMORANDUM, made.id)


async def _fields(trial: Trial) -> str:
    tried = 0
    for dataset in trial.datasets:
        published = [field.name for field in dataset.fields]
        granted, rest = set(published[::2]), set(published[1::2])
        if not rest:
            continue
        told = await trial.collect("fields", dataset.name, trial.subjects[dataset.name][0])
        tried += 1
        demand_answered(told, await trial.everything(dataset.name), "where it may answer")
        more = released(told) - granted
        demand(not more, f"{dataset.name}: released {len(more)} fields that no clause grants")
        if told.outcome is Reason.ANSWERED:
            demand(released(told) == granted, f"{dataset.name}: withheld fields that are granted")
        refused = {each.field: Reason(each.reason) for each in told.dataset.refusals}
        demand(
            refused == dict.fromkeys(rest, Reason.FIELD_NOT_COVERED),
            f"{dataset.name}: what is not granted is not refused, field by field, with "
            f"{Reason.FIELD_NOT_COVERED.code}",
        )
    if not tried:
        raise NotApplicableError("every dataset has one field only")
    return f"{counted(tried, 'dataset')}: half of the fields granted, exactly these released"


async def _refused(trial: Trial, topic: str, *expected: Reason, purpose: str = "") -> None:
    for dataset in trial.datasets:
        subject = trial.subjects[dataset.name][0]
        told = await trial.collect(topic, dataset.name, subject, purpose=purpose)
        demand(not told.dataset.extracts, f"{dataset.name}: released records all the same")
        demand(
            told.outcome in expected,
            f"{dataset.name}: refused with {told.outcome.code} instead of {expected[0].code}",
        )


async def _purposes(trial: Trial) -> str:
    if not trial.other_purposes:
        raise NotApplicableError("the federation has one purpose only")
    dataset = trial.datasets[0]
    told = await trial.collect("purposes", dataset.name, trial.subjects[dataset.name][0])
    whole = await trial.everything(dataset.name)
    demand_answered(told, whole, "for the purpose that is granted")
    for purpose in trial.other_purposes:
        await _refused(trial, "purposes", Reason.PURPOSE_NOT_COVERED, purpose=purpose)
    return f"{counted(len(trial.other_purposes), 'other purpose')} refused"


async def _requesters(trial: Trial) -> str:
    await _refused(trial, "stranger", *_NOT_COVERED)
    for told in trial.told[-len(trial.datasets) :]:
        named = [each.memorandum for each in told.dataset.refusals if each.memorandum]
        demand(not named, "a stranger is told of a memorandum that it is no party of")
    return "a requester without a memorandum is refused, and told of none"


async def _expiry(trial: Trial) -> str:
    await _refused(trial, "late", Reason.NOT_IN_FORCE)
    await _refused(trial, "early", Reason.NOT_IN_FORCE)
    return "a memorandum that has lapsed and one that has not begun grant nothing"


async def _signatures(trial: Trial) -> str:
    await _refused(trial, "half", *_NOT_COVERED)
    return "a memorandum that its provider did not sign grants nothing"


async def _quota(trial: Trial) -> str:
    dataset = trial.datasets[0]
    subject = trial.subjects[dataset.name][0]
    first = await trial.collect("quota", dataset.name, subject)
    whole = await trial.everything(dataset.name)
    demand_answered(first, whole, "for the one query that is granted")
    for when in ("at once", "after a restart"):
        told = await trial.collect("quota", dataset.name, subject)
        demand(not told.dataset.extracts, f"answered a second query {when}")
        demand(
            told.outcome is Reason.QUOTA_SPENT,
            f"refused the second query {when} with {told.outcome.code}",
        )
        if when == "at once":
            await trial.restart()
    return "one query a year granted: the second is refused, also after a restart"


async def _suspension(trial: Trial) -> str:
    dataset = trial.datasets[0]
    subject = trial.subjects[dataset.name][0]
    told = await trial.collect("suspended", dataset.name, subject)
    demand_answered(told, await trial.everything(dataset.name), "before it is suspended")
    (memorandum,) = [
        each
        for each in trial.node.documents.library.shelf.memoranda
        if each.id == name_of("suspended")
    ]
    start = to_datetime(system_clock()) - timedelta(seconds=1)
    notice = WrittenNotice.draft(
        {
            "notice": "suspend",
            "memorandum": memorandum.id,
            "digest": memorandum.digest,
            "from": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": "Trial",
            "signers": [trial.agency],
        }
    )
    payload = notice.to_json()
    signature = sign(payload, trial.parties.key(trial.agency, KeyUse.MEMORANDUM))
    form = SignedNotice(payload).with_signature(signature)
    trial.put(form.to_bytes(), Kind.NOTICE, memorandum.id)
    deadline = asyncio.get_running_loop().time() + _TAKEN_S
    while True:
        told = await trial.collect("suspended", dataset.name, subject)
        if not told.dataset.extracts and told.outcome not in FOUND_OR_NOT:
            break
        if asyncio.get_running_loop().time() > deadline:
            raise NonconformityError(f"answers go on {_TAKEN_S:g} s after the agency's own notice")
        await asyncio.sleep(_POLL_S)
    demand(told.outcome is Reason.NOT_IN_FORCE, f"refused with {told.outcome.code}")
    return "the agency's own notice stops the answers, without a restart"


async def _unknown(trial: Trial) -> str:
    dataset = trial.datasets[0]
    subject = trial.subjects[dataset.name][0]
    query = trial.parties.query("all", subject)
    expected = {
        "an unknown dataset": (question(query, "no-such-dataset"), Reason.UNKNOWN_DATASET),
        "a dataset named twice": (
            question(query, dataset.name, dataset.name),
            Reason.MALFORMED_REQUEST,
        ),
    }
    for what, (asked, reason) in expected.items():
        seen = await trial.refusal(asked)
        demand(seen is reason, f"{what}: {seen.code} instead of {reason.code}")
    unknown = Wanted(trial.agency, dataset.name, ("no-such-field",))
    seen = await trial.refusal(
        question(trial.parties.query("all", subject, wanted=[unknown]), dataset.name)
    )
    demand(seen is Reason.UNKNOWN_FIELD, f"an unknown field: {seen.code}")
    return f"{len(expected) + 1} questions that cannot be answered refused, each with its code"


CHECKS: Final = (
    Check("fields", "Exactly the granted fields are released.", _fields),
    Check("purposes", "A clause answers for its purposes alone.", _purposes),
    Check("requesters", "A clause answers its requesters alone.", _requesters),
    Check("validity", "A clause answers while it is in force alone.", _expiry),
    Check("signatures", "What a party did not sign does not count.", _signatures),
    Check("quota", "A clause answers as often as it says.", _quota),
    Check("suspension", "The agency can stop a memorandum at once.", _suspension),
    Check("codes", "What cannot be answered is refused with its code.", _unknown),
)
