import json
import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import (
    UNREADABLE,
    AllOf,
    AnyOf,
    Asked,
    Condition,
    Not,
    Operand,
    Operator,
    Rule,
    Scalar,
    changed,
    conditions_of,
    holds,
    in_words,
    meets,
    on_day,
    with_arguments,
)
from landbridge.memorandum.written_rule import place_conditions, write_rule
from landbridge.period import Period

ORDERS = [Operator.LT, Operator.LE, Operator.GT, Operator.GE]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
INTEGERS = st.integers(-3, 3) | st.integers(-(2**53) + 1, 2**53 - 1)
KINDS: dict[str, st.SearchStrategy[Scalar]] = {
    "text": TEXTS,
    "integer": INTEGERS,
    "boolean": st.booleans(),
}
DAYS = st.dates()
UNORDERED = [*ORDERS, Operator.BETWEEN]
COMPARE = {"eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def to_sql(rule: Rule) -> tuple[str, list[Scalar]]:
    """Write a rule for SQLite, each comparison with two truth values."""
    match rule:
        case Condition(field=field, operator=operator, value=value):
            values = list(value) if isinstance(value, tuple) else [value]
            match operator:
                case Operator.IS_NULL | Operator.NOT_NULL:
                    words = "IS NULL" if operator is Operator.IS_NULL else "IS NOT NULL"
                    return f"{field} {words}", []
                case Operator.IN:
                    test = f"{field} IN ({', '.join('?' * len(values))})"
                case Operator.BETWEEN:
                    test = f"{field} BETWEEN ? AND ?"
                case _:
                    test = f"{field} {COMPARE[operator]} ?"
            return f"({field} IS NOT NULL AND {test})", cast("list[Scalar]", values)
        case Not(part):
            inner, bound = to_sql(part)
            return f"NOT ({inner})", bound
        case AllOf(parts) | AnyOf(parts):
            written = [to_sql(part) for part in parts]
            word = " AND " if isinstance(rule, AllOf) else " OR "
            joined = word.join(f"({inner})" for inner, _ in written)
            return joined, [value for _, bound in written for value in bound]


def ask_sqlite(rule: Rule, record: dict[str, Scalar | None]) -> bool:
    test, bound = to_sql(rule)
    columns = ", ".join(
        f"{name} {'TEXT' if isinstance(value, str) else 'INTEGER'}"
        for name, value in record.items()
    )
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"CREATE TABLE t ({columns})")
        database.execute(
            f"INSERT INTO t VALUES ({', '.join('?' * len(record))})", tuple(record.values())
        )
        return bool(database.execute(f"SELECT 1 FROM t WHERE {test}", bound).fetchall())


@st.composite
def conditions(draw: st.DrawFn, field: str, kind: str) -> Condition:
    """Draw a condition whose operands are of one kind."""
    ordered = kind != "boolean"
    values = KINDS[kind]
    operator = draw(
        st.sampled_from(Operator).filter(
            lambda each: each is not Operator.WITHIN and (ordered or each not in UNORDERED)
        )
    )
    bound: Operand = None
    if operator is Operator.IN:
        bound = tuple(draw(st.lists(values, min_size=1, max_size=3)))
    elif operator is Operator.BETWEEN:
        bound = tuple(sorted(draw(st.tuples(values, values))))
    elif operator not in (Operator.IS_NULL, Operator.NOT_NULL):
        bound = draw(values)
    return Condition(field, operator, bound)


@st.composite
def rules_and_records(draw: st.DrawFn) -> tuple[Rule, dict[str, Scalar | None]]:
    kinds = {name: draw(st.sampled_from(sorted(KINDS))) for name in "vw"}
    leaf: st.SearchStrategy[Rule] = conditions("v", kinds["v"]) | conditions("w", kinds["w"])

    def join(rules: st.SearchStrategy[Rule]) -> st.SearchStrategy[Rule]:
        parts = st.lists(rules, min_size=1, max_size=3).map(tuple)
        return parts.map(AllOf) | parts.map(AnyOf) | rules.map(Not)

    rule = draw(st.recursive(leaf, join, max_leaves=6))
    return rule, {name: draw(st.none() | KINDS[kind]) for name, kind in kinds.items()}


@given(rules_and_records())
def test_meets_says_what_the_database_says(case: tuple[Rule, dict[str, Scalar | None]]) -> None:
    rule, record = case
    assert meets(rule, record.get) is ask_sqlite(rule, record)


@settings(max_examples=50)
@given(rules_and_records())
def test_not_is_met_by_exactly_the_records_that_do_not_meet_its_part(
    case: tuple[Rule, dict[str, Scalar | None]],
) -> None:
    rule, record = case
    assert meets(Not(rule), record.get) is not meets(rule, record.get)
    unreadable = dict.fromkeys(record, UNREADABLE)
    assert meets(Not(rule), unreadable.get) is not meets(rule, unreadable.get)


@given(st.data(), st.sampled_from(sorted(KINDS)))
def test_an_empty_value_meets_only_is_null(data: st.DataObject, kind: str) -> None:
    condition = data.draw(conditions("v", kind))
    assert holds(condition, None) is (condition.operator is Operator.IS_NULL)
    assert not holds(condition, UNREADABLE)


@given(DAYS, DAYS, st.sampled_from(["P1D", "P1W", "P1M", "P5Y", "P1Y6M", "P100Y"]))
def test_within_is_met_from_the_same_day_long_ago_until_today(
    today: date, day: date, written: str
) -> None:
    rule = on_day(Condition("d", Operator.WITHIN, Period.parse(written)), today)
    expected = Period.parse(written).before(today) <= day <= today
    if today != date.max:
        assert meets(rule, {"d": day.isoformat()}.get) is expected
        assert meets(rule, {"d": f"{day}T23:59:59"}.get) is expected
    assert not meets(rule, {"d": None}.get)


def test_what_is_not_known_yet_is_never_compared() -> None:
    for value in (Period(years=1), Asked("day")):
        operator = Operator.WITHIN if isinstance(value, Period) else Operator.EQ
        with pytest.raises(ValueError, match="not known yet"):
            holds(Condition("d", operator, value), "2026-01-01")


def test_arguments_take_the_place_of_what_is_asked() -> None:
    rule = AnyOf((Condition("a", Operator.GT, Asked("x")), Not(Condition("b", Operator.EQ, 1))))
    assert with_arguments(rule, {"x": 7}) == AnyOf((Condition("a", Operator.GT, 7), rule.parts[1]))
    with pytest.raises(KeyError):
        with_arguments(rule, {"y": 7})
    plain = AllOf((Condition("b", Operator.EQ, 1),))
    assert with_arguments(plain, {}) is plain
    assert on_day(plain, date(2026, 1, 1)) is plain


@settings(max_examples=30)
@given(rules_and_records())
def test_every_condition_of_a_rule_is_found(
    case: tuple[Rule, dict[str, Scalar | None]],
) -> None:
    rule, _ = case
    written = json.dumps(write_rule(rule))
    placed = [condition for _, condition in place_conditions(rule, ())]
    assert list(conditions_of(rule)) == placed
    assert len(placed) == written.count('"field":')
    assert changed(rule, lambda condition: condition) is rule


def test_decimals_compare_by_size_and_not_by_letters() -> None:
    assert holds(Condition("amount", Operator.LT, "10.00"), Decimal("9.5"))
    assert holds(Condition("amount", Operator.EQ, "9.50"), Decimal("9.5"))
    assert holds(Condition("amount", Operator.IN, (9, 10)), Decimal("10.00"))
    assert not holds(Condition("amount", Operator.GT, 10), Decimal("9.99"))
    assert holds(Condition("count", Operator.GT, "2.5"), 3)


def test_truth_values_have_no_order() -> None:
    assert not holds(Condition("v", Operator.LT, 5), value=True)
    assert not holds(Condition("v", Operator.BETWEEN, (0, 1)), value=True)


def test_dates_compare_as_iso_text() -> None:
    since = Condition("closed_on", Operator.GE, "2015-01-01")
    assert holds(since, "2015-01-01")
    assert not holds(since, "2014-12-31")


@pytest.mark.parametrize(
    ("bound", "value"),
    [
        ("1", True),
        (1, True),
        (True, 1),
        (True, "true"),
        (1, "1"),
        ("abc", 1),
        ("NaN", Decimal(1)),
        ("abc", Decimal(1)),
        (1, Decimal("NaN")),
    ],
)
@pytest.mark.parametrize("operator", [Operator.EQ, Operator.NE])
def test_another_kind_of_value_meets_nothing(
    operator: Operator, bound: Scalar, value: Scalar | Decimal
) -> None:
    assert not holds(Condition("v", operator, bound), value)


@pytest.mark.parametrize(
    ("operator", "value", "why"),
    [
        (Operator.IN, (), "at least one"),
        (Operator.IN, "a", "list"),
        (Operator.IN, (1, "a"), "one kind"),
        (Operator.IN, (True, 1), "one kind"),
        (Operator.IN, (None,), "only text"),
        (Operator.EQ, None, "one value"),
        (Operator.EQ, ("a",), "one value"),
        (Operator.EQ, 1.5, "one value"),
        (Operator.LT, True, "order"),
        (Operator.IS_NULL, "x", "no value"),
        (Operator.NOT_NULL, True, "no value"),
        (Operator.WITHIN, "P5Y", "period"),
        (Operator.BETWEEN, "a", "two values"),
        (Operator.BETWEEN, ("a",), "two values"),
        (Operator.BETWEEN, ("a", 1), "one kind"),
        (Operator.BETWEEN, (False, True), "an order"),
        (Operator.BETWEEN, ("b", "a"), "lower value first"),
        (Operator.BETWEEN, ("10", "9.5"), "lower value first"),
    ],
)
def test_a_value_that_does_not_fit_its_operator_is_refused(
    operator: Operator, value: Scalar, why: str
) -> None:
    with pytest.raises(LandbridgeError, match=why) as caught:
        Condition("v", operator, value)
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (
            Condition("status", Operator.IN, ("active", "closed")),
            "status is one of 'active', 'closed'",
        ),
        (Condition("closed_on", Operator.GE, "2015-01-01"), "closed_on is at least '2015-01-01'"),
        (Condition("open", Operator.EQ, value=True), "open is true"),
        (Condition("count", Operator.LT, 5), "count is below 5"),
        (Condition("closed_on", Operator.IS_NULL), "closed_on is empty"),
        (Condition("n", Operator.BETWEEN, (1, 5)), "n is between 1 and 5"),
        (Condition("d", Operator.WITHIN, Period(5)), "d lies within the last 5 years"),
        (Condition("d", Operator.LE, Asked("day")), "d is at most the asked day"),
    ],
)
def test_conditions_read_as_sentences(condition: Condition, words: str) -> None:
    assert str(condition) == words


def test_joined_rules_read_as_sentences() -> None:
    first, second = Condition("a", Operator.EQ, 1), Condition("b", Operator.IS_NULL)
    either = AnyOf((first, second))
    assert in_words((either,)) == "a is 1 or b is empty"
    assert in_words((either, Not(second))) == "(a is 1 or b is empty) and not (b is empty)"
    assert in_words((AllOf((first,)), Not(AllOf((first, second))))) == (
        "a is 1 and not (a is 1 and b is empty)"
    )
