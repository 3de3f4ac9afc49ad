"""Which logs a federation has, whose they are, and the keys that may have signed them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role
from landbridge.errors import Reason, refuse
from landbridge.keys import read_public
from landbridge.log.checkpoint import Checkpoint, read_checkpoint
from landbridge.log.note import NoteVerifier, check_note, parse_note
from landbridge.trust.bundle import TrustBundle

_ROLES: Final = {role.value: role for role in Role}
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class ListedLog:
    """One log: whose it is, and every key that it has or had."""

    agency: str
    keys: tuple[Ed25519PublicKey, ...]


@dataclass(frozen=True, slots=True)
class ListedLogs:
    """The logs of a federation, by origin."""

    logs: Mapping[str, ListedLog]

    @classmethod
    def of(cls, bundle: TrustBundle) -> Self:
        """Read them from a trust bundle; keys that were replaced since count, as logs are old."""
        found: dict[str, ListedLog] = {}
        for agency, member in bundle.content.members.items():
            listed = {record.key_id: record.public_key for record in member.keys}
            for log in member.logs:
                known = (listed[key_id] for key_id in log.key_ids if key_id in listed)
                found[log.origin] = ListedLog(agency, tuple(map(read_public, known)))
        return cls(found)

    def verify_head(self, data: bytes) -> Checkpoint:
        """Read a head and check that a key of its log signed it.

        Raises:
            LandbridgeError: LB-4008 when malformed; LB-4001 when the signature does not verify;
                LB-4002 when no key of the log signed, or the log is not listed.
        """
        note = parse_note(data)
        head = read_checkpoint(note)
        listed = self.logs.get(head.origin)
        if listed is None:
            raise refuse(
                Reason.UNTRUSTED_KEY,
                f"the trust bundle lists no log {head.origin[:_LONGEST_NAME]!r}",
            )
        check_note(note, [NoteVerifier(head.origin, key) for key in listed.keys])
        return head

    def agency(self, origin: str) -> str:
        """Return whose log it is."""
        return self.logs[origin].agency

    def whole(self, shown: Collection[str]) -> frozenset[tuple[Role, str]]:
        """Name roles and agencies of which every log is among those shown; gateways as one."""
        listed: dict[tuple[Role, str], set[str]] = {}
        for origin, log in self.logs.items():
            role = role_of(origin)
            key = role, "" if role is Role.GATEWAY else log.agency
            listed.setdefault(key, set()).add(origin)
        return frozenset(key for key, origins in listed.items() if origins <= set(shown))


def role_of(origin: str) -> Role:
    """Read the role out of `<agency>.<federation>/<role>/<name>`; ADMIN where there is none."""
    return _ROLES.get(origin.partition("/")[2].partition("/")[0], Role.ADMIN)
