"""Errata: what an agency corrects in files that it cannot, or may not, write.

An erratum is signed with the agency's key for memoranda and lies in the folder `errata` of its
node. The node applies it to its own loaded copy, now and at every load, so that row conditions and
predicates see the new value. It never leaves the node: it holds native values.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import SigningKey, write_whole
from landbridge.memorandum.words import AgencyId, Instant, Name, read_instant
from landbridge.rights.agency_signature import sign_as_agency, verify_agency
from landbridge.rights.kind import rights_document
from landbridge.statement.form import Part, make_payload, malformed, read_payload
from landbridge.statement.signed import MAX_DOCUMENT, SignedByOne
from landbridge.trust.bundle import TrustBundle

FOLDER: Final = "errata"
_SUFFIX: Final = ".jws.json"
_WHAT: Final = rights_document("erratum")
_MOST: Final = 100
_LONGEST: Final = 4000

_Column = Annotated[str, Field(min_length=1, max_length=200)]
_Native = Annotated[str, Field(max_length=_LONGEST)]


class Cell(Part):
    """A cell by which a row is known."""

    column: _Column
    value: _Native


class CorrectedCell(Part):
    """A cell that is corrected; the values are native texts."""

    column: _Column
    was: _Native
    now: _Native


class _Payload(Part):
    erratum: str = Field(pattern=r"^[0-9a-f]{32}$")
    """The case that it follows from."""
    agency: AgencyId
    dataset: Name
    record: str = Field(min_length=1, max_length=1000)
    table: str = Field(min_length=1, max_length=200)
    row: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=_MOST)]
    cells: Annotated[tuple[CorrectedCell, ...], Field(min_length=1, max_length=_MOST)]
    issued_at: Instant


@dataclass(frozen=True, slots=True)
class Erratum:
    """A verified erratum."""

    case: str
    digest: str
    """SHA-256 of what was signed, in hex."""
    dataset: str
    record: str
    table: str
    row: tuple[tuple[str, str], ...]
    """Column and native text: what tells the row from all others."""
    cells: tuple[tuple[str, str, str], ...]
    """Column, what it said, and what it says."""
    issued_at: int


def write_erratum(fields: dict[str, Any], key: SigningKey) -> SignedByOne:
    """Sign an erratum for one's own node; `agency` is filled in from the key.

    Raises:
        LandbridgeError: LB-4107 for what has no place in it; LB-4002 for a key of another use.
    """
    return sign_as_agency(make_payload(_Payload, {**fields, "agency": key.agency}, _WHAT), key)


def keep_erratum(state: Path, signed: SignedByOne) -> Path:
    """Put an erratum into a node's folder, whole or not at all.

    Raises:
        LandbridgeError: LB-5001 when the disk refuses.
    """
    payload = read_payload(_Payload, signed.payload, _WHAT)
    path = state / FOLDER / f"{payload.erratum}{_SUFFIX}"
    try:
        write_whole(path, signed.to_bytes())
    except OSError as error:
        raise refuse(
            Reason.LOG_UNAVAILABLE,
            f"the erratum cannot be kept: {error.strerror}",
            where=str(path),
        ) from error
    return path


def read_errata(state: Path, bundle: TrustBundle, agency: str) -> tuple[Erratum, ...]:
    """Read the errata in a node's folder, in the order in which they were issued.

    One that does not verify is not passed over: the wrong value would come back unseen.

    Raises:
        LandbridgeError: LB-4107 malformed, LB-4001 altered or another agency's, LB-4002 signed with
            a key that was not the agency's for memoranda then; LB-1101 for a file that cannot be
            read. Each names the file.
    """
    found = [_open(path, bundle, agency) for path in sorted((state / FOLDER).glob(f"*{_SUFFIX}"))]
    return tuple(sorted(found, key=lambda one: (one.issued_at, one.case)))


def _open(path: Path, bundle: TrustBundle, agency: str) -> Erratum:
    try:
        with path.open("rb") as file:
            document = file.read(MAX_DOCUMENT + 1)
        return _verify(document, bundle, agency)
    except OSError as error:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"the erratum cannot be read: {error.strerror}",
            where=str(path),
        ) from error
    except LandbridgeError as error:
        raise refuse(
            error.reason,
            error.message,
            where=str(path),
            next_step="restore the file; if it is to end, take it out of the folder",
        ) from error


def _verify(document: bytes, bundle: TrustBundle, agency: str) -> Erratum:
    signed = SignedByOne.parse(document, _WHAT)
    payload = read_payload(_Payload, signed.payload, _WHAT)
    issued_at = read_instant(payload.issued_at)
    signer = verify_agency(signed, bundle, issued_at, _WHAT)
    if not signer == payload.agency == agency:
        raise refuse(Reason.BAD_SIGNATURE, f"it is not one of {agency}", where=_WHAT)
    columns = [cell.column for cell in payload.cells]
    if len(set(columns)) < len(columns):
        raise malformed(_WHAT, "cells: each column stands once")
    return Erratum(
        payload.erratum,
        sha256(signed.payload).hexdigest(),
        payload.dataset,
        payload.record,
        payload.table,
        tuple((cell.column, cell.value) for cell in payload.row),
        tuple((cell.column, cell.was, cell.now) for cell in payload.cells),
        issued_at,
    )
