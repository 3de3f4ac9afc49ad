"""The example federation, loaded once for all tests that look at it."""

import os
from functools import cache
from pathlib import Path

from landbridge.federation import Federation
from landbridge.memorandum.document import Memorandum
from node.config import NodeConfig, load_node_config
from node.node_file import DatasetTable

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples/institutions"
EXCERPT = EXAMPLE / "excerpt"


@cache
def whole() -> Path | None:
    """The folder of the whole records; None on a machine that has only the excerpt."""
    folder = Path(os.environ.get("LANDBRIDGE_RECORDS") or ROOT.parent / "shared/data").resolve()
    return folder if folder != EXCERPT and (folder / "ed_nces_ipeds").is_dir() else None


@cache
def federation() -> Federation:
    return Federation.load(EXAMPLE / "federation.toml")


@cache
def nodes() -> dict[str, NodeConfig]:
    """The configuration of every node, by agency."""
    return {
        path.parent.name: load_node_config(path, federation())
        for path in sorted(EXAMPLE.glob("agencies/*/node.toml"))
    }


@cache
def datasets() -> dict[str, DatasetTable]:
    """Every dataset, by agency/dataset."""
    return {
        f"{agency}/{dataset.name}": dataset
        for agency, node in nodes().items()
        for dataset in node.datasets
    }


@cache
def memoranda() -> tuple[Memorandum, ...]:
    return tuple(Memorandum.from_yaml(path) for path in sorted(EXAMPLE.glob("memoranda/*.yaml")))
