"""Turns the points of all rounds into rows: medians over the rounds, with the spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.shapes import FLOOR, SHAPES


@dataclass(frozen=True, slots=True)
class Point:
    """One shape at one number in flight, in one round. `cpu_us` is processor time a query."""

    round: int
    shape: str
    in_flight: int
    qps: float
    p50_ms: float
    p99_ms: float
    cpu_us: dict[str, float]
    rate: int = 0
    """Arrivals a second, at random; 0 in a closed loop."""
    kept_up: bool = True

    def __str__(self) -> str:
        """Write the point for whoever watches."""
        load = f"{self.rate} a second" if self.rate else f"{self.in_flight} in flight"
        return (
            f"round {self.round}: {self.shape} at {load}: {self.qps:.0f} qps,"
            f" p50 {self.p50_ms:.1f} ms, p99 {self.p99_ms:.1f} ms"
            f"{'' if self.kept_up else ', which does not keep up'}"
        )


def to_rows(points: Sequence[Point], shapes: Sequence[str] = SHAPES) -> list[dict[str, Any]]:
    """Write one row a shape and load: a number in flight, or a rate of arrivals.

    A ratio is taken within a round and then the median over the rounds, so that a machine that is
    slow for a while does not tilt it. `*_spread` holds the lowest and the highest round.
    """
    floors = {
        (point.round, point.in_flight, point.rate): point
        for point in points
        if point.shape == FLOOR
    }
    rows = []
    for in_flight, rate in dict.fromkeys((point.in_flight, point.rate) for point in points):
        for shape in shapes:
            group = [
                p for p in points if p.shape == shape and (p.in_flight, p.rate) == (in_flight, rate)
            ]
            qps = [point.qps for point in group]
            ratios = [point.qps / floors[point.round, in_flight, rate].qps for point in group]
            tails = [point.p99_ms / floors[point.round, in_flight, rate].p99_ms for point in group]
            waits = [point.p50_ms / floors[point.round, in_flight, rate].p50_ms for point in group]
            rows.append(
                {
                    "shape": shape,
                    "in_flight": in_flight,
                    "rate": rate,
                    "kept_up": all(point.kept_up for point in group),
                    "qps": round(median(qps), 1),
                    "qps_spread": [round(min(qps), 1), round(max(qps), 1)],
                    "p50_ms": round(median(point.p50_ms for point in group), 2),
                    "p99_ms": round(median(point.p99_ms for point in group), 2),
                    "ratio_to_floor": round(median(ratios), 2),
                    "ratio_spread": [round(min(ratios), 2), round(max(ratios), 2)],
                    "p50_ratio_to_floor": round(median(waits), 2),
                    "p99_ratio_to_floor": round(median(tails), 2),
                    "cpu_us": {
                        name: round(median(point.cpu_us[name] for point in group))
                        for name in group[0].cpu_us
                    },
                }
            )
    return rows
