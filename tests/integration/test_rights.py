"""A dispute and a repair over real servers, by the commands of all parties."""

import asyncio
import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from landbridge.agency import Role
from landbridge.commands import case_show
from landbridge.commands.main import run
from landbridge.document import read_document
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.profile import profile_document
from landbridge.rights.opening import Complaint, write_opening
from landbridge.rights.steps import CaseKind
from landbridge.rpc.rights_calls import get_status_list, submit_step
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import rights_service_pb2_grpc
from landbridge.v1.rights_service_pb2 import GetStatusListRequest
from tests.market import BAKERY, PURPOSE, REGISTER, Market, market, write_market

Captured = pytest.CaptureFixture[str]
DESK = "city"
LAW = """
[jurisdictions.market-law]
title = "The market's own law"
source = "1 M.L. 1"
answer_within = "P30D"
"""
MONTH_MS = 31 * 24 * 3600 * 1000


def with_desk(top: Path) -> None:
    """Let an agency of the market keep a desk and decide on repairs, and a law set the time."""
    folder = write_market(top)
    path = folder / "federation.toml"
    text = path.read_text()
    heading = f'[agencies."{DESK}"]'
    assert heading in text
    path.write_text(text.replace(heading, f"{heading}\ndesk = true", 1) + LAW)
    config = folder / "agencies" / REGISTER / "node.toml"
    config.write_text(
        config.read_text().replace(
            'name = "companies"',
            f'name = "companies"\ndeciding = "{DESK}"\njurisdiction = "market-law"',
        )
    )


async def command(running: Market, *words: str) -> int:
    home = ["--home", str(running.sandbox.home_folder)]
    return await asyncio.to_thread(run, [*words, *home])


async def save_profile(running: Market, path: Path) -> dict[str, Any]:
    envelope = await running.client.ask(BAKERY, PURPOSE, "M-1")
    document = profile_document(envelope)
    path.write_text(json.dumps(document))  # noqa: ASYNC240  a file of a test
    return document


def record_of(document: dict[str, Any]) -> dict[str, Any]:
    (section,) = [one for one in document["sections"] if one["agency"] == REGISTER]
    (record,) = section["records"]
    assert isinstance(record, dict)
    return record


async def test_a_case_goes_its_way(tmp_path: Path, capsys: Captured) -> None:
    with_desk(tmp_path)
    async with market(tmp_path, write=False) as running:
        profile, case = tmp_path / "profile.json", tmp_path / "case.json"
        record = record_of(await save_profile(running, profile))
        field = record["values"][0]["field"]
        state = running.sandbox.state(REGISTER, Role.NODE)
        subject = str(BAKERY)
        words = ("--statement", "This is wrong.", "--as", DESK)
        picked = ("--from", str(profile), "--about", f"{REGISTER}/companies:{field}")

        await check_long_statement(running, picked, capsys)
        assert await command(running, "dispute", "open", *picked, *words, "-o", "json") == 0
        captured = capsys.readouterr()
        told = read_document(captured.out.encode())
        assert (told["agency"], told["state"]) == (REGISTER, "open")
        at = ("--at", REGISTER, "--as", DESK)
        following = f"next: landbridge dispute show {subject} {' '.join(at)} --home "
        assert following in captured.err
        await check_time(running, told["due_at"], state, capsys)

        document = await save_profile(running, profile)
        (flag,) = record_of(document)["flags"]
        assert (flag["case"], flag["fields"]) == (told["case"], [field])
        assert await command(running, "verify", str(profile)) == 0
        assert await command(running, "dispute", "open", *picked, *words) != 0
        assert "LB-4110" in capsys.readouterr().err

        decide = ("dispute", "decide", "--state", str(state), "--reason", "It is right.")
        assert await asyncio.to_thread(run, [*decide, "--outcome", "rejected"]) == 0
        assert "flags" not in record_of(await save_profile(running, profile))
        assert await asyncio.to_thread(run, [*decide, "--outcome", "upheld"]) != 0
        assert await command(running, "dispute", "show", subject, *at) == 0
        shown = capsys.readouterr().out
        assert "It is right." in shown
        assert "decided before" not in shown
        assert await command(running, "dispute", "export", subject, *at, "--to", str(case)) == 0
        assert await command(running, "verify", str(case)) == 0
        check_tampering(running, case, capsys)

        await check_repair(running, record, profile, capsys)

        await running.nodes.pop(REGISTER).stop()
        await running.restart(REGISTER)
        gone = await save_profile(running, profile)
        assert REGISTER not in {section["agency"] for section in gone["sections"]}
        await check_gateway(running)


async def check_repair(
    running: Market, record: dict[str, Any], profile: Path, capsys: Captured
) -> None:
    """See that another agency decides, step by step, and that the record is given no more."""
    at = ("--at", REGISTER, "--as", DESK)
    place = f"{REGISTER}/companies/{record['record']}"
    paid = ("--statement", "It is made good.", "--as", DESK, "-o", "json")
    capsys.readouterr()
    assert await command(running, "repair", "request", place, str(BAKERY), *paid) == 0
    repair = read_document(capsys.readouterr().out.encode())["case"]
    decide = ("repair", "decide", repair, *at, "--outcome", "repaired", "--reason", "Yes.")
    assert await command(running, *decide) != 0
    assert "LB-4111" in capsys.readouterr().err
    assert await command(running, "repair", "review", repair, *at) == 0
    assert await command(running, *decide) == 0
    gone = await save_profile(running, profile)
    assert REGISTER not in {section["agency"] for section in gone["sections"]}
    assert await command(running, "repair", "show", "--case", repair, *at) == 0
    assert "repaired" in capsys.readouterr().out


async def check_long_statement(running: Market, picked: tuple[str, ...], capsys: Captured) -> None:
    """See that what no agency takes is neither sent nor kept."""
    words = ("--statement", "x" * 1_000_000, "--as", DESK)
    assert await command(running, "dispute", "open", *picked, *words) != 0
    told = capsys.readouterr().err
    assert "LB-4112" in told
    assert "it has 1000000 characters, and 1000 are allowed" in told
    assert not (running.sandbox.state(DESK, Role.REQUESTER) / "sent-steps").exists()


async def check_time(running: Market, due: str, state: Path, capsys: Captured) -> None:
    """See that each side is told until when, and from then on that it is too late."""
    asked = ("dispute", "show", str(BAKERY), "--at", REGISTER, "--as", DESK)
    own = ("dispute", "show", "--state", str(state))
    late = f"overdue: a decision was due before {due}"
    assert await command(running, *asked) == 0
    assert f"to be decided before {due}, as the agency says" in capsys.readouterr().out
    assert await command(running, *own) == 0
    assert f"to be decided before {due}\n" in capsys.readouterr().out
    with pytest.MonkeyPatch.context() as patch:
        now = case_show.system_clock() + MONTH_MS
        patch.setattr(case_show, "system_clock", lambda: now)
        for words in (asked, own):
            assert await command(running, *words) == 0
            assert late in capsys.readouterr().out
            assert await command(running, *words, "-o", "json") == 0
            shown = read_document(capsys.readouterr().out.encode())
            assert (shown["due_at"], shown["overdue"]) == (due, True)


def check_tampering(running: Market, case: Path, capsys: Captured) -> None:
    """See that what is shown is what was signed and logged, and nothing else."""
    document = json.loads(case.read_text())
    shown = json.loads(case.read_text())
    shown["statement"] = "This is right."
    dropped = json.loads(case.read_text())
    for part in ("documents", "entries"):
        dropped["evidence"][part].pop()
    swapped = json.loads(case.read_text())
    swapped["evidence"]["entries"].reverse()
    forged = case.with_name("forged.json")
    capsys.readouterr()
    for wrong, code in ((shown, "LB-4201"), (dropped, "LB-4201"), (swapped, "LB-4008")):
        assert wrong != document
        forged.write_text(json.dumps(wrong))
        assert run(["verify", str(forged), "--home", str(running.sandbox.home_folder)]) != 0
        assert code in capsys.readouterr().err
    for part in ("documents", "entries"):
        broken = json.loads(case.read_text())
        broken["evidence"][part] = broken["evidence"][part][0]
        forged.write_text(json.dumps(broken))
        assert run(["verify", str(forged), "--home", str(running.sandbox.home_folder)]) != 0


async def check_gateway(running: Market) -> None:
    """See what the gateway passes on, and what the node takes from nobody else."""
    line = running.client._channel.channel
    assert (await get_status_list(line, REGISTER)).startswith(b"landbridge status list v1\n")
    complaint = Complaint(
        kind=CaseKind.DISPUTE,
        agency=REGISTER,
        dataset="companies",
        record="x",
        subject=BAKERY,
        statement="x",
    )
    desk = running.key(DESK, Role.REQUESTER, KeyUse.CONSENT)
    document = write_opening(complaint, desk, at=running.client._clock()).to_bytes()
    refused = {
        Reason.NO_SUCH_RECORD: (REGISTER, document),
        Reason.UNREACHABLE: ("nobody.gov", document),
        Reason.MALFORMED_CASE: (REGISTER, b"x" * 1_000_000),
    }
    for reason, (agency, sent) in refused.items():
        with pytest.raises(LandbridgeError) as caught:
            await submit_step(line, agency, sent)
        assert caught.value.reason is reason
    (endpoint,) = running.bundle.members[REGISTER].endpoints
    channel = running.channel(endpoint, DESK, Role.REQUESTER)
    stub: Any = rights_service_pb2_grpc.RightsServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as direct:
        await stub.GetStatusList(GetStatusListRequest(agency=REGISTER), timeout=5)
    assert from_rpc_error(direct.value).reason is Reason.CALLER_REFUSED
    await channel.close()
