"""Row conditions in PostgreSQL release exactly the rows of which `holds` says so in Python."""

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Condition, Operator, holds
from landbridge.subject import Schemes
from node.node_file import FieldTable
from node.sources.operands import comparable
from node.sources.parsers import Quality, compile_parser
from node.sources.source import Source
from tests.integration.conftest import PostgresServer
from tests.schools import look_up, open_source

NODE = """
[node]
agency = "registrar"
database = "{url}"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "unit"
[[datasets.fields]]
name = "unit"
column = "unit"
{fields}
"""
CODES = {"A": "active", "1": "active", "C ": "closed", "true": "odd"}
TEXTS = ["A", " A\u2003", "C", "", " ", "-", "-1", "Zoë", "a", "\u00c5", None]
COLUMNS: dict[str, tuple[str, list[Any]]] = {
    "words": ('text COLLATE "unicode"', TEXTS),
    "padded": ("char(6)", TEXTS),
    "kind": ("mood", ["A", "C", "-", None]),
    "truth": ("boolean", [True, False, None]),
    "whole": ("bigint", [-1, 0, 1, 37, 2**62, None]),
    "exact": ("numeric", ["-1", "0.5", "0.50", "37", "NaN", "Infinity", None]),
    "day": ("date", ["2014-08-25", "2015-01-01", "1900-01-01", None]),
    "moment": ("timestamp", ["2014-08-25 10:00:00", "2014-08-25 10:00:00.5", None]),
}
TEXTUAL = ("words", "padded", "kind", "truth", "whole", "exact")
FIELDS: list[dict[str, Any]] = [
    *({"column": column, "empties": ["", "-", "-1"]} for column in TEXTUAL),
    *({"column": column, "type": "code", "codes": CODES, "empties": ["-1"]} for column in TEXTUAL),
    *({"column": column, "type": "boolean"} for column in TEXTUAL),
    {"column": "whole", "type": "integer", "empties": ["-1"]},
    {"column": "whole", "type": "decimal", "empties": ["37"]},
    {"column": "exact", "type": "decimal", "empties": ["-1"]},
    {"column": "exact", "type": "money", "currency": "USD"},
    {"column": "day", "type": "date", "empties": ["1900-01-01", "-"]},
    {"column": "day", "type": "date", "dates": ["%m/%d/%Y"]},
    {"column": "moment", "type": "timestamp"},
]
OPERANDS: dict[str, list[Any]] = {
    "text": ["A", "C", "Zoë", "1"],
    "code": ["active", "closed", "odd"],
    "boolean": [True, False],
    "integer": [0, 37, "0.5"],
    "decimal": ["0.5", 37],
    "money": ["0.50", 1],
    "date": ["2014-08-25", "2015-01-01"],
    "timestamp": ["2014-08-25T10:00:00", "2014-08-25T10:00:00.500000"],
}
COMPARISONS = [Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE]


def conditions(field: dict[str, Any]) -> Iterator[Condition]:
    """Every condition to try on a field."""
    name, kind = field["name"], field.get("type", "text")
    yield Condition(name, Operator.IS_NULL)
    yield Condition(name, Operator.NOT_NULL)
    operators = COMPARISONS[: 2 if kind in ("code", "boolean") else None]
    for operator, operand in itertools.product(operators, OPERANDS[kind]):
        yield Condition(name, operator, operand)
    if kind != "integer":
        yield Condition(name, Operator.IN, tuple({type(o): o for o in OPERANDS[kind]}.values())[:1])


def written(field: dict[str, Any]) -> str:
    lines = ["[[datasets.fields]]"]
    for key, value in field.items():
        if isinstance(value, dict):
            pairs = ", ".join(f'"{native}" = "{code}"' for native, code in value.items())
            lines.append(f"{key} = {{{pairs}}}")
        else:
            lines.append(f"{key} = {value!r}")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def fields() -> list[dict[str, Any]]:
    return [{"name": f"f{number}", **field} for number, field in enumerate(FIELDS)]


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """One row a value, every other column empty."""
    found = []
    for column, (_, values) in COLUMNS.items():
        found += [
            {column: value, "unit": f"{100000 + len(found) + n}"} for n, value in enumerate(values)
        ]
    return found


@pytest.fixture(scope="module")
def source(
    postgres: PostgresServer,
    tmp_path_factory: pytest.TempPathFactory,
    fields: list[dict[str, Any]],
    rows: list[dict[str, Any]],
) -> Iterator[Source]:
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in COLUMNS.items())
    url = postgres.create(
        "conditions",
        "CREATE TYPE mood AS ENUM ('A', 'C', '-')",
        f"CREATE TABLE schools (unit text PRIMARY KEY, {columns}, zoned timestamptz, real real)",
    )
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for row in rows:
            names = ", ".join(row)
            values = ", ".join(f"%({name})s" for name in row)
            connection.execute(f"INSERT INTO schools ({names}) VALUES ({values})", row)  # type: ignore[call-overload]
    text = NODE.format(url=url, fields="\n".join(map(written, fields)))
    text += '[[datasets.fields]]\nname = "zoned"\ncolumn = "zoned"\ntype = "timestamp"\n'
    text += '[[datasets.fields]]\nname = "real"\ncolumn = "real"\ntype = "decimal"\n'
    text += '[[datasets.fields]]\nname = "late"\ncolumn = "words"\ntype = "date"\n'
    text += '[[datasets.fields]]\nname = "part"\ncolumn = "exact"\ntype = "integer"\n'
    text += (
        '[[datasets.fields]]\nname = "ope"\ncolumn = "words"\ntype = "identifier"\nscheme="ope"\n'
    )
    opened = open_source(tmp_path_factory.mktemp("conditions"), text)
    yield opened
    opened.close()


def test_every_condition_means_what_holds_says(
    source: Source, fields: list[dict[str, Any]], rows: list[dict[str, Any]]
) -> None:
    tried = 0
    units = [row["unit"] for row in rows]
    for keys in fields:
        field = FieldTable.model_validate(keys)
        parse = compile_parser(field, Schemes([]))
        natives = dict(zip(units, _natives(source, keys["name"], units), strict=True))
        for condition in conditions(keys):
            expected = {
                unit
                for unit, native in natives.items()
                if (reading := parse(native)).quality is not Quality.UNREADABLE
                and holds(condition, comparable(field, reading))
            }
            found = source.fetch(
                [
                    look_up("schools", ["unit"], f"school:{unit}", where=[condition])
                    for unit in units
                ]
            )
            assert not [outcome for outcome in found if isinstance(outcome, LandbridgeError)]
            released = {unit for unit, outcome in zip(units, found, strict=True) if outcome}
            assert released == expected, (condition, keys)
            tried += 1
    assert tried > 200


def _natives(source: Source, name: str, units: list[str]) -> list[object]:
    """Return the driver's own values of a field's column."""
    column = source._datasets["schools"].fields[name].column.name
    found = source.databases[0].read(f"SELECT unit, {column} FROM schools", ())
    by_unit = dict(found)
    return [by_unit[unit] for unit in units]


@pytest.mark.parametrize(
    ("field", "operator", "value"),
    [
        ("zoned", Operator.GT, "2014-08-25T10:00:00Z"),
        ("real", Operator.EQ, "0.5"),
        ("late", Operator.GE, "2014-08-25"),
        ("late", Operator.NOT_NULL, None),
        ("part", Operator.GE, 1),
        ("ope", Operator.EQ, "00100500"),
        ("ope", Operator.NE, "00100500"),
    ],
)
def test_a_condition_without_an_exact_expression_is_refused(
    source: Source, field: str, operator: Operator, value: str | int | None
) -> None:
    with pytest.raises(LandbridgeError, match="cannot be executed on dataset schools") as caught:
        source.check_rule("schools", Condition(field, operator, value))
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


def test_emptiness_can_be_tested_on_any_text(source: Source) -> None:
    source.check_rule("schools", Condition("late", Operator.IS_NULL))
    source.check_rule("schools", Condition("ope", Operator.IS_NULL))
