"""Signed documents on their way: from a party to the gateway, to all nodes, into effect."""

import asyncio
from pathlib import Path

import yaml

from gateway.courier import Courier
from landbridge.clock import system_clock, to_datetime
from landbridge.commands.main import run
from landbridge.errors import Reason
from landbridge.library.known import known_at
from landbridge.memorandum.stage import Stage, stage_of
from landbridge.policy.authorization import AccessRequest, Policy, authorize
from landbridge.subject import SubjectKind
from tests.distribution import (
    CITY,
    STALLS,
    between,
    columns,
    command,
    key_file,
    shelves,
    signed,
    state,
    until,
)
from tests.market import FOOD, PURPOSE, REGISTER, TAX, market, outcomes
from tests.node_questions import answer_of, question


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
        text = between(running, REGISTER, TAX, FOOD, CITY)
        running.gateway.documents.intake.take(signed(running, text))
        await until(lambda: len(shelves(running)[TAX].memoranda) == 2)
        await running.restart(FOOD)
        await until(lambda: len(shelves(running)[FOOD].memoranda) == 2)


async def test_what_an_agency_puts_into_its_own_folder_reaches_the_others(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        text = between(running, TAX, FOOD, CITY)
        path = state(running, TAX) / "memoranda" / "new.jws.json"
        path.write_bytes(signed(running, text))
        await until(lambda: len(shelves(running)[FOOD].memoranda) == 2)
        await until(lambda: len(shelves(running)["exchange"].memoranda) == 2)
        # It does not concern the register, which never gets it.
        assert len(shelves(running)[REGISTER].memoranda) == 1


async def test_a_document_that_was_tampered_with_in_one_folder_comes_back(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        path = state(running, FOOD) / "memoranda" / f"{STALLS}.jws.json"
        path.write_bytes(path.read_bytes().replace(b'"signature": "', b'"signature": "A', 1))
        history = state(running, FOOD) / "known" / "index.jsonl"
        await until(lambda: '"withdrawn":true' in history.read_text())
        await until(lambda: [each.path for each in shelves(running)[FOOD].refused] == [path])
        await until(lambda: bool(shelves(running)[FOOD].memoranda))
        assert outcomes(await running.profile())[FOOD] == Reason.ANSWERED


async def test_a_party_ends_its_own_part_by_sending_a_notice(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        ending = ["memo", "terminate", STALLS, "--state", str(state(running, CITY))]
        await command(running, *ending, "--reason", "No more stalls", "--send")
        await until(lambda: all(shelf.notices for shelf in shelves(running).values()))
        assert set(outcomes(await running.profile()).values()) == {Reason.NOT_IN_FORCE}


async def test_offers_travel_and_are_signed_on_the_way(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        text = between(running, TAX, FOOD, CITY)
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


async def test_a_courier_that_is_told_of_a_change_does_not_wait(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        await running.gateway.courier.stop()
        documents = running.gateway.documents
        patient = Courier(
            documents.library, documents.intake, running.gateway.nodes, failed=_fail, interval_s=600
        )
        patient.start()
        await asyncio.to_thread(documents.intake.take, signed(running, between(running, TAX, CITY)))
        await until(lambda: len(shelves(running)[TAX].memoranda) == 2)
        await patient.stop()


def _fail(error: Exception) -> None:
    raise error
