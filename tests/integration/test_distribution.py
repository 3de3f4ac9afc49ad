"""Signed documents on their way: from a party to the gateway, to all nodes, into effect."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import grpc
import pytest
import yaml

from gateway.courier import Courier
from landbridge.agency import Role
from landbridge.clock import system_clock, to_datetime
from landbridge.commands.main import run
from landbridge.errors import LandbridgeError, Reason
from landbridge.home import VARIABLE
from landbridge.keys import KeyUse
from landbridge.library.history import known_at
from landbridge.library.kinds import Kind
from landbridge.library.shelf import Shelf
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signature import SignedForm
from landbridge.memorandum.signed_form import sign
from landbridge.memorandum.stage import Stage, stage_of
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.rpc.documents import get_documents, list_documents, offer_documents
from landbridge.subject import SubjectKind
from landbridge.v1 import answer_pb2, profile_pb2
from tests.market import FOOD, PURPOSE, REGISTER, TAX, Market, market, outcomes
from tests.node_questions import answer_of, question

CITY: Final = "city"
STALLS: Final = "stalls-2026"
_ROLES: Final = {CITY: Role.REQUESTER}
_DEADLINE_S: Final = 20.0


def state(running: Market, agency: str) -> Path:
    return running.sandbox.state(agency, _ROLES.get(agency, Role.NODE))


def key_file(running: Market, agency: str) -> str:
    return str(state(running, agency) / "keys" / "memorandum.key")


def signed(running: Market, text: Memorandum, agencies: Sequence[str] = ()) -> bytes:
    form = SignedForm(text.to_json())
    for agency in agencies or text.parties:
        form = form.add(
            running.key(agency, _ROLES.get(agency, Role.NODE), KeyUse.MEMORANDUM), agency
        )
    return form.to_bytes()


def shelves(running: Market) -> dict[str, Shelf]:
    found = {agency: node.documents.library.shelf for agency, node in running.nodes.items()}
    return found | {"exchange": running.gateway.documents.library.shelf}


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, or fail."""
    async with asyncio.timeout(_DEADLINE_S):
        while not holds():
            await asyncio.sleep(0.05)


async def command(running: Market, *arguments: str) -> str:
    """Run a command of its own process, as a party does; return what it printed."""
    environment = {**os.environ, VARIABLE: str(running.sandbox.home_folder)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "landbridge.commands.main",
        *arguments,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    return out.decode()


def columns(profile: profile_pb2.Profile, agency: str) -> tuple[str, set[str]]:
    """Return by which memorandum an agency released which fields."""
    for envelope in profile.answers:
        answer = answer_pb2.Answer.FromString(envelope.payload)
        for dataset in answer.datasets:
            for extract in dataset.extracts:
                if answer.agency == agency:
                    return extract.memorandum, {column.field for column in extract.columns}
    return "", set()


class Clock:
    """The true time, until a test lets an hour pass."""

    ahead_ms = 0

    def __call__(self) -> int:
        return system_clock() + self.ahead_ms


async def test_an_amendment_is_signed_sent_and_steps_in_at_its_instant_everywhere(
    tmp_path: Path,
) -> None:
    clock = Clock()
    async with market(tmp_path, clock=clock) as running:
        began = system_clock()
        assert columns(await running.profile(), FOOD)[0] == STALLS
        # 1. Drafted: the food office gives one field less, and in an hour.
        start = (system_clock() // 1000 + 3600) * 1000
        written = to_datetime(start).strftime("%Y-%m-%dT%H:%M:%SZ")
        old = running.sandbox.folder / "memoranda" / "stalls.yaml"
        draft = tmp_path / "stalls-2.yaml"
        amend = ["memo", "amend", str(old), "--id", "stalls-2", "--from", written]
        assert run([*amend, "--out", str(draft)]) == 0
        document = yaml.safe_load(draft.read_text())
        document["grants"][2]["fields"] = ["visited", "closed"]
        draft.write_text(yaml.safe_dump(document, sort_keys=False))
        # 2. Signed by each party, with its own key file, and sent by the city.
        for agency in (REGISTER, TAX, FOOD, CITY):
            signing = ["memo", "sign", str(draft), "--key", key_file(running, agency)]
            assert run([*signing, "--agency", agency]) == 0
        form = tmp_path / "stalls-2.jws.json"
        assert "sent" in await command(running, "memo", "send", str(form))
        # 3. It reaches every node, and changes nothing yet.
        await until(
            lambda: all(
                {text.id for text in shelf.memoranda} == {STALLS, "stalls-2"}
                for shelf in shelves(running).values()
            )
        )
        assert columns(await running.profile(), FOOD) == (STALLS, {"visited", "finding", "closed"})
        # 4. At its instant it is in force in all nodes, and the old one is not.
        for shelf in shelves(running).values():
            stages = {
                at: {text.id: stage_of(text, shelf.settled, at) for text in shelf.memoranda}
                for at in (start - 1, start)
            }
            assert stages[start - 1] == {STALLS: Stage.IN_FORCE, "stalls-2": Stage.AGREED}
            assert stages[start] == {STALLS: Stage.AMENDED, "stalls-2": Stage.IN_FORCE}
        clock.ahead_ms = start - system_clock()
        profile = await running.profile()
        assert columns(profile, FOOD) == ("stalls-2", {"visited", "closed"})
        assert columns(profile, TAX)[0] == "stalls-2"
        # 5. A past answer is explained by the clause that was in force, and known, then.
        request = AccessRequest(
            FOOD, "findings", CITY, PURPOSE, SubjectKind.LEGAL_ENTITY, ("finding",), began
        )
        for known, at, allowed in (
            (began, began, True),
            (began, start, True),
            (start, start, False),
        ):
            past = known_at(state(running, FOOD), known)
            policy = Policy(past.memoranda, past.notices)
            decision = authorize(policy, AccessRequest(**_fields(request) | {"at": at}))
            assert bool(decision.allowances) is allowed


def _fields(request: AccessRequest) -> dict[str, object]:
    return {name: getattr(request, name) for name in request.__slots__}


async def test_an_agency_suspends_at_once_and_the_others_are_told(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        folder = ["--state", str(state(running, FOOD)), "--reason", "Audit"]
        assert run(["memo", "suspend", STALLS, *folder]) == 0
        await until(lambda: bool(shelves(running)[FOOD].notices))
        # The node itself refuses the next question, whatever the gateway knows as yet.
        answer = await answer_of(running, FOOD, question(running.query(), "findings"))
        assert answer.outcome == Reason.NOT_IN_FORCE
        found = outcomes(await running.profile())
        assert found == {
            REGISTER: Reason.ANSWERED,
            TAX: Reason.ANSWERED,
            FOOD: Reason.NOT_IN_FORCE,
        }
        # It is passed on, and every log tells since when it is known.
        await until(lambda: all(shelf.notices for shelf in shelves(running).values()))
        for agency in (REGISTER, TAX, FOOD):
            known = known_at(state(running, agency), system_clock())
            assert [notice.kind for notice in known.notices] == ["suspend"]
        listed = await command(running, "memo", "status")
        assert STALLS in listed
        assert "in force" in listed
        assert "food.gov: suspend from" in listed
        # A notice is written to the second, and of two of one second the one that stops counts.
        stopped = shelves(running)[FOOD].notices[0].from_ms
        await until(lambda: system_clock() >= stopped + 1000)
        assert run(["memo", "resume", STALLS, *folder]) == 0
        for agency in (FOOD, "exchange"):
            await until(lambda agency=agency: len(shelves(running)[agency].notices) == 2)  # type: ignore[misc]
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED


async def test_a_node_that_was_away_gets_what_it_missed(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        await running.nodes.pop(FOOD).stop()
        text = _between(running, REGISTER, TAX, FOOD, CITY)
        running.gateway.documents.intake.take(signed(running, text))
        await until(lambda: len(shelves(running)[TAX].memoranda) == 2)
        await running.restart(FOOD)
        await until(lambda: len(shelves(running)[FOOD].memoranda) == 2)


async def test_what_an_agency_puts_into_its_own_folder_reaches_the_others(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        text = _between(running, TAX, FOOD, CITY)
        path = state(running, TAX) / "memoranda" / "new.jws.json"
        path.write_bytes(signed(running, text))
        await until(lambda: len(shelves(running)[FOOD].memoranda) == 2)
        await until(lambda: len(shelves(running)["exchange"].memoranda) == 2)
        # It does not concern the register, which never gets it.
        assert len(shelves(running)[REGISTER].memoranda) == 1


async def test_offers_travel_and_are_signed_on_the_way(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        text = _between(running, TAX, FOOD, CITY)
        offer = tmp_path / "offer.jws.json"
        offer.write_bytes(signed(running, text, (CITY,)))
        await command(running, "memo", "send", str(offer))
        await until(lambda: bool(shelves(running)[TAX].offers and shelves(running)[FOOD].offers))
        # Each signs what lies in its own folder; nobody waits for the other.
        for agency in (TAX, FOOD):
            (path,) = (state(running, agency) / "memoranda").glob("between*.jws.json")
            signing = ["memo", "sign", str(path), "--agency", agency]
            assert run([*signing, "--key", key_file(running, agency)]) == 0
        for agency in (TAX, FOOD, "exchange"):
            await until(lambda agency=agency: len(shelves(running)[agency].memoranda) == 2)  # type: ignore[misc]
        fetched = await command(running, "memo", "fetch", "--into", str(tmp_path / "kept"))
        assert "memorandum between" in fetched
        assert len(list((tmp_path / "kept" / "memoranda").iterdir())) == 2


async def test_who_may_see_what_and_who_may_bring(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        text = _between(running, TAX, CITY)
        running.gateway.documents.intake.take(signed(running, text))
        (front,) = running.bundle.endpoints(Role.GATEWAY)
        seen: dict[str, set[str]] = {}
        for agency, role in ((TAX, Role.NODE), (FOOD, Role.NODE), (CITY, Role.REQUESTER)):
            async with running.channel(front, agency, role) as channel:
                listed = await list_documents(channel)
                seen[agency] = {one.subject for one in listed}
                everything = [
                    found.opened.digest
                    for found in running.gateway.documents.library.shelf.shown.values()
                ]
                assert len(await get_documents(channel, everything)) == len(listed)
                if role is Role.NODE:
                    with pytest.raises(LandbridgeError) as caught:
                        await offer_documents(channel, [b"x"])
                    assert caught.value.reason is Reason.CALLER_REFUSED
        both = {STALLS, "between"}
        assert seen == {TAX: both, FOOD: {STALLS}, CITY: both}


async def test_what_does_not_verify_is_refused_with_its_code_and_kept_nowhere(
    tmp_path: Path,
) -> None:
    async with market(tmp_path) as running:
        text = _between(running, TAX, CITY)
        good = signed(running, text)
        wider = text.model_copy(update={"title": "Other"})
        whole = next(iter(running.bundle.endpoints(Role.GATEWAY)))
        notice = _notice(running, text, TAX)
        documents = {
            b"": Reason.MALFORMED_MEMORANDUM,
            b"x" * 2_100_000: Reason.MALFORMED_MEMORANDUM,
            SignedForm(wider.to_json(), SignedForm.parse(good).signatures).to_bytes(): (
                Reason.BAD_SIGNATURE
            ),
            SignedForm(text.to_json()).to_bytes(): Reason.SIGNERS_NOT_PARTIES,
            notice: Reason.MALFORMED_NOTICE,
        }
        before = sorted(state(running, FOOD).rglob("*"))
        endpoint = running.bundle.members[FOOD].endpoints[0]
        async with running.channel(whole, CITY, Role.REQUESTER) as channel:
            found = await offer_documents(channel, list(documents))
            assert [each.error and each.error.reason for each in found] == list(documents.values())
            assert not any(each.taken for each in found)
        async with running.channel(endpoint, "exchange", Role.GATEWAY) as channel:
            # A node keeps nothing that does not concern it, whoever brings it.
            (outcome,) = await offer_documents(channel, [good])
            assert outcome.error is not None
            assert outcome.error.reason is Reason.SIGNERS_NOT_PARTIES
            with pytest.raises(LandbridgeError, match="are more than 100"):
                await _too_many(channel)
        assert sorted(state(running, FOOD).rglob("*")) == before
        async with running.channel(whole, CITY, Role.REQUESTER) as channel:
            first, second, third = await offer_documents(channel, [good, good, notice])
            assert (first.taken, second.taken, third.taken) == (True, False, True)
            assert second.error is None


async def test_a_courier_that_is_told_of_a_change_does_not_wait(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        await running.gateway.courier.stop()
        documents = running.gateway.documents
        patient = Courier(
            documents.library, documents.intake, running.gateway.nodes, failed=_fail, interval_s=600
        )
        patient.start()
        await asyncio.to_thread(
            documents.intake.take, signed(running, _between(running, TAX, CITY))
        )
        await until(lambda: len(shelves(running)[TAX].memoranda) == 2)
        await patient.stop()


def _fail(error: Exception) -> None:
    raise error


def _between(running: Market, *parties: str) -> Memorandum:
    """Make a memorandum by which the first party releases arrears to the city."""
    old = Memorandum.from_yaml(running.sandbox.folder / "memoranda" / "stalls.yaml")
    grant = next(grant for grant in old.grants if grant.provider == TAX)
    return Memorandum.model_validate(
        old.model_dump(by_alias=True, exclude={"grants", "amends"})
        | {"memorandum": "between", "parties": parties, "grants": (grant,)}
    )


def _notice(running: Market, text: Memorandum, agency: str) -> bytes:
    written = WrittenNotice.draft(
        {
            "notice": "suspend",
            "memorandum": text.id,
            "digest": text.digest,
            "from": "2026-05-01T00:00:00Z",
            "reason": "Audit",
            "signers": [agency],
        }
    )
    payload = written.to_json()
    signature = sign(payload, running.key(agency, Role.NODE, KeyUse.MEMORANDUM))
    assert Kind.NOTICE.value.encode() in payload
    return SignedNotice(payload, (signature,)).to_bytes()


async def _too_many(channel: grpc.aio.Channel) -> None:
    from landbridge.rpc.status import from_rpc_error  # noqa: PLC0415
    from landbridge.v1 import document_service_pb2 as pb  # noqa: PLC0415
    from landbridge.v1 import document_service_pb2_grpc as pb_grpc  # noqa: PLC0415

    try:
        await pb_grpc.DocumentServiceStub(channel).OfferDocuments(
            pb.OfferDocumentsRequest(documents=[b"x"] * 101), timeout=5
        )
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
