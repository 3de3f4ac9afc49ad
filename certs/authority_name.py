"""What an authority is called: its subject, its id such as `issuing-3`, its revocation list's URL.

The id follows from the certificate's subject, so that no two sources can disagree on it.
"""

import re

from cryptography import x509
from cryptography.x509.oid import NameOID

from landbridge.errors import Reason, refuse

_COMMON_NAME = re.compile(r"(Root|Issuing) ([1-9][0-9]{0,5})")
_PARTS = 2


def authority_name(federation: str, common_name: str) -> x509.Name:
    """Make an authority's subject: the federation, and `Root <n>` or `Issuing <n>`."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, federation),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def authority_id(name: x509.Name) -> str:
    """Return the id of the authority that a name is of: `root-<n>` or `issuing-<n>`.

    Raises:
        LandbridgeError: LB-1101 when it is not the name of a federation's authority.
    """
    level, generation = _read(name)[1:]
    return f"{level.lower()}-{generation}"


def generation_of(name: x509.Name) -> int:
    """Return the generation of an authority, counted from 1.

    Raises:
        LandbridgeError: LB-1101 when it is not the name of a federation's authority.
    """
    return int(_read(name)[2])


def federation_of(name: x509.Name) -> str:
    """Return the federation that an authority belongs to.

    Raises:
        LandbridgeError: LB-1101 when it is not the name of a federation's authority.
    """
    return _read(name)[0]


def list_url(name: x509.Name) -> str:
    """Return where the certificates of an authority say that their revocations are listed.

    It is a name above all: the lists come through the gateway, with the trust bundle.

    Raises:
        LandbridgeError: LB-1101 when it is not the name of a federation's authority.
    """
    return f"http://crl.{federation_of(name)}/{authority_id(name)}.crl"


def _read(name: x509.Name) -> tuple[str, str, str]:
    parts = list(name)
    match = _COMMON_NAME.fullmatch(str(parts[-1].value)) if len(parts) == _PARTS else None
    kinds = [part.oid for part in parts]
    if match is None or kinds != [NameOID.ORGANIZATION_NAME, NameOID.COMMON_NAME]:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"{name.rfc4514_string()[:200]!r} names no authority of a federation",
        )
    return str(parts[0].value), match[1], match[2]
