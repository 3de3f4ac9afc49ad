"""Parties as administrators write and read them: `register.gov/node`, `register.gov/node/blue`."""

from typing import Final

from landbridge.agency import Identity, Role, check_agency, parse_identity
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.suggestion import did_you_mean

_MAIN: Final = "main"


def read_party(text: str, federation: str) -> Identity:
    """Read a party: its URI, or agency/role with the name after it where that is not `main`.

    Raises:
        LandbridgeError: LB-1106 when it names no party of the federation.
    """
    try:
        if text.startswith("spiffe://"):
            return parse_identity(text, federation)
        agency, _, rest = text.partition("/")
        role, _, name = rest.partition("/")
        return _identity(check_agency(agency), federation, role, name or _MAIN)
    except LandbridgeError as error:
        raise refuse(
            Reason.USAGE,
            f"{text!r} names no party: {error.message}",
            next_step="write it as agency/role, such as register.gov/node; "
            "`landbridge federation show` lists them",
        ) from error


def shown_party(uri: str, federation: str) -> str:
    """Write a party's URI as administrators write it, its name apart where that is `main`."""
    try:
        identity = parse_identity(uri, federation)
    except LandbridgeError:
        return uri
    short = f"{identity.agency}/{identity.role}"
    return short if identity.name == _MAIN else f"{short}/{identity.name}"


def _identity(agency: str, federation: str, role: str, name: str) -> Identity:
    if role not in Role._value2member_map_:
        raise refuse(
            Reason.USAGE,
            f"{role!r} is not a role{did_you_mean(role, [str(each) for each in Role])}",
        )
    return parse_identity(Identity(agency, federation, Role(role), name).uri, federation)
