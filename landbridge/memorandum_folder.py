"""A folder of signed memoranda, as a party keeps it: what it trusts, and all that it trusts."""

from collections.abc import Callable, Iterator
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse
from landbridge.memorandum import Memorandum
from landbridge.memorandum_signature import verify_memorandum
from landbridge.trust import TrustBundle

Refused = Callable[[Path, LandbridgeError], None]
"""Told of each document that is not taken."""


def read_memoranda(
    folder: Path, bundle: TrustBundle, *, at: int, agency: str = "", refused: Refused
) -> Iterator[Memorandum]:
    """Read the signed memoranda of a folder; with an agency, only those it is a party of.

    A document that does not verify grants nothing and is told to `refused`; the others stand.
    """

    def key(key_id: str) -> tuple[str, Ed25519PublicKey]:
        return bundle.verifying_key(key_id, KeyUse.MEMORANDUM, at)

    taken: set[str] = set()
    for path in sorted(folder.glob("*.jws.json")):
        try:
            memorandum = verify_memorandum(path.read_bytes(), key)
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
