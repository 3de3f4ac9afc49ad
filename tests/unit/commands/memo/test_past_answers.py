"""`memo try` and `memo audit` on a node's own log, and `memo explain` of what was known then."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from landbridge.clock import system_clock, to_datetime
from landbridge.commands.main import run
from landbridge.commands.memo.past_log import read_past
from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.words import read_instant
from landbridge.subject import SubjectKind
from landbridge.v1 import log_pb2, query_pb2
from tests.libraries import ALWAYS, PartyDesk
from tests.memoranda import make_memorandum
from tests.pki import BOARD, REGISTRY

Captured = pytest.CaptureFixture[str]
NOON = read_instant("2026-06-15T12:00:00Z")
HOUR = 3_600_000


def agreement(*grants: dict[str, Any], name: str = "pair", **more: Any) -> Memorandum:
    usual = {"provider": REGISTRY, "requesters": [BOARD], "purposes": ["review"]}
    return make_memorandum(
        [{**usual, **grant} for grant in grants],
        name=name,
        parties=(REGISTRY, BOARD),
        valid=more.pop("valid", ALWAYS),
        **more,
    )


PAIR = agreement(
    {"clause": "1", "fields": ["name", "city", "phone"], "where": [{"field": "n", "ge": 3}]},
    {"clause": "2", "fields": ["name"], "dataset": "e"},
)


class Clerk:
    """Writes what was asked into the log of a node."""

    def __init__(self, desk: PartyDesk) -> None:
        self._desk = desk
        self._queries = 0

    def write(self, **change: Any) -> None:
        """Write the entry of one answer."""
        self._queries += 1
        asked: dict[str, Any] = {
            "kind": SubjectKind.LEGAL_ENTITY,
            "at": NOON,
            "outcome": Reason.ANSWERED,
        } | change
        access = log_pb2.Access(
            dataset=asked.get("dataset", "d"),
            outcome=asked["outcome"],
            memorandum=asked.get("memorandum", "pair"),
            clause=asked.get("clause", "1"),
            released=asked.get("released", ()),
            refused=asked.get("refused", ()),
        )
        entry = log_pb2.LogEntry(
            kind=log_pb2.ENTRY_KIND_ANSWER,
            logged_at_unix_ms=asked["at"],
            query_digest=self._queries.to_bytes(32, "big"),
            requester=BOARD,
            purpose=asked.get("purpose", "review"),
            subject_kind=asked["kind"].number,
            step=query_pb2.STEP_COLLECT,
            accesses=[access],
        )
        self._desk.log.append([entry.SerializeToString()])


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PartyDesk]:
    desk = PartyDesk(tmp_path)
    yield desk
    desk.log.close()


@pytest.fixture
def clerk(desk: PartyDesk) -> Clerk:
    desk.put("pair", desk.form(PAIR))
    return Clerk(desk)


def draft(folder: Path, memorandum: Memorandum) -> Path:
    path = folder / "draft.yaml"
    # What people write is YAML, of which JSON is a part.
    path.write_bytes(memorandum.to_json())
    return path


def told(capsys: Captured, *command: str) -> tuple[int, dict[str, Any]]:
    code = run(["memo", *command, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_try_replays_the_log_under_a_draft(
    desk: PartyDesk, clerk: Clerk, tmp_path: Path, capsys: Captured
) -> None:
    for _ in range(3):
        clerk.write(released=["name", "phone"])
    clerk.write(refused=["owner"], released=["name"])
    clerk.write(outcome=Reason.PURPOSE_NOT_COVERED, purpose="credit")
    clerk.write(outcome=Reason.SOURCE_FAILED)
    size = desk.log.size
    path = draft(
        tmp_path,
        agreement(
            {"clause": "1", "fields": ["name", "owner"], "where": [{"field": "n", "ge": 4}]},
            {"clause": "3", "fields": ["city"], "purposes": ["credit"]},
        ),
    )
    code, document = told(capsys, "try", str(path), "--log", str(desk.state))
    assert code == 3
    lines = {(line["outcome"], line["field"]): line for line in document["accesses"]}
    assert {key: line["queries"] for key, line in lines.items()} == {
        ("refused", "phone"): "3",
        ("fewer-records", "name"): "4",
        ("allowed", "owner"): "1",
        ("allowed", "city"): "1",
    }
    assert lines["refused", "phone"]["code"] == "LB-3004"
    assert lines["allowed", "city"]["code"] == "LB-3003"
    assert lines["fewer-records", "name"]["record"]["values"] == {"n": "3"}
    assert desk.log.size == size
    assert run(["memo", "try", str(path), "--log", str(desk.state)]) == 3
    out = capsys.readouterr().out
    assert "Was released, and would be refused" in out
    assert f"{BOARD}, for review, of {REGISTRY}/d: phone: 3 queries LB-3004" in out


def test_try_of_what_is_in_force_changes_nothing(
    desk: PartyDesk, clerk: Clerk, tmp_path: Path, capsys: Captured
) -> None:
    clerk.write(released=["name", "phone"])
    code, document = told(capsys, "try", str(draft(tmp_path, PAIR)), "--log", str(desk.state))
    assert (code, {line["outcome"] for line in document["accesses"]}) == (0, {"same"})
    assert run(["memo", "try", str(draft(tmp_path, PAIR)), "--log", str(desk.state)]) == 0
    assert "As it was, counted field by field: 2 about legal entities." in capsys.readouterr().out


def test_try_counts_what_a_quota_would_not_have_answered(
    desk: PartyDesk, clerk: Clerk, tmp_path: Path, capsys: Captured
) -> None:
    for hour in (0, 1, 2, 24, 25, 48):
        clerk.write(released=["name"], at=NOON + hour * HOUR)
    quota = {"queries": 2, "per": "day"}
    path = draft(tmp_path, agreement({"clause": "1", "fields": ["name"], "quota": quota}))
    code, document = told(capsys, "try", str(path), "--log", str(desk.state))
    assert code == 3
    (spent,) = document["quotas"]
    assert (spent["windows"], spent["queries"], spent["clause"]) == ("1", "1", "1")
    since = ("--since", "2026-06-16")
    _, document = told(capsys, "try", str(path), "--log", str(desk.state), *since)
    assert document["quotas"] == []


def test_small_counts_of_persons_stay_hidden(
    desk: PartyDesk, clerk: Clerk, tmp_path: Path, capsys: Captured
) -> None:
    for number in range(6):
        clerk.write(released=["name"] if number < 2 else ["city"], kind=SubjectKind.NATURAL_PERSON)
    path = draft(tmp_path, agreement({"clause": "1", "fields": ["name"]}))
    _, document = told(capsys, "try", str(path), "--log", str(desk.state))
    assert {line["queries"] for line in document["accesses"]} == {"fewer than 5"}
    assert run(["memo", "try", str(path), "--log", str(desk.state)]) == 3
    captured = capsys.readouterr()
    assert "fewer than 5 queries" in captured.out
    assert ": 2 queries" not in captured.out
    # Six in all, less four, would be two.
    assert "queries about persons of the log" in captured.err
    assert "6" not in captured.err.partition("of the log")[0]


def test_a_draft_is_tried_as_of_its_first_instant(
    desk: PartyDesk, clerk: Clerk, tmp_path: Path, capsys: Captured
) -> None:
    clerk.write(released=["name"])
    later = ("2090-01-01T00:00:00Z", "2100-01-01T00:00:00Z")
    successor = agreement(
        {"clause": "1", "fields": ["city"]}, name="next", amends="pair", valid=later
    )
    path = draft(tmp_path, successor)
    _, document = told(capsys, "try", str(path), "--log", str(desk.state))
    assert document["at"] == "2090-01-01T00:00:00Z"
    assert [line["outcome"] for line in document["accesses"]] == ["refused"]
    _, document = told(capsys, "try", str(path), "--log", str(desk.state), "--at", "2030-01-01")
    assert [line["outcome"] for line in document["accesses"]] == ["same"]


def test_audit_finds_what_nobody_uses(desk: PartyDesk, clerk: Clerk, capsys: Captured) -> None:
    clerk.write(released=["name"])
    later = agreement({"clause": "1"}, name="to-come", valid=("2090-01-01T00:00:00Z", ALWAYS[1]))
    desk.put("to-come", desk.form(later))
    code, document = told(capsys, "audit", "--log", str(desk.state))
    assert code == 3
    found = {(each["finding"], each["clause"]): each for each in document["unused"]}
    assert found["wider-than-asked", "1"]["fields"] == ["city", "phone"]
    assert found["never-used", "2"]["dataset"] == "e"
    assert {each["memorandum"] for each in document["unused"]} == {"pair"}
    assert run(["memo", "audit", "--log", str(desk.state)]) == 3
    out = capsys.readouterr().out
    assert f"pair 2: {BOARD} of {REGISTRY}/e" in out
    assert "pair 1: fields city, phone" in out


def test_audit_finds_what_stands_behind_another_clause(tmp_path: Path, capsys: Captured) -> None:
    first = {"clause": "1", "fields": ["name"], "where": [{"field": "n", "ge": 3}]}
    second = {"clause": "2", "fields": ["name", "city"], "where": [{"field": "n", "ge": 2}]}
    third = {"clause": "3", "fields": ["name"], "where": [{"field": "n", "ge": 9}]}
    apart = {"clause": "4", "fields": ["name"], "requesters": [REGISTRY]}
    path = draft(tmp_path, agreement(first, second, third, apart))
    code, document = told(capsys, "audit", str(path))
    assert code == 3
    overlaps = {(each["first"], each["second"]): each for each in document["overlaps"]}
    assert set(overlaps) == {
        ("pair 1", "pair 2"),
        ("pair 1", "pair 3"),
        ("pair 2", "pair 3"),
    }
    assert overlaps["pair 1", "pair 2"]["fields"] == ["name"]
    assert overlaps["pair 1", "pair 2"]["hidden"]["values"] == {"n": "2"}
    assert overlaps["pair 1", "pair 3"]["hidden"] is None
    assert run(["memo", "audit", str(path)]) == 3
    out = capsys.readouterr().out
    assert "a record with n 2, which only pair 2 lets through, stays hidden" in out
    assert "it would let no further record through" in out
    alone = draft(tmp_path, agreement(first))
    assert run(["memo", "audit", str(alone)]) == 0
    assert run(["memo", "audit"]) == 2


def instant(at: int) -> str:
    return to_datetime(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_past_is_explained_by_what_was_known_then(tmp_path: Path, capsys: Captured) -> None:
    first = system_clock() // 1000 * 1000
    now = [first]
    desk = PartyDesk(tmp_path, clock=lambda: now[0])
    desk.put("pair", desk.form(PAIR))
    desk.library().close()
    # The successor, in force from an hour later on, comes to be known a day later.
    now[0] = first + 24 * HOUR
    began = (instant(first + HOUR), ALWAYS[1])
    successor = agreement(
        {"clause": "7", "fields": ["city"]}, name="next", amends="pair", valid=began
    )
    desk.put("next", desk.form(successor))
    desk.library().close()
    desk.log.close()
    asked = ["explain", "--state", str(desk.state), "--from", BOARD, "--to", REGISTRY]
    asked += ["--dataset", "d", "--purpose", "review", "--field", "city"]
    asked += ["--at", instant(first + 12 * HOUR)]
    found = []
    for known in (first - HOUR, first + 12 * HOUR, first + 36 * HOUR):
        code, document = told(capsys, *asked, "--known", instant(known))
        (verdict,) = document["verdicts"]
        found.append((code, verdict["code"], verdict["memorandum"]))
    assert found == [(4, "LB-3001", ""), (0, "LB-0001", "pair"), (0, "LB-0001", "next")]


def test_a_log_that_is_not_what_was_signed_is_refused(
    desk: PartyDesk, clerk: Clerk, capsys: Captured
) -> None:
    clerk.write(released=["name"])
    clerk.write(released=["city"])
    assert [access.released for access in read_past(desk.state)] == [("name",), ("city",)]
    desk.log.close()
    with sqlite3.connect(desk.state / "log.sqlite") as connection:
        connection.execute("UPDATE entry SET body = (SELECT body FROM entry WHERE position = 1)")
    connection.close()
    with pytest.raises(LandbridgeError) as caught:
        read_past(desk.state)
    assert caught.value.reason is Reason.LOG_DAMAGED
    assert run(["memo", "audit", "--log", str(desk.state)]) != 0
    assert "LB-5002" in capsys.readouterr().err


def test_a_folder_without_a_log_is_refused(tmp_path: Path, desk: PartyDesk) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_past(tmp_path)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    desk.log.close()
    (desk.state / "log.sqlite").unlink()
    with pytest.raises(LandbridgeError) as caught:
        read_past(desk.state)
    assert caught.value.reason is Reason.LOG_UNAVAILABLE
