"""The command end to end: real processes, and the JSON that others read."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.commands.options import read_in_flight
from landbridge.errors import LandbridgeError

ROOT = Path(__file__).parents[3]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_the_last_line_of_a_short_run_is_the_result() -> None:
    done = bench(
        *("throughput", "-o", "json", "--rounds", "1", "--seconds", "0.3", "--in-flight", "1,8"),
        *("--nodes", "2", "--subjects", "40", "--memory-queries", "101"),
        *("--rate", "", "--many-nodes", "0"),
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    rows = {(row["shape"], row["in_flight"]): row for row in result["rows"]}
    assert set(rows) == {(shape, n) for shape in ("floor", "unary", "stream") for n in (1, 8)}
    for (shape, _), row in rows.items():
        assert row["qps"] > 0
        assert 0 < row["p50_ms"] <= row["p99_ms"]
        assert row["ratio_to_floor"] == 1 if shape == "floor" else row["ratio_to_floor"] > 0
        assert set(row["cpu_us"]) == {"client", "gateway", "nodes"}
    assert (result["rounds"], result["nodes"]) == (1, 2)
    # At least one profile a point, and every hundredth of the memory run.
    assert result["verified"] >= 4 + 2
    memory = result["memory"]
    assert memory["queries"] == 101
    assert set(memory["processes"]) == {"exchange", "register-1", "register-2"}
    for figures in (memory["gateway"], memory["nodes"]):
        assert figures["idle_mib"] > 0
        assert figures["growth_mib"] == pytest.approx(
            figures["after_mib"][-1] - figures["idle_mib"], abs=0.2
        )
    assert 700 < result["sizes"]["answer_bytes"] < 1500
    assert [target["target"] for target in result["targets"]] == ["p50 of a lone query, x floor"]


def test_numbers_in_flight_are_read_in_order_and_once() -> None:
    assert read_in_flight("64, 1,64") == (64, 1)


@pytest.mark.parametrize("numbers", ["", "0", "1,", "4,-1", "many", "\u0661"])
def test_other_numbers_in_flight_are_refused(numbers: str) -> None:
    with pytest.raises(LandbridgeError, match="in flight"):
        read_in_flight(numbers)


def test_a_wrong_option_leaves_no_traceback() -> None:
    done = bench("throughput", "--in-flight=many")
    assert done.returncode == 2
    assert "LB-1106" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
