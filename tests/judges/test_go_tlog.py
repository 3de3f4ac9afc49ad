"""Go's code for verifiable logs judges ours, and ours its: heads, tiles and proofs."""

import json
import os
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from landbridge.errors import LandbridgeError
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.checkpoint import read_checkpoint
from landbridge.log.cosignature import CosignatureVerifier, Cosigner, attach, find_witnesses
from landbridge.log.merkle import leaf_hash, verify_consistency, verify_inclusion
from landbridge.log.note import NoteVerifier, parse_note
from landbridge.log.publishing import Publisher
from landbridge.log.reading import open_reader
from landbridge.log.store import LogStore
from landbridge.log.whole_log import verify_log
from tests.judges.judge import BUILD, GO_PATH
from tests.vectors import generate, published

pytestmark = pytest.mark.judge("go-tlog")
PROGRAM = Path(__file__).with_name("tlog")
AT = published.COSIGNED_AT
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Ask the judge; it is built from its source, against nothing but Go's own packages."""
    program = tmp_path_factory.mktemp("go") / "tlog"
    subprocess.run(
        ["go", "build", "-o", program, "./tlog"],
        cwd=PROGRAM.parent,
        check=True,
        timeout=100,
        env=os.environ
        | {"GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOCACHE": str(BUILD / "go-cache")},
    )

    def one(what: str, **task: object) -> dict[str, Any]:
        done = subprocess.run(
            [program, what], input=json.dumps(task).encode(), capture_output=True, check=False
        )
        if done.returncode:
            return {"error": done.stderr.decode().strip()}
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return one


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SigningKey, Cosigner]:
    """A log of 700 entries that we published, its key, and the witness that cosigned it."""
    folder = tmp_path_factory.mktemp("ours")
    key = SigningKey.generate("fsa.ed", KeyUse.LOG)
    witness = Cosigner(published.WITNESS, SigningKey.generate("board", KeyUse.LOG))
    log = LogStore.open(folder / "log.sqlite", generate.ORIGIN, key)
    with open_reader(folder) as reader:
        for size in (3, 300, 700):
            log.append([generate.entry(number) for number in range(log.size, size)])
            reader.refresh()
            head = parse_note(log.head())
            cosigned = attach(head, [witness.cosign(head, AT)])
            Publisher(reader, folder / "tiles").publish(cosigned)
    log.close()
    return folder, key, witness


def test_it_verifies_our_head_cosignature_tiles_and_entries(
    ask: Ask, ours: tuple[Path, SigningKey, Cosigner]
) -> None:
    folder, key, witness = ours
    keys = {
        "log_key": str(NoteVerifier(generate.ORIGIN, key.public)),
        "witness_key": str(witness.verifier),
    }
    found = ask("judge", folder=str(folder / "tiles"), **keys)
    root = generate.mth([generate.entry(number) for number in range(700)]).hex()
    assert (found["origin"], found["size"], found["root"]) == (generate.ORIGIN, 700, root)
    assert found["cosigned_at"] == AT
    stranger = SigningKey.generate("fsa.ed", KeyUse.LOG)
    other = keys | {
        "log_key": str(NoteVerifier(generate.ORIGIN, stranger.public)),
        "witness_key": "",
    }
    assert (
        "no verifiable signatures" in ask("judge", folder=str(folder / "tiles"), **other)["error"]
    )
    tile = folder / "tiles" / "tile" / "0" / "001"
    whole = tile.read_bytes()
    tile.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert "error" in ask("judge", folder=str(folder / "tiles"), **keys)
    tile.write_bytes(whole)


def test_it_verifies_our_proofs_and_refuses_what_we_refuse(
    ask: Ask, ours: tuple[Path, SigningKey, Cosigner]
) -> None:
    log = LogStore.open(ours[0] / "log.sqlite", generate.ORIGIN, ours[1])
    roots = {
        size: generate.mth([generate.entry(number) for number in range(size)])
        for size in (1, 2, 255, 256, 257, 511, 700)
    }
    inclusion = [
        {
            "index": index,
            "size": size,
            "leaf": leaf_hash(generate.entry(index)).hex(),
            "root": roots[size].hex(),
            "path": generate.hexes(log.inclusion_proof(index, size)),
        }
        for size in roots
        for index in {0, size // 2, size - 1}
    ]
    consistency = [
        {
            "old": old,
            "new": new,
            "old_root": roots[old].hex(),
            "new_root": roots[new].hex(),
            "path": generate.hexes(log.consistency_proof(old, new)),
        }
        for new in roots
        for old in roots
        if old <= new
    ]
    log.close()
    right = ask("judge", inclusion=inclusion, consistency=consistency)
    assert all(right["inclusion"])
    assert all(right["consistency"])
    wrong = json.loads((generate.FOLDER / "refused.json").read_text())
    refused = ask("judge", inclusion=wrong["inclusion"], consistency=wrong["consistency"])
    assert len(refused["inclusion"]) == len(wrong["inclusion"])
    assert len(refused["consistency"]) == len(wrong["consistency"])
    assert not any(refused["inclusion"])
    assert not any(refused["consistency"])


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 600])
def test_ours_verifies_its_log(ask: Ask, tmp_path: Path, size: int) -> None:
    entries = [generate.entry(number) for number in range(size)]
    made = ask(
        "make",
        folder=str(tmp_path),
        entries=generate.hexes(entries),
        name=generate.ORIGIN,
        seed=generate.SEED.hex(),
        witness_name=published.WITNESS,
        witness_seed=published.WITNESS_SEED.hex(),
        time=AT,
    )
    with open_reader(tmp_path) as reader:
        verified = verify_log(reader, [NoteVerifier.parse(made["log_key"])])
        assert list(reader.entries()) == entries
        note = parse_note(reader.checkpoint)
    assert read_checkpoint(note) == verified.head
    seen = find_witnesses(note, [CosignatureVerifier.parse(made["witness_key"])], AT)
    assert seen.believed == {published.WITNESS: AT}
    for case in made["inclusion"]:
        path, root = [bytes.fromhex(one) for one in case["path"]], bytes.fromhex(case["root"])
        assert leaf_hash(entries[case["index"]]).hex() == case["leaf"]
        verify_inclusion(bytes.fromhex(case["leaf"]), case["index"], case["size"], path, root)
        with pytest.raises(LandbridgeError):
            verify_inclusion(bytes(32), case["index"], case["size"], path, root)
    for case in made["consistency"]:
        path = [bytes.fromhex(one) for one in case["path"]]
        roots = bytes.fromhex(case["old_root"]), bytes.fromhex(case["new_root"])
        verify_consistency(case["old"], case["new"], *roots, path)
    if size == published.SIZE:
        # The same entries, keys and time: the bytes are those that our own generator makes.
        vector = json.loads((generate.FOLDER / "cosignature.json").read_text())
        assert (tmp_path / "checkpoint").read_text() == vector["cosigned"]
        listed = json.loads((generate.FOLDER / "tiles.json").read_text())["logs"][str(size)]
        for name, digest in listed.items():
            assert sha256((tmp_path / name).read_bytes()).hexdigest() == digest
