"""One table of every kind of value for each kind of database, and every condition on its fields."""

import itertools
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from landbridge.memorandum.condition import UNREADABLE, Condition, Operator, Unreadable
from landbridge.subject import Schemes
from node.node_file import FieldTable
from node.sources.operands import comparable
from node.sources.parsers import Quality, compile_parser
from node.sources.source import Source
from tests.integration.registrars import RegistrarDatabase

ROWS = 60
CODES = {"A": "active", "1": "active", "C ": "closed", "true": "odd", "a": "other"}
INJECTIONS = ["'; DROP TABLE schools; --", "\\' OR 1=1 --", "%s %(a)s ? :a", '"', "\\"]
TEXTS = [
    *("A", " A\u2003", "C", "", " ", "-", "-1", "1", "Zoë", "Zoe", "a", "\u00c5", "A\x01", "A "),
    *("\uffee", "\U0001f600", "\n A\t", "\u017f", "ß", "ss", *INJECTIONS),
]
DATES = ["2014-08-25", "2015-01-01", "1900-01-01"]
MOMENTS = ["2014-08-25 10:00:00", "2014-08-25 10:00:00.5", "2014-08-25 00:00:00"]
VALUES: dict[str, list[Any]] = {
    "words": TEXTS,
    "padded": [text for text in TEXTS if len(text) <= 6],
    "kind": ["A", "C", "-"],
    "truth": [True, False],
    "whole": [-1, 0, 1, 37, 2**62],
    "exact": ["-1", "0.5", "0.50", "37", "37.1235", "-0.0001"],
    "day": DATES,
    "moment": MOMENTS,
}
TYPES: dict[str, dict[str, str]] = {
    "sqlite": {
        "words": "text COLLATE NOCASE",
        "padded": "char(6)",
        "kind": "text",
        "truth": "boolean",
        "whole": "bigint",
        "exact": "numeric",
        "day": "date",
        "moment": "timestamp",
        "reading": "real",
    },
    "postgresql": {
        "words": 'text COLLATE "unicode"',
        "padded": "char(6)",
        "kind": "mood",
        "truth": "boolean",
        "whole": "bigint",
        "exact": "numeric",
        "day": "date",
        "moment": "timestamp",
        "reading": "real",
    },
    "mariadb": {
        "words": "varchar(40) COLLATE utf8mb4_general_ci",
        "padded": "char(6) CHARACTER SET latin1 COLLATE latin1_swedish_ci",
        "kind": "enum('A', 'C', '-') COLLATE utf8mb4_general_ci",
        "truth": "boolean",
        "whole": "bigint",
        "exact": "decimal(20, 4)",
        "day": "date",
        "moment": "datetime(6)",
        "reading": "double",
    },
    "duckdb": {
        "words": "varchar COLLATE NOCASE",
        "padded": "char(6)",
        "kind": "enum('A', 'C', '-')",
        "truth": "boolean",
        "whole": "bigint",
        "exact": "decimal(20, 4)",
        "day": "date",
        "moment": "timestamp",
        "reading": "double",
    },
}
OWN_VALUES: dict[str, dict[str, list[Any]]] = {
    "postgresql": {"exact": ["NaN", "Infinity", "-Infinity", "0.30000000000000001"]},
    "mariadb": {
        "kind": [""],
        "day": ["0000-00-00", "2014-02-31", "2014-00-00"],
        "moment": ["0000-00-00 00:00:00", "2014-02-31 10:00:00"],
    },
    "duckdb": {
        "day": ["infinity", "-infinity", "20000-01-01", "0044-03-15 (BC)"],
        "moment": ["infinity", "-infinity", "20000-01-01 10:00:00"],
    },
}
"""What only one database can hold."""
OWN_TYPES: dict[str, dict[str, str]] = {
    "sqlite": {},
    "postgresql": {"zoned": "timestamptz"},
    "mariadb": {"huge": "bigint unsigned", "zeros": "int(6) zerofill", "seen": "timestamp(6) NULL"},
    "duckdb": {"huge": "ubigint", "zoned": "timestamptz"},
}
"""Columns that only one database has."""
_HUGE = [2**64 - 1, 2**63, 2**63 - 1, 5]
_TEXTUAL = ("words", "padded", "kind", "truth", "whole", "exact")
_DECLARED: list[dict[str, Any]] = [
    *({"column": column, "empties": ["", "-", "-1"]} for column in _TEXTUAL),
    *({"column": column, "type": "code", "codes": CODES, "empties": ["-1"]} for column in _TEXTUAL),
    *({"column": column, "type": "boolean"} for column in _TEXTUAL),
    {"column": "whole", "type": "integer", "empties": ["-1"]},
    {"column": "whole", "type": "decimal", "empties": ["37"]},
    {"column": "exact", "type": "decimal", "empties": ["-1"]},
    {"column": "exact", "type": "money", "currency": "USD"},
    {"column": "day", "type": "date", "empties": ["1900-01-01", "19000101", "-", "0000-00-00"]},
    {"column": "day", "type": "date", "dates": ["%m/%d/%Y"]},
    {
        "column": "moment",
        "type": "timestamp",
        "empties": ["2014-08-25T10:00:00.500000", "2014-08-25 10:00:00", "0000-00-00 00:00:00"],
    },
    {"column": "moment", "type": "timestamp"},
]
EXACT_FIELDS = [{"name": f"f{number}", **field} for number, field in enumerate(_DECLARED)]
"""Fields on which every condition can be executed in every database."""
OWN_FIELDS: dict[str, list[dict[str, Any]]] = {
    "sqlite": [],
    "postgresql": [],
    "mariadb": [
        {"name": "huge", "column": "huge", "type": "integer"},
        {"name": "huge-text", "column": "huge"},
        {"name": "zeros", "column": "zeros", "type": "integer"},
        {"name": "seen", "column": "seen", "type": "timestamp"},
    ],
    "duckdb": [
        {"name": "huge", "column": "huge", "type": "integer"},
        {"name": "huge-decimal", "column": "huge", "type": "decimal"},
    ],
}
"""Fields of such columns, on which every condition can be executed."""
OWN_INEXACT_FIELDS: dict[str, list[dict[str, Any]]] = {
    "sqlite": [],
    "postgresql": [{"name": "zoned", "column": "zoned", "type": "timestamp"}],
    "mariadb": [{"name": "zeros-text", "column": "zeros"}],
    "duckdb": [{"name": "zoned", "column": "zoned", "type": "timestamp"}],
}
INEXACT_FIELDS: list[dict[str, Any]] = [
    {"name": "real", "column": "reading", "type": "decimal"},
    {"name": "late", "column": "words", "type": "date"},
    {"name": "part", "column": "exact", "type": "integer"},
    {"name": "ope", "column": "words", "type": "identifier", "scheme": "ope"},
    {"name": "several", "column": "words", "list": ";"},
]
"""Fields on which only SQLite executes every condition."""
_OPERANDS: dict[str, list[Any]] = {
    "text": ["A", "C", "Zoë", "Zoe", "ß", "\uffee", *INJECTIONS],
    "code": ["active", "closed", "odd"],
    "boolean": [True, False],
    "integer": [0, 37, "0.5", "36.99", 10**30, -(10**30)],
    "decimal": [
        "0.5",
        37,
        "0.50000000000000000000000000000000000000000000000001",
        "37.12349",
        "-1e90",
    ],
    "money": ["0.50", 1, "-0.00001"],
    "date": ["2014-08-25", "2015-01-01", "9999-12-31", "0001-01-01"],
    "timestamp": [
        "2014-08-25T10:00:00",
        "2014-08-25T10:00:00.500000",
        "9999-12-31T23:59:59.999999",
    ],
}
_COMPARISONS = (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE)
_UNORDERED = ("code", "boolean")
Value = Any


def conditions(field: Mapping[str, Any]) -> Iterator[Condition]:
    """Every condition to try on a field."""
    name, kind = field["name"], field.get("type", "text")
    yield Condition(name, Operator.IS_NULL)
    yield Condition(name, Operator.NOT_NULL)
    known = _OPERANDS[kind]
    if kind == "text" and field["column"] != "words":
        known = known[: -len(INJECTIONS)]
    operators = _COMPARISONS[:2] if kind in _UNORDERED else _COMPARISONS
    for operator, operand in itertools.product(operators, known):
        yield Condition(name, operator, operand)
    one_kind = tuple(operand for operand in known if isinstance(operand, str)) or tuple(known)
    yield Condition(name, Operator.IN, one_kind)
    yield Condition(name, Operator.IN, one_kind[:1])
    if kind not in _UNORDERED:
        texts = sorted(one_kind) if kind in ("text", "date", "timestamp") else ["-0.5", "36.995"]
        yield Condition(name, Operator.BETWEEN, (texts[0], texts[-1]))
        yield Condition(name, Operator.BETWEEN, (texts[0], texts[0]))
    if kind == "timestamp":
        yield Condition(name, Operator.GE, "2014-08-25")
        yield Condition(name, Operator.LT, "2014-08-25")


@dataclass(frozen=True)
class Filled:
    """A table as a node reads it, and as Python reads the driver's own values."""

    registrar: RegistrarDatabase
    source: Source
    values: Mapping[str, Mapping[str, Value]]
    """By unit, then by field: what `meets` compares."""

    @property
    def units(self) -> list[str]:
        return list(self.values)

    def value_of(self, unit: str) -> Callable[[str], Value]:
        return self.values[unit].__getitem__


def exact_fields(dialect: str) -> list[dict[str, Any]]:
    """Return the fields on which a database executes every condition."""
    return [*EXACT_FIELDS, *OWN_FIELDS[dialect]]


def create(registrar: RegistrarDatabase) -> None:
    """Make the table and fill it: each value somewhere, besides values drawn with a fixed seed."""
    kind = registrar.dialect
    types = TYPES[kind] | OWN_TYPES[kind]
    if kind == "postgresql":
        registrar.run("CREATE TYPE mood AS ENUM ('A', 'C', '-')")
    columns = ", ".join(f"{name} {written}" for name, written in types.items())
    registrar.run(f"CREATE TABLE schools (unit varchar(6) PRIMARY KEY, {columns})")
    draw = random.Random(2026)
    common = VALUES | {"huge": _HUGE, "zeros": [0, 7, 37], "seen": MOMENTS, "zoned": []}
    pools = {
        name: [*common.get(name, [0.5, 1]), *OWN_VALUES.get(kind, {}).get(name, []), None]
        for name in types
    }
    rows = [
        [str(100000 + n)]
        + [pool[n] if n < len(pool) else draw.choice(pool) for pool in pools.values()]
        for n in range(ROWS)
    ]
    registrar.insert("schools", ["unit", *types], rows)


def node_file(dialect: str, url: str) -> str:
    """Write the node.toml that publishes every field."""
    lines = [
        "[node]",
        'agency = "registrar"',
        f'database = "{url}"',
        "[[datasets]]",
        'name = "schools"',
        'title = "Schools"',
        'table = "schools"',
        'subject_kind = "legal-entity"',
        "[[datasets.keys]]",
        'scheme = "school"',
        'column = "unit"',
    ]
    inexact = [*INEXACT_FIELDS, *OWN_INEXACT_FIELDS[dialect]]
    for field in ({"name": "unit", "column": "unit"}, *exact_fields(dialect), *inexact):
        lines.append("[[datasets.fields]]")
        for key, value in field.items():
            if isinstance(value, dict):
                pairs = ", ".join(f'"{native}" = "{code}"' for native, code in value.items())
                lines.append(f"{key} = {{{pairs}}}")
            else:
                lines.append(f"{key} = {value!r}")
    return "\n".join(lines)


def read_values(source: Source) -> dict[str, dict[str, Value]]:
    """Read every field of every row in Python, from what the driver gives."""
    (database,) = source.databases
    found: dict[str, dict[str, Value]] = {}
    for keys in exact_fields(database.dialect.name):
        field = FieldTable.model_validate(keys)
        parse = compile_parser(field, Schemes([]))
        for unit, native in database.read(f"SELECT unit, {field.column} FROM schools", ()):
            reading = parse(native)
            value: Value | Unreadable = UNREADABLE
            if reading.quality is not Quality.UNREADABLE:
                value = comparable(field, reading)
            found.setdefault(unit, {})[field.name] = value
    return found
