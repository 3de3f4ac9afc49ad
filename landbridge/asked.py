"""The query of a profile as its document says it: who asked about whom, for what, and how."""

from hashlib import sha256
from typing import Any

from landbridge.clock import to_iso
from landbridge.sections import identifier
from landbridge.subject import SubjectKind
from landbridge.v1 import query_pb2


def asked_document(query: query_pb2.Query) -> dict[str, Any]:
    """Write a query; of consent records only the digests, as nodes log them.

    Raises:
        ValueError: when the query is about no kind of subject.
    """
    written: dict[str, Any] = {
        "subject": identifier(query.subject),
        "subject_kind": str(SubjectKind.from_number(query.subject_kind)),
        "purpose": query.purpose,
        "case": query.case_reference,
        "requester": query.requester,
        "wanted": [_wanted(wanted) for wanted in query.wanted],
        "issued_at": to_iso(query.issued_at_unix_ms),
        "expires_at": to_iso(query.expires_at_unix_ms),
    }
    if query.seal_to:
        written["sealed"] = True
    if query.consents:
        written["consents"] = [sha256(consent).hexdigest() for consent in query.consents]
    return written


def _wanted(wanted: query_pb2.Wanted) -> dict[str, Any]:
    written: dict[str, Any] = {
        "agency": wanted.agency,
        "dataset": wanted.dataset,
        "fields": list(wanted.fields),
    }
    if wanted.arguments:
        written["arguments"] = [
            {
                "name": argument.name,
                "value": argument.integer if argument.HasField("integer") else argument.text,
            }
            for argument in wanted.arguments
        ]
    return written
