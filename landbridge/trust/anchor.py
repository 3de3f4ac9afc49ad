"""The anchor of a party's folder: the federation's bundle key, by which the first bundle is held.

It follows the bundle when two administrators have its key replaced.
"""

from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import public_text, read_public
from landbridge.trust.bundle import TrustBundle

_ANCHORS_AT_MOST = 2


def read_successor(document: bytes, old: TrustBundle) -> TrustBundle:
    """Read a bundle signed by the key in use, or by one that it states: approval shows later.

    Raises:
        LandbridgeError: LB-4010 when neither signed it, or the bundle is not sound.
    """
    try:
        return TrustBundle.parse(document, old.anchor)
    except LandbridgeError as error:
        try:
            return TrustBundle.parse(document, None)
        except LandbridgeError:
            raise error from None


def read_anchored(document: bytes, anchors: Sequence[Ed25519PublicKey]) -> TrustBundle:
    """Read a bundle that one of the anchors signed.

    Raises:
        LandbridgeError: LB-4010 when none did, or the bundle is not sound.
    """
    *others, last = anchors
    for anchor in others:
        try:
            return TrustBundle.parse(document, anchor)
        except LandbridgeError:
            continue
    return TrustBundle.parse(document, last)


def read_anchors(path: Path) -> list[Ed25519PublicKey]:
    """Read the bundle keys that a folder trusts: one, or two while one replaces the other.

    Raises:
        LandbridgeError: LB-1101 when the file does not hold them.
        OSError: when it cannot be read.
    """
    lines = path.read_text(errors="replace").split()
    if not 0 < len(lines) <= _ANCHORS_AT_MOST:
        raise refuse(Reason.INVALID_CONFIGURATION, "it holds no bundle key", where=str(path))
    return [read_public(line) for line in lines]


def anchor_lines(*anchors: Ed25519PublicKey) -> bytes:
    """Write the bundle keys that a folder trusts."""
    return "".join(public_text(anchor) + "\n" for anchor in anchors).encode()
