"""What a query gives for a predicate stands in a rule only as a value of the argument's type."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Condition, Operator, Rule, conditions_of
from landbridge.memorandum.grant import Predicate
from node.predicates import bind_predicate, is_given, rules_on
from tests.memoranda import make_memorandum

TODAY = date(2026, 6, 15)
SECRET = "9911-secret"


def predicate(kind: str, of: Sequence[str | int] = ()) -> Predicate:
    """Make a predicate that compares a field with one argument."""
    return predicate_of(
        asks={"x": {"type": kind, **({"of": list(of)} if of else {})}},
        when=[{"field": "f", "eq": {"asked": "x"}}],
    )


def predicate_of(**parts: Any) -> Predicate:
    written = {"name": "p", "title": "P?", **parts}
    return make_memorandum([{"predicates": [written]}]).grants[0].predicates[0]


def operand(rules: Sequence[Rule]) -> object:
    (condition,) = (condition for rule in rules for condition in conditions_of(rule))
    return condition.value


@pytest.mark.parametrize(
    ("kind", "given_", "operand_"),
    [
        ("date", "2026-01-31", "2026-01-31"),
        ("integer", 7, 7),
        ("integer", "-7", -7),
        ("integer", 2**63 - 1, 2**63 - 1),
        ("decimal", "1000.50", "1000.50"),
        ("decimal", 1000, "1000"),
        ("text", "Harbour Bakery", "Harbour Bakery"),
        ("text", "x'; DROP TABLE arrears; --", "x'; DROP TABLE arrears; --"),
    ],
)
def test_what_is_given_is_compared_with(kind: str, given_: str | int, operand_: object) -> None:
    assert operand(bind_predicate(predicate(kind), {"x": given_}, TODAY)) == operand_


@pytest.mark.parametrize(
    ("kind", "given_"),
    [
        ("date", "31.01.2026"),
        ("date", "2026-02-30"),
        ("date", "20260131"),
        ("date", "2026-W05-6"),
        ("date", 20260131),
        ("integer", "7.0"),
        ("integer", "007"),
        ("integer", "\u0667"),
        ("integer", "9" * 19),
        ("integer", -(2**63)),
        ("decimal", "1e3"),
        ("decimal", "NaN"),
        ("decimal", "1,000.50"),
        ("decimal", " 1"),
        ("decimal", "9" * 19),
        ("text", ""),
        ("text", "a\x00b"),
        ("text", "a\nb"),
        ("text", 7),
        ("text", "\u202etxet"),
    ],
)
def test_what_is_no_value_of_the_type_is_refused(kind: str, given_: str | int) -> None:
    with pytest.raises(LandbridgeError) as caught:
        bind_predicate(predicate(kind), {"x": given_}, TODAY)
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert "the predicate p asks for x as" in caught.value.message


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(LandbridgeError, match="asks for x, and the query gives none") as caught:
        bind_predicate(predicate("date"), {"y": "2026-01-31"}, TODAY)
    assert caught.value.reason is Reason.BAD_ARGUMENT
    assert not is_given(predicate("date"), {"y": "2026-01-31"})
    assert is_given(predicate("date"), {"x": SECRET})


@pytest.mark.parametrize(
    ("kind", "of", "right", "wrong"),
    [
        ("decimal", ["1.5", "2"], "1.50", "1.51"),
        ("integer", [1, 2], "2", 3),
        ("date", ["2026-01-31"], "2026-01-31", "2026-02-01"),
        ("text", ["a", "b"], "b", "B"),
    ],
)
def test_only_allowed_values_may_be_asked(
    kind: str, of: Sequence[str | int], right: str | int, wrong: str | int
) -> None:
    bind_predicate(predicate(kind, of), {"x": right}, TODAY)
    with pytest.raises(LandbridgeError, match="allows only some values") as caught:
        bind_predicate(predicate(kind, of), {"x": wrong}, TODAY)
    assert caught.value.reason is Reason.BAD_ARGUMENT


@pytest.mark.parametrize("kind", ["date", "integer", "decimal"])
def test_errors_never_show_the_value(kind: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        bind_predicate(predicate(kind), {"x": SECRET}, TODAY)
    assert SECRET not in f"{caught.value} {caught.value.next_step}"


def test_within_is_bounded_by_the_day_of_the_question() -> None:
    asked = predicate_of(when=[{"field": "f", "within": "P5Y"}])
    (rule,) = bind_predicate(asked, {}, TODAY)
    assert list(conditions_of(rule)) == [
        Condition("f", Operator.GE, "2021-06-15"),
        Condition("f", Operator.LT, "2026-06-16"),
    ]


def test_rules_that_no_day_changes_stay_the_same_objects() -> None:
    rules = (Condition("f", Operator.EQ, 1),)
    assert rules_on(rules, TODAY) is rules


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    kind=st.sampled_from(["date", "integer", "decimal", "text"]),
    arguments=st.dictionaries(st.sampled_from(["x", "y"]), st.integers() | st.text(max_size=20)),
)
def test_whatever_is_given_is_bound_or_refused(
    kind: str, arguments: Mapping[str, str | int]
) -> None:
    with suppress(_BadArgumentError):
        bound = operand(_bind(PREDICATES[kind], arguments))
        assert str(bound) == str(arguments["x"])


class _BadArgumentError(Exception):
    """The one refusal that may be."""


def _bind(asked: Predicate, arguments: Mapping[str, str | int]) -> Sequence[Rule]:
    try:
        return bind_predicate(asked, arguments, TODAY)
    except LandbridgeError as error:
        if error.reason is not Reason.BAD_ARGUMENT:
            raise
        raise _BadArgumentError from error


PREDICATES = {kind: predicate(kind) for kind in ("date", "integer", "decimal", "text")}
