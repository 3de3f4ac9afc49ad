"""The query that a requester signs, parsed and checked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import query_pb2

NONCE_BYTES = 16
_MAX_TEXT = 200
_MAX_WANTED = 200
_MAX_FIELDS = 500
_MAX_PAYLOAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """One wanted dataset; an empty dataset means all of the agency's, no fields means all."""

    agency: str
    dataset: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """Who asks about whom, for which purpose. Times are Unix milliseconds."""

    nonce: bytes
    federation: str
    requester: str
    subject: SubjectId
    subject_kind: SubjectKind
    purpose: str
    case_reference: str
    wanted: tuple[Wanted, ...]
    issued_at: int
    expires_at: int

    def fields_wanted(self, agency: str, dataset: str) -> tuple[str, ...] | None:
        """Return the fields wanted of a dataset, () for all of them, None for not wanted."""
        if not self.wanted:
            return ()
        fields: list[str] = []
        named = False
        for wanted in self.wanted:
            if wanted.agency == agency and wanted.dataset in ("", dataset):
                if not wanted.fields:
                    return ()
                named = True
                fields.extend(wanted.fields)
        return tuple(dict.fromkeys(fields)) if named else None


def write_query(  # noqa: PLR0913  the parts of a query are what they are
    *,
    federation: Federation,
    requester: str,
    subject: SubjectId,
    purpose: str,
    case_reference: str,
    wanted: Sequence[Wanted] = (),
    at: int,
    lifetime_ms: int = 60_000,
) -> bytes:
    """Write a new query as the bytes to sign, with a nonce of its own.

    Raises:
        LandbridgeError: LB-1002, LB-1005 for a scheme or purpose that the federation does not have.
    """
    message = query_pb2.Query(
        nonce=secrets.token_bytes(NONCE_BYTES),
        federation=federation.name,
        requester=requester,
        subject_kind=federation.schemes[subject.scheme].subject_kind.number,  # type: ignore[arg-type]
        purpose=federation.check_purpose(purpose),
        case_reference=case_reference,
        issued_at_unix_ms=at,
        expires_at_unix_ms=at + lifetime_ms,
    )
    message.subject.scheme = subject.scheme
    message.subject.value = subject.value
    for item in wanted:
        message.wanted.add(agency=item.agency, dataset=item.dataset, fields=item.fields)
    return message.SerializeToString()


def read_query(payload: bytes) -> Query:
    """Parse the bytes of a query whose signature was verified before.

    Raises:
        LandbridgeError: LB-1001 when the bytes are not a query or a part is missing or too long.
    """
    if len(payload) > _MAX_PAYLOAD:
        raise refuse(Reason.MALFORMED_REQUEST, f"the query is larger than {_MAX_PAYLOAD} bytes")
    try:
        message = query_pb2.Query.FromString(payload)
    except DecodeError as error:
        raise refuse(Reason.MALFORMED_REQUEST, "the query's bytes are not a query") from error
    missing = [
        name
        for name, present in (
            ("nonce", len(message.nonce) == NONCE_BYTES),
            ("federation", message.federation),
            ("requester", message.requester),
            ("subject", message.subject.scheme and message.subject.value),
            ("subject_kind", message.subject_kind in (1, 2)),
            ("purpose", message.purpose),
            ("case_reference", message.case_reference),
            ("expires_at", message.expires_at_unix_ms > message.issued_at_unix_ms > 0),
        )
        if not present
    ]
    if missing:
        raise refuse(Reason.MALFORMED_REQUEST, f"the query lacks a valid {', '.join(missing)}")
    if _is_too_long(message):
        raise refuse(Reason.MALFORMED_REQUEST, "a part of the query is too long")
    return Query(
        nonce=message.nonce,
        federation=message.federation,
        requester=message.requester,
        subject=SubjectId(message.subject.scheme, message.subject.value),
        subject_kind=SubjectKind.from_number(message.subject_kind),
        purpose=message.purpose,
        case_reference=message.case_reference,
        wanted=tuple(
            Wanted(item.agency, item.dataset, tuple(item.fields)) for item in message.wanted
        ),
        issued_at=message.issued_at_unix_ms,
        expires_at=message.expires_at_unix_ms,
    )


def _is_too_long(message: query_pb2.Query) -> bool:
    if len(message.wanted) > _MAX_WANTED:
        return True
    texts = [
        message.federation,
        message.requester,
        message.subject.scheme,
        message.subject.value,
        message.purpose,
        message.case_reference,
    ]
    for item in message.wanted:
        if len(item.fields) > _MAX_FIELDS:
            return True
        texts += item.agency, item.dataset, *item.fields
    return any(len(text) > _MAX_TEXT for text in texts)


def check_query(query: Query, *, signer: str, federation: Federation, at: int) -> None:
    """Check that the signer may speak so, that the terms are known and that the time is right.

    Raises:
        LandbridgeError: LB-4001 (signed by another than its requester, or for another federation),
            LB-1002, LB-1003, LB-1004, LB-1005 (terms), LB-3005 (subject kind), LB-4003 (time).
    """
    if signer != query.requester:
        raise refuse(Reason.BAD_SIGNATURE, f"the query of {query.requester} is signed by {signer}")
    if query.federation != federation.name:
        raise refuse(
            Reason.BAD_SIGNATURE,
            f"the query is meant for the federation {query.federation[:100]!r}",
        )
    federation.check_purpose(query.purpose)
    scheme = federation.schemes.get(query.subject.scheme)
    if scheme is None:
        raise refuse(
            Reason.UNKNOWN_SCHEME,
            f"{query.subject.scheme[:100]!r} is not an identifier scheme of {federation.name}",
        )
    if scheme.normalise(query.subject.value) != query.subject.value:
        raise refuse(
            Reason.MALFORMED_IDENTIFIER, "the subject's identifier is not in its normal form"
        )
    if scheme.subject_kind is not query.subject_kind:
        raise refuse(
            Reason.SUBJECT_KIND_NOT_COVERED,
            f"identifiers of {scheme.name} are of a {scheme.subject_kind}",
        )
    if query.subject_kind is SubjectKind.NATURAL_PERSON:
        # There are no consent records yet, and without one no record on a person may flow.
        raise refuse(
            Reason.SUBJECT_KIND_NOT_COVERED, "records on natural persons are not exchanged"
        )
    limits = federation.limits
    skew = limits.clock_skew_s * 1000
    if query.issued_at > at + skew:
        raise refuse(Reason.STALE_QUERY, "the query was issued in the future")
    if query.expires_at <= at:
        raise refuse(Reason.STALE_QUERY, "the query has expired")
    if query.expires_at - query.issued_at > limits.max_query_lifetime_s * 1000:
        raise refuse(
            Reason.STALE_QUERY,
            f"the query lives longer than the {limits.max_query_lifetime_s} s that are allowed",
        )
