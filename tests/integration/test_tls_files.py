"""A party's own tls folder: what is wrong with it is said before it is used."""

from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.rpc.credentials import TlsFiles
from tests.hostile import Recipe
from tests.integration.hostile_callers import PASSING_TLS, REFUSED_BY_TLS
from tests.integration.tls_server import NODE
from tests.pki import FEDERATION, shared_federation


@pytest.mark.parametrize("name", [*PASSING_TLS, *REFUSED_BY_TLS])
def test_own_files_of_wrong_form_are_noticed_before_use(tmp_path: Path, name: str) -> None:
    {**PASSING_TLS, **REFUSED_BY_TLS}[name](tmp_path)
    with pytest.raises(LandbridgeError) as caught:
        TlsFiles.read(tmp_path / "tls", FEDERATION)
    assert caught.value.reason in {Reason.CERTIFICATE_REFUSED, Reason.CALLER_REFUSED}
    assert caught.value.where == str(tmp_path / "tls" / "chain.pem")


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    issuing = shared_federation().issuing
    folder = Recipe.true_to(NODE).write(tmp_path / "a", issuing)
    other = Recipe.true_to(NODE).write(tmp_path / "b", issuing)
    (other / "key.pem").replace(folder / "key.pem")
    with pytest.raises(LandbridgeError, match="not the key of") as caught:
        TlsFiles.read(folder, FEDERATION)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


@pytest.mark.parametrize("roots", [b"", b"garbage", "leaf"])
def test_roots_must_be_authorities(tmp_path: Path, roots: bytes | str) -> None:
    folder = Recipe.true_to(NODE).write(tmp_path / "tls", shared_federation().issuing)
    content = (folder / "chain.pem").read_bytes() if isinstance(roots, str) else roots
    (folder / "roots.pem").write_bytes(content)
    with pytest.raises(LandbridgeError, match=r"roots\.pem"):
        TlsFiles.read(folder, FEDERATION)


def test_exposed_tls_key_is_refused(tmp_path: Path) -> None:
    folder = Recipe.true_to(NODE).write(tmp_path / "tls", shared_federation().issuing)
    (folder / "key.pem").chmod(0o640)
    with pytest.raises(LandbridgeError) as caught:
        TlsFiles.read(folder, FEDERATION)
    assert caught.value.reason is Reason.KEY_EXPOSED


def test_missing_tls_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(LandbridgeError) as caught:
        TlsFiles.read(tmp_path, FEDERATION)
    assert caught.value.where == str(tmp_path / "chain.pem")
