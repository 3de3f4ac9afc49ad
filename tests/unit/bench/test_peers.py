"""The bench of peers: its document, what it checks, and what it does where a peer is missing."""

import asyncio
import json
import sqlite3
import tomllib
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.federation import DATASET, Plan, write_federation
from bench.peers.catalogue import PEERS, OnPython, choose
from bench.peers.ground import Ground, Peer, Running, check_subjects, server_context
from bench.peers.http_client import HttpClient, get
from bench.peers.measure import Match, measure_peers
from bench.peers.pool import Pool
from bench.peers.table import print_peers
from bench.records import KEY
from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.subject import SubjectId

PLAN = Plan(nodes=2, subjects=40)


@dataclass(frozen=True)
class Handmade:
    """A server in this process, with mTLS, that reads the first provider's records."""

    name: str = "handmade"

    def lacks(self) -> str:
        return ""

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        database = stack.enter_context(closing(sqlite3.connect(ground.records("register-1"))))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with closing(writer):
                while head := await reader.read(65536):
                    number = head.split()[1].decode()[1:]
                    row = database.execute(
                        f"SELECT {KEY} FROM {DATASET} WHERE {KEY} = ?", (number,)
                    ).fetchone()
                    body = json.dumps(row).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n" % len(body))
                    await writer.drain()
                    writer.write(b"\r\n" + body)

        context = server_context(ground.gateway, ground.roots)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        stack.callback(server.close)
        client = await HttpClient.connect(
            f"127.0.0.1:{server.sockets[0].getsockname()[1]}",
            ground.name("exchange", Role.GATEWAY),
            ground.client_context(),
            2,
        )
        stack.push_async_callback(client.close)

        async def ask(subject: SubjectId) -> bytes:
            body = await client.request(get(f"/{subject.value}", "localhost"))
            check_subjects(subject, json.loads(body), 1)
            return body

        return Running(ask, {"gateway": []})


@dataclass(frozen=True)
class Absent:
    name: str = "absent"

    def lacks(self) -> str:
        return "nobody has built it"

    async def start(self, ground: Ground, stack: AsyncExitStack) -> Running:
        raise AssertionError(ground, stack)


async def run(*peers: Peer) -> dict[str, Any]:
    match = Match(PLAN, peers, rounds=1, seconds=0.3, in_flight=(1, 3), rates=(60,))
    return await measure_peers(match, lambda _: None)


async def test_the_document_has_a_row_for_each_peer_and_load(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = await run(Handmade(), Absent())
    rows = {(row["shape"], row["in_flight"], row["rate"]): row for row in document["rows"]}
    loads = ((1, 0), (3, 0), (0, 60))
    assert set(rows) == {(name, *load) for name in ("floor", "handmade") for load in loads}
    for row in rows.values():
        assert row["kept_up"]
        assert row["qps"] > 0
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["shape"] == "handmade" or row["ratio_to_floor"] == 1
        assert set(row["cpu_us"]) >= {"client", "gateway"}
    assert document["left_out"] == {"absent": "nobody has built it"}
    assert document["checked"] > 0
    assert json.loads(json.dumps(document)) == document
    print_peers(document)
    printed = capsys.readouterr().out
    assert "60/s at random" in printed
    assert "absent is left out: nobody has built it" in printed


@pytest.mark.parametrize("found", [["10000000", "10000007"], ["10000000"], []])
def test_an_answer_about_somebody_else_fails_the_bench(found: list[str]) -> None:
    subject = SubjectId("enterprise-number", "10000000")
    check_subjects(subject, ["10000000"] * 2, 2)
    with pytest.raises(LandbridgeError, match="a peer answered about") as caught:
        check_subjects(subject, found, 2)
    assert caught.value.reason is Reason.SOURCE_FAILED


def test_peers_are_chosen_by_name() -> None:
    assert choose("") == PEERS
    assert [peer.name for peer in choose("mercurius, landbridge,floor")] == [
        "landbridge",
        "mercurius",
    ]
    with pytest.raises(LandbridgeError, match="no peer 'gprc'"):
        choose("landbridge,gprc")


def test_a_peer_without_its_packages_says_how_to_get_them() -> None:
    peer = OnPython("odd", "bench.peers.odd", ("no_such_package",))
    assert "no_such_package" in peer.lacks()
    assert "make peers" in peer.lacks()


async def test_who_waits_longest_gets_what_is_free_next() -> None:
    pool = Pool(["one"])
    served: list[int] = []

    async def use(number: int, times: int) -> None:
        for _ in range(times):
            thing = await pool.take()
            served.append(number)
            await asyncio.sleep(0)
            pool.give_back(thing)

    await asyncio.gather(*(use(number, 2) for number in range(3)))
    assert served == [0, 1, 2, 0, 1, 2]


async def test_what_is_handed_to_a_cancelled_query_is_not_lost() -> None:
    pool = Pool(["one"])
    assert await pool.take() == "one"
    gone, patient = asyncio.create_task(pool.take()), asyncio.create_task(pool.take())
    await asyncio.sleep(0)
    pool.give_back("one")
    gone.cancel()
    assert await patient == "one"
    with pytest.raises(asyncio.CancelledError):
        await gone


def test_the_measured_configuration_is_the_default_one(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    write_federation(folder, PLAN)
    federation = tomllib.loads((folder / "federation.toml").read_text())
    # What the parties are and what they hold; nothing that would switch a check or a log off.
    assert set(federation) == {"federation", "gateway", "agencies", "schemes", "purposes", "terms"}
    assert set(federation["gateway"]) == {"agency", "name"}
    for agency in PLAN.agencies:
        node = tomllib.loads((folder / "agencies" / agency / "node.toml").read_text())
        assert set(node) == {"node", "datasets"}
        assert set(node["node"]) == {"agency", "database"}
        (dataset,) = node["datasets"]
        said = {"name", "title", "table", "subject_kind", "as_of", "keys", "fields"}
        assert set(dataset) == said
