"""Row conditions on loaded files are executed in the WHERE clause, as `holds` says."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import (
    AllOf,
    AnyOf,
    Condition,
    Not,
    Operator,
    Rule,
    Scalar,
    on_day,
)
from landbridge.period import Period
from node.sources.source import Source
from tests.schools import look_up, open_source, read

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
name = "label"
column = "label"
[[datasets.fields]]
name = "name"
column = "name"
empties = ["-"]
[[datasets.fields]]
name = "status"
column = "status"
type = "code"
codes = { A = "active", "A " = "active", C = "closed" }
[[datasets.fields]]
name = "flag"
column = "flag"
type = "boolean"
codes = { Yes = true, No = false }
[[datasets.fields]]
name = "closed"
column = "closed"
type = "date"
dates = ["%m/%d/%Y"]
empties = ["-2"]
[[datasets.fields]]
name = "size"
column = "size"
type = "integer"
[[datasets.fields]]
name = "rate"
column = "rate"
type = "decimal"
[[datasets.fields]]
name = "paid"
column = "paid"
type = "money"
currency = "USD"
[[datasets.fields]]
name = "ope"
column = "ope"
type = "identifier"
scheme = "ope"
[[datasets.fields]]
name = "days"
column = "days"
type = "date"
list = ";"
[[datasets.fields]]
name = "seen"
column = "seen"
type = "timestamp"
"""
ROWS = '''id,label,name,status,flag,closed,size,rate,paid,ope,days,seen
100724,a,North ,A ,Yes,08/25/2014,"1,000",0.50,"$1,000.00 ",100500,2020-01-01;x,2020-01-01T00:00:00
100724,b,-,C,No,-2,37,0.3,$9.50,"""00100501""",,2020-01-01T00:00:00.5
100724,c,South,X,?,dd-May,many,n/a,lots,-2,x,x
100724,d,,,,,,,,,,
'''


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    (tmp_path / "schools.csv").write_text(ROWS)
    opened = open_source(tmp_path, NODE)
    yield opened
    opened.close()


def rows(source: Source, *where: Rule) -> str:
    found = read(source, look_up("schools", ["label"], "school:100724", where=where))
    return "".join(record.values[0].text for record in found)


@pytest.mark.parametrize(
    ("field", "operator", "value", "expected"),
    [
        ("name", Operator.EQ, "North", "a"),
        ("name", Operator.NE, "North", "c"),
        ("name", Operator.GT, "North", "c"),
        ("name", Operator.IS_NULL, None, "bd"),
        ("name", Operator.NOT_NULL, None, "ac"),
        ("status", Operator.EQ, "active", "a"),
        ("status", Operator.NE, "active", "b"),
        ("status", Operator.IN, ("active", "closed"), "ab"),
        ("status", Operator.IS_NULL, None, "d"),
        ("status", Operator.NOT_NULL, None, "ab"),
        ("flag", Operator.EQ, True, "a"),
        ("flag", Operator.NE, True, "b"),
        ("closed", Operator.GE, "2014-08-25", "a"),
        ("closed", Operator.LT, "2014-08-25", ""),
        ("closed", Operator.IS_NULL, None, "bd"),
        ("size", Operator.GT, 40, "a"),
        ("size", Operator.LE, "37", "b"),
        ("size", Operator.IN, (37, 1000), "ab"),
        ("rate", Operator.EQ, "0.5", "a"),
        ("rate", Operator.LT, "0.30000000000000001", "b"),
        ("paid", Operator.GE, 10, "a"),
        ("paid", Operator.EQ, "9.5", "b"),
        ("ope", Operator.EQ, "00100501", "b"),
        ("ope", Operator.NE, "00100501", "a"),
        ("days", Operator.NOT_NULL, None, "ac"),
        ("days", Operator.IS_NULL, None, "bd"),
        ("seen", Operator.GT, "2020-01-01T00:00:00", "b"),
        ("seen", Operator.GE, "2020-01-01", "ab"),
        ("seen", Operator.LT, "2020-01-01", ""),
        ("seen", Operator.LT, "2020-01-02", "ab"),
        ("size", Operator.BETWEEN, (37, 999), "b"),
        ("rate", Operator.BETWEEN, ("0.3", "0.5"), "ab"),
        ("closed", Operator.BETWEEN, ("2014-08-25", "2014-08-26"), "a"),
        ("name", Operator.BETWEEN, ("North", "Norti"), "a"),
    ],
)
def test_a_condition_releases_the_rows_that_meet_it(
    source: Source,
    field: str,
    operator: Operator,
    value: Scalar | tuple[Scalar, ...] | None,
    expected: str,
) -> None:
    condition = Condition(field, operator, value)
    source.check_rule("schools", condition)
    assert rows(source, condition) == expected


def test_all_conditions_must_hold(source: Source) -> None:
    both = (Condition("size", Operator.GT, 1), Condition("flag", Operator.EQ, False))  # noqa: FBT003
    assert rows(source, *both) == "b"
    assert rows(source, both[0]) == "ab"


NORTH = Condition("name", Operator.EQ, "North")
BIG = Condition("size", Operator.GT, 40)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Not(NORTH), "bcd"),
        (Not(Not(NORTH)), "a"),
        (Not(BIG), "bcd"),
        (Not(Condition("size", Operator.IS_NULL)), "abc"),
        (AnyOf((BIG, Condition("status", Operator.EQ, "closed"))), "ab"),
        (Not(AnyOf((BIG, Condition("status", Operator.EQ, "closed")))), "cd"),
        (AllOf((Not(NORTH), Condition("closed", Operator.IS_NULL))), "bd"),
        (AnyOf((AllOf((NORTH, BIG)), Condition("name", Operator.EQ, "South"))), "ac"),
    ],
)
def test_what_is_not_met_is_met_by_empty_and_unreadable_values(
    source: Source, rule: Rule, expected: str
) -> None:
    source.check_rule("schools", rule)
    assert rows(source, rule) == expected


def test_within_is_checked_as_a_memorandum_holds_it(source: Source) -> None:
    recent = Condition("closed", Operator.WITHIN, Period(years=5))
    source.check_rule("schools", AnyOf((Not(recent), BIG)))
    assert rows(source, on_day(recent, date(2019, 8, 25))) == "a"
    assert rows(source, on_day(recent, date(2019, 8, 26))) == ""
    assert rows(source, on_day(recent, date(2014, 8, 24))) == ""
    for field in ("name", "size", "status"):
        with pytest.raises(LandbridgeError, match="are no days"):
            source.check_rule("schools", Condition(field, Operator.WITHIN, Period(years=5)))


def test_a_rule_may_not_compare_with_too_many_values(source: Source) -> None:
    thousand = Condition("size", Operator.IN, tuple(range(1000)))
    source.check_rule("schools", AnyOf((thousand,) * 5))
    assert rows(source, AnyOf((thousand,) * 5)) == "b"
    with pytest.raises(LandbridgeError, match="more than 5000 values") as caught:
        source.check_rule("schools", AnyOf((thousand,) * 6))
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


@pytest.mark.parametrize("text", ["'; DROP TABLE schools; --", 'a" OR 1=1', "%s ? :x", "\\"])
def test_sql_in_a_value_is_text(source: Source, text: str) -> None:
    assert rows(source, Condition("name", Operator.EQ, text)) == ""
    assert rows(source, Condition("name", Operator.NE, text)) == "ac"


def test_rows_are_cut_by_the_database(source: Source) -> None:
    seen: list[str] = []

    def trace(connection: object, _record: object) -> None:
        connection.set_trace_callback(seen.append)  # type: ignore[attr-defined]

    (database,) = source.databases
    sa.event.listen(database.engine, "connect", trace)
    assert rows(source, Condition("size", Operator.GT, 40)) == "a"
    (statement,) = seen
    where = statement.partition("WHERE")[2]
    assert "landbridge_holds('schools: size is above 40', schools.size)" in where
    assert "size" not in statement.partition("FROM")[0]


@pytest.mark.parametrize(
    ("field", "operator", "value", "message"),
    [
        ("status", Operator.EQ, "activ", "'activ' is not a code of status; did you mean 'active'?"),
        ("status", Operator.GT, "active", "values of type code have no order"),
        ("flag", Operator.EQ, "yes", "'yes' is neither true nor false"),
        ("closed", Operator.GT, "08/25/2014", "is not a day written like 2026-01-31"),
        ("closed", Operator.GT, "2014", "is not a day"),
        ("seen", Operator.GT, "2014-01-01", "is not a time written like"),
        ("seen", Operator.LT, "2014-01-01T00:00:00Z", "without a zone"),
        ("size", Operator.GT, "1,000", "is not a number"),
        ("size", Operator.EQ, True, "is not a number"),
        ("paid", Operator.GT, "5 USD", "is not a number"),
        ("name", Operator.EQ, 5, "5 is not text"),
        ("seen", Operator.LE, "2014-01-01", "is not a time written like"),
        ("seen", Operator.BETWEEN, ("2014-01-01", "2015-01-01"), "is not a time written like"),
        ("status", Operator.BETWEEN, ("active", "closed"), "values of type code have no order"),
        ("name", Operator.EQ, "a\0b", "a character that is in no text"),
        ("name", Operator.EQ, "\ud800", "a character that is in no text"),
        ("name", Operator.EQ, " North", "blanks around a text"),
        ("name", Operator.EQ, "-", "signs for empty"),
        ("ope", Operator.EQ, "100500", "is not an identifier of ope in its normal form"),
        ("ope", Operator.GT, "00100500", "values of type identifier have no order"),
        ("days", Operator.EQ, "2020-01-01", "the field holds several values"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(
    source: Source, field: str, operator: Operator, value: Scalar, message: str
) -> None:
    with pytest.raises(LandbridgeError) as caught:
        source.check_rule("schools", Condition(field, operator, value))
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert message in caught.value.message
    assert "dataset schools" in caught.value.message
    outcome = source.fetch(
        [
            look_up(
                "schools",
                ["label"],
                "school:100724",
                where=[Condition(field, operator, value)],
            )
        ]
    )[0]
    assert isinstance(outcome, LandbridgeError)


def test_conditions_on_what_is_not_published_are_refused(source: Source) -> None:
    for dataset, field, reason in (
        ("school", "name", Reason.UNKNOWN_DATASET),
        ("schools", "id", Reason.UNKNOWN_FIELD),
    ):
        with pytest.raises(LandbridgeError) as caught:
            source.check_rule(dataset, Condition(field, Operator.NOT_NULL))
        assert caught.value.reason is reason
