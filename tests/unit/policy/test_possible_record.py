"""Whether a record can meet a rule: exactly, by type, and with a record that shows it."""

import sys
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import (
    UNREADABLE,
    AllOf,
    Not,
    Rule,
    conditions_of,
    meets,
    on_day,
)
from landbridge.memorandum.written_rule import read_rule
from landbridge.policy.possible_record import EVERY_RECORD, RecordFinder, Witness, words_of
from landbridge.policy.record_question import Question
from landbridge.policy.row_values import FieldType, Value, ValueKind, representatives
from landbridge.policy.rule_days import days_to_try

DATASET = ("p.a", "d")
DAY = date(2026, 6, 15)
KINDS = {
    "text": FieldType((ValueKind.TEXT,)),
    "whole": FieldType((ValueKind.WHOLE,)),
    "number": FieldType((ValueKind.NUMBER,)),
    "day": FieldType((ValueKind.DAY,)),
    "time": FieldType((ValueKind.TIME,)),
    "truth": FieldType((ValueKind.TRUTH,)),
    "code": FieldType((ValueKind.CODE,), ("closed", "open")),
    "list": FieldType((ValueKind.LIST,)),
}


X, ONE = {"field": "text", "eq": "x"}, {"field": "whole", "eq": 1}
JOINED = [{"any": [X, ONE]}, {"any": [X, {"not": ONE}]}, {"any": [{"not": X}, ONE]}]
JOINED += [{"any": [{"not": X}, {"not": ONE}]}]
"""No record meets all of these, though each two of them some record does."""


def finder() -> RecordFinder:
    return RecordFinder(lambda _provider, _dataset, field: KINDS.get(field))


def rules(*written: Any) -> tuple[Rule, ...]:
    return tuple(map(read_rule, written))


def find(*written: Any, first: date = DAY, last: date = DAY) -> Witness | None:
    return finder().find(DATASET, AllOf(rules(*written)), first, last)


def between(field: str, low: Any, high: Any) -> list[dict[str, Any]]:
    return [{"field": field, "gt": low}, {"field": field, "lt": high}]


@pytest.mark.parametrize(
    ("field", "low", "high", "inside"),
    [
        ("whole", 3, 4, None),
        ("whole", 3, 5, 4),
        ("whole", "2.5", "3.5", 3),
        ("whole", 2**63 - 2, "1e30", 2**63 - 1),
        ("whole", 2**63 - 1, "1e30", None),
        ("whole", "-1e30", -(2**63), None),
        ("number", 3, 4, Decimal("3.5")),
        ("number", "0.1", "0.10", None),
        (
            "number",
            "1.999999999999999999999999999999",
            2,
            Decimal("1.9999999999999999999999999999995"),
        ),
        ("number", "1e900000", "2e900000", Decimal("1.5e900000")),
        ("day", "2026-02-28", "2026-03-01", None),
        ("day", "2024-02-28", "2024-03-01", "2024-02-29"),
        ("day", "9999-12-30", "9999-12-31", None),
        ("time", "2026-03-01", "2026-03-01T00:00:00", None),
        ("time", "2026-03-01", "2026-03-01T00:00:01", "2026-03-01T00:00:00"),
        ("time", "2026-03-01T09:00:00", "2026-03-01T09:00:00.000001", None),
        ("time", "2026-03-01T09:00:00", "2026-03-01T09:00:00Z", "2026-03-01T09:00:00.000001"),
        ("time", "2026-03-01T09:00:00.999999Z", "2026-03-01T09:00:00Z", None),
        ("time", "2026-03-01T09:00:00Z", "2026-03-01T09:00:01", None),
        ("text", "a", "a\x00", None),
        ("text", "a", "b", "a a"),
        ("code", "closed", "other", "open"),
        ("code", "closed", "door", None),
    ],
)
def test_what_lies_between_two_values_depends_on_the_type(
    field: str, low: Any, high: Any, inside: Value
) -> None:
    found = find(*between(field, low, high))
    assert (found.values if found else None) == (((field, inside),) if inside is not None else None)


@pytest.mark.parametrize("field", ["text", "whole", "number", "day", "time"])
def test_below_the_least_value_there_is_none(field: str) -> None:
    least = {"text": "\x00", "whole": -(2**63), "day": "0001-01-01", "time": "0001-01-01T00:00:00"}
    found = find({"field": field, "lt": least.get(field, "-1e300")})
    assert (found is None) is (field in least)


def test_what_is_empty_meets_what_is_negated_and_what_is_unreadable_meets_no_test() -> None:
    assert find({"not": {"field": "truth", "in": [True, False]}}) == Witness(
        (("truth", None),), None
    )
    found = find(
        {"not": {"field": "truth", "in": [True, False]}},
        {"not": {"field": "truth", "is-null": True}},
    )
    assert found == Witness((("truth", UNREADABLE),), None)
    assert find({"field": "truth", "is-null": True}, {"field": "truth", "not-null": True}) is None


def test_an_ordinary_record_is_shown_where_there_is_one() -> None:
    found = find(
        {"not": {"field": "text", "eq": "x"}}, {"not": {"field": "day", "eq": "2026-01-01"}}
    )
    assert found is not None
    values = dict(found.values)
    assert isinstance(values["text"], str)
    assert values["text"] != "x"
    assert isinstance(values["day"], str)


def test_a_record_of_the_past_is_shown_where_there_is_one() -> None:
    found = find({"not": {"field": "day", "within": "P1Y"}}, {"field": "day", "not-null": True})
    assert found is not None
    assert found.day == DAY
    assert str(dict(found.values)["day"]) < "2025-06-15"
    ahead = find({"field": "day", "gt": "2026-06-15"}, {"not": {"field": "day", "within": "P1Y"}})
    assert ahead is not None
    assert str(dict(ahead.values)["day"]) > "2026-06-15"


def test_operands_of_another_kind_are_met_by_nothing() -> None:
    assert find({"field": "text", "eq": 5}) is None
    assert find({"field": "text", "ne": 5}) is None
    assert find({"field": "whole", "eq": "five"}) is None
    assert find({"field": "truth", "eq": 1}) is None
    assert find({"field": "whole", "eq": True}) is None
    assert find({"field": "code", "eq": "shut"}) is None
    assert find({"field": "list", "not-null": True}) == Witness((("list", "several"),), None)


def test_numbers_are_compared_by_size_and_text_letter_by_letter() -> None:
    assert find({"field": "number", "eq": "1.50"}, {"field": "number", "ne": "1.5"}) is None
    assert find({"field": "text", "eq": "1.50"}, {"field": "text", "ne": "1.5"}) is not None
    assert find({"field": "text", "in": ["ä", "a"]}, {"field": "text", "gt": "z"}) == Witness(
        (("text", "ä"),), None
    )


def test_what_is_not_described_is_taken_for_what_it_is_compared_with() -> None:
    search = finder()
    for field, value, kind in (
        ("since", "2026-01-01", "a day or a time"),
        ("at", "2026-01-01T00:00:00", "a time"),
        ("name", "Troy", "text"),
        ("sum", "12.50", "text or a number"),
        ("count", 5, "a number"),
        ("held", True, "true or false"),
    ):
        rule = read_rule({"field": field, "eq": value})
        assert search.find(DATASET, rule, DAY, DAY) is not None
        assert str(search.inferred["p.a", "d", field]) == kind
    # A day is below a time of the same day: it might be either.
    later = rules(*between("since", "2026-01-01", "2026-01-02"))
    found = search.find(DATASET, AllOf(later), DAY, DAY)
    assert found == Witness((("since", "2026-01-01T12:00:00"),), None)


def test_a_thousand_values_and_deep_nesting_are_no_trouble() -> None:
    many = [f"v{number:04}" for number in range(1000)]
    wide: Rule = read_rule({"field": "text", "in": many})
    narrow = read_rule({"field": "text", "in": many[:-1]})
    found = finder().find_difference(DATASET, [wide], [narrow], (DAY, DAY))
    assert found == Witness((("text", "v0999"),), None)
    numbers = read_rule({"field": "whole", "in": list(range(1000))})
    ends = rules({"field": "whole", "ge": 0}, {"field": "whole", "lt": 1000})
    assert finder().find_difference(DATASET, ends, [numbers], (DAY, DAY)) is None
    assert finder().find_difference(DATASET, [numbers], ends, (DAY, DAY)) is None
    for _ in range(4):
        wide = Not(AllOf((Not(wide),)))
    assert finder().find_difference(DATASET, [wide], [narrow], (DAY, DAY)) == found


def test_what_no_field_alone_decides_the_solver_does() -> None:
    assert find(*JOINED) is None
    assert find(*JOINED[:-1]) == Witness((("text", "x"), ("whole", 1)), None)
    rule = AllOf(rules(*JOINED[1:]))
    values: dict[str, list[Value]] = {"text": ["x", "y", None], "whole": [1, 2, None]}
    found = Question(rule, values, None).answer(tries=0)
    assert found is not None
    assert meets(rule, found.__getitem__)


def test_code_of_sql_is_a_text_like_any_other() -> None:
    text = "x'; DROP TABLE d; --\n\x00"
    found = find({"field": "text", "eq": text})
    assert found == Witness((("text", text),), None)


def test_without_rules_every_record_shows_the_difference() -> None:
    narrow = rules({"field": "text", "eq": "x"})
    assert finder().find_any(DATASET, (), (DAY, DAY)) is EVERY_RECORD
    assert finder().find_difference(DATASET, narrow, (), (DAY, DAY)) is None
    assert finder().find_difference(DATASET, (), narrow, (DAY, DAY)) is not None


@pytest.mark.parametrize(
    ("old", "new", "differs"),
    [
        ({"field": "day", "within": "P5Y"}, {"field": "day", "within": "P60M"}, False),
        ({"field": "day", "within": "P1W"}, {"field": "day", "within": "P7D"}, False),
        # No leap day lies in the 365 days before any day of 2026.
        ({"field": "day", "within": "P1Y"}, {"field": "day", "within": "P365D"}, False),
        ({"field": "day", "within": "P1M"}, {"field": "day", "within": "P31D"}, True),
        ({"field": "day", "within": "P5Y"}, {"field": "day", "ge": "2021-06-15"}, True),
    ],
)
def test_periods_are_compared_on_every_day(old: Any, new: Any, differs: bool) -> None:  # noqa: FBT001
    first, last = date(2026, 1, 1), date(2026, 12, 31)
    search = finder()
    wider, narrower = (
        search.find_difference(DATASET, rules(one), rules(other), (first, last))
        for one, other in ((old, new), (new, old))
    )
    assert bool(wider or narrower) is differs
    for found, by, not_by in ((wider, old, new), (narrower, new, old)):
        if found:
            assert found.day is not None
            record = dict(found.values)
            assert meets(on_day(read_rule(by), found.day), record.__getitem__)
            assert not meets(on_day(read_rule(not_by), found.day), record.__getitem__)


def test_a_leap_day_is_not_overlooked() -> None:
    """365 days and a year differ by a day only where a 29 February lies between."""
    year, days = rules({"field": "day", "within": "P1Y"}, {"field": "day", "within": "P365D"})
    search = finder()
    plain = date(2025, 3, 2), date(2027, 2, 27)
    assert search.find_difference(DATASET, [year], [days], plain) is None
    found = search.find_difference(DATASET, [year], [days], (plain[0], date(2028, 3, 1)))
    assert found is not None
    assert found.day is not None
    assert found.day > plain[1]


def random_rule(random: Random, depth: int = 2) -> dict[str, Any]:
    way = random.choice(["all", "any", "not", "one", "one", "one"]) if depth else "one"
    if way == "not":
        return {"not": random_rule(random, depth - 1)}
    if way != "one":
        return {way: [random_rule(random, depth - 1) for _ in range(random.choice([1, 2, 3]))]}
    field = random.choice(["text", "whole", "day", "truth"])
    operand: Any = {
        "text": random.choice(["a", "b", "c"]),
        "whole": random.choice([1, 2, 3, "2.5"]),
        "day": random.choice(["2026-01-01", "2026-01-02", "2026-01-04"]),
        "truth": random.choice([True, False]),
    }[field]
    operators = ["eq", "ne", "in", "is-null", "not-null"]
    if field != "truth":
        operators += ["lt", "le", "gt", "ge"]
    if field == "day":
        operators += ["within", "within"]
    operator = random.choice(operators)
    value = {
        "in": [operand],
        "is-null": True,
        "not-null": True,
        "within": random.choice(["P1D", "P2D", "P1M"]),
    }.get(operator, operand)
    return {"field": field, operator: value}


VALUES: dict[str, list[Value]] = {
    "text": ["Z", "a", "aa", "b", "bb", "c", "cc", None, UNREADABLE],
    "whole": [0, 1, 2, 3, 4, None, UNREADABLE],
    "day": [
        *((date(2025, 12, 1) + timedelta(days=day)).isoformat() for day in range(40)),
        None,
        UNREADABLE,
    ],
    "truth": [True, False, None, UNREADABLE],
}


def by_trying(rule: Rule, fields: Sequence[str], days: Sequence[date]) -> bool:
    """Try every record of many, on every day."""
    bound = [on_day(rule, day) for day in days]
    records: list[dict[str, Value]] = [{}]
    for field in fields:
        records = [{**record, field: value} for record in records for value in VALUES[field]]
    return any(meets(each, record.__getitem__) for each in bound for record in records)


def ask_solver_too(rule: Rule, day: date) -> None:
    """See that trying a few records first changes nothing."""
    bound = on_day(rule, day)
    values = {}
    for field in {condition.field for condition in conditions_of(bound)}:
        conditions = [each for each in conditions_of(bound) if each.field == field]
        values[field] = representatives(KINDS[field], conditions)
    asked = Question(bound, values, day).answer(tries=0)
    assert (asked is None) is (Question(bound, values, day).answer() is None)
    assert asked is None or meets(bound, asked.__getitem__)


def test_the_solver_finds_a_record_exactly_where_trying_all_of_them_does() -> None:
    random = Random(7)
    first = date(2026, 1, 3)
    days = [first + timedelta(days=day) for day in range(3)]
    met = 0
    for _ in range(250):
        rule = read_rule(random_rule(random))
        other = read_rule(random_rule(random, 0))
        whole = AllOf((rule, Not(other)))
        fields = sorted({field for field in VALUES if f"'{field}'" in repr(whole)})
        if len(fields) > 2:
            continue
        found = finder().find(DATASET, whole, days[0], days[-1])
        ask_solver_too(whole, days[0])
        assert (found is not None) is by_trying(whole, fields, days), whole
        met += found is None
    assert met > 10


def test_days_between_two_that_are_tried_are_like_them() -> None:
    rule = AllOf(rules({"field": "day", "within": "P5Y"}, {"field": "day", "ge": "2022-03-01"}))
    tried = days_to_try(rule, date(2020, 1, 1), date(2120, 1, 1))
    assert len(tried) < 40
    assert date(2027, 3, 1) in tried


def test_without_the_solver_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)
    with pytest.raises(LandbridgeError, match="z3") as caught:
        find(*JOINED)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert "landbridge[analysis]" in caught.value.next_step


def test_values_in_words() -> None:
    assert [words_of(v) for v in (None, UNREADABLE, True, False, 3, Decimal("1.50"))] == [
        "empty",
        "unreadable",
        "true",
        "false",
        "3",
        "1.50",
    ]
    assert words_of("2026-01-01") == "2026-01-01"
    assert words_of("Troy") == "'Troy'"
    assert words_of(Decimal("1e900")) == "1E+900"
