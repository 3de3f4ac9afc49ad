"""Who speaks: agencies, their roles, and the identity that a certificate carries."""

import re
from dataclasses import dataclass
from enum import StrEnum

from landbridge.errors import Reason, refuse

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_AGENCY = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_SPIFFE = re.compile(
    rf"spiffe://(?P<host>{_LABEL}(?:\.{_LABEL})+)/(?P<role>[a-z]+)/(?P<name>{_LABEL})"
)
_MAX_HOST = 253


class Role(StrEnum):
    """What a certificate's holder may do on the wire."""

    NODE = "node"
    GATEWAY = "gateway"
    REQUESTER = "requester"
    ADMIN = "admin"
    AUTHORITY = "authority"


@dataclass(frozen=True, slots=True)
class Identity:
    """An agency's role, as a certificate states it.

    Written as `spiffe://<agency>.<federation>/<role>/<name>`: the agency stands in the host, so
    that name constraints can bind it (RFC 5280, section 4.2.1.10).
    """

    agency: str
    federation: str
    role: Role
    name: str

    @property
    def uri(self) -> str:
        """The identity as the URI that certificates carry."""
        return f"spiffe://{self.agency}.{self.federation}/{self.role}/{self.name}"

    @property
    def dns_name(self) -> str:
        """The DNS name that this identity's server certificate carries, and no other's does."""
        return f"{self.name}.{self.role}.{self.agency}.{self.federation}"


def check_agency(agency: str) -> str:
    """Return the agency id if it is a DNS-like label such as `fsa.ed`.

    Raises:
        LandbridgeError: LB-1101 when it is not.
    """
    if not _AGENCY.fullmatch(agency) or len(agency) > _MAX_HOST:
        raise refuse(
            Reason.INVALID_CONFIGURATION,
            f"{agency!r} is not an agency id",
            next_step="write lower-case labels joined by dots, such as 'fsa.ed'",
        )
    return agency


def parse_identity(uri: str, federation: str) -> Identity:
    """Read the identity in a certificate's URI, strictly.

    Raises:
        LandbridgeError: LB-4005 when the URI is not exactly of this federation's form.
    """
    match = _SPIFFE.fullmatch(uri)
    host = match["host"] if match else ""
    agency = host.removesuffix("." + federation)
    if (
        match is None
        or agency == host
        or len(host) > _MAX_HOST
        or match["role"] not in Role._value2member_map_
    ):
        raise refuse(
            Reason.CALLER_REFUSED,
            f"{uri[:200]!r} is not an identity of the federation {federation}",
            next_step="have the federation's issuing authority issue the certificate",
        )
    return Identity(agency, federation, Role(match["role"]), match["name"])
