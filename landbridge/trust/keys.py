"""The signing keys and logs that a trust bundle lists, each of one agency and one use alone."""

import base64
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.agency import Role, parse_identity
from landbridge.errors import LandbridgeError
from landbridge.keys import KeyUse, make_key_id, read_public
from landbridge.trust.document import (
    AuthorityState,
    BundleDocument,
    KeyRecord,
    LogRecord,
    unix_ms,
    unsound,
)
from landbridge.trust.introduction import Introduction, may_vouch


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A signing key; times are in Unix milliseconds."""

    key_id: str
    agency: str
    use: KeyUse
    public: Ed25519PublicKey = field(repr=False)
    state: AuthorityState
    not_before: int
    not_after: int


Logs = dict[str, tuple[Role, tuple[ListedKey, ...]]]


def lay_out_keys(content: BundleDocument) -> tuple[dict[str, ListedKey], Logs]:
    """Lay keys and logs out for look-up; each key belongs to one agency and one use alone.

    Raises:
        LandbridgeError: LB-4010 when a key, its endorsement or a log is not its agency's own.
    """
    keys: dict[str, ListedKey] = {}
    logs: Logs = {}
    for agency, member in content.members.items():
        try:
            for record in member.keys:
                _list_key(content.federation, agency, record, keys)
            for log in member.logs:
                if log.origin in logs:
                    raise unsound(f"the log {log.origin!r} is listed twice")
                logs[log.origin] = _log(content.federation, agency, log, keys)
                if logs[log.origin][0] not in member.roles:
                    raise unsound(f"the log {log.origin!r} is of a role that is not its own")
        except LandbridgeError as error:
            raise unsound(f"members.{agency}: {error.message}") from error
    if len({key.public.public_bytes_raw() for key in keys.values()}) != len(keys):
        raise unsound("a key is listed twice")
    return keys, logs


def _list_key(federation: str, agency: str, record: KeyRecord, keys: dict[str, ListedKey]) -> None:
    public = read_public(record.public_key)
    if record.key_id in keys:
        raise unsound(f"the key {record.key_id!r} is listed twice")
    if record.key_id != make_key_id(agency, record.use, public):
        raise unsound(f"{record.key_id[:120]!r} is not the id of its key")
    if record.use is KeyUse.BUNDLE:
        raise unsound("a bundle key is the federation's, not a member's")
    if record.endorsement:
        # Keys stand in the order in which they came, so no two can vouch for each other.
        earlier = keys.get(record.endorsement.key_id)
        signature = base64.urlsafe_b64decode(record.endorsement.signature + "==")
        introduction = Introduction(federation, agency, record.use, public)
        if (
            earlier is None
            or earlier.agency != agency
            or not may_vouch(earlier.use, record.use)
            or not introduction.is_signed_by(earlier.public, signature)
        ):
            raise unsound(f"no earlier key of the agency vouches for {record.key_id}")
    keys[record.key_id] = ListedKey(
        record.key_id,
        agency,
        record.use,
        public,
        record.state,
        unix_ms(record.not_before),
        unix_ms(record.not_after),
    )


def _log(
    federation: str, agency: str, log: LogRecord, keys: dict[str, ListedKey]
) -> tuple[Role, tuple[ListedKey, ...]]:
    owner = parse_identity(f"spiffe://{log.origin}", federation)
    found = tuple(key for key_id in log.key_ids if (key := keys.get(key_id)))
    if len(found) != len(log.key_ids) or len(set(log.key_ids)) != len(log.key_ids):
        raise unsound(f"a key of the log {log.origin!r} is not listed")
    if owner.agency != agency or any(
        key.agency != agency or key.use is not KeyUse.LOG for key in found
    ):
        raise unsound(f"the log {log.origin!r} is not its own")
    return owner.role, found
