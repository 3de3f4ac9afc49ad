import sqlite3
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Condition, Operator, Scalar, holds

SQL = {
    Operator.EQ: "v = ?",
    Operator.NE: "v <> ?",
    Operator.LT: "v < ?",
    Operator.LE: "v <= ?",
    Operator.GT: "v > ?",
    Operator.GE: "v >= ?",
    Operator.IS_NULL: "v IS NULL",
    Operator.NOT_NULL: "v IS NOT NULL",
}
ORDERS = [Operator.LT, Operator.LE, Operator.GT, Operator.GE]
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=3)
INTEGERS = st.integers(-3, 3) | st.integers(-(2**53) + 1, 2**53 - 1)


def ask_sqlite(condition: Condition, value: Scalar | None) -> bool:
    bound = condition.value
    values: tuple[Scalar, ...] = ()
    if isinstance(bound, tuple):
        values = bound
    elif bound is not None:
        values = (bound,)
    clause = SQL.get(condition.operator) or f"v IN ({', '.join('?' * len(values))})"
    affinity = "TEXT" if isinstance(value, str) else "INTEGER"
    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE t (v {affinity})")
        database.execute("INSERT INTO t VALUES (?)", (value,))
        return bool(database.execute(f"SELECT 1 FROM t WHERE {clause}", values).fetchall())


@st.composite
def conditions_and_values(draw: st.DrawFn) -> tuple[Condition, Scalar | None]:
    kind: st.SearchStrategy[Scalar] = draw(st.sampled_from([TEXTS, INTEGERS, st.booleans()]))
    operator = draw(st.sampled_from(Operator))
    value = draw(st.none() | kind)
    bound: Scalar | tuple[Scalar, ...] | None = None
    if operator is Operator.IN:
        bound = tuple(draw(st.lists(kind, min_size=1, max_size=3)))
    elif operator in ORDERS and isinstance(value, int):
        bound = draw(INTEGERS)
    elif operator in ORDERS:
        bound = draw(TEXTS)
    elif operator in (Operator.EQ, Operator.NE):
        bound = draw(kind)
    return Condition("v", operator, bound), value


@given(conditions_and_values())
def test_holds_says_what_the_database_says(case: tuple[Condition, Scalar | None]) -> None:
    condition, value = case
    if isinstance(value, bool) and condition.operator in ORDERS:
        # No order on truth values, although SQLite keeps them as numbers.
        assert not holds(condition, value)
        return
    assert holds(condition, value) is ask_sqlite(condition, value)


@given(st.sampled_from(Operator), st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_an_empty_value_meets_only_is_null(operator: Operator, number: Decimal) -> None:
    bounds: dict[Operator, tuple[Scalar, ...] | None] = {
        Operator.IS_NULL: None,
        Operator.NOT_NULL: None,
        Operator.IN: (str(number),),
    }
    bound = bounds.get(operator, str(number))
    assert holds(Condition("v", operator, bound), None) is (operator is Operator.IS_NULL)


def test_decimals_compare_by_size_and_not_by_letters() -> None:
    assert holds(Condition("amount", Operator.LT, "10.00"), Decimal("9.5"))
    assert holds(Condition("amount", Operator.EQ, "9.50"), Decimal("9.5"))
    assert holds(Condition("amount", Operator.IN, (9, 10)), Decimal("10.00"))
    assert not holds(Condition("amount", Operator.GT, 10), Decimal("9.99"))
    assert holds(Condition("count", Operator.GT, "2.5"), 3)


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
    ],
)
def test_conditions_read_as_sentences(condition: Condition, words: str) -> None:
    assert str(condition) == words
