"""Writes the vectors of what a log publishes: `python -m tests.vectors.published`.

Cosigned checkpoints, tiles, bundles and proof files as C2SP describes them. Like generate.py it
shares no code with the program.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.vectors.generate import FOLDER, ORIGIN, entry, mth, path, signed

WITNESS = "board.institutions.example/requester/main"
WITNESS_SEED = sha256(b"landbridge test vectors: a witness").digest()
COSIGNED_AT = 1_795_000_000
SIZE = 600


def cosignature() -> dict[str, object]:
    """C2SP tlog-cosignature: a checkpoint, a witness and its word on it."""
    text = checkpoint_text()
    timed = COSIGNED_AT.to_bytes(8, "big") + witness().sign(
        f"cosignature/v1\ntime {COSIGNED_AT}\n{text}".encode()
    )
    line = f"\u2014 {WITNESS} {base64.b64encode(witness_hash() + timed).decode()}\n"
    return {
        "seed": WITNESS_SEED.hex(),
        "name": WITNESS,
        "verifier_key": f"{WITNESS}+{witness_hash().hex()}+"
        + base64.b64encode(witness_bytes()).decode(),
        "time": COSIGNED_AT,
        "checkpoint": signed(text),
        "line": line,
        "cosigned": signed(text) + line,
    }


def tlog_proof() -> dict[str, object]:
    """C2SP tlog-proof: proofs of single entries, with extra data and without."""
    entries = [entry(number) for number in range(SIZE)]

    def written(index: int, size: int, extra: str) -> str:
        hashes = [base64.b64encode(one).decode() for one in path(index, entries[:size])]
        lines = ["c2sp.org/tlog-proof@v1", *([extra] if extra else []), f"index {index}", *hashes]
        return "\n".join(lines) + "\n\n" + signed(checkpoint_text(size))

    cases = [(300, SIZE, True), (300, SIZE, False), (0, 1, True), (599, SIZE, True), (4, 5, True)]
    return {
        "proofs": [
            {
                "index": index,
                "size": size,
                "entry": entries[index].hex(),
                "text": written(
                    index,
                    size,
                    f"extra {base64.b64encode(entries[index]).decode()}" if extra else "",
                ),
            }
            for index, size, extra in cases
        ]
    }


def tiles() -> dict[str, object]:
    """C2SP tlog-tiles: every file of logs of some sizes, by path, with its SHA-256."""
    return {
        "bundle_of_three": b"".join(bundle(number) for number in range(3)).hex(),
        "paths": {
            str(index): number_path(index) for index in (0, 7, 999, 1000, 1234067, 123456789012)
        },
        "logs": {
            str(size): {name: sha256(data).hexdigest() for name, data in sorted(files(size))}
            for size in (0, 1, 5, 255, 256, 257, SIZE)
        },
        "listing_of_66000": listing(66_000),
    }


def listing(size: int) -> str:
    """Hash the list of all files of a log, a line each: its SHA-256, two blanks, its path."""
    lines = (f"{sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files(size)))
    return sha256("".join(lines).encode()).hexdigest()


def files(size: int) -> Iterator[tuple[str, bytes]]:
    """Give every file of a log but its checkpoint: name and content."""
    entries = [entry(number) for number in range(size)]
    for start in range(0, size, 256):
        part = range(start, min(start + 256, size))
        partial = "" if len(part) == 256 else f".p/{len(part)}"
        name = number_path(start // 256) + partial
        yield f"tile/entries/{name}", b"".join(bundle(number) for number in part)
    level, below = 0, [mth([one]) for one in entries]
    while below:
        for start in range(0, len(below), 256):
            part_of = below[start : start + 256]
            partial = "" if len(part_of) == 256 else f".p/{len(part_of)}"
            yield f"tile/{level}/{number_path(start // 256)}{partial}", b"".join(part_of)
        level += 1
        # Of 256 hashes each, only whole tiles are hashed into the level above.
        whole = range(0, len(below) - 255, 256)
        below = [root_of([*below[start : start + 256]]) for start in whole]


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Hash a full tile: RFC 6962, section 2.1, from hashes of subtrees on."""
    row = list(hashes)
    while len(row) > 1:
        pairs = zip(row[::2], row[1::2], strict=True)
        row = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return row[0]


def bundle(number: int) -> bytes:
    """Write one entry as it stands in a bundle."""
    body = entry(number)
    return len(body).to_bytes(2, "big") + body


def number_path(index: int) -> str:
    """C2SP tlog-tiles: the number of a tile in groups of three digits."""
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[place : place + 3] for place in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def checkpoint_text(size: int = SIZE) -> str:
    """Write the text of a checkpoint of the vectors' log."""
    root = mth([entry(number) for number in range(size)])
    return f"{ORIGIN}\n{size}\n{base64.b64encode(root).decode()}\n"


def witness() -> Ed25519PrivateKey:
    """Return the key that cosigns."""
    return Ed25519PrivateKey.from_private_bytes(WITNESS_SEED)


def witness_bytes() -> bytes:
    """Return the witness's public key with its type, as C2SP tlog-cosignature writes it."""
    return b"\x04" + witness().public_key().public_bytes_raw()


def witness_hash() -> bytes:
    """C2SP tlog-cosignature: the key id of the witness."""
    return sha256(WITNESS.encode() + b"\n" + witness_bytes()).digest()[:4]


def documents() -> dict[str, str]:
    """Return every file that is generated here, by name."""
    made = {
        "cosignature.json": cosignature(),
        "tlog_proof.json": tlog_proof(),
        "tiles.json": tiles(),
    }
    return {
        name: json.dumps(content, indent=1, ensure_ascii=False) + "\n"
        for name, content in made.items()
    }


if __name__ == "__main__":
    for name, text in documents().items():
        (FOLDER / name).write_text(text)
