"""What is benched is what `landbridge up` runs: no check in it is switched off or weakened."""

import asyncio
import os
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import grpc
import pytest

import bench.throughput
import landbridge.commands.up
from bench.federation import PURPOSE, Plan, write_federation
from bench.throughput import Rig, Settings, measure_throughput
from landbridge.agency import Role
from landbridge.commands.sandbox import AUTHORITY, KEEPER, Sandbox
from landbridge.envelope import QUERY_TYPE, digest
from landbridge.errors import Reason
from landbridge.home import Home
from landbridge.keys import KeyUse
from landbridge.log.own_database import SETTINGS_NAME, own_database
from landbridge.log.witness_file import cosigned
from landbridge.memorandum.document import Memorandum
from landbridge.party import PartyFolder
from landbridge.v1 import (
    envelope_pb2,
    log_pb2,
    node_service_pb2,
    node_service_pb2_grpc,
)
from tests.equal_agencies import equal_agencies
from tests.market import Market
from tests.node_questions import question, refused

ROOT: Final = Path(__file__).parents[3]
PLAN: Final = Plan(nodes=2, subjects=8)
OPTIONS: Final = {
    "node": {"--federation", "--state", "--listen"},
    "gateway": {"--state", "--listen", "--enrolment-listen"},
    "cert": {"--listen", "--keep"},
}
"""Places and addresses; each is needed by whoever starts such a process."""
READ_FROM_THE_ENVIRONMENT: Final = {
    "landbridge/home.py": "where the home folder lies",
    "landbridge/log/own_database.py": "passwords that log.toml names; there is none here",
    "node/config.py": "passwords that node.toml names; there is none here",
    "landbridge/commands/output.py": "the width of the terminal",
    "landbridge/commands/sandbox.py": "handed on",
    "landbridge/commands/preloaded.py": "handed on",
    "landbridge/commands/demo.py": "sets where the home folder lies",
    "landbridge/commands/node_conform.py": "sets what gRPC says",
    "landbridge/__init__.py": "sets which TLS suites gRPC may use",
}


class NotStartedError(Exception):
    """Raised in place of a start."""


def started(
    patch: pytest.MonkeyPatch, module: Any, run: Callable[[], object]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Run something until it makes a sandbox; return what it makes it with."""
    made: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def make(*arguments: Any, **named: Any) -> Sandbox:
        made.append((arguments, named))
        raise NotStartedError

    patch.setattr(module, "Sandbox", make)
    with pytest.raises(NotStartedError):
        run()
    patch.undo()
    return made[0]


def test_the_bench_makes_the_sandbox_that_up_makes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "federation"
    benched = started(
        monkeypatch,
        bench.throughput,
        lambda: asyncio.run(measure_throughput(Settings(PLAN), lambda _: None)),
    )
    up = started(
        monkeypatch, landbridge.commands.up, lambda: landbridge.commands.up.up(folder, home=folder)
    )
    assert [len(arguments) for arguments, _ in (benched, up)] == [2, 2]
    # How a process is started, not what it does.
    up[1].pop("preloaded")
    assert benched[1] == up[1] == {}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """What `bench throughput` runs, prepared and not started."""
    top = tmp_path_factory.mktemp("bench")
    write_federation(top / "federation", PLAN)
    rig = Rig(top / "federation", top / "home", Settings(PLAN), lambda _: None)
    assert type(rig._sandbox) is Sandbox
    rig._sandbox.prepare()
    yield rig
    rig._sandbox.close()


def test_no_process_is_given_an_option_or_a_variable_of_its_own(rig: Rig) -> None:
    sandbox = rig._sandbox
    for name in (*sandbox.providers, sandbox.gateway, AUTHORITY, KEEPER):
        command, _ = sandbox._command(name)
        assert {word for word in command if word.startswith("-")} <= OPTIONS[command[0]], name
        assert sandbox._environment(name) == {**os.environ, "PYTHONUNBUFFERED": "1"}


def test_no_variable_of_the_environment_is_about_a_check() -> None:
    reading = {
        str(path.relative_to(ROOT))
        for package in ("landbridge", "gateway", "node", "certs")
        for path in (ROOT / package).rglob("*.py")
        if re.search(r"\benviron\b|\bgetenv\b", path.read_text())
    }
    assert reading <= READ_FROM_THE_ENVIRONMENT.keys()


def test_the_federations_files_leave_every_check_at_its_default(rig: Rig) -> None:
    folder = rig._sandbox.folder
    federation = tomllib.loads((folder / "federation.toml").read_text())
    assert federation.keys() <= {
        *("federation", "gateway", "agencies", "schemes", "purposes", "terms")
    }
    for agency in rig._sandbox.providers:
        node = tomllib.loads((folder / "agencies" / agency / "node.toml").read_text())
        assert node.keys() == {"node", "datasets"}
        assert node["node"].keys() == {"agency", "database"}
        memorandum = Memorandum.from_yaml(folder / "memoranda" / f"{agency}.yaml")
        (grant,) = memorandum.grants
        assert grant.requesters == tuple(PLAN.asking)
        assert grant.purposes == (PURPOSE,)


def test_every_party_has_its_keys_its_trust_and_a_log_on_the_disk(rig: Rig) -> None:
    sandbox = rig._sandbox
    parties = [
        (sandbox.gateway, Role.GATEWAY, {KeyUse.LOG}),
        *((agency, Role.NODE, {KeyUse.LOG}) for agency in sandbox.providers),
        *((agency, Role.REQUESTER, {KeyUse.LOG, KeyUse.QUERY}) for agency in sandbox.requesters),
    ]
    for agency, role, uses in parties:
        folder = sandbox.state(agency, role)
        assert {KeyUse(path.stem) for path in (folder / "keys").iterdir()} >= uses
        assert (folder / "anchor.pub").exists()
        assert (folder / "pseudonym.key").exists()
        assert not (folder / SETTINGS_NAME).exists()
        PartyFolder.open(folder).open_log(sandbox._identity(agency, role)).close()
        with own_database(folder).reading() as connection:
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    home, state = Home.read(sandbox.home_folder).state_of()
    assert (home, state) == (
        sandbox.requesters[0],
        sandbox.state(sandbox.requesters[0], Role.REQUESTER),
    )


async def test_every_check_stands_in_what_is_benched(tmp_path: Path) -> None:
    """In one process, from the same files: signatures, TLS, guard, logs and witnesses."""
    async with equal_agencies(tmp_path, PLAN) as agencies:
        running = agencies.running
        (query,) = agencies.sign(1)
        forged = envelope_pb2.Envelope.FromString(query.SerializeToString())
        forged.batch.signature = bytes(64)
        for agency in PLAN.agencies:
            asked = question(forged, "enterprises")
            assert await refused(running, agency, asked) is Reason.BAD_SIGNATURE
            (endpoint,) = running.bundle.members[agency].endpoints
            # Who shows no certificate gets no connection, and a requester no answer.
            bare = grpc.aio.insecure_channel(endpoint.address)
            assert await status_of(bare) is grpc.StatusCode.UNAVAILABLE
            known = running.channel(endpoint, running.client.agency, Role.REQUESTER)
            assert await status_of(known) is grpc.StatusCode.PERMISSION_DENIED
        envelope = await running.client.stream(query)
        assert agencies.read(envelope) == agencies.whole()
        await assert_logged_everywhere(agencies.running, query)


async def status_of(channel: grpc.aio.Channel) -> grpc.StatusCode:
    async with channel:
        stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
            channel
        )
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetAnswer(node_service_pb2.GetAnswerRequest(), timeout=5)
    return caught.value.code()


async def assert_logged_everywhere(running: Market, query: envelope_pb2.Envelope) -> None:
    """See the query in the logs of requester, gateway and nodes, and their heads cosigned."""
    asked = digest(QUERY_TYPE, query.payload)
    name = running.client.agency
    own = PartyFolder.open(running.sandbox.state(name, Role.REQUESTER)).open_log(
        running.identity(name, Role.REQUESTER)
    )
    logs = {
        "requester": own,
        "gateway": running.gateway.log,
        **{agency: node.log for agency, node in running.nodes.items()},
    }
    kinds = {
        party: [entry.kind for entry in map(log_pb2.LogEntry.FromString, log.entries())
                if entry.query_digest == asked]
        for party, log in logs.items()
    }  # fmt: skip
    own.close()
    answers = {agency: [log_pb2.ENTRY_KIND_ANSWER] for agency in running.nodes}
    assert kinds == {
        "requester": [log_pb2.ENTRY_KIND_QUERY, log_pb2.ENTRY_KIND_RECEIPT],
        "gateway": [log_pb2.ENTRY_KIND_PROFILE],
        **answers,
    }
    parties = [(agency, Role.NODE) for agency in running.nodes]
    parties.append((running.sandbox.gateway, Role.GATEWAY))
    async with asyncio.timeout(30):
        while not all(cosigned(running.sandbox.state(*party)) for party in parties):
            await asyncio.sleep(0.1)
