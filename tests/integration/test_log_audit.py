"""The logs of a running federation fit, and who hides one access from them is named."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from landbridge.agency import Role
from landbridge.commands.log.audit import audit_logs
from landbridge.commands.log.monitor import monitor
from landbridge.commands.output import Output
from landbridge.envelope import QUERY_TYPE, digest
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.evidence import Evidence
from landbridge.log.store import LogStore
from landbridge.log.subject_keys import About, Pseudonym
from landbridge.query import Wanted
from landbridge.subject import SubjectId
from tests.market import BAKERY, FOOD, MILL, PURPOSE, REGISTER, TAX, Market, market

UNKNOWN = SubjectId("company-number", "00000999")


def hide_next(log: LogStore, key: SigningKey, copy: Path) -> None:
    """Have a party put its next entries into a second history of its log, which it then drops."""
    genuine = log.append_about

    def fork(
        about: Sequence[Sequence[About]],
        write: Callable[[list[list[Pseudonym]]], Sequence[bytes]],
    ) -> list[Evidence]:
        log.append_about = genuine  # type: ignore[method-assign]
        source, target = sqlite3.connect(log._writer.path), sqlite3.connect(copy)
        source.backup(target)
        source.close()
        target.close()
        other = LogStore.open(copy, log.origin, key, look_up_key=bytes(32))
        try:
            return other.append_about(about, write)
        finally:
            other.close()

    log.append_about = fork  # type: ignore[method-assign]


def places(running: Market) -> list[Path]:
    state = running.sandbox.state
    return [
        *(state(agency, Role.NODE) for agency in (REGISTER, TAX, FOOD)),
        state("exchange", Role.GATEWAY),
        state(running.client.agency, Role.REQUESTER),
    ]


def audited(running: Market, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    code = audit_logs(*places(running), grace="1s", output=Output.JSON)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, document


async def test_what_each_hides_is_named_and_honest_traffic_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with market(tmp_path) as running:
        client = running.client
        queries = [
            *client.sign([BAKERY, MILL, UNKNOWN] * 3, PURPOSE, "M-1"),
            *client.sign([BAKERY], PURPOSE, "M-2", wanted=[Wanted(TAX)]),
        ]
        await asyncio.gather(*map(client.stream, queries))
        await client.ask(BAKERY, PURPOSE, "M-3")
        await running.nodes.pop(TAX).stop()
        await client.ask(BAKERY, PURPOSE, "M-4", timeout=2)
        code, document = await asyncio.to_thread(audited, running, capsys)
        assert (code, document["result"], document["findings"]) == (0, "clean", [])
        assert document["queries"] == len(queries) + 2
        assert [log["role"] for log in document["logs"]] == [
            "requester", "gateway", "node", "node", "node",
        ]  # fmt: skip

        food, front = running.nodes[FOOD].log, running.gateway.log
        hide_next(food, running.key(FOOD, Role.NODE, KeyUse.LOG), tmp_path / "food.sqlite")
        by_food = running.query()
        await client.send(by_food)
        hide_next(
            front, running.key("exchange", Role.GATEWAY, KeyUse.LOG), tmp_path / "front.sqlite"
        )
        by_gateway = running.query(MILL)
        await client.send(by_gateway)
        code, document = await asyncio.to_thread(audited, running, capsys)
        hidden = {
            (found["log"], found["query_digest"])
            for found in document["findings"]
            if found["kind"] == "hidden" and found["query_digest"]
        }
        assert code == 1
        assert hidden >= {
            (food.origin, digest(QUERY_TYPE, by_food.payload).hex()),
            (front.origin, digest(QUERY_TYPE, by_gateway.payload).hex()),
        }
        assert {log for log, _ in hidden} == {food.origin, front.origin}
        logs = places(running)
    lines = tmp_path / "alarms.ndjson"
    assert monitor(*logs, every="200ms", for_="500ms", grace="1s", alarms=lines) == 1
    told = [json.loads(line) for line in lines.read_text().splitlines()]
    assert {one["log"] for one in told if one["kind"] == "hidden"} == {food.origin, front.origin}
