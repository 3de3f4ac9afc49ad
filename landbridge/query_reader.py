"""Reads and checks the queries to one federation; what many of them say alike, once.

Queries of one requester differ in nonce, subject, case reference and times. All else is known by
its exact bytes from a query that was read and checked whole. Whatever is written in another way, is
not known or does not hold is read and checked whole as well, which tells what is wrong with it.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from landbridge.federation import Federation
from landbridge.query import NONCE_BYTES, Query, Wanted, check_query, read_query
from landbridge.subject import IdentifierScheme, SubjectId, SubjectKind
from landbridge.v1 import query_pb2
from landbridge.wire import number_part, part, text_part

_NONCE: Final = bytes((0x0A, NONCE_BYTES))
_AFTER_NONCE: Final = len(_NONCE) + NONCE_BYTES
_TIME: Final = 7
"""Bytes of a time with its tag: so many until the year 2109."""
_TIMES: Final = 2 * _TIME
_TIME_TAGS: Final = (0x48, 0x50)
_CONTINUES: Final = 0x80
_MOST_KINDS: Final = 256
_LONGEST: Final = 4096


@dataclass(frozen=True, slots=True, eq=False)
class _Kind:
    """What queries say alike, and that it was checked."""

    federation: str
    requester: str
    scheme: IdentifierScheme
    subject_kind: SubjectKind
    purpose: str
    wanted: tuple[Wanted, ...]


class QueryReader:
    """Reads the queries to one federation. Thread-safe."""

    def __init__(self, federation: Federation) -> None:
        self._federation = federation
        limits = federation.limits
        self._skew_ms = limits.clock_skew_s * 1000
        self._longest_ms = limits.max_query_lifetime_s * 1000
        self._kinds: dict[bytes, _Kind] = {}

    def read(self, payload: bytes, *, signer: str, at: int) -> Query:
        """Read a query that an agency has signed; `at` is now, in Unix milliseconds.

        Raises:
            LandbridgeError: LB-1001 for bytes that are no query; what `check_query` does.
        """
        query = self._read_alike(payload, signer, at)
        if query is None:
            query = read_query(payload)
            check_query(query, signer=signer, federation=self._federation, at=at)
            self._learn(payload, query)
        return query

    def _read_alike(self, payload: bytes, signer: str, at: int) -> Query | None:
        """Read a query of a known kind, if everything about it is right."""
        try:
            # Each part is a tag and a length, of one byte each, and so many bytes.
            requester = _AFTER_NONCE + 2 + payload[_AFTER_NONCE + 1]
            subject = requester + 2 + payload[requester + 1]
            scheme = subject + 2
            value = scheme + 2 + payload[scheme + 1]
            rest = value + 2 + payload[value + 1]
            case = rest + 4 + payload[rest + 3]
            wanted = case + 2 + payload[case + 1]
        except IndexError:
            return None
        times = len(payload) - _TIMES
        kind = self._kinds.get(
            payload[_AFTER_NONCE : subject + 1]
            + payload[scheme : value + 1]
            + payload[rest : case + 1]
            + payload[wanted:times]
        )
        if (
            kind is None
            or kind.requester != signer
            or not payload.startswith(_NONCE)
            # The lengths that are not among what is known: each has to fit, and to take one byte.
            or not payload[subject + 1] == rest - scheme < _CONTINUES > payload[case + 1]
            or wanted > times
        ):
            return None
        try:
            identifier = payload[value + 2 : rest].decode()
            case_reference = payload[case + 2 : wanted].decode()
        except UnicodeDecodeError:
            return None
        issued_at, expires_at = _read_times(payload[times:])
        if (
            case_reference
            and kind.scheme.is_normal(identifier)
            and 0 < issued_at <= at + self._skew_ms
            and at < expires_at
            and 0 < expires_at - issued_at <= self._longest_ms
        ):
            return Query(
                payload[2:_AFTER_NONCE],
                kind.federation,
                signer,
                SubjectId(kind.scheme.name, identifier),
                kind.subject_kind,
                kind.purpose,
                case_reference,
                kind.wanted,
                issued_at,
                expires_at,
                b"",
                (),
                kind,
            )
        return None

    def _learn(self, payload: bytes, query: Query) -> None:
        """Remember the kind of a query that was checked, if it is written in the usual way."""
        if query.seal_to or query.consents or any(item.arguments for item in query.wanted):
            return  # hardly ever the same twice
        asking = text_part(b"\x12", query.federation) + text_part(b"\x1a", query.requester)
        scheme = text_part(b"\x0a", query.subject.scheme)
        why = number_part(b"\x28", query.subject_kind.number) + text_part(b"\x32", query.purpose)
        wanted = query_pb2.Query(
            wanted=[
                query_pb2.Wanted(agency=item.agency, dataset=item.dataset, fields=item.fields)
                for item in query.wanted
            ]
        ).SerializeToString()
        usual = (
            _NONCE + query.nonce + asking,
            part(b"\x22", scheme + text_part(b"\x12", query.subject.value)),
            why + text_part(b"\x3a", query.case_reference) + wanted,
            number_part(b"\x48", query.issued_at) + number_part(b"\x50", query.expires_at),
        )
        known = asking + b"\x22" + scheme + b"\x12" + why + b"\x3a" + wanted
        texts = (query.federation, query.requester, query.subject.scheme, query.purpose)
        if (
            payload != b"".join(usual)
            or len(known) > _LONGEST
            or max(len(text.encode()) for text in texts) >= _CONTINUES
        ):
            return
        if len(self._kinds) >= _MOST_KINDS:
            self._kinds.clear()
        self._kinds[known] = _Kind(
            query.federation,
            query.requester,
            self._federation.schemes[query.subject.scheme],
            query.subject_kind,
            query.purpose,
            query.wanted,
        )


@lru_cache(64)
def _read_times(data: bytes) -> tuple[int, int]:
    """Read when a query was issued and when it expires; zeros where something else stands there."""
    first, second = data[:_TIME], data[_TIME:]
    if len(data) != _TIMES or (first[0], second[0]) != _TIME_TAGS:
        return 0, 0
    return _read_time(first[1:]), _read_time(second[1:])


def _read_time(data: bytes) -> int:
    *others, last = data
    if last >= _CONTINUES or min(others) < _CONTINUES:
        return 0
    bits = enumerate((*(byte - _CONTINUES for byte in others), last))
    return sum(byte << 7 * place for place, byte in bits)
