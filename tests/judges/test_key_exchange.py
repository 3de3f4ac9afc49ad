"""Between our own processes, keys are exchanged by the hybrid that a quantum computer can't undo.

Whoever records today's traffic cannot read it later: ML-KEM-768 beside X25519.
"""

import asyncio
import sys
from pathlib import Path

import pytest

from landbridge.agency import Role
from tests.judges.judged_server import NODE, parts_of, serve
from tests.judges.openssl_caller import call
from tests.pki import GATEWAY, shared_federation


async def test_hybrid_group_is_agreed_on_between_our_own_processes() -> None:
    pki = shared_federation()
    async with serve(pki) as judged:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.judges.caller"),
            *(pki.state(GATEWAY, Role.GATEWAY), judged.address, NODE.dns_name),
            stderr=asyncio.subprocess.PIPE,
        )
        _, told = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, told.decode()
    assert judged.groups == ["X25519MLKEM768"]


@pytest.mark.judge("openssl")
async def test_a_peer_without_the_hybrid_still_gets_a_modern_group(tmp_path: Path) -> None:
    pki = shared_federation()
    parts = parts_of(pki.state(GATEWAY, Role.GATEWAY), tmp_path)
    async with serve(pki) as judged:
        said = await call(judged, parts, "-groups", "X25519")
    assert said.served, said.output
    assert judged.groups == ["X25519"]
