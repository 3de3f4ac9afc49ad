"""pkilint's own commands judge everything that the authorities sign, each and in pairs."""

import csv
import subprocess
import sysconfig
from pathlib import Path

import pytest

from tests.judges.issued import NODE, Issued, issue_everything

pytestmark = pytest.mark.judge("pkilint")
COMMANDS = Path(sysconfig.get_path("scripts"))
CERTIFICATES = ("root-1", "root-2", "cross", "issuing-1", "issuing-3", "leaf", "leaf-2", "trial")
# pkilint knows no URI scheme `spiffe`; with exactly our identity in it, that is no finding.
SPIFFE = ("pkix.invalid_uri_syntax", f'Invalid URI syntax: "{NODE.uri}"')


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return issue_everything(tmp_path_factory.mktemp("issued"))


def findings(command: str, *arguments: str) -> list[tuple[str, str]]:
    done = subprocess.run(
        [COMMANDS / command, "lint", "-s", "NOTICE", "-f", "CSV", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert done.stdout.startswith("node_path"), done.stderr
    rows = list(csv.DictReader(done.stdout.splitlines()))
    assert len(rows) == done.returncode
    return [(row["code"], row["message"]) for row in rows]


@pytest.mark.parametrize("name", CERTIFICATES)
def test_certificate_is_clean(issued: Issued, name: str) -> None:
    allowed = [SPIFFE] if name.startswith(("leaf", "trial")) else []
    assert findings("lint_pkix_cert", issued.file(name)) == allowed


@pytest.mark.parametrize("name", ["list", "list-revoking"])
def test_revocation_list_is_clean(issued: Issued, name: str) -> None:
    assert findings("lint_crl", "-t", "CRL", "-p", "PKIX", issued.file(name)) == []


@pytest.mark.parametrize(
    ("issuer", "subject"),
    [
        ("root-1", "issuing-1"),
        ("root-1", "cross"),
        ("cross", "issuing-2"),
        ("root-2", "issuing-2"),
        ("issuing-1", "leaf"),
    ],
)
def test_issuer_and_subject_fit(issued: Issued, issuer: str, subject: str) -> None:
    files = (issued.file(issuer), issued.file(subject))
    assert findings("lint_pkix_signer_signee_cert_chain", *files) == []
