"""The JSON document of who looked at one subject: written, and verified offline.

It holds what each agency told, in words and in parts, and as `evidence` the signed requests and the
agencies' own bytes. Everything shown is derived from these: whoever holds the document can derive
it anew and compare.
"""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError

from landbridge.clock import to_iso
from landbridge.counted import counted
from landbridge.disclosure import Disclosed, verify_disclosed
from landbridge.document import first_difference
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rights.access_report import Dataset, Look, sentences
from landbridge.rights.access_request import WHAT
from landbridge.statement.signed import SignedByOne
from landbridge.trust.bundle import TrustBundle
from landbridge.v1 import rights_service_pb2

FORMAT: Final = "landbridge-accesses"
VERSION: Final = 1
_FORMAT: Final = {"name": FORMAT, "version": VERSION}


@dataclass(frozen=True, slots=True)
class Told:
    """What one agency told: a signed request, and the answer to it."""

    request: SignedByOne
    response: rights_service_pb2.ListAccessesResponse


@dataclass(frozen=True, slots=True)
class Missing:
    """An agency that did not answer, and why."""

    agency: str
    code: str
    message: str


def accesses_document(
    told: Sequence[Told], missing: Sequence[Missing], bundle: TrustBundle
) -> dict[str, Any]:
    """Verify what agencies told and write it as the document that people and programs read.

    Raises:
        LandbridgeError: as for `verify_disclosed`; LB-4201 when the answers are not on one subject,
            or leave out entries between them.
    """
    disclosed = [verify_disclosed(one.request.to_bytes(), one.response, bundle) for one in told]
    _check_together(disclosed)
    looks = sorted(
        (look for one in disclosed for look in one.looks),
        key=lambda look: (-look.at, look.agency, -look.index),
    )
    subjects = disclosed[0].request.subjects if disclosed else ()
    return {
        "format": _FORMAT,
        "subject": [{"scheme": one.scheme, "value": one.value} for one in subjects],
        "told": [_told(one) for one in disclosed],
        "missing": [
            {"agency": one.agency, "code": one.code, "message": one.message} for one in missing
        ],
        "accesses": [_look(look) for look in looks],
        "evidence": [
            {
                "request": one.request.fields(),
                "response": base64.b64encode(one.response.SerializeToString()).decode(),
            }
            for one in told
        ],
    }


def verify_accesses(
    document: Mapping[str, Any],
    bundle: TrustBundle,
    *,
    passed: Callable[[str, str], None] = lambda *_: None,
) -> None:
    """Verify a document offline; `passed` is told the name of each check that held, and a sentence.

    Raises:
        LandbridgeError: as for `accesses_document`; LB-4201 when the document is of another format,
            carries no evidence, or shows something else than its evidence.
    """
    if document.get("format") != _FORMAT:
        raise _altered(f"it is not of the format {FORMAT} version {VERSION}", "format")
    told, missing = _read_evidence(document), _read_missing(document)
    derived = accesses_document(told, missing, bundle)
    agencies = ", ".join(sorted({each["agency"] for each in derived["told"]})) or "nobody"
    passed("requests", f"{len(told)} signed, each good when it was answered")
    passed("answers", f"told by {agencies}, each answer in the log of its agency")
    passed(
        "entries",
        f"{counted(len(derived['accesses']), 'access')}, each proven by a signed head",
    )
    # The evidence is what the rest is derived from: its own writing proves nothing more.
    derived["evidence"] = document["evidence"]
    place = first_difference(derived, document)
    if place is not None:
        raise _altered(f"it shows something else at {place} than was proven", place)
    passed("document", "shows exactly what was proven")


def _check_together(disclosed: Sequence[Disclosed]) -> None:
    """Check that all are on one subject, and that pages of one agency follow one another."""
    last: dict[str, Disclosed] = {}
    for number, one in enumerate(disclosed):
        place = f"evidence[{number}]"
        if one.request.subjects != disclosed[0].request.subjects:
            raise _altered("the requests are on several subjects", place)
        before, earlier = one.request.request.before, last.get(one.agency)
        if earlier is None:
            expected = None
        elif not earlier.more or not earlier.looks:
            raise _altered(f"{one.agency} had told all already", place)
        else:
            expected = earlier.looks[-1].index
        if before != expected:
            raise _altered(f"entries of {one.agency} are left out", place)
        last[one.agency] = one


def _told(one: Disclosed) -> dict[str, Any]:
    return {
        "agency": one.agency,
        "log": one.origin,
        "entry": one.index,
        "told_at": to_iso(one.at),
        "spoken_for_by": one.request.speaker.desk,
        "signed_by": one.request.speaker.signer,
        "accesses": len(one.looks),
        "more": one.more,
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "at": to_iso(look.at),
        "agency": look.agency,
        "requester": look.requester,
        "purpose": look.purpose,
        "case": look.case,
        "step": "identifiers" if look.resolving else "records",
        "consents": look.consents,
        "datasets": [_dataset(each) for each in look.datasets],
        "log": look.origin,
        "entry": look.index,
        "in_words": list(sentences(look)),
    }


def _dataset(dataset: Dataset) -> dict[str, Any]:
    written: dict[str, Any] = {
        "dataset": dataset.name,
        "code": dataset.reason.code,
        "memorandum": dataset.memorandum,
        "clause": dataset.clause,
        "legal_basis": dataset.legal_basis,
        "released": list(dataset.released),
        "withheld": list(dataset.withheld),
        "records": dataset.records,
        "expired": dataset.expired,
    }
    if dataset.told_from:
        written["told_from"] = to_iso(dataset.told_from)
        written["delay_basis"] = dataset.delay_basis
    return written


def _read_evidence(document: Mapping[str, Any]) -> list[Told]:
    evidence = document.get("evidence")
    if not isinstance(evidence, list):
        raise _altered("it carries no evidence", "evidence")
    return [_read_told(one, f"evidence[{number}]") for number, one in enumerate(evidence)]


def _read_told(one: object, place: str) -> Told:
    text = one.get("response") if isinstance(one, Mapping) else None
    if not isinstance(one, Mapping) or not isinstance(text, str):
        raise _altered("it is not a request with its answer", place)
    try:
        data = base64.b64decode(text, validate=True)
        response = rights_service_pb2.ListAccessesResponse.FromString(data)
    except (binascii.Error, ValueError, DecodeError):
        raise _altered("the answer is not one of who looked", place) from None
    return Told(SignedByOne.of(one.get("request"), WHAT), response)


def _read_missing(document: Mapping[str, Any]) -> list[Missing]:
    missing = document.get("missing")
    fields = ("agency", "code", "message")
    if not isinstance(missing, list) or not all(
        isinstance(one, Mapping) and all(isinstance(one.get(name), str) for name in fields)
        for one in missing
    ):
        raise _altered("it does not say which agencies did not answer", "missing")
    return [Missing(*(one[name] for name in fields)) for one in missing]


def _altered(message: str, where: str) -> LandbridgeError:
    return refuse(Reason.PROFILE_ALTERED, message, where=where)
