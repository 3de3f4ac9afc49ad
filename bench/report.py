"""Prints what was measured, for people and for programs."""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_line(document: Mapping[str, Any]) -> None:
    """Print the document as one line of JSON on stdout."""
    print(json.dumps(document, separators=(",", ":")))


def print_figures(document: Mapping[str, Any]) -> None:
    """Print a flat document as a table on stdout, one figure a row."""
    table = Table(show_header=False)
    for name, value in document.items():
        shown = value
        if isinstance(value, Mapping):
            shown = ", ".join(f"{key} {each}" for key, each in value.items()) or "none"
        table.add_row(name.replace("_", " "), str(shown))
    Console(width=None if sys.stdout.isatty() else 120, highlight=False).print(table)


def print_steps(document: Mapping[str, Any]) -> None:
    """Print what each step of gateway and node costs a query."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    for name in ("gateway", "node"):
        found = document[name]
        title = f"{name}: {found['cpu_us_per_query']} us a query, {found['qps']} queries a second"
        table = Table(title=title)
        table.add_column("step")
        table.add_column("us a query", justify="right")
        table.add_column("share", justify="right")
        for step in found["steps"]:
            table.add_row(step["step"], f"{step['us']:.1f}", f"{step['share']:.1%}")
        console.print(table)


def print_tables(document: Mapping[str, Any]) -> None:
    """Print the rows and the memory as tables on stdout."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    table = Table(title=f"Throughput: {document['nodes']} nodes, {document['rounds']} rounds")
    table.add_column("shape")
    for title in ("in flight", "qps (spread)", "p50 ms", "p99 ms", "x floor (spread)", "p50 x"):
        table.add_column(title, justify="right")
    table.add_column("cpu us: client, gateway, nodes", justify="right")
    for row in document["rows"]:
        low, high = row["qps_spread"]
        least, most = row["ratio_spread"]
        table.add_row(
            row["shape"],
            f"{row['rate']}/s" if row["rate"] else str(row["in_flight"]),
            f"{row['qps']:.0f} ({low:.0f}-{high:.0f})",
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
            f"{row['ratio_to_floor']:.2f} ({least:.2f}-{most:.2f})",
            f"{row['p50_ratio_to_floor']:.2f}",
            ", ".join(str(spent) for spent in row["cpu_us"].values()),
        )
    console.print(table)
    memory = document["memory"]
    if memory["queries"]:
        console.print(_memory_table(memory))
    console.print(_targets_table(document["targets"]))
    weights = ", ".join(f"{name} {size}" for name, size in document["sizes"].items())
    whole = document["verified_whole_windows"]
    console.print(
        f"{document['verified']} profiles verified, {whole} of them as all of a window."
        f" Sizes: {weights}."
    )


def _targets_table(targets: Iterable[Mapping[str, Any]]) -> Table:
    table = Table(title="Targets")
    table.add_column("target")
    for title in ("measured", "aim", "met"):
        table.add_column(title, justify="right")
    for one in targets:
        aim = f">= {one['at_least']}" if "at_least" in one else f"<= {one['at_most']}"
        table.add_row(one["target"], str(one["measured"]), aim, "yes" if one["met"] else "no")
    return table


def _memory_table(memory: Mapping[str, Any]) -> Table:
    table = Table(title=f"Resident memory, MiB, over {memory['queries']} streamed queries")
    table.add_column("process")
    for title in ("idle", "after each fifth", "growth"):
        table.add_column(title, justify="right")
    for name, figures in (("gateway", memory["gateway"]), ("largest of nodes", memory["nodes"])):
        steps = ", ".join(f"{reading:.1f}" for reading in figures["after_mib"])
        table.add_row(name, f"{figures['idle_mib']:.1f}", steps, f"{figures['growth_mib']:.1f}")
    return table
