"""A foreign client, Node.js with @grpc/grpc-js, talks to a real gateway by the contract alone."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import grpc
import pytest

from landbridge.agency import Role
from tests.judges.judge import NODE_MODULES
from tests.judges.judged_server import Parts, parts_of
from tests.market import FOOD, REGISTER, TAX, Market, market

pytestmark = pytest.mark.judge("grpc-js")
SCRIPT = Path(__file__).with_name("directory.cjs")
PROTOS = SCRIPT.parents[2] / "protos"


async def directory(running: Market, parts: Parts, dns_name: str) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *("node", SCRIPT, running.gateway.address, dns_name, PROTOS),
        *(parts.key, parts.chain, parts.roots),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=os.environ | {"NODE_PATH": str(NODE_MODULES)},
    )
    answer, told = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, told.decode()
    found: dict[str, Any] = json.loads(answer)
    return found


async def test_foreign_client_is_served_and_held_to_the_same_rules(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        (front,) = running.bundle.endpoints(Role.GATEWAY)
        requester = running.sandbox.requesters[0]
        parts = parts_of(running.sandbox.state(requester, Role.REQUESTER), tmp_path / "requester")
        found = await directory(running, parts, front.dns_name)
        assert {each["agency"] for each in found["catalogues"]} == {FOOD, REGISTER, TAX}

        # A party of a role that may not ask, and a server under another name than expected.
        node = parts_of(running.sandbox.state(TAX, Role.NODE), tmp_path / "node")
        refused = await directory(running, node, front.dns_name)
        assert refused["code"] == grpc.StatusCode.PERMISSION_DENIED.value[0]
        elsewhere = await directory(running, parts, "other." + front.dns_name)
        assert elsewhere["code"] == grpc.StatusCode.UNAVAILABLE.value[0]
