"""SQL for Oracle and SQL Server compiles as it was read and found right; no server has run it."""

from itertools import count

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql, oracle

from landbridge.memorandum.condition import AllOf, AnyOf, Condition, Not, Operator, Rule
from landbridge.subject import Schemes
from node.node_file import FieldTable, FieldType
from node.sources.conditions import RowConditions
from node.sources.fields import PublishedField

TABLE = sa.Table(
    "schools",
    sa.MetaData(),
    sa.Column("name", sa.String(40)),
    sa.Column("closed", sa.DateTime),
    sa.Column("size", sa.Numeric(10, 2)),
)
FIELDS = {
    "name": PublishedField.compile(
        FieldTable(name="name", column="name", empties=("-",)), TABLE.c.name, Schemes([])
    ),
    "closed": PublishedField.compile(
        FieldTable(name="closed", column="closed", type=FieldType.TIMESTAMP),
        TABLE.c.closed,
        Schemes([]),
    ),
    "size": PublishedField.compile(
        FieldTable(name="size", column="size", type=FieldType.DECIMAL), TABLE.c.size, Schemes([])
    ),
}
RULE = AnyOf(
    (
        Not(Condition("name", Operator.GE, "M")),
        AllOf(
            (
                Condition("closed", Operator.GE, "2014-08-25"),
                Condition("size", Operator.BETWEEN, ("0.125", "1000000000000")),
            )
        ),
    )
)


def compiled(rule: Rule, dialect: sa.Dialect) -> tuple[str, tuple[object, ...]]:
    conditions = RowConditions(Schemes([]))
    prepared = conditions.prepare("schools", FIELDS.__getitem__, rule, dialect=dialect.name)
    numbers = count()

    def bind(type_: sa.types.TypeEngine[object]) -> sa.BindParameter[object]:
        return sa.bindparam(f"given_{next(numbers)}", None, type_=type_)

    written = conditions.write(FIELDS.__getitem__, prepared.form, dialect=dialect.name, bind=bind)
    query = sa.select(sa.case((written, 1), else_=0)).where(written).limit(5)
    return str(query.compile(dialect=dialect)), prepared.values


@pytest.mark.parametrize(
    ("dialect", "parts"),
    [
        (
            oracle.dialect(),
            [
                "nlssort('.' || regexp_replace(CAST(schools.name AS VARCHAR2(4000 CHAR)), ",
                ">= nlssort('.' || :given_0, 'NLS_SORT=BINARY')",
                "schools.closed BETWEEN :",
                "FETCH FIRST",
            ],
        ),
        (
            mssql.dialect(),
            [
                " FROM CAST(schools.name AS NVARCHAR(max)))",
                " COLLATE Latin1_General_100_BIN2_UTF8",
                " AS VARCHAR(max)) AS VARBINARY(max))",
                "schools.closed >= :given_1",
                "schools.size >= :given_2",
                "TOP",
            ],
        ),
    ],
    ids=["oracle", "mssql"],
)
def test_a_rule_compiles(dialect: sa.Dialect, parts: list[str]) -> None:
    statement, values = compiled(RULE, dialect)
    for part in parts:
        assert part in statement
    assert "true" not in statement.casefold()
    # No number of two places lies between 0.125 and 0.13, and none is above 10 to the 12.
    assert [str(value) for value in values] == ["M", "2014-08-25 00:00:00", "0.13"]
