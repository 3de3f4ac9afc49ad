"""Durations and wanted datasets, as people type them."""

import pytest

from landbridge.commands.options import read_duration, read_wanted
from landbridge.errors import LandbridgeError, Reason
from landbridge.query import Wanted


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5s", 5.0), ("800ms", 0.8), ("1m", 60.0), ("2", 2.0), ("1.5", 1.5), (" 3s ", 3.0)],
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float) -> None:
    assert read_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "0", "0s", "-1s", "soon", "5 s", "1h", "1e3", "\u0665s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_duration(text)
    assert (caught.value.reason, caught.value.where) == (Reason.USAGE, "--deadline")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("va", Wanted("va")),
        ("nces.ed/institutions", Wanted("nces.ed", "institutions")),
        ("nces.ed/institutions:name", Wanted("nces.ed", "institutions", ("name",))),
        ("nces.ed/institutions:name,city", Wanted("nces.ed", "institutions", ("name", "city"))),
    ],
)
def test_a_wanted_dataset_may_name_fields(text: str, wanted: Wanted) -> None:
    assert read_wanted(text) == wanted


@pytest.mark.parametrize(
    ("text", "names", "arguments"),
    [
        ("a/b:over(sum=50)", ("over",), (("sum", "50"),)),
        (
            "a/b:c,over(sum=50.5,day=2019-01-31),d",
            ("c", "over", "d"),
            (("sum", "50.5"), ("day", "2019-01-31")),
        ),
        ('a/b:named(name="Smith, (Jr.)")', ("named",), (("name", "Smith, (Jr.)"),)),
        ("a/b:p(x=1),q(x=1,y=2)", ("p", "q"), (("x", "1"), ("y", "2"))),
        ("a/b:at(time=10:30/x)", ("at",), (("time", "10:30/x"),)),
    ],
)
def test_a_predicate_is_given_what_it_asks_for(
    text: str, names: tuple[str, ...], arguments: tuple[tuple[str, str], ...]
) -> None:
    assert read_wanted(text) == Wanted("a", "b", names, arguments)


@pytest.mark.parametrize(
    "text",
    [
        *("a/b:p()", "a/b:p(x)", "a/b:p(x=)", "a/b:p(=1)", "a/b:p(x=1", "a/b:p(x=1))"),
        *("a/b:p(x=1,)", "a/b:p(x=1)q", "a/b:p(x=1),", "a/b:(x=1)", 'a/b:p(x="")'),
        *('a/b:p(x="1)', "a/b:p(x=1),q(x=2)", "a/b:p(x=(1))", "a(x=1)", "a/b(x=1)"),
        "a/b:" + "p(x=1)" * 5000,
    ],
)
def test_what_gives_a_predicate_no_clear_arguments_is_refused(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_wanted(text)
    assert (caught.value.reason, caught.value.where) == (Reason.USAGE, "--want")


@pytest.mark.parametrize("text", ["", "/x", "a/", "a:b", "a/b:", "a/b:c,,d", "a/b/c", "a/b:c/d"])
def test_what_names_no_dataset_is_refused(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_wanted(text)
    assert (caught.value.reason, caught.value.where) == (Reason.USAGE, "--want")
