"""Writes this folder's own vectors: `python tests/vectors/generate.py`.

It shares no code with the program. The tree is written down as the RFC defines it, by recursion
over the whole list of entries: slow, and easy to hold against the text. Tests use these too.
"""

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FOLDER = Path(__file__).parent
SEED = sha256(b"landbridge test vectors").digest()
ORIGIN = "fsa.ed.institutions.example/node/main"


def mth(entries: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1: the Merkle tree hash."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def path(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1: the audit path of entry m."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m: int, entries: Sequence[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.2: the consistency proof of the first m entries."""
    return subproof(m, entries, whole=True)


def subproof(m: int, entries: Sequence[bytes], *, whole: bool) -> list[bytes]:
    """RFC 6962, section 2.1.2: SUBPROOF."""
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole=whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], whole=False), mth(entries[:k])]


def split(n: int) -> int:
    """Return the largest power of two below n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def entry(number: int) -> bytes:
    """Return the entry that stands at a place of the vectors' trees."""
    return b"entry %d" % number * (number % 4)


def merkle() -> dict[str, object]:
    """Trees of many sizes, with proofs."""
    entries = [entry(number) for number in range(600)]
    pairs = [(old, new) for new in range(1, 10) for old in range(1, new + 1)]
    pairs += [(1, 600), (255, 256), (256, 257), (257, 513), (512, 600), (599, 600)]
    places = [(index, size) for size in range(1, 10) for index in range(size)]
    places += [(0, 600), (255, 256), (256, 257), (300, 512), (599, 600)]
    return {
        "entries": "entry n is the text 'entry n' repeated n % 4 times",
        "roots": {
            str(size): mth(entries[:size]).hex()
            for size in [*range(20), 255, 256, 257, 511, 512, 513, 600]
        },
        "inclusion": [
            {"index": index, "size": size, "path": hexes(path(index, entries[:size]))}
            for index, size in places
        ],
        "consistency": [
            {"old": old, "new": new, "path": hexes(proof(old, entries[:new]))} for old, new in pairs
        ],
    }


def note() -> dict[str, object]:
    """A verifier key and two notes signed by it, one of them a checkpoint (C2SP)."""
    entries = [entry(number) for number in range(600)]
    root = base64.b64encode(mth(entries)).decode()
    return {
        "seed": SEED.hex(),
        "name": ORIGIN,
        "verifier_key": f"{ORIGIN}+{key_hash().hex()}+{base64.b64encode(key_bytes()).decode()}",
        "note": signed("Grüße\n\nin two paragraphs\n"),
        "checkpoint": signed(f"{ORIGIN}\n600\n{root}\n"),
        "size": 600,
        "root": mth(entries).hex(),
    }


def envelope() -> dict[str, object]:
    """Encodings and batches as DSSE version 1 and our own batch head make them."""
    payload_type = "application/vnd.landbridge.query.v1"
    payloads = [entry(number) for number in range(1, 8)]
    leaves = [pae(payload_type, payload) for payload in payloads]
    head = len(leaves).to_bytes(8, "big") + mth(leaves)
    signature = key().sign(pae("application/vnd.landbridge.batch-head.v1", head))
    return {
        "seed": SEED.hex(),
        "payload_type": payload_type,
        "payloads": hexes(payloads),
        "pae": hexes(leaves),
        "digests": [sha256(leaf).hexdigest() for leaf in leaves],
        "root": mth(leaves).hex(),
        "signature": signature.hex(),
        "paths": [hexes(path(index, leaves)) for index in range(len(leaves))],
    }


def pae(payload_type: str, payload: bytes) -> bytes:
    """DSSE version 1: the pre-authentication encoding."""
    parts = [b"DSSEv1"]
    for part in (payload_type.encode(), payload):
        parts += [str(len(part)).encode(), part]
    return b" ".join(parts)


def signed(text: str) -> str:
    """C2SP signed-note: the text with one Ed25519 signature."""
    line = base64.b64encode(key_hash() + key().sign(text.encode())).decode()
    return f"{text}\n\u2014 {ORIGIN} {line}\n"


def key() -> Ed25519PrivateKey:
    """Return the key that signs all vectors."""
    return Ed25519PrivateKey.from_private_bytes(SEED)


def key_bytes() -> bytes:
    """Return the public key with its type, as C2SP signed-note writes it."""
    return b"\x01" + key().public_key().public_bytes_raw()


def key_hash() -> bytes:
    """C2SP signed-note: the key id of the signing key under its name."""
    return sha256(ORIGIN.encode() + b"\n" + key_bytes()).digest()[:4]


def hexes(hashes: Sequence[bytes]) -> list[str]:
    """Write hashes in hexadecimal."""
    return [one.hex() for one in hashes]


def documents() -> dict[str, str]:
    """Return every file of this folder that is generated, by name."""
    made = {"merkle.json": merkle(), "note.json": note(), "envelope.json": envelope()}
    return {
        name: json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        for name, content in made.items()
    }


if __name__ == "__main__":
    for name, text in documents().items():
        (FOLDER / name).write_text(text)
