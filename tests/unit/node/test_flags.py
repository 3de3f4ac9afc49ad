"""What answers carry while a case stands: flags by what is released, and records that are cut."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any, Final

import pytest

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy
from landbridge.query import Query, Wanted
from landbridge.rights.steps import CaseKind, Step
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import answer_pb2, query_pb2
from node.catalogue import build_catalogue
from node.consents import Consents
from node.judge import Judge
from node.published import published_datasets
from node.reader import Reader
from node.sources import lookup as looked
from node.sources.lookup import Lookup, Withdrawn
from node.sources.source import Source
from node.task import Task
from tests.cases import DAY, NODE, NORTH, NOTES, Registry, refusal, running
from tests.consents import desks
from tests.memoranda import make_memorandum
from tests.pki import BOARD, REGISTRY
from tests.schools import dataset_answer

SOUTH: Final = SubjectId("school", "000002")
TAX: Final = SubjectId("tax", "T1")
EVERYTHING: Final = {"fields": ["school", "level", "why"]}
HEAVY: Final = {
    "predicates": [{"name": "heavy", "title": "Any?", "when": [{"field": "level", "eq": "heavy"}]}]
}


@pytest.fixture(params=["sqlite", "duckdb"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    text = NODE.replace('records = ["."]', f'records = ["."]\nfiles = "{request.param}"')
    with running(tmp_path, text) as made:
        yield made


def ask(  # noqa: PLR0913  what a question is made of
    node: Registry,
    *grants: Mapping[str, Any],
    dataset: str = "sanctions",
    subject: SubjectId = NORTH,
    aliases: tuple[SubjectId, ...] = (),
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    named: tuple[str, ...] = (),
) -> answer_pb2.DatasetAnswer:
    """Judge and read a question by a memorandum with these clauses."""
    usual = {"provider": REGISTRY, "dataset": dataset, "requesters": [BOARD], "purposes": ["why"]}
    memorandum = make_memorandum(
        [{**usual, "clause": str(n), **grant} for n, grant in enumerate(grants, 1)],
        parties=(REGISTRY, BOARD),
    )
    policy = Policy([memorandum])
    task = task_of(policy, dataset, subject, aliases, step, named)
    return answered(node, judge_of(node), task)


def task_of(  # noqa: PLR0913, PLR0917  what a question is made of
    policy: Policy,
    dataset: str = "sanctions",
    subject: SubjectId = NORTH,
    aliases: tuple[SubjectId, ...] = (),
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    named: tuple[str, ...] = (),
) -> Task:
    """Make a question."""
    now = read_instant("2026-06-01T12:00:00Z")
    query = Query(
        nonce=bytes(16),
        federation="federation.example",
        requester=BOARD,
        subject=subject,
        subject_kind=SubjectKind.LEGAL_ENTITY,
        purpose="why",
        case_reference="C-1",
        wanted=(Wanted(REGISTRY, dataset, named),) if named else (),
        issued_at=now,
        expires_at=now + 60_000,
    )
    question = query_pb2.Question(step=step, round=1, datasets=[dataset])
    return Task(question, query, bytes(32), policy, date(2026, 6, 1), aliases)


def judge_of(node: Registry) -> Judge:
    published = published_datasets(build_catalogue(node.config, node.federation))
    consents = Consents(lambda: desks().bundle, lambda: ())
    return Judge(REGISTRY, published, consents, lambda _: False)


def answered(node: Registry, judge: Judge, task: Task) -> answer_pb2.DatasetAnswer:
    """Judge and read a question."""
    judge.judge(task, task.query.issued_at)
    published = published_datasets(build_catalogue(node.config, node.federation))
    failures: list[Exception] = []
    Reader(node.source, published, 100, failures.append, node.flags).read([task])
    assert not failures
    return dataset_answer(task.readings[0])


def records(answer: answer_pb2.DatasetAnswer) -> dict[str, list[answer_pb2.Flag]]:
    return {
        record.record: list(record.flags)
        for extract in answer.extracts
        for record in extract.records
    }


def test_a_dispute_travels_with_its_record_and_no_other_at_once(node: Registry) -> None:
    assert records(ask(node, EVERYTHING)) == {"S1/2024": [], "S2/2024": []}

    case = node.open(fields=("level", "why"))

    found = records(ask(node, EVERYTHING))
    assert found["S2/2024"] == []
    (flag,) = found["S1/2024"]
    assert (flag.case_id, flag.kind, flag.state) == (
        case.id,
        answer_pb2.FLAG_KIND_DISPUTE,
        answer_pb2.CASE_STATE_OPEN,
    )
    assert list(flag.fields) == ["level", "why"]
    assert flag.statement == "The school was never late."
    assert (flag.opened_at_unix_ms, flag.digest) == (node.now, case.last.digest)
    assert records(ask(node, EVERYTHING, subject=SOUTH)) == {"S1/2025": []}
    assert records(ask(node, EVERYTHING, subject=TAX))["S1/2024"] == [flag]


@pytest.mark.parametrize(
    ("disputed", "released", "shown"),
    [
        (("level", "why"), ["why"], ["why"]),
        (("level",), ["why"], None),
        ((), ["why"], []),
    ],
)
def test_a_flag_shows_the_fields_that_are_released(
    node: Registry, disputed: tuple[str, ...], released: list[str], shown: list[str] | None
) -> None:
    node.open(fields=disputed)

    flags = records(ask(node, {"fields": released}))["S1/2024"]

    assert [list(flag.fields) for flag in flags] == ([] if shown is None else [shown])


def test_what_resolves_carries_no_flag(node: Registry) -> None:
    node.open(fields=())

    resolved = ask(node, EVERYTHING, step=query_pb2.STEP_RESOLVE)

    assert records(resolved)["S1/2024"] == []


def test_a_flag_tells_when_it_is_overdue(node: Registry) -> None:
    node.open(fields=())
    (before,) = records(ask(node, EVERYTHING))["S1/2024"]
    node.now = before.due_at_unix_ms

    (after,) = records(ask(node, EVERYTHING))["S1/2024"]

    assert (before.overdue, after.overdue) == (False, True)
    assert 28 * DAY < before.due_at_unix_ms - before.opened_at_unix_ms <= 32 * DAY


def test_what_becomes_of_the_flag_follows_from_the_decision(node: Registry) -> None:
    case = node.take(node.open(), Step.CORRECTED)
    (flag,) = records(ask(node, EVERYTHING))["S1/2024"]
    assert (flag.state, flag.reason) == (answer_pb2.CASE_STATE_CORRECTED, "We looked again.")
    node.take(case, Step.ISSUED)
    assert records(ask(node, EVERYTHING))["S1/2024"] == []

    node.take(node.open(record="S2/2024"), Step.REJECTED)
    assert records(ask(node, EVERYTHING))["S2/2024"] == []

    stays = node.open(dataset="notes", record="notes.csv:2", fields=("note",))
    node.take(stays, Step.REJECTED)
    answer = ask(node, {"fields": ["note"]}, dataset="notes")
    ((flag,),) = records(answer).values()
    assert (flag.state, flag.due_at_unix_ms) == (answer_pb2.CASE_STATE_REJECTED, 0)


@pytest.mark.parametrize("subject", [NORTH, TAX])
def test_a_withdrawn_record_is_not_read_by_any_key(node: Registry, subject: SubjectId) -> None:
    case = node.open(fields=())
    before = ask(node, HEAVY, subject=subject, named=("heavy",))
    assert before.extracts[0].records[0].values[0].boolean

    node.take(case, Step.UPHELD)

    assert list(records(ask(node, EVERYTHING, subject=subject))) == ["S2/2024"]
    after = ask(node, HEAVY, subject=subject, named=("heavy",))
    assert not after.extracts[0].records[0].values[0].boolean
    assert list(records(ask(node, EVERYTHING, subject=SOUTH))) == ["S1/2025"]


def test_a_repaired_record_that_was_the_only_one_is_no_record(node: Registry) -> None:
    case = node.open(
        kind=CaseKind.REPAIR,
        dataset="notes",
        record="notes.csv:2",
        fields=(),
        statement="It is made good.",
    )
    grant = {"fields": ["note"]}
    ((flag,),) = records(ask(node, grant, dataset="notes")).values()
    assert flag.kind == answer_pb2.FLAG_KIND_REPAIR

    node.take(node.take(case, Step.UNDER_REVIEW), Step.REPAIRED)

    assert ask(node, grant, dataset="notes").outcome == Reason.NO_RECORD
    assert ask(node, grant, dataset="notes", subject=SOUTH).outcome == Reason.ANSWERED


def test_a_line_that_another_edition_gives_to_another_is_not_flagged_or_cut(
    node: Registry,
) -> None:
    node.open(dataset="notes", record="notes.csv:2", fields=())
    node.take(
        node.open(dataset="notes", record="notes.csv:3", fields=(), subject=SOUTH), Step.UPHELD
    )
    header, first, second = NOTES.splitlines(keepends=True)
    (node.folder / "notes.csv").write_text(header + second + first)
    node.source.close()
    node.source = type(node.source).open(node.config, node.federation, node.folder / "work")
    node.start()

    grant = {"fields": ["note"]}

    assert records(ask(node, grant, dataset="notes")) == {"notes.csv:3": []}
    assert records(ask(node, grant, dataset="notes", subject=SOUTH)) == {"notes.csv:2": []}
    assert any(kind.startswith("record of case") for kind, _ in node.told)


def test_a_name_that_could_be_read_in_two_ways_cannot_be_cut(tmp_path: Path) -> None:
    with running(tmp_path) as node:
        text = (tmp_path / "sanctions.csv").read_text().replace("S2,2024", "S2/a,2024")
        (tmp_path / "sanctions.csv").write_text(text)
        node.source.close()
        node.source = type(node.source).open(node.config, node.federation, tmp_path / "work")
        node.start()
        case = node.open(record="S2/a/2024")

        assert refusal(node, node.step(case, Step.UPHELD)) == "LB-4111"
        assert refusal(node, node.step(case, Step.REJECTED)) == "taken"


def test_a_record_that_cannot_be_cut_any_more_keeps_its_dataset_closed(node: Registry) -> None:
    without = (Withdrawn("elsewhere", NORTH),)
    wanted = looked.Wanted("sanctions", ("level",), (), without=without)
    (outcome,) = node.source.fetch([Lookup(wanted, NORTH)])

    assert isinstance(outcome, LandbridgeError)
    assert outcome.reason is Reason.SOURCE_FAILED


def test_a_withdrawn_record_is_left_out_however_many_its_subject_has(tmp_path: Path) -> None:
    last = "S599/2024"
    rows = [f"S{n},2024,000001,T1,{'light' if n < 599 else 'heavy'},late" for n in range(600)]
    with running(tmp_path) as node:
        (tmp_path / "sanctions.csv").write_text(
            "\n".join(["number,year,school,tax,level,why", *rows, ""])
        )
        node.source.close()
        node.source = type(node.source).open(node.config, node.federation, tmp_path / "work")
        node.start()
        released = {"fields": ["level"], "where": [{"field": "level", "eq": "heavy"}]}
        assert list(records(ask(node, released))) == [last]

        node.take(node.open(record=last, fields=()), Step.UPHELD)

        assert ask(node, released).outcome == Reason.NO_RECORD
        assert refusal(node, node.opening(record="S600/2024")) == "LB-4109"


def test_a_record_that_is_withdrawn_while_it_is_read_does_not_leave(
    node: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = node.open(fields=())
    upheld = [node.step(case, Step.UPHELD)]
    read = type(node.source).read

    def slow(source: Source, lookups: list[Lookup]) -> list[Any]:
        found = read(source, lookups)
        if upheld and any(lookup.wanted.fields for lookup in lookups):
            node.cases.submit(upheld.pop())
        return found

    monkeypatch.setattr(Source, "read", slow)

    assert list(records(ask(node, EVERYTHING))) == ["S2/2024"]


def test_a_judgement_that_is_shared_hides_no_case(node: Registry) -> None:
    grant = {"provider": REGISTRY, "dataset": "sanctions", "requesters": [BOARD], "clause": "1"}
    memorandum = make_memorandum([{**grant, **EVERYTHING}], parties=(REGISTRY, BOARD))
    policy, judge = Policy([memorandum]), judge_of(node)

    def found(subject: SubjectId = NORTH) -> dict[str, int]:
        task = task_of(policy, subject=subject)
        given = records(answered(node, judge, task))
        assert task.readings[0].verdict is first.readings[0].verdict
        return {record: len(flags) for record, flags in given.items()}

    first = task_of(policy)
    judge.judge(first, first.query.issued_at)
    before, others = found(), found(SOUTH)
    assert before == {"S1/2024": 0, "S2/2024": 0}
    case = node.open(fields=("level", "why"))
    flagged = found()
    assert sorted(flagged.values()) == [0, 1]
    node.take(case, Step.UPHELD)
    assert found() == {record: 0 for record, flags in flagged.items() if not flags}
    assert found(SOUTH) == others


@pytest.mark.parametrize(
    ("column", "native", "code"),
    [
        ("date", "2016-12-01", "taken"),
        ("date", "20161201", "taken"),
        ("numeric(10,2)", 1.5, "taken"),
        ("integer", "99999999999999999999", "taken"),
        ("text collate nocase", "Case", "taken"),
        ("text", b"ab", "LB-4111"),
    ],
)
def test_a_record_is_withdrawn_only_where_its_database_tells_it_from_others(
    tmp_path: Path, column: str, native: object, code: str
) -> None:
    path = tmp_path / "agency.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"create table t (id {column}, school text, level text)")
        database.execute("insert into t values (?, '000001', 'heavy')", (native,))
    text = f"""
[node]
agency = "{REGISTRY}"
database = "sqlite:///{path}"
[[datasets]]
name = "sanctions"
title = "Sanctions"
table = "t"
subject_kind = "legal-entity"
record = ["id"]
[[datasets.keys]]
scheme = "school"
column = "school"
[[datasets.fields]]
name = "level"
column = "level"
"""
    with running(tmp_path, text) as node:
        (record,) = records(ask(node, {"fields": ["level"]}))
        case = node.open(record=record, fields=())

        assert refusal(node, node.step(case, Step.UPHELD)) == code
        left = records(ask(node, {"fields": ["level"]}))

    assert list(left) == ([] if code == "taken" else [record])
