"""Small counts about persons are hidden, also from who subtracts."""

import pytest

from landbridge.policy.small_counts import is_hidden, shown_count, shown_total
from landbridge.subject import SubjectKind

PERSON, ENTITY = SubjectKind.NATURAL_PERSON, SubjectKind.LEGAL_ENTITY


@pytest.mark.parametrize("count", range(5))
def test_counts_of_persons_below_five_are_hidden(count: int) -> None:
    assert is_hidden(count, PERSON)
    assert shown_count(count, PERSON) == "fewer than 5"
    assert shown_count(count, ENTITY) == str(count)


@pytest.mark.parametrize("count", [5, 6, 1000])
def test_other_counts_are_shown(count: int) -> None:
    assert shown_count(count, PERSON) == shown_count(count, ENTITY) == str(count)


def test_a_total_does_not_give_away_its_hidden_part() -> None:
    assert shown_total([7, 3], PERSON) == "at least 7"
    assert shown_total([7, 0], PERSON) == "at least 7"
    assert shown_total([2], PERSON) == "fewer than 5"
    assert shown_total([4, 4], PERSON) == "fewer than 10"
    assert shown_total([7, 8], PERSON) == "15"
    assert shown_total([7, 3], ENTITY) == "10"
    assert shown_total([], PERSON) == "fewer than 5"
    assert shown_total([], ENTITY) == "0"
