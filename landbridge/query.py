"""The query that a requester signs, parsed and checked."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

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
_MAX_ARGUMENTS = 20
_MAX_CONSENTS = 4
_KINDS = (1, 2)
_MAX_SEAL_KEY = 4096
_NO_ARGUMENTS: Mapping[str, str | int] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Wanted:
    """One wanted dataset; an empty dataset means all of the agency's, no fields means all."""

    agency: str
    dataset: str = ""
    fields: tuple[str, ...] = ()
    arguments: tuple[tuple[str, str | int], ...] = ()
    """What predicates ask for: names and values."""


@dataclass(slots=True)
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
    seal_to: bytes = field(default=b"", repr=False)
    """Public key to which answers are sealed; empty where they are not."""
    consents: tuple[bytes, ...] = field(default=(), repr=False)
    """Consent records of the person asked about, as they were signed."""
    alike: object = field(default=None, repr=False, compare=False)
    """One object for all that differ in no more than nonce, identifier, case reference and times;
    None where that was not looked at (`query_reader`)."""

    def arguments(self, agency: str, dataset: str) -> Mapping[str, str | int]:
        """Return what the query gives for the predicates of a dataset."""
        found: dict[str, str | int] = {}
        for wanted in self.wanted:
            if wanted.agency == agency and wanted.dataset in ("", dataset):
                found.update(wanted.arguments)
        return found or _NO_ARGUMENTS

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
    seal_to: bytes = b"",
    consents: Sequence[bytes] = (),
) -> bytes:
    """Write a new query as the bytes to sign, with a nonce of its own.

    Raises:
        LandbridgeError: LB-1002, LB-1005 for a scheme or purpose that the federation does not have.
    """
    message = query_pb2.Query(
        nonce=secrets.token_bytes(NONCE_BYTES),
        federation=federation.name,
        requester=requester,
        subject_kind=federation.schemes.named(subject.scheme).subject_kind.number,  # type: ignore[arg-type]
        purpose=federation.check_purpose(purpose),
        case_reference=case_reference,
        issued_at_unix_ms=at,
        expires_at_unix_ms=at + lifetime_ms,
        seal_to=seal_to,
        consents=consents,
    )
    message.subject.scheme = subject.scheme
    message.subject.value = subject.value
    for item in wanted:
        written = message.wanted.add(agency=item.agency, dataset=item.dataset, fields=item.fields)
        for name, value in item.arguments:
            if isinstance(value, int):
                written.arguments.add(name=name, integer=value)
            else:
                written.arguments.add(name=name, text=value)
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
    subject = message.subject
    texts = (
        message.federation,
        message.requester,
        subject.scheme,
        subject.value,
        message.purpose,
        message.case_reference,
    )
    nonce, kind, seal_to = message.nonce, message.subject_kind, message.seal_to
    issued_at, expires_at = message.issued_at_unix_ms, message.expires_at_unix_ms
    consents, wanted = tuple(message.consents), message.wanted
    if not (
        all(texts)
        and len(nonce) == NONCE_BYTES
        and kind in _KINDS
        and expires_at > issued_at > 0
        and len(seal_to) <= _MAX_SEAL_KEY
        and len(consents) <= _MAX_CONSENTS
        and (not wanted or all(map(_has_arguments, wanted)))
    ):
        missing = ", ".join(_missing(message))
        raise refuse(Reason.MALFORMED_REQUEST, f"the query lacks a valid {missing}")
    if max(map(len, texts)) > _MAX_TEXT or (wanted and _is_too_long(wanted)):
        raise refuse(Reason.MALFORMED_REQUEST, "a part of the query is too long")
    federation, requester, scheme, value, purpose, case_reference = texts
    return Query(
        nonce,
        federation,
        requester,
        SubjectId(scheme, value),
        SubjectKind.from_number(kind),
        purpose,
        case_reference,
        tuple(
            Wanted(item.agency, item.dataset, tuple(item.fields), tuple(_arguments(item)))
            for item in wanted
        )
        if wanted
        else (),
        issued_at,
        expires_at,
        seal_to,
        consents,
    )


def _missing(message: query_pb2.Query) -> Iterator[str]:
    """Name what of a query is not there, or not as it has to be."""
    for name, present in (
        ("nonce", len(message.nonce) == NONCE_BYTES),
        ("federation", message.federation),
        ("requester", message.requester),
        ("subject", message.subject.scheme and message.subject.value),
        ("subject_kind", message.subject_kind in _KINDS),
        ("purpose", message.purpose),
        ("case_reference", message.case_reference),
        ("expires_at", message.expires_at_unix_ms > message.issued_at_unix_ms > 0),
        ("seal_to", len(message.seal_to) <= _MAX_SEAL_KEY),
        ("consents", len(message.consents) <= _MAX_CONSENTS),
        ("arguments", all(map(_has_arguments, message.wanted))),
    ):
        if not present:
            yield name


def _has_arguments(item: query_pb2.Wanted) -> bool:
    """Say whether each argument has a value, and none stands twice."""
    names = [argument.name for argument in item.arguments]
    return len(names) == len(set(names)) <= _MAX_ARGUMENTS and all(
        argument.WhichOneof("value") for argument in item.arguments
    )


def _arguments(item: query_pb2.Wanted) -> Iterator[tuple[str, str | int]]:
    for argument in item.arguments:
        yield argument.name, argument.integer if argument.HasField("integer") else argument.text


def _is_too_long(wanted: Sequence[query_pb2.Wanted]) -> bool:
    if len(wanted) > _MAX_WANTED:
        return True
    texts: list[str] = []
    for item in wanted:
        if len(item.fields) > _MAX_FIELDS:
            return True
        texts += item.agency, item.dataset, *item.fields
        texts += [text for argument in item.arguments for text in (argument.name, argument.text)]
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
    subject = query.subject
    try:
        scheme = federation.schemes[subject.scheme]
    except KeyError:
        raise refuse(
            Reason.UNKNOWN_SCHEME,
            f"{subject.scheme[:100]!r} is not an identifier scheme of {federation.name}",
        ) from None
    if scheme.normalise(subject.value) != subject.value:
        raise refuse(
            Reason.MALFORMED_IDENTIFIER, "the subject's identifier is not in its normal form"
        )
    if scheme.subject_kind is not query.subject_kind:
        raise refuse(
            Reason.SUBJECT_KIND_NOT_COVERED,
            f"identifiers of {scheme.name} are of a {scheme.subject_kind}",
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


def check_alone(query: Query, signed_together: int) -> None:
    """Check that a query about a person was signed by itself, and not in a batch.

    Raises:
        LandbridgeError: LB-3014.
    """
    if query.subject_kind is SubjectKind.NATURAL_PERSON and signed_together != 1:
        raise refuse(
            Reason.BULK_REFUSED, f"{signed_together} queries were signed together, one on a person"
        )
