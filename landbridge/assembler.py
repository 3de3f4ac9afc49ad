"""Assembles a profile from signed answers: a pure function, which the requester can repeat.

A gateway joins the profile from bytes: the query and the answers as they came, and what follows
from them. The requester makes a message of the same. What follows is made in one place for both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Final, Self

from landbridge.comparison import compare
from landbridge.envelope import VerifiedEntry
from landbridge.errors import Reason
from landbridge.federation import Federation
from landbridge.gaps import ANSWERS, kind_of
from landbridge.links import FollowedIdentifiers, LinkingRecord, linking_records
from landbridge.outline import Dataset, Outline
from landbridge.read_answer import ReadAnswer, read_answer
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, envelope_pb2, profile_pb2, query_pb2, subject_pb2
from landbridge.wire import number_part, part, text_part

# Tags of the Profile's fields.
_QUERY: Final = b"\x0a"
_FEDERATION: Final = b"\x12"
_GATEWAY: Final = b"\x1a"
_ASSEMBLED_AT: Final = b"\x20"
_ANSWERS: Final = b"\x2a"
_SOURCES: Final = b"\x32"
_LINKS: Final = b"\x3a"
_COMPLETENESS: Final = b"\x4a"

_COLLECT: Final = query_pb2.STEP_COLLECT
_RESOLVE: Final = query_pb2.STEP_RESOLVE
_REMEMBERED: Final = 1024


@dataclass(slots=True)
class VerifiedAnswer:
    """An answer whose proof held, with the envelope that carries it."""

    envelope: envelope_pb2.Envelope
    read: ReadAnswer
    holder: VerifiedEntry | None = None
    """The log entry by which it was verified, where that was done here."""
    data: bytes = b""
    """The envelope as it came; empty where it did not come as bytes."""

    @classmethod
    def of(
        cls, envelope: envelope_pb2.Envelope, answer: answer_pb2.Answer, data: bytes = b""
    ) -> Self:
        """Take an answer that was parsed before."""
        return cls(envelope, read_answer(answer.SerializeToString()), data=data)

    @property
    def place(self) -> tuple[int, int, str]:
        """Its place in a profile: step, round, agency."""
        return self.read.outline.place

    @property
    def agency(self) -> str:
        """Whose answer it is."""
        return self.read.outline.agency

    @property
    def collected(self) -> bool:
        """Whether it is about records, and not about identifiers alone."""
        return self.read.outline.step == _COLLECT


def _in_order(answers: Iterable[VerifiedAnswer]) -> list[VerifiedAnswer]:
    return sorted(answers, key=attrgetter("read.outline.place"))


def assemble(  # noqa: PLR0913  what a profile is made of
    *,
    query: envelope_pb2.Envelope,
    asked: SubjectId,
    gateway: str,
    at: int,
    answers: Iterable[VerifiedAnswer],
    not_answered: Iterable[profile_pb2.Source],
    federation: Federation,
) -> profile_pb2.Profile:
    """Assemble the profile of the asked subject. `at` is Unix milliseconds.

    The result depends on the arguments alone; answers are put in a fixed order.
    """
    ordered = _in_order(answers)
    profile = profile_pb2.Profile(
        query=query,
        federation=federation.name,
        gateway=gateway,
        assembled_at_unix_ms=at,
        answers=[verified.envelope for verified in ordered],
    )
    profile.MergeFromString(_derived(ordered, asked, not_answered, federation))
    return profile


def assembled_bytes(  # noqa: PLR0913  what a profile is made of
    *,
    query: bytes,
    asked: SubjectId,
    gateway: str,
    at: int,
    answers: Iterable[VerifiedAnswer],
    not_answered: Iterable[profile_pb2.Source],
    federation: Federation,
) -> bytes:
    """Write what `assemble` gives, from the query and answers as they came, byte for byte."""
    ordered = _in_order(answers)
    return b"".join(
        [
            part(_QUERY, query),
            _write_names(federation.name, gateway),
            number_part(_ASSEMBLED_AT, at),
            *[part(_ANSWERS, _as_it_came(verified)) for verified in ordered],
            _derived(ordered, asked, not_answered, federation),
        ]
    )


@lru_cache
def _write_names(federation: str, gateway: str) -> bytes:
    return text_part(_FEDERATION, federation) + text_part(_GATEWAY, gateway)


def _as_it_came(verified: VerifiedAnswer) -> bytes:
    return verified.data or verified.envelope.SerializeToString()


def _derived(
    ordered: Sequence[VerifiedAnswer],
    asked: SubjectId,
    not_answered: Iterable[profile_pb2.Source],
    federation: Federation,
) -> bytes:
    """Write all that follows from the answers: sources, links, comparisons and completeness."""
    sources = _sources(ordered, not_answered)
    return b"".join(
        [
            *[written for _, _, _, written in sources],
            *_links(ordered, asked, federation),
            *compare(ordered, federation.terms),
            _write_completeness(tuple([outcome for _, _, outcome, _ in sources])),
        ]
    )


_Source = tuple[str, str, int, bytes]
"""Agency, dataset, outcome, and how it stands in the profile."""


def _sources(
    answers: Iterable[VerifiedAnswer], not_answered: Iterable[profile_pb2.Source]
) -> list[_Source]:
    sources: list[_Source] = [
        (source.agency, source.dataset, source.outcome, part(_SOURCES, source.SerializeToString()))
        for source in not_answered
    ]
    for verified in answers:
        if verified.collected:
            outline = verified.read.outline
            sources += (_sources_of if outline.kept else _sources_of.__wrapped__)(outline)
    sources.sort(key=itemgetter(0, 1))
    return sources


@lru_cache(_REMEMBERED)
def _sources_of(outline: Outline) -> tuple[_Source, ...]:
    """Write what an answer says of its sources."""
    name = outline.agency
    return tuple([(name, one.name, one.outcome, _source(name, one)) for one in outline.datasets])


def _source(agency: str, dataset: Dataset) -> bytes:
    source = profile_pb2.Source(
        agency=agency,
        dataset=dataset.name,
        outcome=dataset.outcome,  # type: ignore[arg-type]
        records=dataset.records,
        refused_fields=len(dataset.refused),
        detail=dataset.detail,
        expired=dataset.expired,
        reasons=dataset.reasons,  # type: ignore[arg-type]
    )
    return part(_SOURCES, source.SerializeToString())


def follow(
    answers: Iterable[VerifiedAnswer], asked: SubjectId, federation: Federation
) -> FollowedIdentifiers:
    """Follow the links of resolve answers, round by round."""
    rounds: dict[int, list[LinkingRecord]] = {}
    for verified in answers:
        if verified.place[0] == _RESOLVE:
            found = linking_records(verified.read)
            rounds.setdefault(verified.place[1], []).extend(found)
    followed = FollowedIdentifiers(asked, federation.schemes, federation.limits.max_links)
    for number in sorted(rounds):
        followed.add_round(rounds[number])
    return followed


def _links(
    answers: Sequence[VerifiedAnswer], asked: SubjectId, federation: Federation
) -> list[bytes]:
    if not any(verified.read.outline.identifiers for verified in answers):
        return []
    followed = follow(answers, asked, federation)
    asked_by = {found for ids in followed.by_scheme.values() for found in ids}
    stated = dict.fromkeys(followed.links)
    for verified in answers:
        if verified.collected:
            for record in linking_records(verified.read):
                if not record.covers_group:
                    stated.update(dict.fromkeys(record.links()))
    if not stated:
        return []
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
    return [part(_LINKS, link.SerializeToString()) for link in links]


@lru_cache(_REMEMBERED)
def _write_completeness(outcomes: tuple[int, ...]) -> bytes:
    counted = [_counted_as(outcome) for outcome in outcomes]
    count = profile_pb2.Completeness(
        sources=len(counted),
        answered=counted.count("answered"),
        refused=counted.count("refused"),
        failed=counted.count("failed"),
        not_addressable=counted.count("not-addressable"),
    )
    return part(_COMPLETENESS, count.SerializeToString())


@lru_cache
def _counted_as(outcome: int) -> str:
    """Say in which of the numbers a source stands."""
    reason = Reason(outcome)
    if reason in ANSWERS:
        return "answered"
    kind = kind_of(reason)
    return kind if kind in ("refused", "not-addressable") else "failed"
