"""A party's folder: its credential for TLS, its signing keys, and its pseudonym key."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Issuing
from certs.authority_files import key_pem, to_pem
from landbridge.agency import Identity
from landbridge.clock import Clock
from landbridge.keys import KeyUse, SigningKey, write_whole

_PSEUDONYM_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Party:
    """One agency in one role, with the folder that holds all it needs to speak."""

    identity: Identity
    folder: Path
    keys: Mapping[KeyUse, SigningKey] = field(repr=False)
    made_at: int

    @property
    def origin(self) -> str:
        """The name of this party's log in its checkpoints."""
        return self.identity.uri.removeprefix("spiffe://")


def create_party(
    folder: Path,
    identity: Identity,
    uses: Iterable[KeyUse],
    *,
    issuing: Issuing,
    clock: Clock,
) -> Party:
    """Make a party's keys and certificate and write its folder.

    credential.pem, keys/<use>.key, and pseudonym.key for the owner of a log. The trust bundle comes
    when the federation publishes one.

    Raises:
        LandbridgeError: LB-1101 when the identity cannot be certified.
    """
    issue_credential(folder, identity, issuing=issuing, clock=clock)
    return Party(identity, folder, create_keys(folder, identity, uses), clock())


def create_keys(
    folder: Path, identity: Identity, uses: Iterable[KeyUse]
) -> dict[KeyUse, SigningKey]:
    """Make a party's signing keys, and the pseudonym key of a log's owner, and write them."""
    keys = {use: SigningKey.generate(identity.agency, use) for use in uses}
    for use, key in keys.items():
        key.save(folder / "keys" / f"{use}.key")
    if KeyUse.LOG in keys:
        pseudonym_key = secrets.token_hex(_PSEUDONYM_KEY_BYTES)
        write_whole(folder / "pseudonym.key", pseudonym_key.encode())
    return keys


def issue_credential(folder: Path, identity: Identity, *, issuing: Issuing, clock: Clock) -> None:
    """Give a party a new TLS key and certificate: key and chain in one file, so in one step.

    Raises:
        LandbridgeError: LB-1101 when the identity cannot be certified.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = issuing.issue(identity, key.public_key(), clock)
    write_whole(folder / "credential.pem", key_pem(key) + to_pem(leaf) + issuing.chain_pem)
