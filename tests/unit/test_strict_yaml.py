from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.strict_yaml import read_yaml


def read(text: str) -> dict[str, object]:
    data: dict[str, object] = read_yaml(text, "m.yaml").data
    return data


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("Off", "Off"),
        ("00100500", "00100500"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("12.50", "12.50"),
        ("1e3", "1e3"),
        (".inf", ".inf"),
        ("+5", "+5"),
        ('"5"', "5"),
        ("'true'", "true"),
        ("5", 5),
        ("-5", -5),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("9007199254740991", 2**53 - 1),
    ],
)
def test_a_scalar_is_what_a_reader_sees(written: str, meant: object) -> None:
    value = read(f"key: {written}")["key"]
    assert value == meant
    assert type(value) is type(meant)


@pytest.mark.parametrize(
    ("text", "place", "why"),
    [
        ("a: &x 1\nb: *x\n", "1:4", "anchor &x"),
        ("b: *x\n", "1:4", "alias"),
        ("a: !!int 3\n", "1:4", "tag"),
        ("a: !!python/object/apply:os.system [ls]\n", "1:4", "tag"),
        ("!!map {a: 1}\n", "1:1", "tag"),
        ("a: 1\nb: 2\na: 3\n", "3:1", "'a' is written twice"),
        ("x:\n  - {b: 1, b: 2}\n", "2:12", "'b' is written twice"),
        ("a: 1\n---\nb: 2\n", "2:1", "second document"),
        ("a: True\n", "1:4", "write true"),
        ("a: FALSE\n", "1:4", "write false"),
        ("a: 9007199254740992\n", "1:4", "too large"),
        ("a: -" + "9" * 5000 + "\n", "1:4", "too large"),
        ('a: "\\uD800"\n', "1:4", "half of a character"),
        ("? [1, 2]\n: x\n", "1:3", "key must be one word"),
        ("a: [1, 2\nb: 3\n", "2:2", "not YAML"),
        ("a:\n\t- 1\n", "2:1", "not YAML"),
        ("a: " + "[" * 5000, "1:24", "deeper"),
        ("", "1:1", "empty"),
        ("# only a remark\n", "1:1", "empty"),
        ("a: \x07\n", "1:1", "not YAML"),
    ],
)
def test_what_could_mean_something_else_is_refused_at_its_place(
    text: str, place: str, why: str
) -> None:
    with pytest.raises(LandbridgeError, match=why) as caught:
        read(text)
    assert caught.value.reason is Reason.MALFORMED_MEMORANDUM
    assert caught.value.where == f"m.yaml:{place}"


def test_keys_and_values_keep_their_places() -> None:
    document = read_yaml("one: 1\ntwo:\n  - name: x\n    other: y\n", "m.yaml")
    assert document.place_of_key(("two", 0, "other")) == "m.yaml:4:5"
    assert document.place_of_value(("two", 0, "other")) == "m.yaml:4:12"
    assert document.place_of_value(("two", 0, "missing", "deeper")) == "m.yaml:3:5"
    assert document.place_of_key(("missing",)) == "m.yaml:1:1"


@given(st.text(max_size=40) | st.text("ab:-[]{}&*!#|>'\"\n ,?~0", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(LandbridgeError):
        read(text)
