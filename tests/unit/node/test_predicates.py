"""Predicates are answered with one record of yes and no, and no value leaves the database."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import AllOf, AnyOf, Asked, Condition, Not, Operator, Rule
from landbridge.memorandum.grant import Argument, Predicate
from landbridge.period import Period
from landbridge.v1 import answer_pb2
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
[[datasets.keys]]
scheme = "ope"
column = "ope"
covers_group = true
[[datasets.fields]]
name = "name"
column = "name"
[[datasets.fields]]
name = "status"
column = "status"
type = "code"
codes = { A = "active", C = "closed" }
[[datasets.fields]]
name = "closed"
column = "closed"
type = "date"
[[datasets.fields]]
name = "seen"
column = "seen"
type = "timestamp"
[[datasets.fields]]
name = "size"
column = "size"
type = "integer"
[[datasets.fields]]
name = "days"
column = "closed"
type = "date"
list = ";"
"""
ROWS = """id,ope,name,status,closed,seen,size
100001,00100100,North,A,,2020-01-01T00:00:00,10
100001,00100100,South,C,2019-06-30,2020-01-01T10:00:00,99
100002,00100100,,X,never,,many
100003,00100300,East,A,,,7
"""
BIG = ("big", (Condition("size", Operator.GT, 50),))
ACTIVE = ("active", (Condition("status", Operator.EQ, "active"),))
BIG_AND_ACTIVE = ("big-active", (*BIG[1], *ACTIVE[1]))


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    (tmp_path / "schools.csv").write_text(ROWS)
    opened = open_source(tmp_path, NODE)
    yield opened
    opened.close()


def truths(record: answer_pb2.Record) -> list[bool]:
    assert all(value.WhichOneof("canonical") == "boolean" for value in record.values)
    assert not any(value.native for value in record.values)
    return [value.boolean for value in record.values]


def test_one_record_must_meet_all_of_a_predicate(source: Source) -> None:
    lookup = look_up("schools", [], "school:100001", predicates=[BIG, ACTIVE, BIG_AND_ACTIVE])
    (record,) = read(source, lookup)
    assert truths(record) == [True, True, False]
    assert record.record == ""
    assert record.as_of == ""
    assert not record.covers_group
    assert (record.about.scheme, record.about.value) == ("school", "100001")


def test_only_records_that_the_clause_releases_count(source: Source) -> None:
    where: list[Rule] = [Condition("status", Operator.EQ, "active")]
    (record,) = read(
        source, look_up("schools", [], "school:100001", where=where, predicates=[BIG, ACTIVE])
    )
    assert truths(record) == [False, True]


def test_without_a_record_there_is_no_answer(source: Source) -> None:
    where: list[Rule] = [Condition("size", Operator.GT, 1000)]
    assert read(source, look_up("schools", [], "school:100009", predicates=[BIG])) == []
    assert (
        read(source, look_up("schools", [], "school:100001", where=where, predicates=[BIG])) == []
    )


def test_a_record_of_a_group_is_told(source: Source) -> None:
    (record,) = read(source, look_up("schools", [], "ope:00100100", predicates=[BIG]))
    assert record.covers_group
    assert truths(record) == [True]


def test_the_answer_is_about_whom_the_query_asks_for(source: Source) -> None:
    found = look_up("schools", [], "ope:00100300", "school:100003", predicates=[BIG])
    (record,) = read(source, found)
    assert (record.about.scheme, record.about.value) == ("ope", "00100300")


def test_an_unreadable_value_is_neither_yes_nor_empty(source: Source) -> None:
    size, empty = Condition("size", Operator.NOT_NULL), Condition("size", Operator.IS_NULL)
    asked = [("filled", (size,)), ("empty", (empty,)), ("neither", (Not(AnyOf((size, empty))),))]
    (record,) = read(source, look_up("schools", [], "school:100002", predicates=asked))
    assert truths(record) == [False, False, True]


def test_a_batch_answers_each_with_its_own_rows(source: Source) -> None:
    lookups = [look_up("schools", [], f"school:10000{n}", predicates=[BIG]) for n in (1, 2, 9, 3)]
    outcomes = source.fetch(lookups)
    found = [
        [truths(record) for record in outcome]
        for outcome in outcomes
        if not isinstance(outcome, LandbridgeError)
    ]
    assert found == [[[True]], [[False]], [], [[False]]]


def test_many_values_asked_one_after_the_other_leave_nothing_behind(source: Source) -> None:
    for threshold in range(700):
        asked = [("above", (Condition("size", Operator.GT, threshold),))]
        (record,) = read(source, look_up("schools", [], "school:100001", predicates=asked))
        assert truths(record) == [threshold < 99]
    reader = source._datasets["schools"]
    assert len(reader._plans) == 1
    assert len(reader._conditions._tests) <= 510


@pytest.mark.parametrize("text", [" North", "", "a\0b", "\ud800"])
def test_what_no_field_can_hold_is_refused_without_repeating_it(source: Source, text: str) -> None:
    asked = [("called", (Condition("name", Operator.EQ, text),))]
    refused, right = source.fetch(
        [
            look_up("schools", [], "school:100001", predicates=asked),
            look_up("schools", [], "school:100001", predicates=[BIG]),
        ]
    )
    assert isinstance(refused, LandbridgeError)
    assert refused.reason is Reason.BAD_ARGUMENT
    assert refused.message == "what is asked of schools is no value that its fields can have"
    assert isinstance(right, list)


def predicate(rules: Sequence[Rule], **asks: Argument) -> Predicate:
    return Predicate(name="question", title="A question?", asks=asks, when=tuple(rules))


def asked(field: str, operator: Operator) -> Rule:
    return AllOf((Condition(field, operator, Asked("given")),))


FITTING = [
    ("closed", Operator.LE, Argument(type="date")),
    ("closed", Operator.EQ, Argument(type="date", of=("2019-06-30",))),
    ("seen", Operator.GE, Argument(type="date")),
    ("seen", Operator.LT, Argument(type="date")),
    ("size", Operator.GT, Argument(type="integer")),
    ("size", Operator.GT, Argument(type="decimal", of=("0.5", "10"))),
    ("name", Operator.EQ, Argument(type="text")),
    ("status", Operator.EQ, Argument(type="text", of=("active", "closed"))),
]
UNFITTING = [
    ("closed", Operator.LE, Argument(type="text"), "of type text, and closed of type date"),
    ("closed", Operator.LE, Argument(type="integer"), "of type integer, and closed of type date"),
    ("closed", Operator.EQ, Argument(type="date", of=("2019-02-30",)), "is not a day written"),
    ("seen", Operator.GT, Argument(type="date"), "is not a time written like"),
    ("size", Operator.GT, Argument(type="date"), "of type date, and size of type integer"),
    ("size", Operator.EQ, Argument(type="integer", of=("many",)), "'many' is not a number"),
    ("name", Operator.EQ, Argument(type="integer"), "of type integer, and name of type text"),
    ("status", Operator.EQ, Argument(type="text"), "list in `of` which values of type code"),
    ("status", Operator.EQ, Argument(type="text", of=("active", "shut")), "'shut' is not a code"),
    ("status", Operator.GT, Argument(type="text", of=("active",)), "have no order"),
    ("days", Operator.EQ, Argument(type="date"), "the field holds several values"),
]


@pytest.mark.parametrize(("field", "operator", "argument"), FITTING)
def test_arguments_that_fit_their_field(
    source: Source, field: str, operator: Operator, argument: Argument
) -> None:
    source.check_predicate("schools", predicate([asked(field, operator)], given=argument))


@pytest.mark.parametrize(("field", "operator", "argument", "message"), UNFITTING)
def test_arguments_that_do_not_fit_their_field(
    source: Source, field: str, operator: Operator, argument: Argument, message: str
) -> None:
    question = predicate([Not(asked(field, operator))], given=argument)
    with pytest.raises(LandbridgeError) as caught:
        source.check_predicate("schools", question)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION
    assert message in caught.value.message
    assert "dataset schools" in caught.value.message


def test_fixed_parts_of_a_predicate_are_checked_too(source: Source) -> None:
    recent = Condition("closed", Operator.WITHIN, Period(years=5))
    source.check_predicate("schools", predicate([recent, asked("size", Operator.GE)], given=FREE))
    for rule, reason in (
        (Condition("sizes", Operator.NOT_NULL), Reason.UNKNOWN_FIELD),
        (Condition("name", Operator.WITHIN, Period(years=5)), Reason.INVALID_CONFIGURATION),
        (Condition("status", Operator.EQ, "shut"), Reason.INVALID_CONFIGURATION),
    ):
        with pytest.raises(LandbridgeError) as caught:
            source.check_predicate("schools", predicate([rule]))
        assert caught.value.reason is reason


FREE = Argument(type="integer")
