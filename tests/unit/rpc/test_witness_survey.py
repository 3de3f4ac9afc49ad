"""Whoever asks all servers finds what witnesses have seen of each log, and what does not fit."""

from pathlib import Path

from landbridge.rpc.witness_survey import Stands, Survey, SurveyedLog
from tests.unit.gateway.witnessed_town import GATEWAY, NODES, Running, keep_copy, witnessed_town
from tests.witnessing import fill, origin_of


async def survey(running: Running) -> dict[str, SurveyedLog]:
    """Ask the nodes; the gateway serves nothing in this town."""
    found = await Survey(
        {origin_of(agency): running.nodes[agency].channel for agency in NODES},
        keys=running.town.head_keys,
        now=running.town.now,
    ).run()
    return {log.origin.partition(".")[0]: log for log in found}


def standings(log: SurveyedLog) -> set[Stands]:
    return {sight.stands for sight in log.sights}


async def test_what_fits_is_told_with_size_and_time(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        logs = await survey(running)
        assert {stands for log in logs.values() for stands in standings(log)} == {Stands.UNSEEN}
        for party in running.nodes.values():
            fill(party.log, 3)
        await running.rounds(1)
        fill(running.nodes["tax"].log, 2)
        logs = await survey(running)
        assert all(log.is_seen_by_all and not log.findings for log in logs.values())
        for log in logs.values():
            assert {(sight.size, sight.at) for sight in log.sights} == {
                (3, running.town.now // 1000)
            }
        assert logs["tax"].head is not None
        assert logs["tax"].head.size == 5


async def test_one_that_is_away_is_told_and_keeps_no_other_from_being_held(tmp_path: Path) -> None:
    async with witnessed_town(tmp_path) as running:
        for party in running.nodes.values():
            fill(party.log, 3)
        await running.rounds(1)
        await running.servers["tax"][0].stop(None)
        logs = await survey(running)
        assert logs["tax"].away is not None
        assert standings(logs["tax"]) == {Stands.AWAY}
        assert standings(logs["food"]) == {Stands.AWAY, Stands.FITS}
        assert not any(log.findings for log in logs.values())


async def test_a_log_that_was_put_back_and_one_that_shows_two_histories_are_named(
    tmp_path: Path,
) -> None:
    async with witnessed_town(tmp_path) as running:
        for party in running.nodes.values():
            fill(party.log, 3)
        await running.rounds(1)
        for agency in ("tax", "water"):
            keep_copy(running.town, agency, "-old")
            fill(running.nodes[agency].log, 2)
        await running.rounds(1)
        await running.replace("tax", "-old")
        fill((await running.replace("water", "-old")).log, 6, "rewritten")
        logs = await survey(running)
        assert standings(logs["tax"]) == {Stands.ROLLED_BACK}
        assert standings(logs["water"]) == {Stands.FORKED}
        assert standings(logs["food"]) == {Stands.FITS}
        (one, _) = logs["water"].findings
        assert "5 entries, root" in one.why
        assert "9 entries, root" in one.why
        assert GATEWAY not in one.witness
