"""The JSON form of a signed profile, as `docs/profile.md` describes it.

Everything shown is derived from the signed bytes, which stand in `evidence`: whoever holds the
document can derive it anew and compare (`landbridge.verification`).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from google.protobuf.message import DecodeError, Message

from landbridge.asked import asked_document
from landbridge.clock import to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.gaps import gaps, profile_state, source_state
from landbridge.heading import read_columns
from landbridge.reasons import REASONS
from landbridge.record_flags import is_disputed
from landbridge.sections import RecordReader, identifier, sections, stated_value
from landbridge.v1 import answer_pb2, envelope_pb2, profile_pb2, query_pb2

FORMAT: Final = "landbridge-profile"
VERSION: Final = 2

_STATUS: Final = {
    profile_pb2.COMPARISON_STATUS_CONFLICT: "conflict",
    profile_pb2.COMPARISON_STATUS_AGREEMENT: "agreement",
}
_Parsed = TypeVar("_Parsed", bound=Message)


@dataclass(frozen=True, slots=True)
class SignedProfile:
    """A profile with its query and answers parsed. Parsing verifies nothing."""

    envelope: envelope_pb2.Envelope
    profile: profile_pb2.Profile
    query: query_pb2.Query
    answers: tuple[answer_pb2.Answer, ...]
    contents: Mapping[str, bytes] | None = None
    """What sealed answers held, by agency; None where none was opened."""


def read_profile(envelope: envelope_pb2.Envelope) -> SignedProfile:
    """Parse the payload of an envelope, and the query and answers that it carries.

    Raises:
        LandbridgeError: LB-4201 when some part is not what a profile is made of.
    """
    profile = _parse(profile_pb2.Profile, envelope.payload, "profile")
    return SignedProfile(
        envelope=envelope,
        profile=profile,
        query=_parse(query_pb2.Query, profile.query.payload, "query"),
        answers=tuple(
            _parse(answer_pb2.Answer, answer.payload, f"answer {number}")
            for number, answer in enumerate(profile.answers, start=1)
        ),
    )


def read_evidence(document: Mapping[str, Any]) -> SignedProfile:
    """Read the signed profile that a document carries; of the rest, only its format is looked at.

    Raises:
        LandbridgeError: LB-4201 when the document is of another format or carries no profile.
    """
    if document.get("format") != {"name": FORMAT, "version": VERSION}:
        raise refuse(
            Reason.PROFILE_ALTERED,
            f"the document is not of the format {FORMAT} version {VERSION}",
            where="format",
            next_step="verify it with the version of Landbridge that wrote it",
        )
    evidence = document.get("evidence")
    try:
        data = base64.b64decode(evidence, validate=True) if isinstance(evidence, str) else b""
        envelope = envelope_pb2.Envelope.FromString(data)
    except (ValueError, DecodeError):
        envelope = envelope_pb2.Envelope()
    if not envelope.payload:
        raise refuse(
            Reason.PROFILE_ALTERED, "the evidence is not a signed envelope", where="evidence"
        )
    return read_profile(envelope)


def _parse(kind: type[_Parsed], data: bytes, what: str) -> _Parsed:
    try:
        return kind.FromString(data)
    except DecodeError:
        raise refuse(
            Reason.PROFILE_ALTERED, f"the evidence holds no readable {what}", where="evidence"
        ) from None


def profile_document(envelope: envelope_pb2.Envelope) -> dict[str, Any]:
    """Write a signed profile as the document that people and programs read.

    Raises:
        LandbridgeError: LB-4201 when the payload is not a well-formed profile.
    """
    return write_document(read_profile(envelope))


def write_document(signed: SignedProfile) -> dict[str, Any]:
    """Write a parsed profile as its document.

    Raises:
        LandbridgeError: LB-4201 when its parts do not fit each other.
    """
    profile, query = signed.profile, signed.query
    try:
        reader = RecordReader(query.subject, profile.links)
        document = {
            "format": {"name": FORMAT, "version": VERSION},
            "federation": profile.federation,
            "gateway": profile.gateway,
            "assembled_at": to_iso(profile.assembled_at_unix_ms),
            "query": asked_document(query),
            "completeness": _completeness(profile, query),
            "comparisons": _comparisons(signed, reader),
            "sections": sections(signed.answers, reader),
            "links": [_link(link) for link in profile.links],
            "gaps": gaps(profile.sources, signed.answers),
            "sources": [_source(source) for source in profile.sources],
            "evidence": _base64(signed.envelope.SerializeToString()),
        }
        if signed.contents is not None:
            document["opened"] = _opened(signed, signed.contents)
    except (ValueError, LookupError, OverflowError, OSError, LandbridgeError) as error:
        raise refuse(
            Reason.PROFILE_ALTERED,
            f"the parts of the profile do not fit each other: {error}",
            where="evidence",
        ) from error
    return document


def _opened(signed: SignedProfile, contents: Mapping[str, bytes]) -> list[dict[str, str]]:
    return [
        {"agency": answer.agency, "contents": _base64(contents[answer.agency])}
        for answer in signed.answers
        if answer.step == query_pb2.STEP_COLLECT and answer.agency in contents
    ]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _completeness(profile: profile_pb2.Profile, query: query_pb2.Query) -> dict[str, Any]:
    count = profile.completeness
    return {
        "state": profile_state(profile.sources, query),
        "sources": count.sources,
        "answered": count.answered,
        "refused": count.refused,
        "failed": count.failed,
        "not_addressable": count.not_addressable,
        "refused_fields": sum(source.refused_fields for source in profile.sources),
    }


def _comparisons(signed: SignedProfile, reader: RecordReader) -> list[dict[str, Any]]:
    # Conflicts are what a reader must not miss; the sort keeps the order otherwise.
    ordered = sorted(
        signed.profile.comparisons,
        key=lambda comparison: comparison.status != profile_pb2.COMPARISON_STATUS_CONFLICT,
    )
    return [
        {
            "term": comparison.term,
            "status": _STATUS[comparison.status],
            "values": [_compared(signed.answers, place, reader) for place in comparison.values],
        }
        for comparison in ordered
    ]


def _compared(
    answers: tuple[answer_pb2.Answer, ...],
    place: profile_pb2.ValueReference,
    reader: RecordReader,
) -> dict[str, Any]:
    answer = answers[place.answer]
    dataset = answer.datasets[place.dataset]
    extract = dataset.extracts[place.extract]
    record = extract.records[place.record]
    value = stated_value(read_columns(extract.heading)[place.value], record.values[place.value])
    value.pop("term", None)
    if is_disputed(record, value["field"]):
        value["disputed"] = True
    return {
        "agency": answer.agency,
        "dataset": dataset.dataset,
        **reader.heading(record, dataset),
        **value,
        "memorandum": extract.memorandum,
        "clause": extract.clause,
        "authoritative": place.authoritative,
    }


def _link(link: profile_pb2.Link) -> dict[str, Any]:
    return {
        "known": identifier(link.known),
        "linked": identifier(link.linked),
        "agency": link.agency,
        "dataset": link.dataset,
        "record": link.record,
        "followed": link.followed,
        "ambiguous": link.ambiguous,
    }


def _source(source: profile_pb2.Source) -> dict[str, Any]:
    reason = Reason(source.outcome)
    written: dict[str, Any] = {"agency": source.agency}
    if source.dataset:
        written["dataset"] = source.dataset
    written |= {
        "state": source_state(source),
        "code": reason.code,
        "meaning": REASONS[reason].meaning,
        "records": source.records,
        "refused_fields": source.refused_fields,
        "reasons": [Reason(number).code for number in source.reasons],
        "asked": not source.not_asked,
    }
    if source.expired:
        written["withheld_as_expired"] = source.expired
    if source.detail:
        written["detail"] = source.detail
    return written
