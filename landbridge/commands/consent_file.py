"""What the commands on consents read and write: records, signers, subjects and times."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from landbridge.clock import system_clock, to_datetime
from landbridge.commands.files import read_named
from landbridge.commands.output import Output, data_console, print_json, visible
from landbridge.consent.person_key import PersonKey
from landbridge.consent.record import WHAT, RecordDocument, read_record
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.home import Home, find_home
from landbridge.keys import SigningKey, write_whole
from landbridge.memorandum.words import read_instant
from landbridge.statement.signed import MAX_DOCUMENT, SignedByOne
from landbridge.subject import SubjectId, SubjectKind
from landbridge.suggestion import did_you_mean


@dataclass(frozen=True, slots=True)
class ConsentFile:
    """A consent record as a file holds it; its signature is not verified."""

    document: bytes
    record: RecordDocument


def open_record(path: Path) -> ConsentFile:
    """Read a consent record, without verifying its signature.

    Raises:
        LandbridgeError: LB-1106 when the file cannot be read, LB-4105 when it is malformed.
    """
    document = read_named(path, "consent record")[: MAX_DOCUMENT + 1]
    try:
        return ConsentFile(document, read_record(SignedByOne.parse(document, WHAT).payload))
    except LandbridgeError as error:
        raise refuse(error.reason, error.message, where=str(path)) from None


def open_federation(path: Path | None) -> Federation:
    """Read federation.toml, or the one in a folder; where none is named, the home folder's.

    Raises:
        LandbridgeError: LB-1101 when it is wrong; LB-1106 when none is found.
    """
    found = path or Home.read(find_home()).federation
    return Federation.load(found / "federation.toml" if found.is_dir() else found)


def read_person(text: str, federation: Federation) -> SubjectId:
    """Read the identifier of a person.

    Raises:
        LandbridgeError: LB-1002 to LB-1004 for another text; LB-3005 for an organisation's.
    """
    subject = federation.schemes.parse(text)
    if federation.schemes[subject.scheme].subject_kind is not SubjectKind.NATURAL_PERSON:
        raise refuse(
            Reason.SUBJECT_KIND_NOT_COVERED,
            f"{subject.scheme} is a scheme of organisations: only persons consent",
            next_step="name a person, in a scheme of persons of federation.toml",
        )
    return subject


def check_agencies(agencies: Iterable[str], federation: Federation) -> None:
    """Check that agencies are of the federation.

    Raises:
        LandbridgeError: LB-1106 for one that is not.
    """
    for agency in agencies:
        if agency not in federation.agencies:
            raise refuse(
                Reason.USAGE,
                f"{agency!r} is no agency of {federation.name}"
                + did_you_mean(agency, federation.agencies),
                next_step="name an agency of federation.toml, a dataset as agency/dataset",
            )


def read_signer(key: Path | None, person_key: Path | None) -> SigningKey | PersonKey:
    """Load the one key that is named: the desk's, or the person's.

    Raises:
        LandbridgeError: LB-1106 when none or both are named; LB-1101 and LB-4011 for the file.
    """
    if key is not None and person_key is None:
        return SigningKey.load(key)
    if person_key is not None and key is None:
        return PersonKey.load(person_key)
    raise refuse(
        Reason.USAGE,
        "it is not said who signs",
        next_step="give either --key, of the consent desk, or --person-key",
    )


def read_time(text: str, option: str) -> str:
    """Read a time as documents write it; a plain day is its first second, no text is now.

    Raises:
        LandbridgeError: LB-1106 when it is neither.
    """
    if not text:
        return write_time(system_clock())
    moment = f"{text}T00:00:00Z" if "T" not in text else text
    try:
        read_instant(moment)
    except ValueError:
        raise refuse(
            Reason.USAGE,
            f"{text!r} is not a time",
            where=option,
            next_step="write it as 2026-05-01 or 2026-05-01T12:00:00Z, in UTC",
        ) from None
    return moment


def write_time(at: int) -> str:
    """Write Unix milliseconds to the second, as documents do."""
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_new(path: Path, document: bytes) -> None:
    """Write a new file that only its owner may read: it names a person.

    Raises:
        LandbridgeError: LB-1106 when it is there already.
    """
    if path.exists():
        raise refuse(
            Reason.USAGE,
            "the file is there already",
            where=str(path),
            next_step="name a new file with --out",
        )
    write_whole(path, document)


def tell(document: dict[str, Any], output: Output, *lines: str) -> None:
    """Print what was done, in lines or as JSON."""
    if output is not Output.TABLE:
        print_json(document, output)
        return
    for line in lines:
        data_console().print(visible(line), markup=False, soft_wrap=True)
