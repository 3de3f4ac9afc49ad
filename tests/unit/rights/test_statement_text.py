"""What a subject may write: plain text on itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError
from landbridge.rights.statement_text import LONGEST, check_statement
from landbridge.subject import IdentifierScheme, Schemes, SubjectId, SubjectKind
from tests.persons import SCHEME, invent

OWN, OTHER = invent(2, seed=11)
SCHEMES = Schemes(
    [
        IdentifierScheme(
            SCHEME, title="Code", subject_kind=SubjectKind.NATURAL_PERSON, stdnum="ee.ik"
        ),
        IdentifierScheme("any", title="Any", subject_kind=SubjectKind.NATURAL_PERSON),
        IdentifierScheme("firm", title="Firm", subject_kind=SubjectKind.LEGAL_ENTITY),
    ]
)


def check(text: str, own: SubjectId = OWN.subject) -> None:
    check_statement(text, SCHEMES, [own], where="statement")


@pytest.mark.parametrize(
    "text",
    [
        "The list of 2016-12-01 is wrong: we paid USD 1,250.50 on 2014-03-31 (20 U.S.C. 1099a).",
        "Ваше решение ошибочно. 我们没有迟到。 می‌خواهیم درست شود.",
        "First line.\nSecond line: 3 < 4 & 5 > 2, a-b/c; 50 % of 30 days.",
        "Decided under no. 2015/77-B, see pages 12-14 of the report of 2015-2016.",
        f"My code {OWN.number} stands there with another name.",
        "x" * LONGEST,
    ],
)
def test_plain_text_passes(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "x" * (LONGEST + 1),
        "<script>alert(1)</script>",
        "< b>bold",
        "<!-- hidden -->",
        "5 &lt; 6",
        "see [here](there)",
        "${HOME}",
        "{{ name }}",
        "see https://example.org",
        "see www.example.org",
        "javascript:alert(1)",
        "write to jane.doe@example.org",
        "call +372 5555 1234",
        "call 555\u2013123\u20134567",
        "my number 123\u201345\u20136789",
        "call 555\u00a0123_4567\u00b789",
        "5\u200c5\u200c5\u200c5\u200c5\u200c5\u200c5\u200c5\u200c5",
        "write to bob\uff20example.org",
        "\uff1cscript\uff1e",
        "a" + "\u0301" * 5,
        "line\n" * 20,
        "call (212) 555-0100 today",
        "call 555-0100",
        "account 1234567890123",
        "a\x00b",
        "a\tb",
        "a\rb",
        "\u202eelgnis",
        "a\u2066b",
        "a\u200bb",
        "a\u2028b",
        "a\ufeffb",
        f"It was {OTHER.number} who did it.",
        f"It was ({OTHER.number[:7]}-{OTHER.number[7:]}) who did it.",
    ],
)
def test_other_text_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        check(text)

    assert caught.value.code == "LB-4112"
    assert OTHER.number not in str(caught.value)
    assert "@" not in str(caught.value)


@given(st.text(max_size=LONGEST + 5))
def test_whatever_passes_can_be_seen_and_holds_no_tag(text: str) -> None:
    try:
        check(text)
    except LandbridgeError as error:
        assert error.code == "LB-4112"  # noqa: PT017  either way is right
        return
    assert 0 < len(text) <= LONGEST
    assert all(c.isprintable() or c in "\n\u200c\u200d" or c.isspace() for c in text)
    assert "<a" not in text


def test_the_own_identifier_is_as_long_as_it_is_written() -> None:
    with pytest.raises(LandbridgeError, match="characters, and 1000 are allowed"):
        check(OWN.number * 100)
