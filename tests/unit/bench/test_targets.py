"""What was measured is held against the targets; what was left out is not claimed."""

from typing import Any

import pytest

from bench.targets import targets


def row(shape: str, in_flight: int, **others: object) -> dict[str, Any]:
    return {
        "shape": shape,
        "in_flight": in_flight,
        "rate": 0,
        "ratio_to_floor": 1.0,
        "p50_ratio_to_floor": 3.0,
        "p99_ms": 20.0,
        "kept_up": True,
    } | others


def names(found: list[dict[str, Any]]) -> list[str]:
    return [target["target"] for target in found]


def test_nothing_measured_claims_nothing() -> None:
    assert targets({"rows": []}) == []


def test_each_figure_stands_beside_its_target() -> None:
    found = targets(
        {
            "rows": [
                row("unary", 64, ratio_to_floor=4.5),
                row("stream", 64, ratio_to_floor=9.9),
                row("unary", 1, p50_ratio_to_floor=1.3),
                row("stream", 1, p50_ratio_to_floor=1.1),
                row("stream", 0, rate=1500, p99_ms=49.0),
            ],
            "stages": {"cost_ratio": 1.7},
            "many_nodes": {"cost_ratio": 1.0, "gateway_mib": 119.0},
            "log": {"share_of_unlogged": 0.9},
        }
    )
    assert [(target["measured"], target["met"]) for target in found] == [
        (4.5, True),
        (9.9, False),
        (1.1, True),
        (49.0, True),
        (1.7, False),
        (1.0, True),
        (119.0, True),
        (0.9, True),
    ]


@pytest.mark.parametrize("kept_up", [True, False])
def test_arrivals_that_are_not_kept_up_with_are_no_target_met(kept_up: bool) -> None:  # noqa: FBT001
    rows = [row("stream", 0, rate=1500, p99_ms=10.0, kept_up=kept_up)]
    (found,) = targets({"rows": rows})
    assert found["met"] is kept_up


def test_another_rate_or_number_in_flight_is_another_question() -> None:
    rows = [row("stream", 16), row("stream", 0, rate=100), row("floor", 64)]
    assert names(targets({"rows": rows})) == []
