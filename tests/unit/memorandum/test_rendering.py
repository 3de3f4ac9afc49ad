"""What signatories read: everything that is signed, and nothing that could mislead or run."""

import copy
import json
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.rendering import to_html, to_markdown
from landbridge.memorandum.sentences import sentences
from tests.memoranda import WHOLE, write_text

NOW = 1_780_000_000_000  # 28 May 2026
HOSTILE = "<script>alert(1)</script> & ![x](http://evil) | `code` *bold* </main>"

SENTENCES = """\
Memorandum whole-2026: Every key that there is.

ILLUSTRATIVE: this is an example; no agency has agreed on it.

It is between nces.ed, board.ny and desk.ny.

It is in force from 2026-01-01T00:00:00Z until 2027-12-31T00:00:00Z (in force now).

It takes the place of whole-2025, which ends when this one begins.

Providers accept identifier links of nces.ed/institutions.

While revocation data are too old, providers serve all the same.

That a person has consented, providers believe on the word of desk.ny.

Clause 2.1: board.ny may read name and city from institutions of nces.ed about legal entities,
only of records where closed_on lies within the last 5 years and (status is one of 'active',
'closed' or (size is between 10 and 99 and not (city is 'Troy') and left_on is empty)), for the
purpose approval-review, on the legal basis of State law 12, from 2026-06-01T00:00:00Z until
2026-12-31T00:00:00Z.

For each requester and purpose, at most 100 queries are answered in each day (by the calendar,
in UTC).

Answers leave sealed: only the requester can open them, and the gateway cannot.

The subject is told who looked only 6 months after an access, on the legal basis of Inquiries Act,
section 9.

A requester may keep what it got for 2 years.

nces.ed promises data that are at most 1 month old.

Clause 2.2: board.ny and desk.ny may learn yes or no, and no value, on licensed-on from teachers
of nces.ed about natural persons, for the purpose approval-review or complaint, on the legal
basis of 20 U.S.C. 1099b, from 2026-01-01T00:00:00Z until 2027-12-31T00:00:00Z.

The question licensed-on, asked with day (a day) and level (a whole number, 1 or 2): Was there a
licence on that day? Yes, if in some record licensed_on is at most the asked day and level is the
asked level.

The person must have consented, to this requester and for this purpose.

Clause 2.3: board.ny may read licence from teachers of nces.ed about natural persons, for the
purpose complaint, on the legal basis of 20 U.S.C. 1099b, from 2026-01-01T00:00:00Z until
2027-12-31T00:00:00Z.

No person needs to consent: Education Act, section 7.

Everything else is refused.
"""


@pytest.fixture
def whole(tmp_path: Path) -> Memorandum:
    return Memorandum.from_yaml(write_text(tmp_path, WHOLE))


def test_every_term_is_a_sentence(whole: Memorandum) -> None:
    lines = list(sentences(whole, NOW))
    assert lines == [" ".join(line.split()) for line in SENTENCES.split("\n\n")]


def leaves(document: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(document, dict):
        for key, value in document.items():
            yield from leaves(value, (*way, key))
    elif isinstance(document, list):
        for number, value in enumerate(document):
            yield from leaves(value, (*way, number))
    else:
        yield way


@cache
def signed_document() -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(WHOLE, Loader=yaml.BaseLoader)
    grant = document["grants"][0]
    document["illustrative"] = grant["sealed"] = True
    grant["quota"]["queries"] = 100
    grant["where"][1]["any"][1]["all"][0]["between"] = [10, 99]
    grant["where"][1]["any"][1]["all"][2]["is-null"] = True
    document["grants"][1]["predicates"][0]["asks"]["level"]["of"] = [1, 2]
    return document


OTHER: dict[str, Any] = {
    "from": "2026-07-01T00:00:00Z",
    "until": "2026-12-01T00:00:00Z",
    "stale_revocation": "refuse",
    "per": "week",
    "retention": "P3Y",
    "fresh_within": "P3M",
    "delay": "P9M",
    "within": "P6Y",
    "type": "decimal",
    "legal_basis": "Another law",
    "statute": "Another act",
    "title": "Another title",
    "clause": "9.9",
}


def other(way: tuple[str | int, ...], value: Any) -> Any:
    key = next(step for step in reversed(way) if isinstance(step, str))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 10
    if key == "type":
        return {"date": "text", "integer": "decimal"}[value]
    return OTHER.get(key, f"{value}x" if key != "link_sources" else "nces.ed/others")


@pytest.mark.parametrize("way", list(leaves(signed_document())), ids=str)
def test_whatever_is_signed_is_on_the_page(way: tuple[str | int, ...]) -> None:
    """Any change of any value shows, so that nobody signs what the page does not say."""
    document = signed_document()
    before = Memorandum.model_validate_json(json.dumps(document))
    changed = copy.deepcopy(document)
    *above, last = way
    part: Any = changed
    for step in above:
        part = part[step]
    if last == "is-null":
        del part[last]
        part["not-null"] = True
    elif "subject_kinds" in way:
        part[last] = "natural-person" if part[last] == "legal-entity" else "legal-entity"
    else:
        part[last] = other(way, part[last])
    after = Memorandum.model_validate_json(json.dumps(changed))
    assert list(sentences(before, NOW)) != list(sentences(after, NOW))
    for write in (to_markdown, to_html):
        pages = [write(each, {}).replace(each.digest, "") for each in (before, after)]
        assert pages[0] != pages[1]


class Outline(HTMLParser):
    """Reads a page as a screen reader would: elements, ids, headings and texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_for_printing_is_one_accessible_file(whole: Memorandum) -> None:
    page = to_html(whole, {"nces.ed": "nces.ed/memorandum/abc"})
    outline = Outline(page)
    assert outline.open == []
    assert ("lang", "en") in outline.attributes
    assert (
        outline.tags.count("h1") == outline.tags.count("main") == outline.tags.count("title") == 1
    )
    labels = [value for name, value in outline.attributes if name == "aria-labelledby"]
    ids = [value for name, value in outline.attributes if name == "id"]
    assert labels == ids
    assert len(set(ids)) == len(whole.grants) + 3
    assert {"caption", "thead", "tbody"} <= set(outline.tags)
    assert {value for name, value in outline.attributes if name == "scope"} == {"col", "row"}
    assert not {"script", "link", "img", "iframe"} & set(outline.tags)
    assert "http" not in page.replace("http-equiv", "")
    assert "@media print" in page
    for sentence in list(sentences(whole, NOW))[4:]:
        assert sentence.removeprefix("Clause 2.").partition(": ")[2] in outline.text
    assert whole.digest in outline.text
    assert "nces.ed/memorandum/abc" in outline.text
    assert outline.text.count("not signed yet") == 2


def test_what_a_memorandum_holds_cannot_become_markup(tmp_path: Path) -> None:
    text = WHOLE.replace("Every key that there is", json.dumps(HOSTILE))
    text = text.replace("State law 12", json.dumps(HOSTILE)).replace("Troy", json.dumps(HOSTILE))
    memorandum = Memorandum.from_yaml(write_text(tmp_path, text))
    outline = Outline(to_html(memorandum, {"nces.ed": HOSTILE}))
    assert "script" not in outline.tags
    assert outline.text.count(HOSTILE) == 5  # title twice, legal basis, value, key
    page = to_markdown(memorandum, {"nces.ed": HOSTILE})
    bare = page.replace("\\\\", "").replace("\\<", "").replace("\\|", "").replace("\\[", "")
    assert "<" not in bare
    assert "![" not in page
    table = page[page.index("| party |") :].strip().splitlines()
    assert {line.replace("\\|", "").count("|") for line in table} == {3}


def test_markdown_names_the_text_and_who_has_signed(whole: Memorandum) -> None:
    page = to_markdown(whole, {"board.ny": "board.ny/memorandum/xyz"})
    assert page.startswith(
        "# Every key that there is\n\nMemorandum whole-2026 between 3 parties.\n"
    )
    assert f"`{whole.digest}`" in page
    assert "## Clause 2.2\n\nboard.ny and desk.ny may learn yes or no" in page
    assert "\n- A requester may keep what it got for 2 years.\n" in page
    assert "| nces.ed | not signed yet |\n| board.ny | board.ny/memorandum/xyz |\n" in page
