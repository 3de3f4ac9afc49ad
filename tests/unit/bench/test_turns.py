"""Federations asked in turn: every profile of each is whole, and what each costs is told."""

from bench.federation import Plan
from bench.many_nodes import measure_many_nodes
from bench.stages import measure_stages

PLAN = Plan(nodes=2, subjects=40)


async def test_plans_of_two_stages_stand_beside_plans_of_one() -> None:
    said: list[str] = []
    found = await measure_stages(PLAN, rounds=1, seconds=1, say=said.append)
    assert set(found["cpu_us"]) == {"one-stage", "two-stage"}
    assert all(spent > 0 for spent in found["cpu_us"].values())
    assert found["cost_spread"] == [found["cost_ratio"]] * 2
    assert len(said) == 1


async def test_many_nodes_stand_beside_few() -> None:
    found = await measure_many_nodes(PLAN, nodes=3, rounds=1, seconds=0.25, say=lambda _: None)
    assert found["nodes"] == 3
    assert all(spent > 0 for spent in found["us_per_node_and_query"].values())
    assert found["gateway_mib"] > 0
