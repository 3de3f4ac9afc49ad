"""From what is allowed to what is answered, over a real source."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final

import pytest

from landbridge.errors import Reason
from landbridge.heading import read_columns
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy
from landbridge.query import Query, Wanted
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import answer_pb2, query_pb2
from node.catalogue import build_catalogue
from node.consents import Consents
from node.judge import Judge
from node.published import Published, published_datasets
from node.reader import Reader
from node.sources.source import Source
from node.task import Task
from tests.consents import desks
from tests.memoranda import make_memorandum
from tests.schools import dataset_answer, load_config, load_federation

CONFIG: Final = """
[node]
agency = "registrar"
title = "Registrar"
records = ["."]
[[files]]
table = "schools"
path = "schools.csv"
[[datasets]]
name = "schools"
title = "Schools"
table = "schools"
subject_kind = "legal-entity"
as_of = 2026-05-01
as_of_field = "seen"
[[datasets.keys]]
scheme = "school"
column = "id"
[[datasets.fields]]
name = "number"
column = "id"
type = "identifier"
scheme = "school"
description = "Number"
[[datasets.fields]]
name = "name"
column = "name"
type = "text"
description = "Name"
[[datasets.fields]]
name = "seen"
column = "seen"
type = "date"
description = "Seen on"
"""
RECORDS: Final = "id,name,seen\n000001,North,2026-03-01\n000002,South,\n"
NORTH: Final = SubjectId("school", "000001")
SOUTH: Final = SubjectId("school", "000002")
NAMED: Final = {
    "name": "named",
    "title": "Is it named so?",
    "asks": {"name": {"type": "text"}},
    "when": [{"field": "name", "eq": {"asked": "name"}}],
}


@pytest.fixture(scope="module")
def registrar(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Source, dict[str, Published]]]:
    folder = tmp_path_factory.mktemp("registrar")
    (folder / "schools.csv").write_text(RECORDS)
    config, federation = load_config(folder, CONFIG), load_federation(folder)
    source = Source.open(config, federation, folder / "work")
    yield source, published_datasets(build_catalogue(config, federation))
    source.close()


def read(
    registrar: tuple[Source, dict[str, Published]],
    *grants: Mapping[str, Any],
    subject: SubjectId = NORTH,
    today: str = "2026-06-01",
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    wanted: tuple[Wanted, ...] = (),
) -> answer_pb2.DatasetAnswer:
    """Judge and read a question on the schools by a memorandum with these clauses."""
    source, published = registrar
    usual = {"provider": "registrar", "dataset": "schools", "requesters": ["board"]}
    memorandum = make_memorandum(
        [{**usual, "clause": str(n), **grant} for n, grant in enumerate(grants, 1)],
        parties=("registrar", "board"),
    )
    now = read_instant(f"{today}T12:00:00Z")
    query = Query(
        nonce=bytes(16),
        federation="schools.example",
        requester="board",
        subject=subject,
        subject_kind=SubjectKind.LEGAL_ENTITY,
        purpose="why",
        case_reference="C-1",
        wanted=wanted,
        issued_at=now,
        expires_at=now + 60_000,
    )
    question = query_pb2.Question(step=step, round=1, datasets=["schools"])
    task = Task(question, query, bytes(32), Policy([memorandum]), date.fromisoformat(today))
    consents = Consents(lambda: desks().bundle, lambda: ())
    Judge("registrar", published, consents, lambda _: False).judge(task, now)
    failures: list[Exception] = []
    Reader(source, published, 100, failures.append).read([task])
    assert not failures
    return dataset_answer(task.readings[0])


@pytest.mark.parametrize(
    ("promise", "today", "overdue"),
    [
        ("P1M", "2026-06-01", False),
        ("P1M", "2026-06-02", True),
        ("P31D", "2026-06-01", False),
        ("P1Y", "2026-12-31", False),
    ],
)
def test_data_are_overdue_from_the_day_after_the_promise(
    registrar: tuple[Source, dict[str, Published]], promise: str, today: str, *, overdue: bool
) -> None:
    grant = {"fields": ["name"], "fresh_within": promise, "retention": "P1Y"}
    (extract,) = read(registrar, grant, today=today).extracts
    assert (extract.overdue, extract.fresh_within) == (overdue, promise)
    assert extract.retention == "P1Y"


def test_the_oldest_record_decides_where_records_state_their_own_day(
    registrar: tuple[Source, dict[str, Published]],
) -> None:
    grant = {"fields": ["name", "seen"], "fresh_within": "P2M"}
    (own,) = read(registrar, grant).extracts
    assert (own.records[0].as_of, own.overdue) == ("2026-03-01", True)
    (of_the_dataset,) = read(registrar, grant, subject=SOUTH).extracts
    assert (of_the_dataset.records[0].as_of, of_the_dataset.overdue) == ("", False)


def test_what_resolves_names_no_refusals_where_something_is_given(
    registrar: tuple[Source, dict[str, Published]],
) -> None:
    grant = {"fields": ["number", "name"]}
    resolving = read(registrar, grant, step=query_pb2.STEP_RESOLVE)
    assert not resolving.refusals
    collecting = read(registrar, grant)
    assert [refusal.field for refusal in collecting.refusals] == ["seen"]
    nothing = read(registrar, {"fields": ["name"]}, step=query_pb2.STEP_RESOLVE)
    assert [refusal.field for refusal in nothing.refusals] == ["number"]
    assert nothing.outcome == Reason.FIELD_NOT_COVERED


def test_what_no_value_of_the_field_can_equal_is_refused_without_disturbing_the_rest(
    registrar: tuple[Source, dict[str, Published]],
) -> None:
    clauses: list[dict[str, Any]] = [{"fields": ["name"]}, {"predicates": [NAMED]}]
    asked = " North "
    wanted = (Wanted("registrar", "schools", ("name", "named"), (("name", asked),)),)
    answer = read(registrar, *clauses, wanted=wanted)
    assert answer.outcome == Reason.ANSWERED
    assert [extract.clause for extract in answer.extracts] == ["1"]
    assert [(each.field, each.reason) for each in answer.refusals] == [
        ("named", Reason.BAD_ARGUMENT)
    ]
    assert asked not in answer.detail

    alone = read(
        registrar,
        clauses[1],
        wanted=(Wanted("registrar", "schools", ("named",), (("name", asked),)),),
    )
    assert alone.outcome == Reason.BAD_ARGUMENT


def test_records_of_two_clauses_stand_in_extracts_of_their_own(
    registrar: tuple[Source, dict[str, Published]],
) -> None:
    wanted = (Wanted("registrar", "schools", (), (("name", "North"),)),)
    answer = read(
        registrar,
        {"fields": ["name"], "legal_basis": "Act 1"},
        {"predicates": [NAMED], "where": [{"field": "seen", "not-null": True}]},
        wanted=wanted,
    )
    first, second = answer.extracts
    assert (first.clause, first.legal_basis) == ("1", "Act 1")
    assert (second.clause, second.records[0].values[0].boolean) == ("2", True)
    assert read_columns(second.heading)[0].type == answer_pb2.VALUE_TYPE_BOOLEAN
    none = read(registrar, {"fields": ["name"]}, subject=SubjectId("school", "000009"))
    assert none.outcome == Reason.NO_RECORD
