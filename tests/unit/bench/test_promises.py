"""The commands that try what is promised under load, in runs too short to measure anything."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def last_line(*arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench", *arguments, "-o", "json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=115,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_no_call_fails_while_leaves_and_the_issuing_authority_rotate() -> None:
    drill = last_line(
        *("rotation", "--nodes", "2", "--callers", "3", "--streams", "1", "--seconds", "1"),
        *("--leaves", "2", "--issuing", "1", "--roots", "0"),
    )
    assert drill["rotations"] == {"leaf": 2, "issuing": 1, "root": 0}
    assert (drill["failed"], drill["cut"], drill["alarms"]) == (0, 0, 0)
    assert drill["calls"] > 0
    assert drill["streams"] > 0
    assert drill["p99_ratio"] > 0
    assert drill["control_hard_close_failed"] > 0
    assert drill["control_no_overlap_failed"] > 0


def test_a_revoked_agency_gets_in_no_more_and_the_others_notice_nothing() -> None:
    found = last_line("revocation", "--seconds", "1")
    assert found["failed_elsewhere"] == 0
    assert found["calls_elsewhere"] > 0
    assert found["calls_refused"] > 0
    ways = [found[f"{way}_last_success_after_s"] for way in ("unary", "stream", "resumed")]
    assert found["last_success_after_s"] == max(ways)


def test_no_entry_is_lost_when_processes_are_killed_under_load() -> None:
    found = last_line(
        *("crash", "--kills", "3", "--nodes", "2", "--callers", "2", "--streams", "1"),
        *("--least", "0.2", "--most", "0.6"),
    )
    assert (found["kills"], found["restarts"], found["restarts_failed"]) == (3, 3, 0)
    assert (found["missing_entries"], found["manual_recoveries"]) == (0, 0)
    assert (found["audit_findings"], found["control_unnoticed"]) == (0, 0)
    assert found["answered"] >= found["whole"] > 0
    assert found["entries"]["exchange.bench.example/gateway/main"] >= found["answered"]


def test_newcomers_enrol_over_the_wire() -> None:
    found = last_line("enrolment", "--parties", "6", "--at-once", "2")
    assert (found["enrolments"], found["at_once"]) == (6, 2)
    assert found["per_minute"] > 0
    assert 0 < found["p50_ms"] <= found["p99_ms"]


def test_the_guard_is_measured_beside_its_noise() -> None:
    found = last_line("guard", "--rounds", "2", "--calls", "20")
    assert found["calls"] == 120
    assert set(found) == {"guard_us", "noise_us", "bare_us", "rounds", "calls"}


@pytest.mark.parametrize("kind", ["sealing", "predicates"])
def test_what_an_answer_costs_is_measured_beside_its_noise(kind: str) -> None:
    found = last_line(kind, "--nodes", "1", "--rounds", "1", "--queries", "2")
    assert (found["nodes"], found["rounds"], found["queries"]) == (1, 1, 6)
    assert set(found) >= {"added_to_p50", "noise"}
