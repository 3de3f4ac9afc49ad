"""Values that are written column by column are, to the byte, what the general way writes."""

from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.subject import IdentifierScheme, Schemes, SubjectKind
from node.node_file import FieldTable
from node.sources.amounts import canonical_decimal, compile_money, read_decimal, write_decimal
from node.sources.fixed_forms import compile_day_form, compile_form
from node.sources.parsers import compile_parser
from node.sources.values import ColumnWriter, Writer, compile_writer
from node.sources.writers import compile_column_writer

SCHEMES: Final = Schemes(
    [
        IdentifierScheme(
            "school",
            title="School",
            subject_kind=SubjectKind.LEGAL_ENTITY,
            read=("strip", "pad 6"),
            pattern="[0-9]{6}",
        )
    ]
)
FIELDS: Final[dict[str, dict[str, Any]]] = {
    "text": {"type": "text"},
    "text with signs": {"type": "text", "empties": ["N/A", "0"]},
    "integer": {"type": "integer"},
    "integer with signs": {"type": "integer", "empties": ["0", "99", "-9"]},
    "decimal": {"type": "decimal", "empties": ["-"]},
    "euros": {"type": "money", "currency": "EUR"},
    "dollars": {"type": "money", "currency": "CAD"},
    "yen": {"type": "money", "currency": "JPY"},
    "dinars": {"type": "money", "currency": "KWD"},
    "day": {"type": "date", "dates": ["%m/%d/%Y"]},
    "day in several forms": {"type": "date", "dates": ["%m/%d/%Y", "%d/%m/%Y", "%d %b %Y"]},
    "ISO day": {"type": "date"},
    "day in ISO form": {"type": "date", "dates": ["%Y-%m-%d"], "empties": ["1900-01-01"]},
    "day with signs": {"type": "date", "dates": ["%d.%m.%Y"], "empties": ["01.01.1900"]},
    "day without signs": {"type": "date", "dates": ["%Y%m%d"]},
    "moment": {"type": "timestamp", "dates": ["%Y-%m-%d %H:%M:%S"]},
    "ISO moment": {"type": "timestamp"},
    "code": {"type": "code", "codes": {"A": "active", "S": "suspended"}},
    "truth": {"type": "boolean", "codes": {"Y": True, "N": False}},
    "identifier": {"type": "identifier", "scheme": "school"},
    "several": {"type": "text", "list": ";"},
}
FORMS: Final = (
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%Y%m%d",
    "%d%m%Y",
    "%Y-%m-%dT%H:%M:%S",
    "%Y%m%d%H%M%S",
    "%m/%d/%Y %H:%M",
    "%Y-%m",
    "%d-%b-%Y",
    "%m/%d/%y",
    "%H:%M %Y-%m-%d",
)
DAYS: Final = {form: compile_day_form(form) for form in FORMS}
READERS: Final = {form: compile_form(form) for form in FORMS}
digits = st.integers(-50, 99_999_999).map(str)
numbers = st.one_of(
    digits,
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.from_regex(r"[-+($]? ?[0-9]{0,3}(,[0-9]{3}){0,2}(\.[0-9]{0,4})?\)?( (EUR|CAD|JPY))?"),
    st.from_regex(r"(EUR|€|CAD|CA\$|\$|¥) ?[0-9]{1,7}(\.[0-9]{2,3})?", fullmatch=True),
)
moments = st.one_of(
    *(st.datetimes().map(lambda moment, form=form: moment.strftime(form)) for form in FORMS),
    st.from_regex(r"[0-9]{1,2}[/.-][0-9]{1,2}[/.-][0-9]{2,4}( [0-9]{1,2}:[0-9]{2})?"),
    st.from_regex(r"[0-9]{6,14}", fullmatch=True),
    st.from_regex(r"\s?\d{2}/\d{2}/\d{4}\s?", fullmatch=True),
)
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    st.sampled_from(
        ["1900-01-01", "01.01.1900", "2024-02-29", "2023-02-29", "20240229", "9.9.2024"]
    ),
    st.dates().map("{:%Y-%m-%d}".format),
    st.dates().map("{:%d.%m.%Y}".format),
    st.sampled_from(["", " ", "N/A", " N/A", "0", "-", "99", "A", "a", " S ", "Y", "a;b", "1 ;2"]),
    numbers,
    moments,
)
natives = st.one_of(
    texts,
    texts.map(lambda text: f" {text}\t"),
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.floats(allow_nan=False),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.binary(max_size=8),
)


def writers(made: dict[str, Any]) -> tuple[ColumnWriter, Writer]:
    """Make the writer of a field's columns and of its single values."""
    field = FieldTable.model_validate({"name": "f", "column": "c", **made})
    general = compile_writer(compile_parser(field, SCHEMES))
    return compile_column_writer(field, SCHEMES, general), general


WRITERS: Final = {kind: writers(made) for kind, made in FIELDS.items()}


@given(column=st.lists(natives, max_size=4))
def test_a_column_is_written_as_its_values_are(column: list[object]) -> None:
    for kind, (write, general) in WRITERS.items():
        expected: list[bytes] | None = None
        with suppress(ValueError):  # numbers that the wire does not have
            expected = [general(native) for native in column]
        if expected is None:
            with pytest.raises(ValueError):  # noqa: PT011 - the message is protobuf's
                write(column)
        else:
            assert write(column) == expected, kind


@given(text=texts)
def test_a_form_takes_what_strptime_takes_and_nothing_else(text: str) -> None:
    for form, read in READERS.items():
        expected = None
        with suppress(ValueError):
            expected = datetime.strptime(text, form)  # noqa: DTZ007
        assert read(text) == expected, form
        day = None if expected is None else expected.date().isoformat()
        assert DAYS[form](text) == day, form


@given(moment=st.datetimes(min_value=datetime(1000, 1, 1)))  # noqa: DTZ001
def test_a_form_reads_what_it_writes(moment: datetime) -> None:
    for form, read in READERS.items():
        text = moment.strftime(form)
        written = datetime.strptime(text, form)  # noqa: DTZ007
        assert read(text) == written, form
        assert DAYS[form](text) == written.date().isoformat(), form


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("02/29/2023", None),
        ("02/29/2024", date(2024, 2, 29)),
        ("01/01/0000", None),
        ("13/01/2024", None),
        ("1/2/2024", date(2024, 1, 2)),
        ("01/02/٢٠٢٤", date(2024, 1, 2)),
        ("01/02/2024\n", None),
    ],
)
def test_days_at_the_edges_are_read_as_before(text: str, day: date | None) -> None:
    moment = compile_form("%m/%d/%Y")(text)
    assert (moment and moment.date()) == day
    assert compile_day_form("%m/%d/%Y")(text) == (day and day.isoformat())


@given(text=numbers)
def test_a_canonical_decimal_is_what_arithmetic_makes_of_it(text: str) -> None:
    number = read_decimal(text)
    assert canonical_decimal(text) == (None if number is None else write_decimal(number))


@given(
    number=st.decimals(min_value=Decimal(0), max_value=Decimal(10) ** 9, places=2, allow_nan=False),
    sign=st.sampled_from(["", "$", "US$", "USD", "USD "]),
    commas=st.booleans(),
)
def test_an_amount_is_written_out_with_its_currency(
    *, number: Decimal, sign: str, commas: bool
) -> None:
    written = f"{number:,.2f}" if commas else f"{number:.2f}"
    assert compile_money("USD")(f"{sign}{written}") == f"{number:.2f} USD"
