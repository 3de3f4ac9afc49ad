"""A profile assembled anew from its own evidence: as its gateway did, or from opened answers.

Where answers are sealed, the gateway assembles what it sees, which is nearly nothing. The requester
opens them and assembles with the same code. So does whoever is shown the opened contents: their
digests stand in what the nodes signed, and it takes no key.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from landbridge.answer_contents import check_contents, check_fields
from landbridge.assembler import VerifiedAnswer, assemble
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.gaps import ANSWERS
from landbridge.profile import SignedProfile
from landbridge.profile_proofs import at_place
from landbridge.query import Query, read_query
from landbridge.read_answer import read_answer
from landbridge.sealed_answer import open_answer, unseal, without_contents
from landbridge.sealing import SealingKey
from landbridge.subject import SubjectId
from landbridge.v1 import answer_pb2, profile_pb2, query_pb2


@dataclass(frozen=True, slots=True)
class OpenedProfile:
    """A profile with its answers opened, and why some could not be, by agency."""

    signed: SignedProfile
    failures: Mapping[str, LandbridgeError]


def open_profile(signed: SignedProfile, key: SealingKey, federation: Federation) -> OpenedProfile:
    """Open the sealed answers of a profile that was verified, and assemble it from them.

    An answer that does not open, or holds what no answer may, fails alone.
    """
    contents: dict[str, bytes] = {}
    clear: dict[str, answer_pb2.Answer] = {}
    failures: dict[str, LandbridgeError] = {}
    query = read_query(signed.profile.query.payload)
    for answer in _sealed(signed):
        agency = answer.agency
        try:
            opened = open_answer(answer, key, requester=query.requester)
            clear[agency] = _unseal(answer, opened, query, federation)
            contents[agency] = opened
        except LandbridgeError as error:
            failures[agency] = error
    return OpenedProfile(_assemble(signed, contents, clear, federation), failures)


def with_contents(
    signed: SignedProfile, contents: Mapping[str, bytes], federation: Federation
) -> SignedProfile:
    """Assemble a profile from its answers with their opened contents, by agency; takes no key.

    A sealed answer whose contents are not given counts as one that cannot be opened.

    Raises:
        LandbridgeError: LB-4202 when contents are not those that a node signed; LB-4007, LB-4009
            when they hold what no answer may; LB-4201 when they belong to no sealed answer.
    """
    query = read_query(signed.profile.query.payload)
    sealed = {answer.agency: answer for answer in _sealed(signed)}
    if not contents.keys() <= sealed.keys() or not query.seal_to:
        raise refuse(
            Reason.PROFILE_ALTERED,
            "the profile holds no sealed answer to what is said to be opened",
            where="opened",
        )
    clear = {
        agency: _unseal(sealed[agency], opened, query, federation)
        for agency, opened in contents.items()
    }
    return _assemble(signed, contents, clear, federation)


def _sealed(signed: SignedProfile) -> Iterator[answer_pb2.Answer]:
    return (answer for answer in signed.answers if answer.HasField("sealed"))


def _unseal(
    answer: answer_pb2.Answer, contents: bytes, query: Query, federation: Federation
) -> answer_pb2.Answer:
    """Return a sealed answer in the clear, checked as the gateway checks those that come so."""
    clear = unseal(answer, contents)
    read = read_answer(clear.SerializeToString())
    check_contents(read, federation)
    check_fields(read.outline, query)
    return clear


def _assemble(
    signed: SignedProfile,
    contents: Mapping[str, bytes],
    clear: Mapping[str, answer_pb2.Answer],
    federation: Federation,
) -> SignedProfile:
    """Put answers in the clear, by agency, in the places of sealed ones, and assemble anew."""
    answers = tuple(
        (clear.get(answer.agency) or without_contents(answer))
        if answer.HasField("sealed")
        else answer
        for answer in signed.answers
    )
    opened = replace(signed, answers=answers, contents=dict(contents))
    return replace(opened, profile=reassemble(opened, federation))


def reassemble(signed: SignedProfile, federation: Federation) -> profile_pb2.Profile:
    """Assemble a profile anew from its parsed answers; what did not answer is taken from it.

    Raises:
        LandbridgeError: LB-4201 when a source is said to have answered and did not.
    """
    profile, subject = signed.profile, signed.query.subject
    given = {
        (answer.agency, dataset.dataset)
        for answer in signed.answers
        if answer.step == query_pb2.STEP_COLLECT
        for dataset in answer.datasets
    }
    absent = [s for s in profile.sources if (s.agency, s.dataset) not in given]
    with at_place("assembly"):
        if any(Reason(source.outcome) in ANSWERS or source.records for source in absent):
            raise refuse(Reason.PROFILE_ALTERED, "a source is said to have answered, and did not")
        return assemble(
            query=profile.query,
            asked=SubjectId(subject.scheme, subject.value),
            gateway=profile.gateway,
            at=profile.assembled_at_unix_ms,
            answers=[
                VerifiedAnswer.of(envelope, answer)
                for envelope, answer in zip(profile.answers, signed.answers, strict=True)
            ],
            not_answered=absent,
            federation=federation,
        )


def read_opened(document: Mapping[str, Any]) -> dict[str, bytes] | None:
    """Read the opened contents that a document carries, by agency; None where it carries none.

    Raises:
        LandbridgeError: LB-4201 when they have another form, or one agency's stand there twice.
    """
    opened = document.get("opened")
    if opened is None:
        return None
    found: dict[str, bytes] = {}
    for number, part in enumerate(opened if isinstance(opened, list) else [None]):
        match part:
            case {"agency": str(agency), "contents": str(text), **rest} if not rest:
                try:
                    contents = base64.b64decode(text, validate=True)
                except (ValueError, binascii.Error):
                    contents = b""
                if contents and agency not in found:
                    found[agency] = contents
                    continue
        raise refuse(
            Reason.PROFILE_ALTERED,
            "what is said to be opened is not the contents of one answer",
            where=f"opened[{number}]",
        )
    return found
