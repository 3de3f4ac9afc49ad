"""Everything that lies in the folders of a whole federation is clean to every judge."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from certs.lint import Kind, lint_certificate, lint_chain, lint_crl
from landbridge.agency import Identity
from landbridge.party import PartyFolder
from landbridge.trust.authority import Level
from tests.judges.judged_server import parts_of
from tests.pki import FEDERATION, PLANS, shared_federation

PARTIES = [Identity(plan.agency, FEDERATION, plan.role, plan.name) for plan in PLANS]


@pytest.fixture(params=PARTIES, ids=lambda identity: identity.dns_name)
def folder(request: pytest.FixtureRequest) -> Path:
    identity: Identity = request.param
    return shared_federation().parties[identity].folder


@pytest.mark.judge("pkilint")
def test_chain_trust_and_lists_pass_the_lint(folder: Path, tmp_path: Path) -> None:
    assert lint_chain(parts_of(folder, tmp_path).chain.read_bytes()) == ()
    bundle = PartyFolder.open(folder).bundle
    for record in bundle.content.authorities:
        kind = Kind.ROOT if record.level is Level.ROOT else Kind.ISSUING
        der = record.x509.public_bytes(serialization.Encoding.DER)
        assert lint_certificate(der, kind) == ()
    lists = list((folder / "revocation").glob("*.crl"))
    assert lists
    for path in lists:
        authority = bundle.issuers[path.stem].certificate
        assert lint_crl(path.read_bytes(), authority) == ()


@pytest.mark.judge("openssl")
def test_openssl_verifies_it_against_the_revocation_list(folder: Path, tmp_path: Path) -> None:
    parts = parts_of(folder, tmp_path)
    (signed,) = (folder / "revocation").glob("*.crl")
    readable = tmp_path / "list.pem"
    found = x509.load_der_x509_crl(signed.read_bytes())
    readable.write_bytes(found.public_bytes(serialization.Encoding.PEM))
    done = subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-policy_check", "-purpose", "sslclient"),
            *("-crl_check", "-CRLfile", readable, "-CAfile", parts.roots),
            *("-untrusted", parts.chain, parts.leaf),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
