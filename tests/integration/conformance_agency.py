"""An agency that tries its node: a database of companies and of made-up persons, and its files."""

import sqlite3
from contextlib import closing
from pathlib import Path

FEDERATION = r"""
[federation]
name = "trial.example"
title = "A federation to be joined"
[gateway]
agency = "hall"
name = "main"
[agencies.registry]
title = "Registry"
roles = ["node"]
[schemes.company]
title = "Company number"
subject_kind = "legal-entity"
pattern = '\d{8}'
[schemes.citizen]
title = "Citizen number"
subject_kind = "natural-person"
pattern = 'C\d{8}'
[purposes.licence-check]
title = "Licence check"
[purposes.statistics]
title = "Statistics"
"""
NODE = """
[node]
agency = "registry"
database = "sqlite:///registry.sqlite"
[[datasets]]
name = "companies"
title = "Companies"
table = "companies"
subject_kind = "legal-entity"
keys = [{scheme = "company", column = "number"}]
[[datasets.fields]]
name = "number"
column = "number"
type = "identifier"
scheme = "company"
[[datasets.fields]]
name = "city"
column = "city"
[[datasets.fields]]
name = "staff"
column = "staff"
type = "integer"
[[datasets]]
name = "holders"
title = "Holders of licences (made up)"
table = "holders"
subject_kind = "natural-person"
keys = [{scheme = "citizen", column = "number"}]
[[datasets.fields]]
name = "licence"
column = "licence"
[[datasets.fields]]
name = "since"
column = "since"
type = "date"
"""
TABLES = """
CREATE TABLE companies (
  id INTEGER PRIMARY KEY, number VARCHAR(8), city VARCHAR(20), staff INTEGER);
CREATE INDEX by_company ON companies (number);
INSERT INTO companies VALUES
  (1, '00000017', 'Troy', 4), (2, '00000017', NULL, 7), (3, '00000025', 'Utica', 4),
  (4, '00000033', 'Troy', 0);
CREATE TABLE holders (
  id INTEGER PRIMARY KEY, number VARCHAR(9), licence VARCHAR(20), since VARCHAR(10));
CREATE INDEX by_holder ON holders (number);
INSERT INTO holders VALUES
  (1, 'C00000011', 'teacher', '2020-01-31'), (2, 'C00000029', 'driver', '2021-05-01')
"""


def write_node(folder: Path) -> list[Path]:
    """Write an agency's files; return node.toml and federation.toml."""
    (folder / "federation.toml").write_text(FEDERATION)
    (folder / "node.toml").write_text(NODE)
    with closing(sqlite3.connect(folder / "registry.sqlite")) as database:
        database.executescript(TABLES)
    return [folder / "node.toml", folder / "federation.toml"]
