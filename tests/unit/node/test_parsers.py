"""Native values become canonical ones, and what cannot be read stays as it was written."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.subject import Schemes
from node.node_file import FieldTable
from node.sources.parsers import Quality, Reading, compile_parser
from tests.schools import load_federation

EMPTY, UNREADABLE = Quality.EMPTY, Quality.UNREADABLE


@pytest.fixture
def schemes(tmp_path: Path) -> Schemes:
    return load_federation(tmp_path).schemes


def parse(native: object, schemes: Schemes | None = None, **keys: Any) -> Reading:
    field = FieldTable.model_validate({"name": "f", "column": "c", **keys})
    return compile_parser(field, schemes or Schemes([]))(native)


@pytest.mark.parametrize(
    ("keys", "native", "canonical"),
    [
        ({}, "ALABAMA STATE", "ALABAMA STATE"),
        ({"type": "integer"}, "37", 37),
        ({"type": "integer"}, "-2", -2),
        ({"type": "integer"}, 9_223_372_036_854_775_807, 9_223_372_036_854_775_807),
        ({"type": "decimal"}, "0.7039", "0.7039"),
        ({"type": "decimal"}, Decimal("3.5"), "3.5"),
        ({"type": "decimal"}, 0.1 + 0.2, "0.30000000000000004"),
        ({"type": "date"}, "2015-05-10", "2015-05-10"),
        ({"type": "date"}, date(2015, 5, 10), "2015-05-10"),
        ({"type": "date", "dates": ["%m/%d/%Y"]}, date(2015, 5, 10), "2015-05-10"),
        ({"type": "timestamp"}, datetime(2015, 5, 10, 6, 49), "2015-05-10T06:49:00"),  # noqa: DTZ001
        ({"type": "boolean"}, True, True),
        ({"type": "boolean"}, "false", False),
    ],
)
def test_a_value_in_canonical_writing_has_no_native_text(
    keys: dict[str, Any], native: object, canonical: object
) -> None:
    reading = parse(native, **keys)
    assert (reading.value, reading.native, reading.quality) == (canonical, "", Quality.READ)
    assert type(reading.value) is type(canonical)


@pytest.mark.parametrize(
    ("keys", "native", "canonical"),
    [
        ({}, "AUBURN UNIVERSITY      ", "AUBURN UNIVERSITY"),
        ({"type": "integer"}, "9,999", 9999),
        ({"type": "integer"}, "3.0", 3),
        ({"type": "decimal"}, "3.60", "3.6"),
        ({"type": "decimal"}, "1.5E-3", "0.0015"),
        ({"type": "decimal"}, "-0.00", "0"),
        ({"type": "date", "dates": ["%m/%d/%Y"]}, "08/25/2014", "2014-08-25"),
        ({"type": "date", "dates": ["%m/%d/%y"]}, "9/6/16", "2016-09-06"),
        ({"type": "date", "dates": ["%Y_%m_%d"]}, "2015_12_02", "2015-12-02"),
        ({"type": "date", "dates": ["updated %Y-%m-%d"]}, "updated 2015-05-10", "2015-05-10"),
        (
            {"type": "date", "dates": ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y"]},
            "9/14/2018 12:00:00 AM",
            "2018-09-14",
        ),
        (
            {"type": "date", "dates": ["%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y"]},
            "01/26/2022",
            "2022-01-26",
        ),
        (
            {"type": "timestamp", "dates": ["%m/%d/%Y %H:%M"]},
            "11/17/2014 6:49",
            "2014-11-17T06:49:00",
        ),
        ({"type": "timestamp"}, "2014-11-17T06:49:00-05:00", "2014-11-17T11:49:00Z"),
        (
            {"type": "code", "codes": {"HCM - Cash Monitoring 1": "hcm1"}},
            "HCM - Cash Monitoring 1",
            "hcm1",
        ),
        ({"type": "code", "codes": {"1": "public"}}, 1, "public"),
        ({"type": "boolean", "codes": {"Yes": True, "No": False}}, "Yes ", True),
        ({"type": "boolean"}, "FALSE", False),
        ({"type": "money", "currency": "USD"}, "$40,770.00 ", "40770.00 USD"),
        ({"type": "money", "currency": "USD"}, "(1,234.5)", "-1234.50 USD"),
        ({"type": "money", "currency": "USD"}, "USD -7", "-7.00 USD"),
        ({"type": "money", "currency": "JPY"}, "¥1,200", "1200 JPY"),
        ({"type": "money", "currency": "TND"}, "1.5", "1.500 TND"),
        ({"type": "money", "currency": "EUR"}, "12.345 €", "12.345 EUR"),
    ],
)
def test_native_text_is_kept_where_it_differs(
    keys: dict[str, Any], native: object, canonical: object
) -> None:
    reading = parse(native, **keys)
    assert reading.value == canonical
    assert reading.native
    assert reading.quality is Quality.READ
    if isinstance(native, str):
        assert reading.native == native


@pytest.mark.parametrize(
    ("keys", "native"),
    [
        ({"type": "date", "dates": ["%m/%d/%Y"]}, "dd-May"),
        ({"type": "date", "dates": ["Updated %Y-%m-%d"]}, "Updated 2015-07-67"),
        ({"type": "date"}, "20150510"),
        ({"type": "date"}, "2015-02-30"),
        ({"type": "timestamp"}, "0001-01-01T00:00:00+14:00"),
        ({"type": "integer"}, "1,23"),
        ({"type": "integer"}, "3.5"),
        ({"type": "integer"}, "9223372036854775808"),
        ({"type": "integer"}, "٣"),
        ({"type": "decimal"}, "NaN"),
        ({"type": "decimal"}, Decimal("Infinity")),
        ({"type": "decimal"}, "."),
        ({"type": "money", "currency": "USD"}, "€5"),
        ({"type": "money", "currency": "USD"}, "(-5)"),
        ({"type": "money", "currency": "USD"}, "$ "),
        ({"type": "code", "codes": {"1": "public"}}, "4"),
        ({"type": "boolean"}, "maybe"),
    ],
)
def test_an_unreadable_value_keeps_its_native_text(keys: dict[str, Any], native: object) -> None:
    reading = parse(native, **keys)
    assert (reading.value, reading.quality) == (None, UNREADABLE)
    assert reading.native == (native if isinstance(native, str) else str(native))


@pytest.mark.parametrize(
    ("empties", "native"),
    [
        ([""], None),
        ([""], ""),
        ([""], "  "),
        ([], " "),
        (["-2"], "-2"),
        (["-2"], -2),
        (["-"], " - "),
        (["NONE"], "NONE"),
    ],
)
@pytest.mark.parametrize(
    "keys", [{}, {"type": "integer"}, {"type": "date"}, {"type": "integer", "list": ","}]
)
def test_signs_for_empty(keys: dict[str, Any], empties: list[str], native: object) -> None:
    reading = parse(native, empties=empties, **keys)
    assert (reading.value, reading.quality) == (None, EMPTY)
    assert reading.native == ("" if native is None else str(native))


def test_identifiers_take_their_normal_form(schemes: Schemes) -> None:
    keys = {"type": "identifier", "scheme": "ope"}
    for native in ("100500", '"00100500"', " 00100500 ", 100500):
        assert parse(native, schemes, **keys).value == "00100500"
    assert parse("-2", schemes, **keys).quality is UNREADABLE


def test_a_cell_may_hold_several_values(schemes: Schemes) -> None:
    reading = parse("12/07/16, x, 12/12/16", type="date", dates=["%m/%d/%y"], list=", ")
    assert isinstance(reading.value, tuple)
    first, second, third = reading.value
    assert (first.value, third.value) == ("2016-12-07", "2016-12-12")
    assert (second.native, second.quality) == ("x", UNREADABLE)
    assert reading.native == "12/07/16, x, 12/12/16"
    units = parse("217235, 460349", schemes, type="identifier", scheme="school", list=", ")
    assert isinstance(units.value, tuple)
    assert [item.value for item in units.value] == ["217235", "460349"]
    assert units.native == ""


def test_a_day_is_written_without_the_time_of_day() -> None:
    moment = datetime(2016, 9, 6, 23, 59, tzinfo=UTC)
    assert parse(moment, type="date").value == "2016-09-06"
    assert parse(moment, type="date", dates=["%d.%m.%Y"]).value == "2016-09-06"


@given(
    st.sampled_from(["text", "integer", "decimal", "date", "timestamp", "boolean", "money"]),
    st.text(max_size=30) | st.integers() | st.floats() | st.decimals() | st.dates() | st.none(),
)
def test_any_value_is_read_or_says_why_not(kind: str, native: object) -> None:
    reading = parse(native, type=kind, currency="USD" if kind == "money" else None)
    assert (reading.value is None) == (reading.quality is not Quality.READ)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_equal_numbers_have_one_writing(number: Decimal) -> None:
    plain = parse(format(number, "f"), type="decimal").value
    assert isinstance(plain, str)
    assert Decimal(plain) == number
    assert parse(plain + ("0" if "." in plain else ".0"), type="decimal").value == plain
