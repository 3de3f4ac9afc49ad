"""The targets, each beside what was measured of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from bench.shapes import STREAM, UNARY

_MOST_IN_FLIGHT: Final = 64
_ARRIVALS: Final = 1500


def targets(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Hold what a throughput run measured against the targets; what it left out is left out.

    `at_least` and `at_most` are in the unit that the name says; ratios are to the floor, the bare
    unary fan-out of the same round.
    """
    return [
        *_throughput(document["rows"]),
        *_one_figure(document.get("stages"), "two-stage plans, x the cost of one-stage", 1.6),
        *_one_figure(document.get("many_nodes"), "64 nodes, x the cost a node of 8", 1.0),
        *_gateway_memory(document.get("many_nodes")),
        *_log(document.get("log")),
    ]


def _throughput(rows: Iterable[Mapping[str, Any]]) -> Iterable[dict[str, Any]]:
    found = {(row["shape"], row["in_flight"], row["rate"]): row for row in rows}
    if row := found.get((UNARY, _MOST_IN_FLIGHT, 0)):
        yield _at_least("one call per query, 64 in flight, x floor", row["ratio_to_floor"], 4)
    if row := found.get((STREAM, _MOST_IN_FLIGHT, 0)):
        yield _at_least("streamed, 64 in flight, x floor", row["ratio_to_floor"], 10)
    lone = [found[key] for shape in (UNARY, STREAM) if (key := (shape, 1, 0)) in found]
    if lone:
        best = min(row["p50_ratio_to_floor"] for row in lone)
        yield _at_most("p50 of a lone query, x floor", best, 1.2)
    if row := found.get((STREAM, 0, _ARRIVALS)):
        target = _at_most("p99 of 1,500 Poisson arrivals a second, ms", row["p99_ms"], 50)
        target["met"] = target["met"] and row["kept_up"]
        yield target


def _one_figure(
    found: Mapping[str, Any] | None, name: str, most: float
) -> Iterable[dict[str, Any]]:
    if found:
        yield _at_most(name, found["cost_ratio"], most)


def _gateway_memory(found: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:
    if found:
        yield _at_most("gateway memory at 64 nodes under load, MiB", found["gateway_mib"], 120)


def _log(found: Mapping[str, Any] | None) -> Iterable[dict[str, Any]]:
    if found:
        yield _at_least("log on, x log off", found["share_of_unlogged"], 0.85)


def _at_least(name: str, value: float, least: float) -> dict[str, Any]:
    return {"target": name, "measured": value, "at_least": least, "met": value >= least}


def _at_most(name: str, value: float, most: float) -> dict[str, Any]:
    return {"target": name, "measured": value, "at_most": most, "met": value <= most}
