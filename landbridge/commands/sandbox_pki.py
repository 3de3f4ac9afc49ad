"""The throw-away PKI of a sandbox: every party of a federation folder, and its signed memoranda.

Only a sandbox makes all keys, and signs for all parties, in one place.
"""

import secrets
from collections.abc import Collection
from pathlib import Path
from typing import Final

from certs.federation import FederationPki, PartyPlan
from landbridge.agency import Role
from landbridge.errors import Reason, refuse
from landbridge.federation import Federation
from landbridge.keys import KeyUse, write_whole
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import SignedForm

ADMINS: Final = ("first", "second")
PASSPHRASE_FILE: Final = "root-passphrase"  # noqa: S105  a file name
_PASSPHRASE_BYTES: Final = 24
_USES: Final = {
    Role.NODE: (KeyUse.LOG, KeyUse.MEMORANDUM),
    Role.REQUESTER: (KeyUse.QUERY, KeyUse.LOG, KeyUse.MEMORANDUM),
}


def find_desks(folder: Path) -> frozenset[str]:
    """Find the agencies whose word a memorandum of the folder takes for a person's consent.

    Raises:
        LandbridgeError: LB-4101 for a wrong memorandum.
    """
    return frozenset(
        desk
        for path in (folder / "memoranda").glob("*.yaml")
        for desk in Memorandum.from_yaml(path).consent_desks
    )


def plan_parties(federation: Federation, desks: Collection[str] = ()) -> list[PartyPlan]:
    """Plan every party: gateway, authority and two administrators of one agency, and the others.

    The agencies of `desks`, and those that keep a desk, get a key for consent, too.
    """
    operator, title = federation.gateway.agency, federation.title
    plans = [
        PartyPlan(operator, Role.GATEWAY, title, (KeyUse.LOG,), federation.gateway.name),
        PartyPlan(operator, Role.AUTHORITY, title, (KeyUse.LOG,)),
        *(PartyPlan(operator, Role.ADMIN, title, (KeyUse.ADMIN,), name) for name in ADMINS),
    ]
    for agency in federation.agencies.values():
        sealed = False
        for role in sorted(agency.roles):
            uses = tuple(use for use in _USES[role] if not (sealed and use is KeyUse.MEMORANDUM))
            if (agency.desk or agency.id in desks) and not sealed:
                uses = (*uses, KeyUse.CONSENT)
            plans.append(PartyPlan(agency.id, role, agency.title, uses))
            sealed = True
    return plans


def save_root(pki: FederationPki, home: Path) -> Path:
    """Write the root's key under a drawn passphrase; return the folder that holds it."""
    passphrase = secrets.token_hex(_PASSPHRASE_BYTES).encode()
    write_whole(home / PASSPHRASE_FILE, passphrase + b"\n")
    folder = home / "root"
    pki.root.save(folder / pki.root.id, passphrase)
    return folder


def sign_memoranda(pki: FederationPki, folder: Path) -> None:
    """Sign the folder's memoranda for all their parties, and give each party its own.

    Raises:
        LandbridgeError: LB-4102 when a memorandum names a party that is no agency; LB-41xx for a
            wrong memorandum.
    """
    seals = {
        key.agency: key
        for party in pki.parties.values()
        for key in party.keys.values()
        if key.use is KeyUse.MEMORANDUM
    }
    for path in sorted((folder / "memoranda").glob("*.yaml")):
        memorandum = Memorandum.from_yaml(path)
        missing = [party for party in memorandum.parties if party not in seals]
        if missing:
            raise refuse(
                Reason.SIGNERS_NOT_PARTIES,
                f"the party {missing[0]} is no agency of {pki.federation}",
                where=str(path),
            )
        form = SignedForm(memorandum.to_json())
        for party in memorandum.parties:
            form = form.add(seals[party], party)
        document = form.to_bytes()
        for identity, holder in pki.parties.items():
            if identity.role is Role.GATEWAY or identity.agency in memorandum.parties:
                write_whole(
                    holder.folder / "memoranda" / f"{memorandum.id}.jws.json", document, mode=0o644
                )
