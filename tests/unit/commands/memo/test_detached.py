"""Signatures that are made elsewhere: by openssl, on a machine that knows nothing of Landbridge."""

import json
import subprocess
from pathlib import Path

import pytest

from landbridge.commands.main import run
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.memorandum.signature import SignedForm, verify_memorandum
from tests.memoranda import KeyRing, write_text

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    ring = KeyRing("nces.ed", "board.ny", "stranger")
    for agency, key in ring.keys.items():
        key.save(tmp_path / f"{agency}.key")
        (tmp_path / f"{agency}.pub").write_text(public_text(key.public) + "\n")
    return ring


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    return write_text(tmp_path)


def detach(yaml: Path, ring: KeyRing, agency: str, *more: str, key_id: str = "") -> int:
    named = key_id or ring.keys[agency].key_id
    out = yaml.parent / "to-sign.bin"
    out.unlink(missing_ok=True)
    return run(
        [
            "memo",
            "detach",
            str(yaml),
            "--agency",
            agency,
            "--key-id",
            named,
            "--out",
            str(out),
            *more,
        ]
    )


def attach(yaml: Path, ring: KeyRing, agency: str, *more: str) -> int:
    key_id, signature = ring.keys[agency].key_id, yaml.parent / "signature.bin"
    proof = more or ("--public", str(yaml.parent / f"{agency}.pub"))
    return run(
        ["memo", "attach", str(yaml), "--key-id", key_id, "--signature", str(signature), *proof]
    )


def openssl(folder: Path, agency: str) -> None:
    """Sign as an air-gapped machine does: it reads our key file, whose first line is no PEM."""
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", f"{agency}.key"]
    command += ["-in", "to-sign.bin", "-out", "signature.bin"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def test_what_openssl_signed_elsewhere_counts(yaml: Path, ring: KeyRing, capsys: Captured) -> None:
    for agency in ("board.ny", "nces.ed"):
        assert detach(yaml, ring, agency) == 0
        assert "openssl pkeyutl -sign -rawin" in capsys.readouterr().out
        openssl(yaml.parent, agency)
        assert attach(yaml, ring, agency) == 0
    assert "every party has signed" in capsys.readouterr().out
    signed = yaml.with_name("ed-2026-01.jws.json").read_bytes()
    assert verify_memorandum(signed, ring.find).id == "ed-2026-01"


def test_signatures_made_here_and_elsewhere_stand_side_by_side(
    yaml: Path, ring: KeyRing, capsys: Captured
) -> None:
    key = yaml.parent / "board.ny.key"
    assert run(["memo", "sign", str(yaml), "--key", str(key), "--agency", "board.ny"]) == 0
    form = yaml.with_name("ed-2026-01.jws.json")
    assert detach(form, ring, "nces.ed", "-o", "json") == 0
    said = json.loads(capsys.readouterr().out.split("\n", 3)[3])
    assert (said["agency"], said["key_id"]) == ("nces.ed", ring.keys["nces.ed"].key_id)
    openssl(yaml.parent, "nces.ed")
    assert attach(form, ring, "nces.ed") == 0
    assert verify_memorandum(form.read_bytes(), ring.find).id == "ed-2026-01"


def test_a_public_key_may_be_given_as_pem(yaml: Path, ring: KeyRing) -> None:
    detach(yaml, ring, "nces.ed")
    openssl(yaml.parent, "nces.ed")
    pem = yaml.parent / "public.pem"
    command = ["openssl", "pkey", "-in", "nces.ed.key", "-pubout", "-out", str(pem)]
    subprocess.run(command, cwd=yaml.parent, check=True, capture_output=True)
    assert attach(yaml, ring, "nces.ed", "--public", str(pem)) == 0


def test_a_signature_that_does_not_verify_is_refused_and_nothing_written(
    yaml: Path, ring: KeyRing, capsys: Captured
) -> None:
    detach(yaml, ring, "nces.ed")
    openssl(yaml.parent, "board.ny")
    assert attach(yaml, ring, "nces.ed") == 4
    assert "LB-4001" in capsys.readouterr().err
    (yaml.parent / "signature.bin").write_bytes(b"short")
    assert attach(yaml, ring, "nces.ed") == 4
    assert "64 bytes, and this file 5" in capsys.readouterr().err
    assert not yaml.with_name("ed-2026-01.jws.json").exists()


def test_another_text_than_the_one_that_was_signed_is_refused(
    yaml: Path, ring: KeyRing, capsys: Captured
) -> None:
    detach(yaml, ring, "nces.ed")
    openssl(yaml.parent, "nces.ed")
    yaml.write_text(yaml.read_text().replace("[name, city]", "[name, city, phone]"))
    assert attach(yaml, ring, "nces.ed") == 4
    assert "LB-4001" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("agency_and_key", "code"),
    [
        (("stranger", "stranger"), "LB-4102"),
        (("nces.ed", "board.ny"), "LB-4002"),
        (("nces.ed", "query"), "LB-4002"),
        (("nces.ed", "junk"), "LB-1101"),
    ],
)
def test_who_may_not_sign_gets_nothing_to_sign(
    yaml: Path, ring: KeyRing, capsys: Captured, agency_and_key: tuple[str, str], code: str
) -> None:
    agency, name = agency_and_key
    ids = {owner: key.key_id for owner, key in ring.keys.items()}
    ids |= {"query": SigningKey.generate("nces.ed", KeyUse.QUERY).key_id, "junk": "junk"}
    assert detach(yaml, ring, agency, key_id=ids[name]) != 0
    assert code in capsys.readouterr().err
    assert not (yaml.parent / "to-sign.bin").exists()


def test_a_party_that_has_signed_signs_no_second_time(
    yaml: Path, ring: KeyRing, capsys: Captured
) -> None:
    detach(yaml, ring, "nces.ed")
    openssl(yaml.parent, "nces.ed")
    assert attach(yaml, ring, "nces.ed") == 0
    assert detach(yaml, ring, "nces.ed") == 4
    assert attach(yaml, ring, "nces.ed") == 4
    assert capsys.readouterr().err.count("LB-4102  nces.ed has signed already") == 2
    form = SignedForm.parse(yaml.with_name("ed-2026-01.jws.json").read_bytes())
    assert len(form.signatures) == 1


def test_the_public_key_must_be_the_named_one(yaml: Path, ring: KeyRing, capsys: Captured) -> None:
    detach(yaml, ring, "nces.ed")
    openssl(yaml.parent, "nces.ed")
    assert attach(yaml, ring, "nces.ed", "--public", str(yaml.parent / "board.ny.pub")) == 4
    assert "LB-4002" in capsys.readouterr().err
    junk = yaml.parent / "junk.pem"
    junk.write_text("-----BEGIN PUBLIC KEY-----\nzz\n-----END PUBLIC KEY-----\n")
    assert attach(yaml, ring, "nces.ed", "--public", str(junk)) == 4
    assert "LB-4002" in capsys.readouterr().err


def test_exactly_one_proof_of_the_key_is_given(yaml: Path, ring: KeyRing, capsys: Captured) -> None:
    detach(yaml, ring, "nces.ed")
    openssl(yaml.parent, "nces.ed")
    both = ("--public", str(yaml.parent / "nces.ed.pub"), "--bundle", "trust-bundle.json")
    assert attach(yaml, ring, "nces.ed", *both) == 2
    signature = str(yaml.parent / "signature.bin")
    key_id = ring.keys["nces.ed"].key_id
    assert run(["memo", "attach", str(yaml), "--key-id", key_id, "--signature", signature]) == 2
    assert capsys.readouterr().err.count("--public KEY or --bundle") == 2


def test_nothing_is_written_over(yaml: Path, ring: KeyRing, capsys: Captured) -> None:
    taken = yaml.parent / "taken"
    taken.write_text("mine")
    key_id = ring.keys["nces.ed"].key_id
    command = ["memo", "detach", str(yaml), "--agency", "nces.ed", "--key-id", key_id]
    assert run([*command, "--out", str(taken)]) == 2
    assert "LB-1106" in capsys.readouterr().err
    assert taken.read_text() == "mine"
