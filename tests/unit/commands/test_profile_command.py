"""`landbridge profile` against a real gateway's line: mTLS, signatures and proofs are real.

Only what the gateway says is scripted, so that a test can make it lie.
"""

import asyncio
import json
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import grpc
import jsonschema
import pytest

from landbridge.commands.main import run
from landbridge.errors import Reason, refuse
from landbridge.home import Home
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.rpc.server_certificates import ServerCertificates
from landbridge.rpc.serving import bind, server_options
from landbridge.rpc.status import abort
from landbridge.sealing import PUBLIC_KEY_BYTES, SealingKey
from landbridge.v1 import (
    answer_pb2,
    envelope_pb2,
    gateway_service_pb2,
    gateway_service_pb2_grpc,
    profile_pb2,
    query_pb2,
)
from tests.preloaded import run_preloaded
from tests.small_town import BAKERY_ABSENT, Town, bakery_answers, parsed

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "schemas" / "profile.schema.json").read_text()
)
QUESTION = ("company:42", "--purpose", "licence-check", "--case", "C-1")
FIELDS = "name,status,opened,closed,staff,city,phone"
Context = grpc.aio.ServicerContext[
    gateway_service_pb2.GetProfileRequest, gateway_service_pb2.GetProfileResponse
]
Script = Callable[[envelope_pb2.Envelope, Context], Awaitable[envelope_pb2.Envelope]]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


class ScriptedHall(gateway_service_pb2_grpc.GatewayServiceServicer):
    """A gateway that answers as the test says; without a script, honestly."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.script: Script | None = None
        self.asked: list[query_pb2.Query] = []

    async def GetProfile(  # noqa: N802  the contract's name
        self, request: gateway_service_pb2.GetProfileRequest, context: Context
    ) -> gateway_service_pb2.GetProfileResponse:
        self.asked.append(query_pb2.Query.FromString(request.query.payload))
        if self.script is None:
            profile = self.town.profile_for(request.query)
        else:
            profile = await self.script(request.query, context)
        return gateway_service_pb2.GetProfileResponse(profile=profile)


@dataclass(frozen=True)
class Line:
    """A gateway that serves, and the home folder of somebody who asks it."""

    hall: ScriptedHall
    home: Home

    async def ask(self, *arguments: str) -> tuple[int, str, str]:
        """Run the command as a process of its own, with time enough on a busy machine."""
        if "--deadline" not in arguments:
            arguments = (*arguments, "--deadline", "30s")
        done = await asyncio.to_thread(
            run_preloaded,
            *("profile", *QUESTION, "--home", str(self.home.folder), *arguments),
        )
        return done.returncode, done.stdout, done.stderr


@pytest.fixture
async def line(town: Town, tmp_path: Path) -> AsyncIterator[Line]:
    hall = ScriptedHall(town)
    server = grpc.aio.server(options=server_options())
    gateway_service_pb2_grpc.add_GatewayServiceServicer_to_server(hall, server)
    party = PartyFolder.open(town.parties["hall"].folder)
    credential = Credential.read(party.credential, party.trust.current)
    certificates = ServerCertificates(credential, party.bundle.roots_pem)
    port = bind(server, "127.0.0.1:0", certificates.credentials())
    await server.start()
    yield Line(hall, town.write_home(tmp_path / "home", f"127.0.0.1:{port}"))
    await server.stop(None)


async def test_a_partial_profile_is_shown_and_leaves_with_3(line: Line) -> None:
    code, out, err = await line.ask()
    assert code == 3, err
    assert out.startswith("Northgate Bakery   company:00000042   3 of 5 sources answered\n")
    assert err.startswith("next: landbridge explain LB-3001")


async def test_what_is_typed_is_what_is_asked(line: Line, tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    code, out, err = await line.ask(
        *("--want", f"registry/companies:{FIELDS},prize(above=10)", "--want", "court"),
        *("--as", "board", "--save", str(path), "-o", "ndjson"),
    )
    assert code == 3, err
    (asked,) = line.hall.asked
    assert (asked.requester, asked.purpose, asked.case_reference) == (
        "board",
        "licence-check",
        "C-1",
    )
    assert [(w.agency, w.dataset, list(w.fields)) for w in asked.wanted] == [
        ("registry", "companies", [*FIELDS.split(","), "prize"]),
        ("court", "", []),
    ]
    assert [(a.name, a.text) for a in asked.wanted[0].arguments] == [("above", "10")]
    assert asked.seal_to == b""
    document = json.loads(out)
    assert out.count("\n") == 1
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert json.loads(path.read_text()) == document
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run(["verify", str(path), "--home", str(line.home.folder)]) == 0


async def test_sealed_answers_are_opened_shown_and_saved_with_their_proof(
    line: Line, tmp_path: Path
) -> None:
    path, consent = tmp_path / "profile.json", tmp_path / "consent.json"
    consent.write_bytes(b"a consent record")
    code, out, err = await line.ask(
        *("--sealed", "--consent", str(consent), "--save", str(path), "-o", "json")
    )
    assert code == 3, err
    (asked,) = line.hall.asked
    assert len(asked.seal_to) == PUBLIC_KEY_BYTES
    assert list(asked.consents) == [b"a consent record"]
    document = json.loads(path.read_text())
    assert document == json.loads(out)
    assert [section["dataset"] for section in document["sections"]] == ["permits", "companies"]
    assert document["query"]["consents"] == [sha256(b"a consent record").hexdigest()]
    assert run(["verify", str(path), "--home", str(line.home.folder)]) == 0


async def test_a_seal_that_does_not_open_is_told_and_shown_as_missing(
    line: Line, town: Town
) -> None:
    async def script(query: envelope_pb2.Envelope, _: Context) -> envelope_pb2.Envelope:
        right, other = (
            bakery_answers(town, query)[:2],
            town.query(seal_to=SealingKey.generate().public),
        )
        wrong = parsed(bakery_answers(town, other)[2])
        wrong.query_digest = parsed(right[1]).query_digest
        return town.sign_profile(town.assemble(query, [*right, town.sign_answer(wrong, query)]))

    line.hall.script = script
    code, out, err = await line.ask("--sealed", "-o", "json")
    assert code == 3
    assert err.startswith("LB-4202  permits: the seal does not open")
    assert [source["code"] for source in json.loads(out)["sources"]] == [
        *("LB-4202", "LB-4202", "LB-0001")
    ]


@pytest.mark.parametrize(
    ("answers", "absent", "expected"),
    [
        (True, (), 0),
        (False, BAKERY_ABSENT[1:], 4),
        (False, BAKERY_ABSENT[:1], 5),
    ],
)
async def test_the_exit_code_says_how_much_came(
    line: Line,
    town: Town,
    answers: bool,  # noqa: FBT001
    absent: tuple[profile_pb2.Source, ...],
    expected: int,
) -> None:
    async def script(query: envelope_pb2.Envelope, _: Context) -> envelope_pb2.Envelope:
        held = answer_pb2.DatasetAnswer(dataset="companies", outcome=Reason.NO_RECORD.value)
        given = [town.answer(query, "registry", [held])] if answers else []
        return town.sign_profile(town.assemble(query, given, absent))

    line.hall.script = script
    code, out, err = await line.ask("-o", "json")
    assert (code, json.loads(out)["query"]["case"]) == (expected, "C-1"), err


async def test_a_lying_gateway_is_found_out_and_nothing_is_shown(
    line: Line, town: Town, tmp_path: Path
) -> None:
    async def script(query: envelope_pb2.Envelope, _: Context) -> envelope_pb2.Envelope:
        profile = profile_pb2.Profile.FromString(town.profile_for(query).payload)
        del profile.comparisons[:]
        return town.sign_profile(profile)

    line.hall.script = script
    path = tmp_path / "profile.json"
    code, out, err = await line.ask("--save", str(path))
    assert (code, out) == (4, "")
    assert err.startswith("LB-4201  the comparisons do not follow")
    assert not path.exists()


async def test_the_answer_to_another_query_is_refused(line: Line, town: Town) -> None:
    async def script(_: envelope_pb2.Envelope, __: Context) -> envelope_pb2.Envelope:
        return town.profile()

    line.hall.script = script
    code, out, err = await line.ask()
    assert (code, out) == (4, "")
    assert err.startswith("LB-4007  ")


async def test_what_the_gateway_refuses_is_told_as_it_says(line: Line) -> None:
    async def script(_: envelope_pb2.Envelope, context: Context) -> envelope_pb2.Envelope:
        await abort(context, refuse(Reason.STALE_QUERY, "your clock is wrong", next_step="set it"))

    line.hall.script = script
    code, out, err = await line.ask()
    assert (code, out) == (4, "")
    assert err == "LB-4003  your clock is wrong\nat: the gateway\nnext: set it\n"


async def test_a_gateway_that_stalls_is_late(line: Line) -> None:
    async def script(_: envelope_pb2.Envelope, __: Context) -> envelope_pb2.Envelope:
        await asyncio.sleep(30)
        raise AssertionError

    line.hall.script = script
    code, out, err = await line.ask("--deadline", "300ms")
    assert (code, out) == (5, "")
    assert err.startswith("LB-2002  ")


def test_a_gateway_that_is_not_there_is_unreachable(
    town: Town, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    town.write_home(tmp_path / "home", "127.0.0.1:1")
    assert run(["profile", *QUESTION, "--home", str(tmp_path / "home")]) == 5
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("LB-2001  the gateway could not be reached: nothing listens")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compny:42", *QUESTION[1:]], "LB-1002"),
        (["42", *QUESTION[1:]], "LB-1002"),
        (["company:x42", *QUESTION[1:]], "LB-1003"),
        (["company:42", "--purpose", "licence-chek", "--case", "C-1"], "LB-1005"),
        ([*QUESTION, "--deadline", "soon"], "LB-1106"),
        ([*QUESTION, "--want", "a/b/c"], "LB-1106"),
        ([*QUESTION, "--want", "a/b:c(d"], "LB-1106"),
        ([*QUESTION, "--consent", "missing.json"], "LB-1106"),
        ([*QUESTION, "--as", "bord"], "LB-1106"),
        (["company:42", "--case", "C-1"], "LB-1106"),
    ],
)
def test_what_is_mistyped_never_leaves_the_machine(
    arguments: list[str],
    code: str,
    town: Town,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    town.write_home(tmp_path / "home", "127.0.0.1:1")
    assert run(["profile", *arguments, "--home", str(tmp_path / "home")]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(code)


def test_without_a_federation_the_next_step_is_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("LANDBRIDGE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert run(["profile", *QUESTION]) == 2
    assert "landbridge up DIR" in capsys.readouterr().err


async def test_a_place_that_cannot_be_written_is_told(line: Line, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = await line.ask("--save", str(tmp_path / "file" / "profile.json"))
    assert code == 2
    assert err.startswith("LB-1106  the profile cannot be saved")
