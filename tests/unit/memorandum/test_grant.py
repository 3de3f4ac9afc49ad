"""What a clause may say, and what in it contradicts itself."""

from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Asked, Condition, Operator
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.grant import Argument, Window
from landbridge.period import Period
from tests.memoranda import WHOLE, write_text


def place_of(text: str, marked: str) -> str:
    """Find line and column of what stands behind the mark in a text."""
    before = text[: text.index(marked)]
    return f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"


def test_every_term_of_a_clause_is_read(tmp_path: Path) -> None:
    memorandum = Memorandum.from_yaml(write_text(tmp_path, WHOLE))
    rows, questions, persons = memorandum.grants
    assert (memorandum.amends, memorandum.consent_desks) == ("whole-2025", ("desk.ny",))
    assert rows.quota is not None
    assert (rows.quota.queries, rows.quota.per) == (100, Window.DAY)
    assert (rows.sealed, rows.retention, rows.fresh_within) == (
        True,
        Period(years=2),
        Period(months=1),
    )
    assert (rows.names, questions.names) == (("name", "city"), ("licensed-on",))
    (predicate,) = questions.predicates
    assert predicate.asks["level"] == Argument(type="integer", of=(1, 2))
    assert predicate.when[0] == Condition("licensed_on", Operator.LE, Asked("day"))
    assert (rows.needs_consent, questions.needs_consent, persons.needs_consent) == (
        False,
        True,
        False,
    )
    assert Memorandum.from_json(memorandum.to_json()) == memorandum


def test_the_digest_tells_one_text_from_another(tmp_path: Path) -> None:
    memorandum = Memorandum.from_yaml(write_text(tmp_path, WHOLE))
    same = Memorandum.from_yaml(write_text(tmp_path, "# a remark\n" + WHOLE))
    other = Memorandum.from_yaml(write_text(tmp_path, WHOLE.replace("P2Y", "P3Y")))
    assert memorandum.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("    fields: [name, city]\n", "", "needs either `fields` or `predicates`"),
        ("    fields: [licence]\n", "    predicates: @[]\n", "must not be empty"),
        ("[natural-person]\n    statute", "@[natural-person, legal-entity]\n    statute", "own"),
        ("consent_desks: [desk.ny]\n", "", "need a `statute`, or a consent"),
        ("statute: Education", "statute: @''\n    legal_basis: Education", "must not be empty"),
        ("sealed: true", "statute: @Law", "only records on natural persons need one"),
        ("sealed: true", "sealed: @always", "must be true or false"),
        ("amends: whole-2025", "amends: @whole-2026", "cannot amend itself"),
        ("amends: whole-2025", "amends:@", "leave the key out"),
        ("queries: 100", "queries: @0", "must be at least 1"),
        ("queries: 100", "queries: @1000000001", "must be at most 1000000000"),
        ("queries: 100", "queries: @many", "must be a whole number"),
        ("per: day", "per: @days", "not one of hour, day.*did you mean 'day'"),
        ("quota: {queries", "quota: {@querys", "unknown key 'querys'; did you mean 'queries'"),
        ("retention: P2Y", "retention: @2 years", "a period such as P5Y"),
        ("retention: P2Y", "retention: @P0D", "a period such as P5Y"),
        ("fresh_within: P1M", "fresh_within: @PT1H", "a period such as P5Y"),
        ("delay: P6M", "delay: @P2Y1D", "must be at most P2Y: a subject is told in the end"),
        ("delay: P6M", "delay: @P25M", "must be at most P2Y"),
        ("delay: P6M", "delay: @P731D", "must be at most P2Y"),
        ("delay: P6M", "delay: @PT6M", "a period such as P5Y"),
        ('{legal_basis: "Inquiries Act, section 9", delay', "@{delay", "'legal_basis' is missing"),
        ('"Inquiries Act, section 9"', "@''", "must not be empty"),
        (", delay: P6M}", "}", "the key 'delay' is missing"),
        ("within: P5Y", "within: @5", "within must be a period"),
        ("within: P5Y", "within: @P201Y", "within must be a period"),
        ("between: [10, 99]", "between: @[99, 10]", "lower value first"),
        ("between: [10, 99]", "between: @[10]", "two values"),
        ("between: [10, 99]", "between: @[9, 10.5]", "write a whole number as one, such as 9.0"),
        ("eq: Troy", "eq: @{asked: day}", "only a predicate may compare with what a query asks"),
        ("eq: Troy", "@equals: Troy", "unknown key 'equals'"),
        ("- any:", "- @any: []\n        all:", "'all' stands alone"),
        ("le: {asked: day}", "le: @{asked: dai}", "dai is asked.*did you mean 'day'"),
        ("le: {asked: day}", "between: @{asked: day}", "fixed values only"),
        ("le: {asked: day}", "le: @{ask: day}", "a value, or {asked: ARGUMENT}"),
        ("level: {type: integer, of: [1, 2]}}", "lvl: @{type: integer}}", "no condition compares"),
        ("of: [1, 2]", "of: [1, @two]", "'two' is no integer"),
        ("of: [1, 2]", "of: @[1, 1]", "1 is written twice"),
        ("{type: date}", "{type: date, of: [2026-01-31, @2026-02-30]}", "is no date"),
        ("{type: date}", "{type: @day}", "not one of date, integer, decimal, text"),
        ("{type: date}", "{@typ: date}", "unknown key 'typ'; did you mean 'type'"),
        ("asks: {day", "asks: {@Day", "lower-case"),
        ("    purposes: [approval-review, complaint]", "", "the key 'purposes' is missing"),
    ],
)
def test_what_a_clause_cannot_say_is_refused_at_its_place(
    tmp_path: Path, right: str, wrong: str, why: str
) -> None:
    """The mark @ stands before the place that the message names."""
    assert right in WHOLE
    marked = WHOLE.replace(right, wrong, 1)
    path = write_text(tmp_path, marked.replace("@", ""))
    with pytest.raises(LandbridgeError, match=why) as caught:
        Memorandum.from_yaml(path)
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM
    if "@" in marked:
        assert f"{path}:{place_of(marked, '@')}: " in str(caught.value)


def test_grants_of_one_clause_say_the_same_of_its_quota(tmp_path: Path) -> None:
    start, end = WHOLE.index('  - clause: "2.1"'), WHOLE.index('  - clause: "2.2"')
    again = WHOLE[start:end].replace("city]", "phone]", 1)
    assert Memorandum.from_yaml(write_text(tmp_path, WHOLE + again)).grants[3].quota is not None
    for right, wrong in (
        ("queries: 100", "queries: 50"),
        ("    quota: {queries: 100, per: day}\n", ""),
    ):
        path = write_text(tmp_path, WHOLE + again.replace(right, wrong))
        with pytest.raises(LandbridgeError, match=r"clause 2\.1 has another quota above"):
            Memorandum.from_yaml(path)


def test_grants_of_one_clause_say_the_same_of_disclosure(tmp_path: Path) -> None:
    start, end = WHOLE.index('  - clause: "2.1"'), WHOLE.index('  - clause: "2.2"')
    again = WHOLE[start:end].replace("delay: P6M", "delay: P1Y")
    path = write_text(tmp_path, WHOLE + again)
    with pytest.raises(LandbridgeError, match=r"clause 2\.1 delays disclosure otherwise above"):
        Memorandum.from_yaml(path)


def test_a_delay_of_two_years_is_the_longest(tmp_path: Path) -> None:
    for right in ("P2Y", "P24M", "P730D", "P1Y365D", "P104W"):
        path = write_text(tmp_path, WHOLE.replace("delay: P6M", f"delay: {right}"))
        delayed = Memorandum.from_yaml(path).grants[0].delayed_disclosure
        assert delayed is not None
        assert str(delayed.delay) == right


def test_wrong_entries_of_a_list_do_not_make_it_empty(tmp_path: Path) -> None:
    wrong = WHOLE.replace("queries: 100", "queries: 0").replace("[1, 2]", "[1, two]")
    with pytest.raises(LandbridgeError) as caught:
        Memorandum.from_yaml(write_text(tmp_path, wrong))
    assert "empty" not in str(caught.value)


def test_two_predicates_of_one_name_are_refused(tmp_path: Path) -> None:
    start = WHOLE.index("      - name: licensed-on")
    end = WHOLE.index("    purposes: [approval-review, complaint]")
    twice = WHOLE[:end] + WHOLE[start:end] + WHOLE[end:]
    with pytest.raises(LandbridgeError, match="licensed-on is written twice"):
        Memorandum.from_yaml(write_text(tmp_path, twice))


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("date", ["2026-01-31"], [20260131, "2026-1-31", "20260131", "2026-02-29"]),
        ("integer", [0, -5], ["5"]),
        ("decimal", [5, "5", "-0.50"], ["1e3", "NaN", ".5", "5.", "\u0665", "1_000"]),
        ("text", ["x", "5", "ü"], [5, "", "a\x00b"]),
    ],
)
def test_an_argument_takes_values_of_its_type_alone(
    kind: str, right: list[str | int], wrong: list[str | int]
) -> None:
    argument = Argument.model_validate({"type": kind})
    assert all(argument.takes(value) for value in right)
    assert not any(argument.takes(value) for value in wrong)
