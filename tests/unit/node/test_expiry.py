"""Records past their term are not read: exact to the day, in every zone and leap year."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landbridge.errors import LandbridgeError, Reason
from landbridge.memorandum.condition import Not, meets
from landbridge.period import Period
from landbridge.policy.authorization import Policy
from landbridge.query import Query
from landbridge.subject import SubjectId, SubjectKind
from landbridge.v1 import answer_pb2, query_pb2
from node.catalogue import build_catalogue
from node.config import NodeConfig
from node.consents import Consents
from node.executable import check_expiries
from node.expiry import Expiry, expiries, first_in_term
from node.flags import Flags, Standing
from node.judge import Judge
from node.published import published_datasets
from node.reader import Reader
from node.sources.lookup import Withdrawn
from node.sources.source import Source
from node.task import Task
from tests.consents import desks
from tests.memoranda import make_memorandum
from tests.schools import dataset_answer, load_config, load_federation

EXPIRY: Final = """
[datasets.expiry]
event = "ended"
term = "P7Y"
time_zone = "America/New_York"
adverse = [{ field = "finding", in = ["closed", "probation"] }]
"""
CONFIG: Final = """
[node]
agency = "registrar"
title = "Registrar"
records = ["."]
[[files]]
table = "findings"
path = "findings.csv"
[[datasets]]
name = "findings"
title = "Findings"
table = "findings"
subject_kind = "legal-entity"
[[datasets.keys]]
scheme = "school"
column = "id"
[[datasets.fields]]
name = "number"
column = "id"
type = "identifier"
scheme = "school"
[[datasets.fields]]
name = "finding"
column = "finding"
[[datasets.fields]]
name = "ended"
column = "ended"
type = "date"
"""
FINDINGS: Final = """id,finding,ended
000001,closed,2016-02-29
000001,probation,2019-11-23
000001,honoured,2001-01-01
000001,probation,
000001,closed,long ago
000002,closed,2003-05-05
"""
LAST: Final = datetime(2023, 2, 28, 23, 59, 59, tzinfo=ZoneInfo("America/New_York"))
"""The last second of the day on which seven years since 29 February 2016 end."""


def unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


days = st.dates(date(1890, 1, 1), date(2100, 12, 31))
terms = st.builds(
    Period,
    years=st.integers(0, 12),
    months=st.integers(0, 30),
    weeks=st.integers(0, 3),
    days=st.integers(1, 40),
) | st.sampled_from([Period(years=5), Period(years=7), Period(years=10), Period(months=1)])


@given(term=terms, day=days)
def test_exactly_the_events_before_the_bound_are_past_their_term(term: Period, day: date) -> None:
    first = first_in_term(term, day)
    for off in range(-40, 41):
        event = first + timedelta(days=off)
        assert (event >= first) is (term.after(event) >= day)


@given(event=days, years=st.sampled_from([5, 7, 10]))
def test_a_record_is_given_until_the_day_on_which_its_term_ends(event: date, years: int) -> None:
    leap_day = (event.month, event.day) == (2, 29)
    leap_year = (event.year + years) % 4 == 0 and event.year + years not in (1900, 2100)
    ends = date(event.year + years, event.month, 28 if leap_day and not leap_year else event.day)
    expiry = Expiry("ended", Period(years=years), UTC)
    value = {"ended": event.isoformat()}.get
    for day, is_past in ((ends, False), (ends + timedelta(days=1), True)):
        noon = unix_ms(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
        assert meets(expiry.expired(noon), value) is is_past


@given(
    at=st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  UTC by the zones
    zone=st.sampled_from(["America/New_York", "Asia/Shanghai", "Pacific/Kiritimati", "UTC"]),
)
def test_the_day_is_that_of_the_zone(at: datetime, zone: str) -> None:
    today = at.astimezone(ZoneInfo(zone)).date()
    expiry = Expiry("ended", Period(years=7), ZoneInfo(zone))
    for event in (Period(years=7).before(today), Period(years=7).before(today - timedelta(days=3))):
        is_past = Period(years=7).after(event) < today
        assert meets(expiry.expired(unix_ms(at)), {"ended": event.isoformat()}.get) is is_past


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[NodeConfig, Source]]:
    folder = tmp_path_factory.mktemp("registrar")
    (folder / "findings.csv").write_text(FINDINGS)
    text = CONFIG.replace("[[datasets.keys]]", f"{EXPIRY}[[datasets.keys]]", 1)
    config, federation = load_config(folder, text), load_federation(folder)
    source = Source.open(config, federation, folder / "work")
    check_expiries(config, expiries(config.datasets), source, 0)
    yield config, source
    source.close()


def ask(
    registrar: tuple[NodeConfig, Source],
    at: datetime,
    *,
    subject: str = "000001",
    step: query_pb2.Step.ValueType = query_pb2.STEP_COLLECT,
    flags: Flags | None = None,
    **grant: object,
) -> answer_pb2.DatasetAnswer:
    """Judge and read a question on the findings by one clause."""
    config, source = registrar
    usual = {"provider": "registrar", "dataset": "findings", "requesters": ["board"], "clause": "1"}
    clause = {**usual, "fields": ["finding"], **grant}
    memorandum = make_memorandum(
        [{key: value for key, value in clause.items() if value is not None}],
        parties=("registrar", "board"),
        valid=("2020-01-01T00:00:00Z", "2040-01-01T00:00:00Z"),
    )
    now = unix_ms(at)
    query = Query(
        nonce=bytes(16),
        federation="schools.example",
        requester="board",
        subject=SubjectId("school", subject),
        subject_kind=SubjectKind.LEGAL_ENTITY,
        purpose="why",
        case_reference="C-1",
        wanted=(),
        issued_at=now,
        expires_at=now + 60_000,
    )
    question = query_pb2.Question(step=step, round=1, datasets=["findings"])
    policy = Policy([memorandum])
    task = Task(question, query, bytes(32), policy, at.astimezone(UTC).date())
    published = published_datasets(build_catalogue(config, load_federation(config.path.parent)))
    consents = Consents(lambda: desks().bundle, lambda: ())
    terms = expiries(config.datasets)
    Judge("registrar", published, consents, lambda _: False, terms).judge(task, now)
    failures: list[Exception] = []
    Reader(source, published, 100, failures.append, flags).read([task])
    assert not failures
    return dataset_answer(task.readings[0])


def findings(answer: answer_pb2.DatasetAnswer) -> list[str]:
    return [
        record.values[0].text
        for extract in answer.extracts
        for record in extract.records
        if record.values
    ]


@pytest.mark.parametrize(
    ("at", "given_", "expired"),
    [
        (LAST, ["closed", "probation", "honoured", "probation", "closed"], 0),
        (LAST + timedelta(seconds=1), ["probation", "honoured", "probation", "closed"], 1),
        (datetime(2026, 11, 24, 5, tzinfo=UTC), ["honoured", "probation", "closed"], 2),
        (
            datetime(2026, 11, 24, 4, tzinfo=UTC),
            ["probation", "honoured", "probation", "closed"],
            1,
        ),
    ],
)
def test_what_is_past_its_term_is_counted_and_nothing_more(
    registrar: tuple[NodeConfig, Source], at: datetime, given_: list[str], expired: int
) -> None:
    answer = ask(registrar, at)
    assert (findings(answer), answer.expired) == (given_, expired)


def test_a_record_that_is_given_no_more_is_not_counted_either(
    registrar: tuple[NodeConfig, Source],
) -> None:
    flags = Flags(lambda: 0)
    withdrawn = Withdrawn("findings.csv:2", SubjectId("school", "000001"))
    flags._standing = Standing({}, {"findings": frozenset((withdrawn,))})

    assert ask(registrar, LAST + timedelta(seconds=1), flags=flags).expired == 0


def test_a_subject_all_of_whose_records_expired_has_none(
    registrar: tuple[NodeConfig, Source],
) -> None:
    answer = ask(registrar, LAST, subject="000002")
    assert (answer.outcome, answer.expired) == (Reason.NO_RECORD.value, 1)
    assert not answer.extracts
    assert not answer.detail


def test_only_what_a_clause_would_release_is_counted(registrar: tuple[NodeConfig, Source]) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    assert ask(registrar, now).expired == 2
    only = ask(registrar, now, where=[{"field": "finding", "eq": "probation"}])
    assert (findings(only), only.expired) == (["probation"], 1)


def test_an_expired_record_plays_no_part_in_a_predicate(
    registrar: tuple[NodeConfig, Source],
) -> None:
    predicate = {
        "name": "was_closed",
        "title": "Was it closed on a known day?",
        "when": [{"field": "finding", "eq": "closed"}, {"field": "ended", "not-null": True}],
    }
    asked = {"predicates": [predicate], "fields": None}
    for at, truth in ((LAST, True), (LAST + timedelta(seconds=1), False)):
        (extract,) = ask(registrar, at, **asked).extracts
        assert extract.records[0].values[0].boolean is truth


def test_resolving_does_not_count(registrar: tuple[NodeConfig, Source]) -> None:
    answer = ask(registrar, LAST, subject="000002", step=query_pb2.STEP_RESOLVE, fields=["number"])
    assert (answer.outcome, answer.expired) == (Reason.NO_RECORD.value, 0)


@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ('event = "ended"', 'event = "endet"', "did you mean 'ended'"),
        ('event = "ended"', 'event = "finding"', "'finding' is not a date field"),
        ('term = "P7Y"', 'term = "7 years"', "P5Y, P6M or P90D"),
        ("America/New_York", "America/Gotham", "is not a time zone"),
        ('field = "finding", in', 'field = "finding", inn', "inn"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(
    tmp_path: Path, written: str, instead: str, told: str
) -> None:
    text = CONFIG.replace("[[datasets.keys]]", f"{EXPIRY}[[datasets.keys]]", 1)
    with pytest.raises(LandbridgeError, match=told) as refused:
        load_config(tmp_path, text.replace(written, instead))
    assert refused.value.reason is Reason.INVALID_CONFIGURATION


def test_a_rule_that_the_database_cannot_run_stops_the_node(
    registrar: tuple[NodeConfig, Source],
) -> None:
    config, source = registrar
    wrong = {"findings": Expiry("number", Period(years=7), UTC)}
    with pytest.raises(LandbridgeError) as refused:
        check_expiries(config, wrong, source, 0)
    assert refused.value.reason is Reason.INVALID_CONFIGURATION
    assert "node.toml" in refused.value.where


def test_not_expired_is_met_by_all_others() -> None:
    expired = Expiry("ended", Period(years=5), UTC).expired(0)
    assert meets(Not(expired), lambda _: None)
