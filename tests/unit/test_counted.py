"""How numbers of things are written."""

import pytest

from landbridge.counted import counted


@pytest.mark.parametrize(
    ("number", "noun", "written"),
    [
        (0, "agency", "0 agencies"),
        (1, "agency", "1 agency"),
        (2, "key", "2 keys"),
        (2, "access", "2 accesses"),
        (1, "access", "1 access"),
        (12, "other purpose", "12 other purposes"),
    ],
)
def test_one_thing_stands_alone(number: int, noun: str, written: str) -> None:
    assert counted(number, noun) == written
