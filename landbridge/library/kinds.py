"""The kinds of signed documents, and where each lies in a party's folder."""

import json
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from landbridge.memorandum.signed_form import payload_of

SUFFIX: Final = ".jws.json"


class Kind(StrEnum):
    """What a signed document is."""

    MEMORANDUM = "memorandum"
    NOTICE = "notice"
    REVOCATION = "consent_revocation"
    CORRECTION = "correction"
    ACKNOWLEDGEMENT = "acknowledgement"

    @property
    def folder(self) -> str:
        """The folder in which documents of this kind lie."""
        return _FOLDERS[self]


_FOLDERS: Final = {
    Kind.MEMORANDUM: "memoranda",
    Kind.NOTICE: "notices",
    Kind.REVOCATION: "consents",
    Kind.CORRECTION: "corrections",
    Kind.ACKNOWLEDGEMENT: "acknowledgements",
}

_MARKED: Final = (Kind.REVOCATION, Kind.NOTICE, Kind.CORRECTION, Kind.ACKNOWLEDGEMENT)


def kind_of(document: bytes) -> Kind:
    """Tell a document's kind by the key that only this kind of payload has.

    What is nothing else counts as a memorandum, and is refused as one.

    Raises:
        LandbridgeError: LB-4101 when it is no signed document at all.
    """
    try:
        fields: Any = json.loads(payload_of(document))
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        for kind in _MARKED:
            if kind.value in fields:
                return kind
    return Kind.MEMORANDUM


def file_name(kind: Kind, subject: str, signed: str) -> str:
    """Name the file of a document that came over the wire; `signed` is its payload's SHA-256.

    Subjects of revocations are no names of files.
    """
    short = signed[:12]
    return {
        Kind.MEMORANDUM: f"{subject}.{short}{SUFFIX}",
        Kind.NOTICE: f"{subject}.{short}{SUFFIX}",
        Kind.REVOCATION: f"{signed[:32]}{SUFFIX}",
        Kind.CORRECTION: f"{subject}.{short}{SUFFIX}",
        Kind.ACKNOWLEDGEMENT: f"{subject}.{short}{SUFFIX}",
    }[kind]


def digest_of(data: bytes) -> str:
    """Return SHA-256 in hex."""
    return sha256(data).hexdigest()
