"""Every real database tells a withdrawn record from all others by its name, as readers see it."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Final

from node.sources.lookup import Lookup, Withdrawn
from tests.integration.conftest import RegistrarDatabase
from tests.schools import look_up, open_source, read

Tables = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
"""By the name of a table: its naming columns, and what they hold row by row."""

UNIT: Final = "100005"
DATASET: Final = """
[[datasets]]
name = "{name}"
title = "{name}"
table = "{name}"
subject_kind = "legal-entity"
record = {record}
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.fields]]
name = "level"
column = "level"
"""
TEXTS: Final = ("'ab'", "'AB'", "'ab '", "'áb'", "''", "NULL")
COMMON: Final[Tables] = {
    "words": (("a varchar(10)",), TEXTS),
    "fixed": (("a char(10)",), ("'ab'", "'abc'")),
    "days": (("a date",), ("'2016-12-01'", "'2016-12-02'")),
    "amounts": (("a numeric(10,2)",), ("1.5", "2")),
    "numbers": (("a bigint",), ("9223372036854775807", "-5")),
    "several": (
        ("a varchar(10)", "b date"),
        ("'ab', '2016-12-01'", "'AB', '2016-12-01'", "NULL, '2016-12-01'", "'ab', '2016-12-02'"),
    ),
}
OWN: Final[dict[str, Tables]] = {
    "sqlite": {
        "folded": (("a text collate nocase",), TEXTS),
        "written": (("a date",), ("'20161201'", "'2016-W48-4'", "'2016-12-01 00:00:00'")),
        "odd": (("a integer",), ("'S1'", "1", "'1e20'", "1.5")),
        # There, a primary key may be empty, and holds texts beside numbers.
        "keyed": (("a text primary key",), ("'x'", "NULL", "NULL")),
        "mixed": (("a decimal primary key",), ("'S1'", "1", "1.5")),
    },
    "duckdb": {"folded": (("a varchar collate nocase",), TEXTS)},
    "postgresql": {
        "free": (("a numeric",), ("1.1", "1.10", "'NaN'", "1e-9")),
        "ids": (("a uuid",), ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",)),
    },
    "mariadb": {
        "bytewise": (("a varchar(10) collate utf8mb4_bin",), TEXTS),
        "latin": (("a varchar(10) character set latin1",), ("'é'", "'e'", "'E'")),
        "chosen": (("a enum('x','y')",), ("'x'", "'y'")),
    },
}


def cut(lookup: Lookup, **changes: tuple[Withdrawn, ...]) -> Lookup:
    return replace(lookup, wanted=replace(lookup.wanted, **changes))  # type: ignore[arg-type]


def test_what_is_cut_is_the_named_record_alone(
    registrar: RegistrarDatabase, tmp_path: Path
) -> None:
    tables = COMMON | OWN[registrar.dialect]
    text = f'[node]\nagency = "registrar"\ndatabase = "{registrar.url}"\n'
    for name, (columns, rows) in tables.items():
        declared = ", ".join(columns)
        registrar.run(f"CREATE TABLE {name} ({declared}, unit varchar(20), level varchar(20))")
        for row in rows:
            registrar.run(f"INSERT INTO {name} VALUES ({row}, '{UNIT}', 'x')")
        record = str([column.split()[0] for column in columns]).replace("'", '"')
        text += DATASET.format(name=name, record=record)
    source = open_source(tmp_path, text)

    wrong = []
    for name, (_, rows) in tables.items():
        lookup = look_up(name, ["level"], f"school:{UNIT}")
        names = Counter(record.record for record in read(source, lookup))
        assert names.total() == len(rows)
        for one in names:
            named = (Withdrawn(one, lookup.asked),)
            left = Counter(r.record for r in read(source, cut(lookup, without=named)))
            only = Counter(r.record for r in read(source, cut(lookup, only=named)))
            rest = Counter({other: count for other, count in names.items() if other != one})
            if (left, only) != (rest, names - rest):
                wrong.append((name, one, dict(left), dict(only)))

    source.close()
    assert not wrong
