"""A profile as a reader sees it: conflicts first, gaps with codes, all of it plain text."""

import io
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from landbridge.commands.render import in_words, name_of, next_steps, render_profile
from landbridge.profile import profile_document
from landbridge.v1 import answer_pb2
from tests.small_town import SUBJECT, Town, answered, column, heading, record, text

Document = dict[str, Any]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    town = Town(tmp_path_factory.mktemp("town"))
    yield town
    town.close()


@pytest.fixture(scope="module")
def document(town: Town) -> Document:
    return profile_document(town.profile())


def rendered(document: Document, width: int = 120, *, terminal: bool = False) -> str:
    page = io.StringIO()
    render_profile(
        document,
        Console(file=page, width=width, force_terminal=terminal, highlight=False),
    )
    return page.getvalue()


def test_the_head_names_the_subject_and_counts_the_sources(document: Document) -> None:
    first, second = rendered(document).splitlines()[:2]
    assert first == "Northgate Bakery   company:00000042   3 of 5 sources answered"
    assert second.startswith("asked by board for licence-check, case C-1, 20")


def test_parts_stand_in_the_order_in_which_they_matter(document: Document) -> None:
    page = rendered(document)
    parts = [
        "Conflicts",
        "Sources agree on: city, name",
        "permits/permits, as of 2025-12-31",
        "registry/companies, as of 2026-01-31",
        "Ambiguous links",
        "Gaps",
        "partial: 3 of 5 sources answered, 1 refused, 1 failed, 2 fields refused",
    ]
    places = [page.index(part) for part in parts]
    assert places == sorted(places)


def test_a_conflict_shows_both_sides_with_day_source_and_clause(document: Document) -> None:
    lines = [" ".join(line.split()) for line in rendered(document).splitlines()]
    place = lines.index("! status")
    assert lines[place + 1 : place + 3] == [
        "revoked 2026-03-01 permits/permits (one of several) permits.csv:7 m-2 1",
        "active 2026-01-31 registry/companies r-42 m-1 2.1",
    ]


def test_how_a_record_fits_is_said_where_it_is_not_exact(document: Document) -> None:
    page = rendered(document)
    assert page.count("! one of several linked identifiers") == 1
    assert page.count("! covers a group to which the subject belongs") == 1
    assert "record permits.csv:7, about permit:P1, as of 2026-03-01" in page


def test_what_has_no_value_is_never_a_blank(document: Document) -> None:
    lines = [" ".join(line.split()) for line in rendered(document).splitlines()]
    assert "closed (unreadable) soon m-1 2.1" in lines
    assert "phone (empty) - m-1 2.2" in lines
    assert "open_sundays no N m-2 1" in lines


def test_gaps_show_code_reason_fields_and_clause(document: Document) -> None:
    lines = [" ".join(line.split()) for line in rendered(document).splitlines()]
    assert (
        "registry/companies LB-3004 The field is not granted. Fields: tax-debt, owner. m-1 2.1"
        in lines
    )
    assert any(
        line.startswith("court/rulings LB-2002") and "no answer in 800 ms" in line for line in lines
    )


def test_a_narrow_page_folds_and_cuts_nothing(document: Document) -> None:
    wide, narrow = rendered(document, width=300), rendered(document, width=40)
    assert max(map(len, narrow.splitlines())) <= 40
    assert sorted("".join(narrow.split())) == sorted("".join(wide.split()))


def test_brackets_and_control_characters_are_only_text(town: Town) -> None:
    query = town.query()
    extract = answer_pb2.Extract(
        memorandum="m",
        clause="1",
        heading=heading(column("name", term="name"), column("note")),
        records=[
            record("[bold]1[/bold]", SUBJECT, [text("[red]A[/red]"), text("\x1b[2J\u202ewipe\r\n")])
        ],
    )
    answer = town.answer(query, "registry", [answered("rows", [extract])])
    page = rendered(profile_document(town.sign_profile(town.assemble(query, [answer]))))
    assert "[red]A[/red]" in page
    assert "[bold]1[/bold]" in page
    assert "\\u001b[2J\\u202ewipe\\u000d" in page
    assert not set(page) & {"\x1b", "\r", "\u202e"}


def test_answers_of_yes_or_no_and_terms_are_said_in_words(town: Town) -> None:
    query = town.query()
    extract = answer_pb2.Extract(
        memorandum="m-3",
        clause="4.2",
        heading=heading(column("accredited", answer_pb2.VALUE_TYPE_BOOLEAN)),
        records=[record("", SUBJECT, [answer_pb2.Value(boolean=True)])],
        retention="P90D",
        fresh_within="P1D",
        overdue=True,
    )
    answer = town.answer(query, "registry", [answered("rows", [extract])])
    page = rendered(profile_document(town.sign_profile(town.assemble(query, [answer]))))
    lines = [" ".join(line.split()) for line in page.splitlines()]
    assert "answers about company:00000042" in lines
    assert "accredited yes m-3 4.2" in lines
    assert "! m-3 4.2: older than the 1 day that are promised" in lines
    assert "m-3 4.2: to be kept for at most 90 days" in lines


def test_a_period_that_is_none_is_shown_as_it_came() -> None:
    assert in_words("P1Y6M") == "1 year and 6 months"
    assert in_words("soon") == "soon"


def test_blanks_that_alone_differ_are_made_visible(town: Town) -> None:
    query = town.query()
    extract = answer_pb2.Extract(
        memorandum="m",
        clause="1",
        heading=heading(column("town")),
        records=[record("1", SUBJECT, [text("Normal", "Normal  ")])],
    )
    answer = town.answer(query, "registry", [answered("rows", [extract])])
    page = rendered(profile_document(town.sign_profile(town.assemble(query, [answer]))))
    assert 'Normal  "Normal  "' in page


def test_colours_come_only_with_a_terminal(document: Document) -> None:
    assert "\x1b[" in rendered(document, terminal=True)
    assert "\x1b[" not in rendered(document)


def test_the_name_is_the_authoritative_one(document: Document) -> None:
    assert name_of(document) == "Northgate Bakery"
    assert name_of({**document, "comparisons": []}) == "Northgate Bakery"
    assert name_of({**document, "comparisons": [], "sections": []}) == ""


def test_without_a_name_the_identifier_stands_first(document: Document) -> None:
    bare = {**document, "comparisons": [], "sections": []}
    assert rendered(bare).startswith("company:00000042   3 of 5")


def test_next_steps_follow_from_what_is_missing(document: Document) -> None:
    told = next_steps(document)
    assert "landbridge explain LB-3001" in told
    assert "--deadline" in told
    assert "--save FILE" in told
    complete = {**document, "gaps": []}
    assert next_steps(complete, saved="p.json") == "next: landbridge verify p.json"
