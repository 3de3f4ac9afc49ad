"""A folder of signed memoranda, as a party keeps it: what it trusts, and all that it trusts."""

from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, read_public_file
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.signature import verify_memorandum
from landbridge.trust.bundle import TrustBundle
from landbridge.trust.document import AuthorityState, unix_ms

Refused = Callable[[Path, LandbridgeError], None]
"""Told of each document that is not taken."""
_TRUSTED = {AuthorityState.PUBLISHED, AuthorityState.ACTIVE, AuthorityState.RETIRING}


def read_memoranda(
    folder: Path, bundle: TrustBundle, *, at: int, agency: str = "", refused: Refused
) -> Iterator[Memorandum]:
    """Read the signed memoranda of a folder; with an agency, only those it is a party of.

    A document that does not verify grants nothing and is told to `refused`; the others stand.
    What a suspended agency signed before stands too: the others' agreement does not end with it.

    Raises:
        LandbridgeError: LB-1101 when a file cannot be read at all.
    """

    def key(key_id: str) -> tuple[str, Ed25519PublicKey]:
        return bundle.verifying_key(key_id, KeyUse.MEMORANDUM, _in_service(bundle, key_id, at))

    taken: set[str] = set()
    for path in sorted(folder.glob("*.jws.json")):
        document = read_public_file(path)
        try:
            memorandum = verify_memorandum(document, key)
            if memorandum.id in taken:
                raise refuse(
                    Reason.MALFORMED_MEMORANDUM,
                    f"another document in the folder is the memorandum {memorandum.id} already",
                    next_step="keep the one that is meant",
                )
            if agency and agency not in memorandum.parties:
                raise refuse(
                    Reason.SIGNERS_NOT_PARTIES,
                    f"{agency} is no party of the memorandum {memorandum.id}",
                    next_step="remove the document from this node's folder",
                )
        except LandbridgeError as error:
            refused(path, error)
        else:
            taken.add(memorandum.id)
            yield memorandum


def _in_service(bundle: TrustBundle, key_id: str, at: int) -> int:
    """Return the time by which a memorandum's key is judged: now, or the agency's last in service.

    A key that is tainted or removed is judged by now in any case: nobody can tell when it signed.
    """
    member = bundle.content.members.get(key_id.partition("/")[0])
    record = next((one for one in member.keys if one.key_id == key_id), None) if member else None
    if member is None or record is None or record.state not in _TRUSTED:
        return at
    ends = (member.suspended_at, member.left_at)
    return min([at, *(unix_ms(end) - 1 for end in ends if end)])
