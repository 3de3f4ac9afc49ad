"""OpenSSL judges every chain that can occur, with its strictest reading, and the lists."""

import subprocess

import pytest

from tests.judges.issued import Issued, issue_everything

pytestmark = pytest.mark.judge("openssl")


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Issued:
    return issue_everything(tmp_path_factory.mktemp("issued"))


def verify(issued: Issued, root: str, above: str, leaf: str, *more: str) -> str:
    done = subprocess.run(
        [
            *("openssl", "verify", "-x509_strict", "-policy_check", *more),
            *("-CAfile", issued.file(root), "-untrusted", issued.file(above), issued.file(leaf)),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return "" if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("purpose", ["sslserver", "sslclient"])
@pytest.mark.parametrize(
    ("root", "above", "leaf"),
    [
        ("root-1", "issuing-1", "leaf"),
        ("root-1", "issuing-1", "trial"),
        ("root-1", "issuing-3", "leaf-bound"),
        # The next generation, before whoever trusts the old root alone, the new one alone.
        ("root-1", "chain-2", "leaf-2"),
        ("root-2", "chain-2", "leaf-2"),
        ("root-2", "issuing-2", "leaf-2"),
    ],
)
def test_chain_is_strictly_valid(
    issued: Issued, root: str, above: str, leaf: str, purpose: str
) -> None:
    assert verify(issued, root, above, leaf, "-purpose", purpose) == ""


@pytest.mark.parametrize(
    ("root", "above", "leaf", "why"),
    [
        ("root-1", "issuing-2", "leaf-2", "unable to get local issuer"),
        ("root-2", "issuing-1", "leaf", "unable to get"),
        ("root-1", "issuing-3", "leaf-foreign", "permitted subtree violation"),
        ("root-1", "issuing-2", "leaf", "unable to get local issuer"),
    ],
)
def test_chain_that_does_not_hold_is_refused(
    issued: Issued, root: str, above: str, leaf: str, why: str
) -> None:
    assert why in verify(issued, root, above, leaf)


def test_revocation_list_is_understood(issued: Issued) -> None:
    def verdict(name: str) -> str:
        options = ("-crl_check", "-CRLfile", issued.file(name))
        return verify(issued, "root-1", "issuing-1", "leaf", *options)

    assert verdict("list") == ""
    assert "certificate revoked" in verdict("list-revoking")
