"""Checkpoints: the vector, extension lines, and what only looks like a checkpoint."""

import base64
import json

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import SigningKey
from landbridge.log.checkpoint import Checkpoint, verify_checkpoint
from landbridge.log.note import NoteSigner, NoteVerifier
from tests.vectors import generate

VECTOR = json.loads((generate.FOLDER / "note.json").read_text())
ROOT = base64.b64encode(bytes(32)).decode()


def test_the_vector() -> None:
    data = VECTOR["checkpoint"].encode()
    checkpoint = verify_checkpoint(data, lambda _: NoteVerifier.parse(VECTOR["verifier_key"]))
    assert checkpoint == Checkpoint(VECTOR["name"], VECTOR["size"], bytes.fromhex(VECTOR["root"]))
    assert checkpoint.origin == VECTOR["name"]
    assert data.startswith(checkpoint.text().encode() + b"\n")


def test_extension_lines_are_kept(key: SigningKey) -> None:
    signer = NoteSigner("log.example", key)
    written = Checkpoint("log.example", 0, bytes(32), ("one", "two \u2028 lines"))
    assert verify_checkpoint(signer.sign(written.text()), lambda _: signer.verifier) == written


@pytest.mark.parametrize(
    "text",
    [
        f"log.example\n{ROOT}\n",
        f"log.example\n01\n{ROOT}\n",
        f"log.example\n-1\n{ROOT}\n",
        f"log.example\n1 \n{ROOT}\n",
        f"log.example\n10000000000000000000\n{ROOT}\n",
        f"log.example\n\u0661\n{ROOT}\n",
        f"log.example\n1\n{ROOT[:-4]}\n",
        f"log.example\n1\n{ROOT[:-1]}\n",
        f"log.example\n1\n{ROOT}\n\nextension\n",
        f"\n1\n{ROOT}\n",
        f"log.example\n1\n{ROOT} \n",
        "log.example\n1\n",
    ],
)
def test_a_signed_text_that_is_no_checkpoint_is_refused(key: SigningKey, text: str) -> None:
    signer = NoteSigner("log.example", key)
    with pytest.raises(LandbridgeError) as caught:
        verify_checkpoint(signer.sign(text), lambda _: signer.verifier)
    assert caught.value.reason is Reason.BAD_LOG_EVIDENCE
