"""sslyze scans our servers: as a party, and as a stranger where strangers may connect."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from landbridge.agency import Role
from tests.judges.judge import SSLYZE
from tests.judges.judged_server import NODE, Judged, Parts, parts_of, serve
from tests.pki import GATEWAY, shared_federation

pytestmark = pytest.mark.judge("sslyze")
SCANS = (
    *("certinfo", "sslv3", "tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3", "openssl_ccs"),
    *("heartbleed", "robot", "compression", "reneg", "resum", "elliptic_curves"),
)
NOT_VULNERABLE = {
    "openssl_ccs_injection": {"is_vulnerable_to_ccs_injection": False},
    "heartbleed": {"is_vulnerable_to_heartbleed": False},
    "robot": {"robot_result": "NOT_VULNERABLE_RSA_NOT_SUPPORTED"},
    "tls_compression": {"supports_compression": False},
}


async def scan(judged: Judged, parts: Parts, folder: Path, *more: str | Path) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        SSLYZE / "bin" / "sslyze",
        *(f"--{name}" for name in SCANS),
        *("--quiet", "--mozilla_config", "disable", "--sni", NODE.dns_name),
        *("--certinfo_ca_file", parts.roots, f"--json_out={folder / 'found.json'}"),
        *(*more, judged.address),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, told = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, told
    (server,) = json.loads((folder / "found.json").read_text())["server_scan_results"]
    assert server["scan_status"] == "COMPLETED", server["connectivity_error_trace"]
    wanted = {name: each for name, each in server["scan_result"].items() if each["error_reason"]}
    assert wanted == {}
    return {name: each["result"] for name, each in server["scan_result"].items()}


@pytest.fixture
def parts(tmp_path: Path) -> Parts:
    return parts_of(shared_federation().state(GATEWAY, Role.GATEWAY), tmp_path / "parts")


@pytest.mark.parametrize(
    "ask_client", [True, False], ids=["for parties", "for those without a certificate"]
)
async def test_nothing_is_found(parts: Parts, tmp_path: Path, *, ask_client: bool) -> None:
    own = ("--cert", parts.chain, "--key", parts.key) if ask_client else ()
    async with serve(shared_federation(), ask_client=ask_client) as judged:
        found = await scan(judged, parts, tmp_path, *own)
    for version in ("ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"):
        suites = found[f"{version}_cipher_suites"]
        assert (suites["is_tls_version_supported"], suites["accepted_cipher_suites"]) == (False, [])
    accepted = {
        suite["cipher_suite"]["name"]
        for suite in found["tls_1_3_cipher_suites"]["accepted_cipher_suites"]
    }
    assert "TLS_AES_128_GCM_SHA256" in accepted
    assert all("GCM" in name or "CHACHA20" in name for name in accepted)
    assert {name: found[name] for name in NOT_VULNERABLE} == NOT_VULNERABLE
    renegotiation = found["session_renegotiation"]
    assert not renegotiation["is_vulnerable_to_client_renegotiation_dos"]
    assert found["session_resumption"]["tls_ticket_resumption_result"] == "SERVER_IS_TLS_1_3_ONLY"
    curves = {curve["name"] for curve in found["elliptic_curves"]["supported_curves"]}
    assert curves <= {"X25519", "secp256r1", "secp384r1", "secp521r1"}
    (shown,) = found["certificate_info"]["certificate_deployments"]
    ours = [
        path
        for path in shown["path_validation_results"]
        if path["trust_store"]["name"] == "Supplied CA file"
    ]
    assert [path["was_validation_successful"] for path in ours] == [True]
    assert shown["received_chain_has_valid_order"]
    assert not shown["verified_chain_has_sha1_signature"]
    assert not shown["received_chain_contains_anchor_certificate"]
