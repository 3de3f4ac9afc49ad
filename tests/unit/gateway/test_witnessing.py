"""Witnessing among nodes that are honest, slow, lying, forked or put back to an older copy."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.witnessing import pause_after
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse, SigningKey
from landbridge.log.cosignature import CosignatureVerifier, Cosigner, find_witnesses
from landbridge.log.note import parse_note
from landbridge.log.seen_sizes import check_not_rolled_back
from landbridge.log.store import LogStore
from landbridge.rpc.status import abort
from landbridge.v1 import log_service_pb2 as pb
from landbridge.v1 import log_service_pb2_grpc as pb_grpc
from tests.unit.gateway.witnessed_town import (
    GATEWAY,
    NODES,
    Party,
    Running,
    keep_copy,
    witnessed_town,
)
from tests.witnessing import NOW, Town, fill, origin_of

ALL = {origin_of(agency) for agency in (GATEWAY, *NODES)}


def everybody(running: Running) -> tuple[Party, ...]:
    return running.gateway, *running.nodes.values()


def fill_all(running: Running, count: int = 3) -> None:
    for party in everybody(running):
        fill(party.log, count)


def witnesses(town: Town, party: Party) -> set[str]:
    """Name who has cosigned the newest head of a party's log, as the party itself holds it."""
    data = party.own.cosigned()
    if not data:
        return set()
    note = parse_note(data)
    assert note.text == parse_note(party.log.head()).text
    known = [
        CosignatureVerifier(origin_of(agency), key.public)
        for agency, keys in town.keys.items()
        for key in keys
    ]
    found = find_witnesses(note, known, town.now // 1000)
    assert not found.refused
    return set(found.believed)


async def test_everybody_cosigns_everybody_and_nobody_is_asked_twice(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        await running.rounds(1)
        fill_all(running)
        for count in (3, 1):
            await running.rounds(1)
            for party in everybody(running):
                assert witnesses(running.town, party) == ALL - {party.log.origin}
            # Nothing has grown: each node is asked for its head, and nothing more.
            running.calls.clear()
            await running.rounds(2)
            assert sorted(running.calls) == sorted(f"{node} GetCheckpoint" for node in NODES * 2)
            fill_all(running, count)
        assert (running.standing(), running.failures) == ({}, [])


async def test_a_round_costs_a_node_the_same_few_calls_however_many_logs_have_grown(
    tmp_path: Path,
) -> None:
    async with witnessed_town(tmp_path) as running:
        await running.rounds(1)
        for _ in range(2):
            fill_all(running)
            await running.rounds(1)
        running.calls.clear()
        fill_all(running)
        await running.rounds(1)
        once = ("GetCheckpoint", "GetConsistencyProof", "AddCheckpoints", "TellWitnessed")
        assert sorted(running.calls) == sorted(f"{node} {call}" for node in NODES for call in once)


def test_rounds_take_little_of_the_time_and_come_within_ten_seconds() -> None:
    assert pause_after(0.001) == 1.0
    assert pause_after(0.1) == pytest.approx(5.0)
    assert pause_after(60.0) == 10.0
    assert pause_after(0.0, 0.05) == 0.05


async def test_a_gateway_that_begins_anew_goes_on_where_it_was(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running)
        await running.rounds(1)
        fill_all(running)
        running.forget()
        await running.rounds(1)
        for party in everybody(running):
            assert witnesses(running.town, party) == ALL - {party.log.origin}
        assert running.seen.sizes.sizes == {origin_of(agency): 6 for agency in NODES}
        # And where nothing has grown meanwhile, so that others have what is theirs.
        running.forget()
        await running.rounds(1)
        assert (running.standing(), running.failures) == ({}, [])


async def test_no_alarm_while_all_logs_grow_as_fast_as_they_can(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        stopped = asyncio.Event()

        def grow(log: LogStore) -> None:
            while not stopped.is_set():
                fill(log, 7)

        growing = [
            asyncio.create_task(asyncio.to_thread(grow, party.log)) for party in everybody(running)
        ]
        await running.rounds(5)
        stopped.set()
        await asyncio.gather(*growing)
        await running.rounds(1)
        for party in everybody(running):
            assert party.log.halted is None
            assert witnesses(running.town, party) == ALL - {party.log.origin}
        assert (running.standing(), running.failures) == ({}, [])


@pytest.mark.parametrize("after", [0, 2, 40])
async def test_a_node_that_was_put_back_stops_and_is_refused_at_once(
    tmp_path: Path, after: int
) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running)
        await running.rounds(1)
        keep_copy(running.town, "tax", "-old")
        fill(running.nodes["tax"].log, 5)
        await running.rounds(1)
        before = running.seen.sizes.sizes
        tax = await running.replace("tax", "-old")
        # Before any contact, what it answers stands below what its log had held.
        (evidence,) = tax.log.append([b"answer"])
        with pytest.raises(LandbridgeError) as caught:
            check_not_rolled_back(before, tax.log.origin, evidence.index)
        assert caught.value.reason is Reason.LOG_ROLLED_BACK
        if after:
            fill(tax.log, after, "after")
        await running.rounds(1)
        assert [error and error.reason for error in tax.told] == [Reason.LOG_ROLLED_BACK]
        with pytest.raises(LandbridgeError, match="does not hold what others have seen"):
            fill(tax.log, 1)
        code = "LB-4302" if after == 40 else "LB-5003"
        assert running.standing() == {"log of tax": code}
        # The others go on.
        fill(running.nodes["food"].log, 1)
        await running.rounds(1)
        assert witnesses(running.town, running.nodes["food"]) >= ALL - {
            tax.log.origin,
            origin_of("food"),
        }
        # The newest copy is put in its place: all is well again, unless it has signed a fork.
        tax = await running.replace("tax", "")
        fill(tax.log, 1)
        await running.rounds(1)
        assert witnesses(running.town, tax) == ALL - {tax.log.origin}
        assert running.standing() == ({"log of tax": code} if after == 40 else {})
        refused = running.forked.of_node("tax")
        assert (refused and refused.code) == ("LB-4302" if after == 40 else None)


@pytest.mark.parametrize("after", [0, 2, 40])
async def test_a_gateway_that_was_put_back_stops_at_the_first_contact(
    tmp_path: Path, after: int
) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running)
        await running.rounds(1)
        keep_copy(running.town, GATEWAY, "-old")
        fill(running.gateway.log, 5)
        await running.rounds(1)
        running.gateway.close()
        running.gateway = Party(running.town, GATEWAY, "-old")
        running.forget()
        if after:
            fill(running.gateway.log, after, "after")
        else:
            assert running.gateway.log.size == 3
        await running.rounds(1)
        halted = running.gateway.log.halted
        assert halted is not None
        assert halted.reason is Reason.LOG_ROLLED_BACK
        assert witnesses_are_unmoved(running)


def witnesses_are_unmoved(running: Running) -> bool:
    """Tell whether every node still holds the newest head that it saw of the gateway's log."""
    seen = [node.witness.seen(running.gateway.log.origin) for node in running.nodes.values()]
    return all(one is not None and one.size == 8 for one in seen)


@pytest.mark.parametrize("more", [0, 3])
async def test_a_fork_shown_to_two_witnesses_is_named(tmp_path: Path, more: int) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running)
        await running.rounds(1)
        # Water's owner shows food another history than it shows the gateway.
        water = running.nodes["water"]
        keep_copy(running.town, "water", "-fork")
        fork = running.town.log("water", "-fork")
        fill(fork, 4 + more, "hidden")
        fill(water.log, 4)
        path = fork.consistency_proof(3, fork.size)
        assert running.nodes["food"].witness.add(fork.head(), 3, path).line
        await running.rounds(2)
        # An honest owner, shown its own signature, stops; a dishonest one is named all the same.
        assert water.told[-1] is not None
        assert running.standing()["log of water"] in ("LB-4302", "LB-5003")
        assert running.seen.sizes.sizes[origin_of("water")] == 7 + more
        if not more:
            assert running.standing()["log of water"] == "LB-4302"
            (found,) = running.gateway.file.forks()
            heads = {found.first, found.second}
            assert heads == {fork.head(), water.log.head()}
            (refused,) = [
                error
                for error in running.nodes["food"].refused
                if error.reason is Reason.LOG_FORKED
            ]
            assert origin_of("water") in refused.message
        # Water is still a witness of the others, and tax has all the others' words.
        assert witnesses(running.town, running.nodes["tax"]) == ALL - {origin_of("tax")}


class Liar(pb_grpc.LogServiceServicer):
    """A node whose log is honest and whose word as a witness is not."""

    def __init__(self, party: Party, lie: str) -> None:
        self._party = party
        self._lie = lie

    async def GetCheckpoint(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._party.service.GetCheckpoint(request, context)

    async def GetConsistencyProof(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._party.service.GetConsistencyProof(request, context)

    async def TellWitnessed(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._party.service.TellWitnessed(request, context)

    async def GetWitnessed(self, request: Any, context: Any) -> Any:  # noqa: N802
        del request, context
        data = self._party.log.head() if self._lie == "another log" else b"nonsense"
        return pb.GetWitnessedResponse(checkpoint=data)

    async def AddCheckpoint(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        return await self._word(request)

    async def AddCheckpoints(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        words = [await self._word(head) for head in request.heads]
        if self._lie == "one word for all":
            del words[1:]
        return pb.AddCheckpointsResponse(outcomes=[pb.AddedCheckpoint(word=one) for one in words])

    async def _word(self, request: Any) -> Any:
        key = self._party.town.key(self._party.agency)
        cosigner = Cosigner(self._party.log.origin, key)
        note = parse_note(request.checkpoint)
        at = NOW // 1000
        if self._lie == "hangs":
            await asyncio.sleep(60)
        if self._lie in ("ahead", "another log"):
            return pb.AddCheckpointResponse(seen_size=1_000_000)
        if self._lie == "smaller":
            return pb.AddCheckpointResponse(seen_size=0)
        if self._lie == "another root":
            note = parse_note(self._party.log.head())
        if self._lie == "future":
            at += 3600
        if self._lie == "as another":
            cosigner = Cosigner(origin_of("food"), key)
        line = str(cosigner.cosign(note, at)).encode()
        return pb.AddCheckpointResponse(cosignature=b"nonsense" if self._lie == "junk" else line)


@pytest.mark.parametrize(
    "lie",
    ["another root", "future", "as another", "junk", "ahead", "another log", "smaller"],
)
async def test_a_witness_that_lags_or_lies_is_not_believed_and_stops_nobody(
    tmp_path: Path, lie: str
) -> None:
    async with witnessed_town(tmp_path, {"water": lambda party: Liar(party, lie)}) as running:
        fill_all(running)
        await running.rounds(1)
        liar = origin_of("water")
        for party in everybody(running):
            assert witnesses(running.town, party) == ALL - {party.log.origin, liar}
            assert party.log.halted is None
        assert set(running.standing()) == {"witness water"}
        assert running.seen.sizes.sizes == {origin_of(agency): 3 for agency in NODES}
        assert running.failures == []


async def test_a_witness_that_does_not_answer_for_each_head_is_not_believed(tmp_path: Path) -> None:
    lying = {"water": lambda party: Liar(party, "one word for all")}
    async with witnessed_town(tmp_path, lying) as running:
        fill_all(running)
        await running.rounds(1)
        for party in everybody(running):
            assert witnesses(running.town, party) == ALL - {party.log.origin, origin_of("water")}
        assert running.failures == []


async def test_a_witness_that_never_answers_keeps_no_other_waiting(tmp_path: Path) -> None:
    hanging = {"water": lambda party: Liar(party, "hangs")}
    async with witnessed_town(tmp_path, hanging, patience_s=0.2) as running:
        fill_all(running)
        others = (running.gateway, running.nodes["food"], running.nodes["tax"])
        expected = {party.agency: ALL - {party.log.origin, origin_of("water")} for party in others}
        while any(witnesses(running.town, one) != expected[one.agency] for one in others):
            await running.rounds(1)
        assert "water" in running.witnessing._visits
        assert (running.standing(), running.failures) == ({}, [])


async def test_a_log_that_does_not_prove_its_growth_is_named_and_not_cosigned(
    tmp_path: Path,
) -> None:
    class Unproven(Liar):
        async def GetConsistencyProof(self, request: Any, context: Any) -> Any:  # noqa: N802
            del request, context
            return pb.GetConsistencyProofResponse(path=[bytes(32)] * 3)

    async with witnessed_town(tmp_path, {"tax": lambda party: Unproven(party, "none")}) as running:
        fill_all(running)
        await running.rounds(1)
        fill_all(running)
        await running.rounds(1)
        assert running.standing()["log of tax"] == "LB-4302"
        for witness in (running.gateway, running.nodes["food"], running.nodes["water"]):
            seen = witness.witness.seen(origin_of("tax"))
            assert seen is not None
            assert seen.size == 3
        assert witnesses(running.town, running.nodes["food"]) >= ALL - {
            origin_of("tax"),
            origin_of("food"),
        }


class Mute(Liar):
    """A node that rewrote its log, and answers what would convict it with an error."""

    async def GetConsistencyProof(self, request: Any, context: Any) -> Any:  # noqa: N802
        if self._lie in ("busy", "denies"):
            reason = Reason.BUSY if self._lie == "busy" else Reason.MALFORMED_REQUEST
            await abort(context, refuse(reason, "not now"))
        return await super().GetConsistencyProof(request, context)

    async def TellWitnessed(self, request: Any, context: Any) -> Any:  # noqa: N802
        del request
        await abort(context, refuse(Reason.MALFORMED_REQUEST, "no"))

    async def AddCheckpoints(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._party.service.AddCheckpoints(request, context)


@pytest.mark.parametrize("lie", ["tells", "busy", "denies"])
async def test_a_node_that_rewrote_its_log_silences_no_alarm(tmp_path: Path, lie: str) -> None:
    async with witnessed_town(tmp_path, overdue_s=0) as running:
        fill_all(running, 8)
        await running.rounds(1)
        origin = origin_of("tax")
        fill(running.town.log("tax", "-rewritten"), 40, "rewritten")
        tax = await running.replace("tax", "-rewritten", lambda party: Mute(party, lie))
        await running.rounds(2)
        kind = "unwitnessed log of tax" if lie == "busy" else "log of tax"
        assert running.standing() == {kind: "LB-4008" if lie == "busy" else "LB-4302"}
        assert tax.log.halted is None
        # Two signed heads are proof; what is denied is refused as long as it is denied.
        assert len(running.gateway.file.forks()) == (lie == "tells")
        for of in (running.forked.of_log(origin), running.forked.of_node("tax")):
            assert (of and of.code) == (None if lie == "busy" else "LB-4302")
        assert running.forked.of_node("food") is None
        running.forget()
        assert (running.forked.of_log(origin) is not None) == (lie == "tells")
        # The rest of the town is witnessed as before.
        fill(running.nodes["food"].log, 1)
        await running.rounds(1)
        assert witnesses(running.town, running.nodes["food"]) == ALL - {origin_of("food")}


async def test_a_fork_is_settled_by_administrators_who_taint_its_key(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running)
        await running.rounds(1)
        fill(running.town.log("tax", "-rewritten"), 3, "rewritten")
        await running.replace("tax", "-rewritten")
        await running.rounds(1)
        assert running.forked.of_node("tax") is not None
        running.town.former["tax"] = running.town.keys["tax"]
        running.town.keys["tax"] = [SigningKey.generate("tax", KeyUse.LOG)]
        running.forked.refresh()
        assert running.forked.of_node("tax") is not None
        running.town.tainted += running.town.former.pop("tax")
        running.forked.refresh()
        assert running.forked.of_node("tax") is None
        # The tainted key is removed from the bundle's keys in use, and nobody goes by it again.
        running.town.former["tax"] = running.town.tainted
        running.forget()
        assert running.forked.of_node("tax") is None
        assert len(running.gateway.file.forks()) == 1


async def test_a_log_that_shows_witnesses_less_than_its_answers_is_named(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running)
        await running.rounds(1)
        keep_copy(running.town, "tax", "-answers")
        other = running.town.log("tax", "-answers")
        fill(other, 5, "answers")
        running.seen.sizes.saw(other.origin, 8, other.head())
        for _ in range(2):
            await running.rounds(1)
            assert running.standing() == {"log of tax": "LB-5003"}
        assert running.nodes["tax"].log.halted is not None


@pytest.mark.parametrize("age_h", [0, 2])
async def test_a_thiefs_head_stops_an_honest_log_only_until_its_key_is_tainted(
    tmp_path: Path, age_h: int
) -> None:
    """And what was seen an hour before the taint binds the log all the same."""
    async with witnessed_town(tmp_path) as running:
        town, origin = running.town, origin_of("tax")
        fill_all(running)
        await running.rounds(1)
        town.now += age_h * 3_600_000
        keep_copy(town, "tax", "-thief")
        thief = town.log("tax", "-thief")
        fill(thief, 97, "thief")
        for party in (running.gateway, running.nodes["food"]):
            assert party.witness.add(thief.head(), 3, thief.consistency_proof(3, 100)).line
        running.seen.sizes.saw(origin, 100, thief.head())
        before = running.seen.sizes.sizes
        await running.rounds(1)
        assert running.standing()["log of tax"] == "LB-5003"
        town.tainted += town.keys["tax"]
        town.keys["tax"] = [SigningKey.generate("tax", KeyUse.LOG)]
        tax = running.nodes["tax"]
        tax.log.sign_with(town.key("tax"))
        assert tax.own.look_again()
        # What was seen well before the taint binds the log before anybody has looked at it again.
        running.seen.sizes.check(before, origin, 3)
        if age_h:
            with pytest.raises(LandbridgeError):
                running.seen.sizes.check(before, origin, 2)
        running.witnessing._visit._not_before.clear()
        fill(tax.log, 2)
        await running.rounds(2)
        assert running.standing() == {}
        assert witnesses(town, tax) >= {running.gateway.log.origin, origin_of("food")}
        assert running.seen.sizes.sizes[origin] == 5
        running.forget()
        assert running.seen.sizes.sizes[origin] == 5
        # Both histories stay on the disk of those who saw them.
        assert len(running.gateway.file.forks()) == len(running.nodes["food"].file.forks()) == 1


async def test_nobody_rewrites_a_log_by_having_its_key_tainted(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running, 8)
        await running.rounds(1)
        running.town.now += 30 * 86_400_000
        running.town.tainted += running.town.keys["tax"]
        running.town.keys["tax"] = [SigningKey.generate("tax", KeyUse.LOG)]
        fill(running.town.log("tax", "-rewritten"), 9, "rewritten")
        tax = await running.replace("tax", "-rewritten")
        await running.rounds(2)
        assert running.standing() == {"log of tax": "LB-4302"}
        assert tax.log.halted is not None
        seen = running.gateway.witness.seen(origin_of("tax"))
        assert seen is not None
        assert seen.size == 8


async def test_a_log_that_was_rewritten_after_a_change_of_its_key_is_named(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        fill_all(running, 8)
        await running.rounds(1)
        running.town.former["tax"] = running.town.keys["tax"]
        running.town.keys["tax"] = [SigningKey.generate("tax", KeyUse.LOG)]
        fill(running.town.log("tax", "-rewritten"), 40, "rewritten")
        tax = await running.replace("tax", "-rewritten")
        await running.rounds(1)
        assert running.standing() == {"log of tax": "LB-4302"}
        assert tax.log.halted is not None
        assert running.forked.of_node("tax") is not None


async def test_a_head_that_is_shown_again_counts_only_while_its_key_does(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        looks = running.witnessing._looks
        fill_all(running)
        await running.rounds(2)
        head = running.nodes["tax"].log.head()
        running.town.keys["tax"] = [SigningKey.generate("tax", KeyUse.LOG)]
        with pytest.raises(LandbridgeError) as caught:
            await looks.look("tax")
        assert caught.value.reason is Reason.UNTRUSTED_KEY
        assert running.nodes["tax"].log.head() == head
        await looks.look("food")
