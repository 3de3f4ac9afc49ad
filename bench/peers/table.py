"""Prints Landbridge and its peers as one table, for people."""

import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table


def print_peers(document: Mapping[str, Any]) -> None:
    """Print a row for each peer and load, and the reason of each peer that is left out."""
    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    table = Table(title=f"Peers: {document['nodes']} providers, {document['rounds']} rounds")
    table.add_column("peer")
    for title in ("load", "qps (spread)", "p50 ms", "p99 ms", "x floor (spread)", "p50 x", "p99 x"):
        table.add_column(title, justify="right")
    table.add_column("cpu us", justify="right")
    for row in document["rows"]:
        low, high = row["qps_spread"]
        least, most = row["ratio_spread"]
        load = f"{row['rate']}/s at random" if row["rate"] else f"{row['in_flight']} in flight"
        table.add_row(
            row["shape"],
            load if row["kept_up"] else f"{load}, not kept up",
            f"{row['qps']:.0f} ({low:.0f}-{high:.0f})",
            f"{row['p50_ms']:.1f}",
            f"{row['p99_ms']:.1f}",
            f"{row['ratio_to_floor']:.2f} ({least:.2f}-{most:.2f})",
            f"{row['p50_ratio_to_floor']:.2f}",
            f"{row['p99_ratio_to_floor']:.2f}",
            str(sum(row["cpu_us"].values())),
        )
    console.print(table)
    for name, why in document["left_out"].items():
        console.print(f"{name} is left out: {why}")
    console.print(f"{document['checked']} answers were the right subject's.")
