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


@pytest.mark.parametrize("text", ["", "/x", "a/", "a:b", "a/b:", "a/b:c,,d", "a/b/c", "a/b:c/d"])
def test_what_names_no_dataset_is_refused(text: str) -> None:
    with pytest.raises(LandbridgeError) as caught:
        read_wanted(text)
    assert (caught.value.reason, caught.value.where) == (Reason.USAGE, "--want")
