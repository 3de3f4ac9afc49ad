"""What lint says though it is no mistake."""

from pathlib import Path

import pytest

from landbridge.memorandum.advice import find_advice
from landbridge.memorandum.document import Memorandum
from tests.memoranda import TEXT, WHOLE, write_text

DAY = ("grants", 1, "predicates", 0, "asks", "day")
FIRST, SECOND = ("grants", 1, "subject_kinds"), ("grants", 2, "subject_kinds")
STATUTE = "    statute: Education Act, section 7\n"


@pytest.mark.parametrize(
    ("right", "other", "ways"),
    [
        ("", "", [FIRST, DAY, SECOND]),
        ("{type: date}", "{type: date, of: [2026-01-31]}", [FIRST, SECOND]),
        ("    predicates:", "    quota: {queries: 9, per: week}\n    predicates:", [FIRST, SECOND]),
        ("    predicates:", "    retention: P1Y\n    predicates:", [DAY, SECOND]),
        (STATUTE, STATUTE + "    retention: P1D\n", [FIRST, DAY]),
    ],
)
def test_what_may_not_be_meant_is_told_at_its_place(
    tmp_path: Path, right: str, other: str, ways: list[tuple[object, ...]]
) -> None:
    memorandum = Memorandum.from_yaml(write_text(tmp_path, WHOLE.replace(right, other, 1)))
    assert [way for way, _ in find_advice(memorandum)] == ways


def test_a_clause_that_tells_at_once_of_what_another_delays_is_told(tmp_path: Path) -> None:
    start, end = WHOLE.index('  - clause: "2.1"'), WHOLE.index('  - clause: "2.2"')
    again = WHOLE[start:end].replace("2.1", "2.4")
    delay = '    delayed_disclosure: {legal_basis: "Inquiries Act, section 9", delay: P6M}\n'
    place = ("grants", 0, "delayed_disclosure")
    for written, expected in (
        (again, []),
        (again.replace("[approval-review]", "[complaint]").replace(delay, ""), []),
        (
            again.replace(delay, ""),
            ["clause 2.1: clause 2.4 tells the subject at once of the same requester"],
        ),
    ):
        memorandum = Memorandum.from_yaml(write_text(tmp_path, WHOLE + written))
        assert [why for way, why in find_advice(memorandum) if way == place] == expected


def test_one_name_for_two_questions_is_told(tmp_path: Path) -> None:
    start, end = WHOLE.index('  - clause: "2.2"'), WHOLE.index('  - clause: "2.3"')
    again = WHOLE[start:end].replace("2.2", "2.4").replace("le: {asked", "lt: {asked")
    memorandum = Memorandum.from_yaml(write_text(tmp_path, WHOLE + again))
    name = ("grants", 3, "predicates", 0, "name")
    assert [why for way, why in find_advice(memorandum) if way == name] == [
        "clause 2.4: licensed-on is another question in clause 2.2"
    ]


def test_a_clause_on_organisations_and_their_fields_needs_no_second_look(tmp_path: Path) -> None:
    assert list(find_advice(Memorandum.from_yaml(write_text(tmp_path, TEXT)))) == []
