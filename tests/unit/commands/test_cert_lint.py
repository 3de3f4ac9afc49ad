"""`cert lint` on files: what is in order, what is not, and what is no certificate at all."""

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from certs.authority import Root, key_pem
from certs.authority_name import authority_name
from certs.issuing import Issuing
from landbridge.agency import Identity, Role
from landbridge.clock import system_clock, to_datetime
from landbridge.commands.main import run

Captured = pytest.CaptureFixture[str]
NODE = Identity("register.gov", "market.example", Role.NODE, "main")


@pytest.fixture(scope="module")
def root() -> Root:
    return Root.create("market.example", system_clock)


@pytest.fixture(scope="module")
def issuing(root: Root) -> Issuing:
    return root.create_issuing(system_clock)


@pytest.fixture
def credential(issuing: Issuing, tmp_path: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = issuing.issue(NODE, key.public_key(), system_clock)
    path = tmp_path / "credential.pem"
    path.write_bytes(
        key_pem(key) + leaf.public_bytes(serialization.Encoding.PEM) + issuing.chain_pem
    )
    path.chmod(0o600)
    return path


def test_what_the_authority_makes_is_in_order(
    root: Root, issuing: Issuing, credential: Path, capsys: Captured
) -> None:
    tmp_path = credential.parent
    issuing.save(tmp_path)
    next_root = root.create_next(system_clock)
    next_root.save(tmp_path / "root-2", b"a long passphrase")
    names = ["credential.pem", "issuing.pem", "root.pem", "root-2/root.pem"]
    files = [tmp_path / name for name in names]
    assert run(["cert", "lint", *map(str, files)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 4
    assert "spiffe://register.gov.market.example/node/main: in order (leaf" in told[0]
    assert "Issuing 1" in told[1]


def test_a_revocation_list_is_held_against_its_authority(
    issuing: Issuing, tmp_path: Path, capsys: Captured
) -> None:
    issuing.save(tmp_path)
    path = tmp_path / "issuing-1.crl"
    path.write_bytes(issuing.sign_crl(7, [], system_clock))
    assert run(["cert", "lint", str(path)]) == 2
    assert "--issuer" in capsys.readouterr().err
    assert run(["cert", "lint", str(path), "--issuer", str(tmp_path / "issuing.pem")]) == 0
    assert run(["cert", "lint", str(path), "--issuer", str(tmp_path / "root.pem")]) == 1


def test_what_differs_from_the_profile_is_told_with_its_code(
    tmp_path: Path, capsys: Captured
) -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    name = authority_name("market.example", "Root 1")
    now = system_clock()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(to_datetime(now))
        .not_valid_after(to_datetime(now + 10**12))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA384())
    )
    path = tmp_path / "odd.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    assert run(["cert", "lint", str(path), "-o", "json"]) == 1
    (report,) = json.loads(capsys.readouterr().out)["files"]
    codes = {finding["code"] for finding in report["findings"]}
    assert {"serial", "life", "missing"} <= codes
    assert not report["ok"]


def test_an_exposed_key_is_refused(credential: Path, capsys: Captured) -> None:
    credential.chmod(0o644)
    assert run(["cert", "lint", str(credential)]) == 4
    assert "LB-4011" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"no certificate", b"-----BEGIN CERTIFICATE-----\nAA\n"])
def test_what_is_no_certificate_is_a_finding(data: bytes, tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "x.pem"
    path.write_bytes(data)
    assert run(["cert", "lint", str(path)]) == 1
    assert "(unreadable)" in capsys.readouterr().out


def test_nothing_to_lint_is_a_mistake(tmp_path: Path, capsys: Captured) -> None:
    assert run(["cert", "lint"]) == 2
    assert run(["cert", "lint", str(tmp_path / "none.pem")]) == 2
    assert "LB-1106" in capsys.readouterr().err
