"""Sealed answers in a federation of real processes: what the gateway holds, and what it does not.

Its whole memory and all its files are searched for values that nodes released, while queries are
under way and after. The same search finds them when a query is not sealed.
"""

import asyncio
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.agency import Role
from landbridge.client import Client
from landbridge.clock import system_clock
from landbridge.commands.main import run
from landbridge.commands.sandbox import Sandbox
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.errors import LandbridgeError, Reason
from landbridge.home import Home
from landbridge.keys import KeyUse, SigningKey
from landbridge.profile import profile_document, write_document
from landbridge.query import write_query
from landbridge.sealing import PUBLIC_KEY_BYTES
from landbridge.subject import SubjectId
from landbridge.trust.bundle import TrustBundle
from landbridge.verification import verify_profile
from tests.market import BAKERY, FOOD, MILL, PURPOSE, REGISTER, TAX, write_market
from tests.process_memory import find_in_files, find_in_memory

MARK = secrets.token_hex(4)
SEALED = (f"Harbour {MARK} Bakery", f"Owner {MARK} of 417", "731946.28", f"Rats {MARK} in store")
CLEAR = (f"Old {MARK} Mill", f"Owner {MARK} of 520", "846205.17", f"Dust {MARK} in flour")
CASE = f"case-{MARK}"
VISITED = """
  - clause: "1.4"
    provider: food.gov
    dataset: findings
    requesters: [city]
    predicates:
      - name: visited_since
        title: Was the company inspected since that day
        asks: {day: {type: date}}
        when: [{field: visited, ge: {asked: day}}]
    purposes: [stall-permit]
    subject_kinds: [legal-entity]
    sealed: true
    retention: P90D
"""


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    top = tmp_path_factory.mktemp("market")
    folder = write_market(top)
    plant(folder / "agencies")
    with Sandbox(folder, top / "home", preloaded=True) as running:
        asyncio.run(running.wait_ready())
        yield running


def plant(agencies: Path) -> None:
    """Write registers whose values stand nowhere else in the world; tax data leave only sealed."""
    memorandum = agencies.parent / "memoranda" / "stalls.yaml"
    fields = "fields: [taxpayer, arrears]\n"
    written = memorandum.read_text()
    assert fields in written
    memorandum.write_text(written.replace(fields, f"{fields}    sealed: true\n") + VISITED)
    (agencies / REGISTER / "data" / "companies.csv").write_text(
        "Company No,Name,Tax No,State\n"
        f"00000417,{SEALED[0]},9911,Active\n00000520,{CLEAR[0]},9922,Active\n"
    )
    (agencies / TAX / "data" / "arrears.csv").write_text(
        "Exported 31/10/2026\nTaxNo;Taxpayer;Arrears;Since\n"
        f'9911;{SEALED[1]};"EUR 731,946.28";03/05/2026\n'
        f'9922;{CLEAR[1]};"EUR 846,205.17";03/05/2026\n'
    )
    (agencies / FOOD / "data" / "findings.csv").write_text(
        "company,visited,finding,closed\n"
        f"417,2026-09-14,{SEALED[3]},no\n520,2026-09-15,{CLEAR[3]},no\n"
    )


async def connected(sandbox: Sandbox) -> Client:
    """Connect before the gateway is stopped to be read: a handshake does not wait for long."""
    client = Client.from_home(sandbox.home_folder)
    await client.directory(timeout=20)
    return client


async def ask(sandbox: Sandbox, subject: SubjectId, client: Client, *, sealed: bool) -> str:
    """Ask and verify as the command line does; return the document that it would save."""
    try:
        envelope = await client.ask(subject, PURPOSE, CASE, sealed=sealed, timeout=20)
    finally:
        await client.close()
    bundle = TrustBundle.parse((sandbox.home_folder / "trust-bundle.json").read_bytes(), None)
    document = profile_document(envelope)
    verified = verify_profile(document, bundle, federation=sandbox.federation)
    if sealed:
        opened = client.open(verified.signed)
        assert opened.failures == {}
        document = write_document(opened.signed)
        verify_profile(document, bundle, federation=sandbox.federation)
    assert document["completeness"]["state"] == "complete"
    return json.dumps(document)


def held_by_gateway(sandbox: Sandbox, texts: tuple[str, ...]) -> set[str]:
    return find_in_memory(sandbox.processes[sandbox.gateway].pid, texts)


async def test_the_gateway_never_holds_what_is_sealed(sandbox: Sandbox) -> None:
    found: set[str] = set()
    for delay in (0.0, 0.03):
        clients = [await connected(sandbox) for _ in range(3)]
        under_way = [
            asyncio.create_task(ask(sandbox, BAKERY, client, sealed=True)) for client in clients
        ]
        await asyncio.sleep(delay)  # any moment of a query will do
        found |= await asyncio.to_thread(held_by_gateway, sandbox, SEALED)
        for text in await asyncio.gather(*under_way):
            assert all(value in text for value in SEALED), "the requester reads all of it"
    found |= held_by_gateway(sandbox, SEALED)
    folder = sandbox.state(sandbox.gateway, Role.GATEWAY)
    assert found | find_in_files(folder, SEALED) == set()
    assert find_in_files(folder, [CASE]) == {CASE}, "the same search finds what is there"


async def test_the_same_search_finds_what_is_not_sealed(sandbox: Sandbox) -> None:
    deadline = time.monotonic() + 30
    found: set[str] = set()
    while found != {CLEAR[0], CLEAR[3]}:
        assert time.monotonic() < deadline, f"only {found} stands in the gateway's memory"
        text = await ask(sandbox, MILL, await connected(sandbox), sealed=False)
        assert [value for value in CLEAR if value in text] == [CLEAR[0], CLEAR[3]]
        assert "LB-3010" in text, "the tax office answers nobody in the clear"
        found |= held_by_gateway(sandbox, CLEAR)


async def test_nothing_is_answered_to_what_is_no_key(sandbox: Sandbox) -> None:
    state = next(iter(Home.read(sandbox.home_folder).requesters.values()))
    key = SigningKey.load(state / "keys" / f"{KeyUse.QUERY}.key")
    payload = write_query(
        federation=sandbox.federation,
        requester=key.agency,
        subject=BAKERY,
        purpose=PURPOSE,
        case_reference=CASE,
        at=system_clock(),
        seal_to=b"\xff" * PUBLIC_KEY_BYTES,
    )
    client = Client.from_home(sandbox.home_folder)
    try:
        with pytest.raises(LandbridgeError) as caught:
            await client.send(sign_batch(QUERY_TYPE, [payload], key)[0])
    finally:
        await client.close()
    assert caught.value.reason is Reason.MALFORMED_REQUEST


def test_the_command_opens_what_it_asked_for(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, home = tmp_path / "profile.json", ["--home", str(sandbox.home_folder)]
    asked = ["profile", str(BAKERY), "--purpose", PURPOSE, "--case", CASE, "--sealed"]
    assert run([*asked, "--deadline", "20s", "--save", str(path), *home]) == 0
    assert all(value in path.read_text() for value in SEALED)
    assert run(["verify", str(path), *home]) == 0
    assert "3 of 3 sealed answers" in capsys.readouterr().out
    path.write_text(path.read_text().replace(SEALED[3], "Nothing at all"))
    assert run(["verify", str(path), *home]) == 4
    assert "LB-4201" in capsys.readouterr().err


@pytest.mark.parametrize(("day", "answer"), [("2026-09-14", True), ("2026-09-15", False)])
def test_a_question_of_yes_or_no_is_answered_sealed(
    sandbox: Sandbox,
    day: str,
    answer: bool,  # noqa: FBT001
    capsys: pytest.CaptureFixture[str],
) -> None:
    wanted = f"{FOOD}/findings:visited_since(day={day})"
    asked = ["profile", str(BAKERY), "--purpose", PURPOSE, "--case", CASE, "--want", wanted]
    home = ["--deadline", "20s", "--home", str(sandbox.home_folder), "-o", "json"]
    assert run([*asked, "--sealed", *home]) == 0
    document = json.loads(capsys.readouterr().out)
    (section,) = document["sections"]
    (record,) = section["records"]
    assert "record" not in record
    assert [(v["field"], v["value"], v["retention"]) for v in record["values"]] == [
        ("visited_since", answer, "P90D")
    ]
    assert SEALED[3] not in json.dumps(document)
    assert run([*asked, *home]) == 4, "in the clear it is refused"
    assert "LB-3010" in capsys.readouterr().out
