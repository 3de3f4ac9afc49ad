"""A node loads only the drivers that its configuration asks for: every node is a process."""

import subprocess
import sys
from pathlib import Path

from tests.schools import FEDERATION, write_config

NODE = """
[node]
agency = "registrar"
[[files]]
table = "schools"
path = "schools.csv"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "id"
[[datasets.fields]]
name = "name"
column = "name"
"""
SCRIPT = """
import sys
from pathlib import Path
from landbridge.federation import Federation
from node.config import load_node_config
from node.sources.source import Source
folder = Path(sys.argv[1])
federation = Federation.load(folder / "federation.toml")
Source.open(load_node_config(folder / "node.toml", federation), federation, folder).close()
print(*{"duckdb", "psycopg", "rapidfuzz", "grpc"}.intersection(sys.modules))
"""


def test_files_alone_need_no_driver(tmp_path: Path) -> None:
    (tmp_path / "federation.toml").write_text(FEDERATION)
    (tmp_path / "schools.csv").write_text("id,name\n100724,A\n")
    write_config(tmp_path, NODE)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, tmp_path],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
