"""Who looked, over real servers: a person asks every register, at a desk or with an own key."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives import serialization

import node.accesses
from landbridge.agency import Role
from landbridge.commands.main import run
from landbridge.consent.binding import bind_key
from landbridge.consent.giving import Terms, write_as_desk
from landbridge.document import read_document
from landbridge.errors import Reason
from landbridge.keys import KeyUse, write_whole
from landbridge.query import Wanted
from landbridge.v1 import log_pb2
from tests.consents import ed25519, instant
from tests.example import ROOT
from tests.market import Market, market
from tests.persons import Person, invent

LICENSING, DEGREES, CONDUCT = "licensing.edu", "degrees.uni", "conduct.edu"
SCHOOL, DESK, PURPOSE = "tammiku-school", "citizen-desk", "hiring-check"
PERSON, OTHER = invent(12, seed=27560)[1:3]
HOUR: Final = 3_600_000
DELAY: Final = (
    '    delayed_disclosure: {legal_basis: "Inquiries Act (made up), section 9", delay: P6M}\n'
)
Captured = pytest.CaptureFixture[str]


async def ask(running: Market, person: Person, case: str, *, consent: bool) -> None:
    """Let the school ask all registers about a person."""
    now = running.client._clock()
    terms = Terms(
        subject=person.subject,
        requester=SCHOOL,
        purpose=PURPOSE,
        datasets=(f"{LICENSING}/licences", f"{DEGREES}/degrees"),
        valid_from=instant(now - HOUR),
        valid_until=instant(now + HOUR),
        given_at=instant(now - HOUR),
        notice="Told at the desk",
        withdrawal="At the desk",
    )
    desk = running.key(DESK, Role.REQUESTER, KeyUse.CONSENT)
    consents = [write_as_desk(terms, desk).to_bytes()] if consent else []
    wanted = [
        Wanted(LICENSING),
        Wanted(DEGREES),
        Wanted(CONDUCT, "bans", ("banned_on",), (("day", "2026-01-01"),)),
    ]
    await running.client.ask(person.subject, PURPOSE, case, wanted, consents=consents)


async def command(running: Market, *words: str) -> int:
    home = ["--home", str(running.sandbox.home_folder)]
    return await asyncio.to_thread(run, ["subject", "accesses", *words, *home])


def own_key(running: Market, folder: Path, person: Person) -> list[str]:
    """Have the desk bind a key to the person; return how the person signs with it."""
    key, now = ed25519(), running.client._clock()
    desk = running.key(DESK, Role.REQUESTER, KeyUse.CONSENT)
    start, end = instant(now - HOUR), instant(now + HOUR)
    introduced = bind_key(key.public, person.subject, valid_from=start, valid_until=end, desk=desk)
    binding, private = folder / f"{person.number}.json", folder / f"{person.number}.pem"
    binding.write_text(json.dumps(introduced.model_dump()))
    pem = key.private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_whole(private, pem)
    return ["--key", str(private), "--binding", str(binding)]


def seen(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (access["agency"], access["case"], each["code"])
        for access in document["accesses"]
        for each in access["datasets"]
    }


async def test_a_person_learns_who_looked_and_nobody_else_does(
    tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(ROOT / "examples/teachers", tmp_path / "market")
    (memorandum,) = (tmp_path / "market/memoranda").glob("*.yaml")
    memorandum.write_text(memorandum.read_text().rstrip() + "\n" + DELAY)
    async with market(tmp_path, write=False) as running:
        await ask(running, PERSON, "WITH", consent=True)
        await ask(running, PERSON, "WITHOUT", consent=False)
        await ask(running, OTHER, "OTHER", consent=True)
        person = str(PERSON.subject)
        saved = tmp_path / "accesses.json"

        assert await command(running, person, "--as", DESK, "--save", str(saved)) == 0
        words = capsys.readouterr().out
        assert f"{SCHOOL} asked {LICENSING} at 20" in words
        assert "case WITH, with a consent of the person." in words
        assert "It was given person, name, licence_number" in words
        document = read_document(saved.read_bytes())
        # What the clause on bans delays is in the log all the same, and is not told. Without a
        # consent the gateway has asked the other two for nothing.
        assert seen(document) == {
            (LICENSING, "WITH", Reason.ANSWERED.code),
            (DEGREES, "WITH", Reason.ANSWERED.code),
        }
        assert {one["agency"] for one in document["told"]} == {LICENSING, DEGREES, CONDUCT}
        entries = [
            log_pb2.LogEntry.FromString(data) for data in running.nodes[CONDUCT].log.entries()
        ]
        delayed = [
            access.delay_basis
            for entry in entries
            for access in entry.accesses
            if access.disclosed_from_unix_ms > entry.logged_at_unix_ms
        ]
        assert delayed == ["Inquiries Act (made up), section 9"] * 3
        assert entries[-1].kind == log_pb2.ENTRY_KIND_DISCLOSURE

        bundle = str(running.sandbox.home_folder / "trust-bundle.json")
        assert await asyncio.to_thread(run, ["verify", str(saved), "--bundle", bundle]) == 0
        assert "[ok] entries" in capsys.readouterr().out

        # With a key of one's own it is the same, for that person alone.
        own = own_key(running, tmp_path, OTHER)
        assert await command(running, str(OTHER.subject), *own, "-o", "json") == 0
        told = json.loads(capsys.readouterr().out)
        assert {case for _, case, _ in seen(told)} == {"OTHER"}
        assert await command(running, person, *own) == 4
        assert "LB-4108" in capsys.readouterr().out

        assert await command(running, person, str(OTHER.subject), "--as", DESK) == 4
        assert "LB-3014" in capsys.readouterr().err
        assert await command(running, person, *own[:2]) == 2
        assert "belong together" in capsys.readouterr().err

        # A node that keeps quiet about what it told is not believed.
        with monkeypatch.context() as patch:
            patch.setattr(node.accesses, "told_digest", lambda *_, **__: bytes(32))
            assert await command(running, person, "--as", DESK, "--at", LICENSING) == 4
        shown = capsys.readouterr().out
        assert "No agency answered" in shown
        assert "LB-4008" in shown

        # Who is no desk says nothing for others; and an agency that is away is named.
        assert await command(running, person, "--as", SCHOOL) == 2
        assert "is no desk" in capsys.readouterr().err
        await running.nodes.pop(DEGREES).stop()
        assert await command(running, person, "--as", DESK, "--deadline", "3s") == 3
        assert "Not answered: there may be more accesses" in capsys.readouterr().out
        assert await command(running, person, "--as", DESK, "--at", LICENSING) == 0
        assert await command(running, person, "--as", DESK, "--at", "licencing.edu") == 2
        assert f"did you mean '{LICENSING}'" in capsys.readouterr().err
