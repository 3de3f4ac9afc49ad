"""Identifiers: every writing leads to one normal form, and the wrong ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.subject import IdentifierScheme, Schemes, SubjectId, SubjectKind
from landbridge.v1 import subject_pb2

OPE = IdentifierScheme(
    "us-ope-id",
    title="OPE id",
    subject_kind=SubjectKind.LEGAL_ENTITY,
    read=["strip", "unquote", "pad 8"],
    pattern=r"\d{8}",
    spellings={
        "quoted": ["quote"],
        "unpadded": ["unpad"],
        "base-unpadded": ["first 6", "unpad"],
    },
)
EIN = IdentifierScheme(
    "us-ein",
    title="federal tax number",
    subject_kind=SubjectKind.LEGAL_ENTITY,
    group=True,
    read=["strip", "drop -", "pad 9"],
    pattern=r"\d{9}",
    stdnum="us.ein",
)
LEI = IdentifierScheme(
    "lei", title="LEI", subject_kind=SubjectKind.LEGAL_ENTITY, read=["strip"], stdnum="lei"
)
SCHEMES = Schemes([OPE, EIN, LEI])


def scheme(**settings: object) -> IdentifierScheme:
    return IdentifierScheme("x", title="X", subject_kind=SubjectKind.LEGAL_ENTITY, **settings)


@pytest.mark.parametrize("writing", ["00100500", '"00100500"', "100500", " 00100500\n", '"100500"'])
def test_every_native_writing_has_one_normal_form(writing: str) -> None:
    assert OPE.normalise(writing) == "00100500"


@pytest.mark.parametrize(
    ("spelling", "written"),
    [
        ("plain", "00100500"),
        ("quoted", '"00100500"'),
        ("unpadded", "100500"),
        ("base-unpadded", "1005"),
    ],
)
def test_normal_form_is_written_as_tables_write_it(spelling: str, written: str) -> None:
    assert OPE.spell("00100500", spelling) == written


@given(st.from_regex(r"[0-9]{8}", fullmatch=True))
def test_writings_that_lose_nothing_lead_back(value: str) -> None:
    assert OPE.normalise(value) == value
    assert OPE.normalise(OPE.spell(value, "quoted")) == value
    assert OPE.normalise(OPE.spell(value, "unpadded")) == value


@given(st.text(max_size=300))
def test_any_text_has_a_normal_form_or_is_refused(text: str) -> None:
    for name in SCHEMES:
        try:
            value = SCHEMES[name].normalise(text)
        except LandbridgeError as error:
            assert error.reason in (Reason.MALFORMED_IDENTIFIER, Reason.WRONG_CHECK_DIGIT)  # noqa: PT017
        else:
            assert SCHEMES[name].normalise(value) == value


@pytest.mark.parametrize(
    "text", ["", "   ", '""', "123456789", "-1", "1005x", "١٢٣٤٥٦٧٨", "9" * 300]
)
def test_text_without_the_schemes_form_is_refused(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        OPE.normalise(text)
    assert caught.value.code == "LB-1003"


def test_message_about_an_identifier_does_not_hold_it() -> None:
    with pytest.raises(LandbridgeError) as caught:
        OPE.normalise("19800229-1234")
    assert "19800229" not in str(caught.value)
    assert "us-ope-id" in str(caught.value)


def test_control_characters_are_refused_where_no_pattern_does_it() -> None:
    with pytest.raises(LandbridgeError) as caught:
        scheme().normalise("12\x0034")
    assert caught.value.reason is Reason.MALFORMED_IDENTIFIER


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("lei:213800KUD8LAJWSQ9D16", Reason.WRONG_CHECK_DIGIT),
        ("lei:213800-UD8LAJWSQ9D1é", Reason.MALFORMED_IDENTIFIER),
        ("us-ein:00-2062311", Reason.MALFORMED_IDENTIFIER),
        ("us-ein:1234567890", Reason.MALFORMED_IDENTIFIER),
        ("us-ein:-2", Reason.MALFORMED_IDENTIFIER),
    ],
)
def test_number_modules_check_form_and_check_digits(text: str, reason: Reason) -> None:
    with pytest.raises(LandbridgeError) as caught:
        SCHEMES.parse(text)
    assert caught.value.reason is reason


def test_wrong_length_is_told_as_such() -> None:
    with pytest.raises(LandbridgeError, match="its length does not fit") as caught:
        scheme(stdnum="ean").normalise("12345")
    assert caught.value.reason is Reason.MALFORMED_IDENTIFIER


def test_number_modules_bring_their_own_normal_form() -> None:
    assert SCHEMES.parse("us-ein:36-2062311") == SubjectId("us-ein", "362062311")
    assert SCHEMES.parse("lei: 213800kud8lajwsq9d15 ") == SubjectId("lei", "213800KUD8LAJWSQ9D15")


def test_ids_are_parsed_as_people_type_them() -> None:
    parsed = SCHEMES.parse(' us-ope-id:"100500" ')
    assert parsed == SubjectId("us-ope-id", "00100500")
    assert str(parsed) == "us-ope-id:00100500"
    assert SCHEMES.identify("us-ope-id", "100500") == parsed


def test_value_may_hold_a_colon() -> None:
    schemes = Schemes([scheme(pattern=r"[a-z:]+")])
    assert schemes.parse("x:a:b").value == "a:b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("us-ope-idd:1", "did you mean 'us-ope-id'?"),
        ("US-OPE-ID:1", "not one of ours"),
        ("00100500", "does not name its scheme"),
        ("19800229:1234", "not one of ours"),
    ],
)
def test_unknown_schemes_are_refused(text: str, expected: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        SCHEMES.parse(text)
    assert caught.value.code == "LB-1002"
    assert expected in caught.value.message
    assert "19800229" not in str(caught.value)


def test_next_step_shows_how_to_name_the_scheme() -> None:
    with pytest.raises(LandbridgeError) as caught:
        SCHEMES.parse("00100500")
    assert "'us-ope-id:value'" in caught.value.next_step


def test_unknown_spelling_is_refused_with_the_nearest() -> None:
    with pytest.raises(LandbridgeError, match=r"did you mean 'quoted'\?") as caught:
        OPE.spell("00100500", "qoted")
    assert caught.value.code == "LB-1101"


@pytest.mark.parametrize(
    "settings",
    [
        {"read": ["stripp"]},
        {"read": ["strip 3"]},
        {"read": ["pad"]},
        {"read": ["pad 0"]},
        {"read": ["pad 257"]},
        {"read": ["first -1"]},
        {"read": ["drop"]},
        {"read": [""]},
        {"pattern": "("},
        {"stdnum": "us.einn"},
        {"stdnum": "exceptions"},
        {"stdnum": "..os"},
        {"spellings": {"plain": ["quote"]}},
    ],
)
def test_wrongly_configured_scheme_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(LandbridgeError) as caught:
        scheme(**settings)
    assert caught.value.reason is Reason.INVALID_CONFIGURATION


@pytest.mark.parametrize("name", ["", "US-EIN", "us_ein", "us--ein", "9x", "us:ein", "us-ein\n"])
def test_scheme_names_are_lower_case_words(name: str) -> None:
    with pytest.raises(LandbridgeError):
        IdentifierScheme(name, title="X", subject_kind=SubjectKind.LEGAL_ENTITY)


def test_read_steps_that_change_their_own_result_are_reported() -> None:
    with pytest.raises(LandbridgeError, match="change their own result"):
        scheme(read=["quote"]).normalise("1")


@pytest.mark.parametrize(
    ("steps", "text", "expected"),
    [
        (["upper"], "aB1", "AB1"),
        (["lower"], "aB1", "ab1"),
        (["drop -. "], "1-2.3 4", "1234"),
        (["unquote"], "'a'", "a"),
        (["unquote"], '"', '"'),
        (["unquote"], "'a\"", "'a\""),
        (["unpad"], "0000", "0"),
        (["first 2", "unpad"], "0123", "1"),
    ],
)
def test_steps(steps: list[str], text: str, expected: str) -> None:
    assert scheme(spellings={"native": steps}).spell(text, "native") == expected


def test_schemes_are_a_mapping_in_the_order_of_the_file() -> None:
    assert list(SCHEMES) == ["us-ope-id", "us-ein", "lei"]
    assert len(SCHEMES) == 3
    assert SCHEMES["us-ein"] is EIN
    assert EIN.group
    assert not OPE.group
    assert repr(OPE) == "<IdentifierScheme us-ope-id>"
    assert OPE.spellings == ("plain", "quoted", "unpadded", "base-unpadded")
    assert SCHEMES.get("other") is None


def test_kinds_have_the_numbers_of_the_wire_contract() -> None:
    for kind in SubjectKind:
        name = f"SUBJECT_KIND_{kind.name}"
        assert subject_pb2.SubjectKind.Value(name) == kind.number
        assert SubjectKind.from_number(kind.number) is kind
    assert len(subject_pb2.SubjectKind.keys()) == len(SubjectKind) + 1


@pytest.mark.parametrize("number", [0, 3, -1])
def test_number_of_no_kind_is_refused(number: int) -> None:
    with pytest.raises(LandbridgeError) as caught:
        SubjectKind.from_number(number)
    assert caught.value.code == "LB-1001"


def test_ids_sort_by_scheme_and_value() -> None:
    ids = [SubjectId("b", "1"), SubjectId("a", "2"), SubjectId("a", "1")]
    assert sorted(ids) == [SubjectId("a", "1"), SubjectId("a", "2"), SubjectId("b", "1")]
