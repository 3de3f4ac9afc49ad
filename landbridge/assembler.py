"""Assembles a profile from signed answers: a pure function, which the requester can repeat."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from landbridge.comparison import compare
from landbridge.envelope import VerifiedEntry
from landbridge.errors import Reason
from landbridge.federation import Federation
from landbridge.gaps import ANSWERS, kind_of
from landbridge.links import FollowedIdentifiers, LinkingRecord, linking_records
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, envelope_pb2, profile_pb2, query_pb2, subject_pb2


@dataclass(frozen=True, slots=True)
class VerifiedAnswer:
    """An answer whose proof held, with the envelope that carries it."""

    envelope: envelope_pb2.Envelope
    answer: answer_pb2.Answer
    holder: VerifiedEntry | None = None
    """The log entry by which it was verified, where that was done here."""


def order_of(verified: VerifiedAnswer) -> tuple[int, int, str]:
    """Return the place of an answer in a profile: step, round, agency."""
    answer = verified.answer
    return answer.step, answer.round, answer.agency


def assemble(  # noqa: PLR0913  what a profile is made of
    *,
    query: envelope_pb2.Envelope,
    asked: SubjectId,
    gateway: str,
    at: int,
    answers: Sequence[VerifiedAnswer],
    not_answered: Iterable[profile_pb2.Source],
    federation: Federation,
) -> profile_pb2.Profile:
    """Assemble the profile of the asked subject. `at` is Unix milliseconds.

    The result depends on the arguments alone; answers are put in a fixed order.
    """
    ordered = sorted(answers, key=order_of)
    profile = profile_pb2.Profile(
        query=query,
        federation=federation.name,
        gateway=gateway,
        assembled_at_unix_ms=at,
        answers=[verified.envelope for verified in ordered],
    )
    messages = [verified.answer for verified in ordered]
    profile.sources.extend(_sources(messages, not_answered))
    profile.links.extend(_links(messages, asked, federation))
    profile.comparisons.extend(compare(messages, federation.terms))
    profile.completeness.CopyFrom(_completeness(profile.sources))
    return profile


def _sources(
    answers: Sequence[answer_pb2.Answer], not_answered: Iterable[profile_pb2.Source]
) -> list[profile_pb2.Source]:
    sources = [
        profile_pb2.Source(
            agency=answer.agency,
            dataset=dataset.dataset,
            outcome=dataset.outcome,
            records=sum(len(extract.records) for extract in dataset.extracts),
            refused_fields=sum(1 for refusal in dataset.refusals if refusal.field),
            detail=dataset.detail,
            expired=dataset.expired,
            reasons=sorted({refusal.reason for refusal in dataset.refusals}),
        )
        for answer in answers
        if answer.step == query_pb2.STEP_COLLECT
        for dataset in answer.datasets
    ]
    sources.extend(not_answered)
    sources.sort(key=lambda source: (source.agency, source.dataset))
    return sources


def follow(
    answers: Iterable[answer_pb2.Answer], asked: SubjectId, federation: Federation
) -> FollowedIdentifiers:
    """Follow the links of resolve answers, round by round."""
    rounds: dict[int, list[LinkingRecord]] = {}
    for answer in answers:
        if answer.step == query_pb2.STEP_RESOLVE:
            rounds.setdefault(answer.round, []).extend(linking_records(answer))
    followed = FollowedIdentifiers(asked, federation.schemes, federation.limits.max_links)
    for number in sorted(rounds):
        followed.add_round(rounds[number])
    return followed


def _links(
    answers: Sequence[answer_pb2.Answer], asked: SubjectId, federation: Federation
) -> list[profile_pb2.Link]:
    followed = follow(answers, asked, federation)
    asked_by = {found for ids in followed.by_scheme.values() for found in ids}
    stated = dict.fromkeys(followed.links)
    for answer in answers:
        if answer.step == query_pb2.STEP_COLLECT:
            for record in linking_records(answer):
                if not record.covers_group:
                    stated.update(dict.fromkeys(record.links()))
    ids: dict[str, set[str]] = {asked.scheme: {asked.value}}
    for link in stated:
        if link.known in asked_by:
            ids.setdefault(link.linked.scheme, set()).add(link.linked.value)
    links = [
        profile_pb2.Link(
            known=subject_pb2.SubjectId(scheme=link.known.scheme, value=link.known.value),
            linked=subject_pb2.SubjectId(scheme=link.linked.scheme, value=link.linked.value),
            agency=link.agency,
            dataset=link.dataset,
            record=link.record,
            followed=link.linked in asked_by,
            ambiguous=len(ids.get(link.linked.scheme, ())) > 1,
        )
        for link in stated
        if link.linked != asked
    ]
    links.sort(
        key=lambda link: (
            link.known.scheme,
            link.known.value,
            link.linked.scheme,
            link.linked.value,
            link.agency,
            link.dataset,
            link.record,
        )
    )
    return links


def _completeness(sources: Iterable[profile_pb2.Source]) -> profile_pb2.Completeness:
    count = profile_pb2.Completeness()
    for source in sources:
        outcome = Reason(source.outcome)
        count.sources += 1
        kind = kind_of(outcome)
        if outcome in ANSWERS:
            count.answered += 1
        elif kind == "refused":
            count.refused += 1
        elif kind == "not-addressable":
            count.not_addressable += 1
        else:
            count.failed += 1
    return count
