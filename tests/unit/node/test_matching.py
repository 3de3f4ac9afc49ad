"""Which rows are about a subject: every spelling, several ids in a cell, strict and broad."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.subject import SubjectId
from node.sources.lookup import Lookup, Wanted
from node.sources.source import Source
from tests.schools import look_up, open_source, read

NODE = """
[node]
agency = "registrar"
[[files]]
table = "bridge"
path = "bridge.csv"
[[files]]
table = "rates"
path = "rates.csv"
[[datasets]]
name = "bridge"
title = "Schools by number and OPE id"
table = "bridge"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "units"
list = ","
[[datasets.keys]]
scheme = "ope"
column = "ope"
spellings = ["plain", "quoted", "unpadded"]
[[datasets.fields]]
name = "name"
column = "name"
[[datasets]]
name = "rates"
title = "Rates by six-digit base"
table = "rates"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "ope"
column = "base"
spellings = ["base-unpadded"]
covers_group = true
[[datasets.fields]]
name = "rate"
column = "rate"
type = "decimal"
"""
BRIDGE = '''units,ope,name
100724,00100500,plain
100725,"""00100501""",quoted
100726,100502,unpadded
"217235, 460349",00340400,two numbers
217236,00340400,another campus
NONE,"""00340400""",no number
,00340400,blank
100724,00999900,same number
'''
RATES = "base,rate\n1005,4.5\n3404,1.0\n"


@pytest.fixture
def source(tmp_path: Path) -> Iterator[Source]:
    (tmp_path / "bridge.csv").write_text(BRIDGE)
    (tmp_path / "rates.csv").write_text(RATES)
    opened = open_source(tmp_path, NODE)
    yield opened
    opened.close()


def found(source: Source, lookup: Lookup) -> list[tuple[int, str]]:
    """Return the line and the identifier of each record."""
    return [
        (int(record.record.rpartition(":")[2]), f"{record.about.scheme}:{record.about.value}")
        for record in read(source, lookup)
    ]


def bridge(asked: str, *aliases: str, broad: bool = False) -> Lookup:
    return look_up("bridge", ["name"], asked, *aliases, broad=broad)


@pytest.mark.parametrize(("value", "line"), [("00100500", 2), ("00100501", 3), ("00100502", 4)])
def test_every_spelling_is_found(source: Source, value: str, line: int) -> None:
    assert found(source, bridge(f"ope:{value}")) == [(line, f"ope:{value}")]


@pytest.mark.parametrize("value", ["217235", "460349"])
def test_a_cell_may_hold_several_identifiers(source: Source, value: str) -> None:
    assert found(source, bridge(f"school:{value}")) == [(5, f"school:{value}")]


def test_the_asked_identifier_always_matches(source: Source) -> None:
    lines = [line for line, _ in found(source, bridge("ope:00340400"))]
    assert lines == [5, 6, 7, 8]


def test_an_alias_matches_where_no_more_exact_key_names_someone_else(source: Source) -> None:
    assert found(source, bridge("school:217235", "ope:00340400")) == [
        (5, "school:217235"),
        (7, "ope:00340400"),
        (8, "ope:00340400"),
    ]


def test_a_broad_look_up_takes_any_key(source: Source) -> None:
    lookup = bridge("school:217235", "ope:00340400", broad=True)
    assert [line for line, _ in found(source, lookup)] == [5, 6, 7, 8]


def test_more_exact_keys_of_unknown_schemes_are_no_hindrance(source: Source) -> None:
    person = SubjectId("person", "1")
    wanted = Wanted("bridge", ("name",), ())
    lookup = Lookup(wanted, person, (SubjectId("ope", "00340400"),))
    assert [line for line, _ in found(source, lookup)] == [5, 6, 7, 8]


def test_a_row_found_by_two_keys_comes_once_under_the_more_exact(source: Source) -> None:
    lookup = bridge("ope:00100500", "school:100724")
    assert found(source, lookup) == [(2, "school:100724"), (9, "school:100724")]


def test_a_key_may_cover_a_group(source: Source) -> None:
    (record,) = read(source, look_up("rates", ["rate"], "ope:00100501"))
    assert (record.covers_group, record.about.value) == (True, "00100501")
    (exact,) = read(source, bridge("ope:00100501"))
    assert not exact.covers_group


def test_a_batch_deals_rows_to_their_look_ups_in_order(source: Source) -> None:
    asked = ["school:460349", "ope:00100501", "school:999999", "ope:00340400", "ope:00100501"]
    outcomes = source.fetch([bridge(subject) for subject in asked])
    assert outcomes == [read(source, bridge(subject)) for subject in asked]
    assert [len(outcome) for outcome in outcomes if isinstance(outcome, list)] == [1, 1, 0, 4, 1]


def test_a_look_up_without_a_key_is_not_addressable(source: Source) -> None:
    outcomes = source.fetch([bridge("person:1"), bridge("ope:00100501")])
    assert isinstance(outcomes[0], LandbridgeError)
    assert outcomes[0].reason is Reason.NOT_ADDRESSABLE
    assert isinstance(outcomes[1], list)


def test_unknown_datasets_and_fields_are_refused(source: Source) -> None:
    outcomes = source.fetch(
        [look_up("brigde", ["name"], "ope:00100501"), look_up("bridge", ["nam"], "ope:00100501")]
    )
    reasons = [error.reason for error in outcomes if isinstance(error, LandbridgeError)]
    assert reasons == [Reason.UNKNOWN_DATASET, Reason.UNKNOWN_FIELD]


def test_more_records_than_an_answer_holds_are_cut_one_above(tmp_path: Path) -> None:
    rows = "".join(f"{100724 if n % 2 else 100725},00100500,{n}\n" for n in range(100))
    (tmp_path / "bridge.csv").write_text("units,ope,name\n" + rows)
    (tmp_path / "rates.csv").write_text(RATES)
    source = open_source(tmp_path, NODE)
    single, other = source.fetch([bridge("ope:00100500"), bridge("school:100725")])
    assert isinstance(single, list)
    assert isinstance(other, list)
    assert (len(single), len(other)) == (6, 6)
    # All hundred rows match by the alias, and most of them are about another campus: the rows that
    # count cannot be told within the limit, which is said instead of guessed.
    (guarded,) = source.fetch([bridge("school:999999", "ope:00100500")])
    assert isinstance(guarded, LandbridgeError)
    assert guarded.reason is Reason.TOO_MANY_RECORDS
    source.close()
