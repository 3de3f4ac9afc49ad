"""The steps of a rotation and its plan: from states alone, whoever runs it, wherever it stopped."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from certs.rotation import Authority
from landbridge.commands.cert_rotate import plan_lines
from landbridge.commands.rotation_plan import Present, applied, plan_document
from landbridge.commands.rotation_steps import Step, abort_step, next_id, next_step
from landbridge.trust.approval import Act
from landbridge.trust.document import AuthorityState, Level

S = AuthorityState
ROOT = Authority("root-1", Level.ROOT, S.ACTIVE)
ISSUING = Authority("issuing-1", Level.ISSUING, S.ACTIVE, "root-1")
FIRST = (ROOT, ISSUING)
END = round(datetime(2027, 11, 23, 5, 40, tzinfo=UTC).timestamp() * 1000)


def walk(level: Level, authorities: Sequence[Authority]) -> list[str]:
    told, begin = [], True
    while step := next_step(level, authorities, begin=begin):
        told.append(f"{step.act.value.partition('.')[2]} {step.subject}")
        authorities, begin = applied(step, authorities), False
    return told


def test_an_issuing_authority_rotates_in_four_steps() -> None:
    assert walk(Level.ISSUING, FIRST) == [
        "prepare issuing-2",
        "publish issuing-2",
        "activate issuing-2",
        "remove issuing-1",
    ]


def test_a_root_rotates_with_an_issuing_authority_of_its_own() -> None:
    assert walk(Level.ROOT, FIRST) == [
        "prepare root-2",
        "publish root-2",
        "prepare issuing-2",
        "publish issuing-2",
        "activate root-2",
        "activate issuing-2",
        "remove issuing-1",
        "remove root-1",
    ]


def test_a_rotation_goes_on_from_wherever_it_stopped() -> None:
    """Every prefix of the steps, then a new run: nothing is done twice, nothing is left out."""
    for level in Level:
        whole = walk(level, FIRST)
        authorities: Sequence[Authority] = FIRST
        for done in range(1, len(whole)):
            step = next_step(level, authorities, begin=done == 1)
            assert step is not None
            authorities = applied(step, authorities)
            assert walk(level, authorities) == whole[done:]


def test_a_root_rotation_finishes_an_issuing_rotation_that_had_begun() -> None:
    half = (*FIRST, Authority("issuing-2", Level.ISSUING, S.PUBLISHED, "root-1"))
    steps = walk(Level.ROOT, half)
    assert steps[:3] == ["prepare root-2", "publish root-2", "prepare issuing-3"]
    assert steps[-3:] == ["remove issuing-1", "abort issuing-2", "remove root-1"]


def test_what_is_tainted_is_removed() -> None:
    tainted = (
        Authority("root-1", Level.ROOT, S.TAINTED),
        Authority("root-2", Level.ROOT, S.ACTIVE),
        Authority("issuing-1", Level.ISSUING, S.TAINTED, "root-1"),
        Authority("issuing-2", Level.ISSUING, S.ACTIVE, "root-2"),
    )
    assert next_step(Level.ROOT, tainted, begin=True) == Step(Act.AUTHORITY_REMOVE, "issuing-1")
    assert next_step(Level.ISSUING, tainted, begin=True) == Step(Act.AUTHORITY_REMOVE, "issuing-1")


def test_nothing_begins_by_itself() -> None:
    assert next_step(Level.ISSUING, FIRST, begin=False) is None
    assert next_step(Level.ROOT, FIRST, begin=False) is None


def test_a_number_is_never_used_twice() -> None:
    aborted = (*FIRST, Authority("issuing-2", Level.ISSUING, S.ABORTED, "root-1"))
    assert next_id(Level.ISSUING, aborted) == "issuing-3"
    assert next_id(Level.ROOT, aborted) == "root-2"


def test_aborting_a_root_gives_up_what_is_under_it_first() -> None:
    half = (
        *FIRST,
        Authority("root-2", Level.ROOT, S.PUBLISHED),
        Authority("issuing-2", Level.ISSUING, S.PREPARED, "root-2"),
    )
    assert abort_step(Level.ROOT, half) == Step(Act.AUTHORITY_ABORT, "issuing-2")
    assert abort_step(Level.ROOT, half[:3]) == Step(Act.AUTHORITY_ABORT, "root-2")
    assert abort_step(Level.ROOT, FIRST) is None
    assert abort_step(Level.ISSUING, FIRST) is None


@pytest.fixture
def present() -> Present:
    ends = {"root-1": END + 9 * 365 * 86_400_000, "issuing-1": END}
    return Present("market.example", 12, FIRST, ends, ["register.gov/node", "tax.gov/node"])


def test_the_plan_tells_nodes_overlap_and_the_last_safe_hour(present: Present) -> None:
    plan = plan_document(Level.ISSUING, present)
    assert plan["parties"] == ["register.gov/node", "tax.gov/node"]
    assert "at most 24 hours" in plan["overlap"]
    assert plan["last_safe_hour"] == "2027-11-22T05:00:00.000Z"
    acts = [(step["act"], step["administrators"]) for step in plan["steps"]]
    assert acts == [
        ("authority.prepare", 1),
        ("authority.publish", 1),
        ("authority.activate", 1),
        ("authority.remove", 1),
    ]
    assert "all 2 parties have acknowledged" in plan["steps"][2]["waits"]
    assert "issuing-1 retires: 2 parties renew" in plan["steps"][2]["effect"]
    assert all(step["obstacles"] == [] for step in plan["steps"])
    json.dumps(plan)


def test_the_plan_of_a_root_names_the_acts_of_two(present: Present) -> None:
    steps = plan_document(Level.ROOT, present)["steps"]
    of_two = [step["subject"] for step in steps if step["administrators"] == 2]
    assert of_two == ["root-2", "root-1"]
    assert "until none of 2 parties shows or holds a leaf of issuing-1" in steps[-2]["waits"]


def test_the_plan_says_who_holds_its_next_step_back_now(present: Present) -> None:
    half = (*FIRST, Authority("issuing-2", Level.ISSUING, S.PUBLISHED, "root-1"))
    against = {
        "issuing-2": ["tax.gov/node has not proven issuing-2 both ways"],
        "issuing-1": ["issuing-1 is the active one: activate another issuing first"],
    }
    plan = plan_document(Level.ISSUING, replace(present, authorities=half, obstacles=against))
    activate, remove = plan["steps"]
    assert activate["obstacles"] == against["issuing-2"]
    assert remove["obstacles"] == []
    assert "   now: tax.gov/node has not proven issuing-2 both ways" in plan_lines(plan)
    assert plan_lines(plan)[-1] == "nothing was changed"
