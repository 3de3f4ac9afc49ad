"""The conformance kit: an honest node passes it, and one broken in any respect fails it."""

import functools
import json
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
import pytest_asyncio
from joserfc import jws
from joserfc.jwk import OKPKey

import node.judge
import node.responder
import node.server
from landbridge.agency import Role
from landbridge.commands.main import run
from landbridge.consent.signed import SignedByOne
from landbridge.consent.verification import Consent
from landbridge.envelope import BatchVerifier, evidence_to_proto
from landbridge.keys import KeyUse, SigningKey, public_text
from landbridge.library.shelf import Shelf
from landbridge.log.pseudonym import Pseudonyms
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy, authorize
from landbridge.policy.decision import OTHER_KIND, AccessRequest, Decision
from landbridge.query import Query
from landbridge.replay import ReplayGuard
from landbridge.sealing import SealingKey
from landbridge.v1 import log_pb2, query_pb2, reason_pb2
from node.conformance import consent_checks, fault_checks, policy_checks
from node.conformance.relay import Relay
from node.conformance.run import CHECKS, make, prepared
from node.conformance.trial import Trial
from node.conformance.verdict import Verdict
from node.consents import ConsentCheck, Consents
from node.quota import Quotas
from node.service import NodeService
from node.sources.lookup import Lookup
from node.task import Task
from node.trace import write_entry
from tests.integration.registrars import RegistrarDatabase

FEDERATION = r"""
[federation]
name = "trial.example"
title = "A federation to be joined"
[gateway]
agency = "hall"
name = "main"
[agencies.registry]
title = "Registry"
roles = ["node"]
[schemes.company]
title = "Company number"
subject_kind = "legal-entity"
pattern = '\d{8}'
[schemes.citizen]
title = "Citizen number"
subject_kind = "natural-person"
pattern = 'C\d{8}'
[purposes.licence-check]
title = "Licence check"
[purposes.statistics]
title = "Statistics"
"""
NODE = """
[node]
agency = "registry"
database = "sqlite:///registry.sqlite"
[[datasets]]
name = "companies"
title = "Companies"
table = "companies"
subject_kind = "legal-entity"
keys = [{scheme = "company", column = "number"}]
[[datasets.fields]]
name = "number"
column = "number"
type = "identifier"
scheme = "company"
[[datasets.fields]]
name = "city"
column = "city"
[[datasets.fields]]
name = "staff"
column = "staff"
type = "integer"
[[datasets]]
name = "holders"
title = "Holders of licences (made up)"
table = "holders"
subject_kind = "natural-person"
keys = [{scheme = "citizen", column = "number"}]
[[datasets.fields]]
name = "licence"
column = "licence"
[[datasets.fields]]
name = "since"
column = "since"
type = "date"
"""
TABLES = """
CREATE TABLE companies (
  id INTEGER PRIMARY KEY, number VARCHAR(8), city VARCHAR(20), staff INTEGER);
CREATE INDEX by_company ON companies (number);
INSERT INTO companies VALUES
  (1, '00000017', 'Troy', 4), (2, '00000017', NULL, 7), (3, '00000025', 'Utica', 4),
  (4, '00000033', 'Troy', 0);
CREATE TABLE holders (
  id INTEGER PRIMARY KEY, number VARCHAR(9), licence VARCHAR(20), since VARCHAR(10));
CREATE INDEX by_holder ON holders (number);
INSERT INTO holders VALUES
  (1, 'C00000011', 'teacher', '2020-01-31'), (2, 'C00000029', 'driver', '2021-05-01')
"""
ALL = "conform-all"
PAGE = Path(__file__).resolve().parents[2] / "docs/conformance.md"


def write_node(folder: Path) -> list[Path]:
    """Write an agency's files; return node.toml and federation.toml."""
    (folder / "federation.toml").write_text(FEDERATION)
    (folder / "node.toml").write_text(NODE)
    with closing(sqlite3.connect(folder / "registry.sqlite")) as database:
        database.executescript(TABLES)
    return [folder / "node.toml", folder / "federation.toml"]


def test_an_honest_node_conforms_and_has_it_in_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write_node(tmp_path)
    key = SigningKey.generate("registry", KeyUse.MEMORANDUM)
    key.save(tmp_path / "registry.key")
    report = tmp_path / "report.jws.json"
    monkeypatch.chdir(tmp_path)
    check, conform = re.findall(r"^\$ landbridge (.*)$", PAGE.read_text(), re.MULTILINE)
    assert run(check.split()) == 0
    capfd.readouterr()
    assert run(conform.split()) == 0
    shown = capfd.readouterr()
    lines = [line.split() for line in shown.out.splitlines()]
    assert [line[:2] for line in lines] == [["[pass]", check.name] for check in CHECKS]
    assert "the node conforms" in shown.err

    signed = json.loads(report.read_bytes())
    public = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_text(key.public)})
    document = json.loads(jws.deserialize_json(signed, public, algorithms=["Ed25519"]).payload)
    assert document["conforms"] is True
    assert document["signed_with_a_throw_away_key"] is False
    assert {each["check"]: each["verdict"] for each in document["checks"]} == {
        check.name: "pass" for check in CHECKS
    }
    assert (document["datasets"], document["untried_datasets"]) == (["companies", "holders"], [])
    # What was tried on real records says nothing of them.
    for value in ("00000017", "C00000011", "Troy", "Utica", "teacher", "2020-01-31"):
        assert value not in json.dumps(document)
        assert value not in shown.out + shown.err


def test_a_report_is_signed_by_the_agency_or_by_nobody(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = write_node(tmp_path)
    for agency, use in (("registry", KeyUse.LOG), ("board", KeyUse.MEMORANDUM)):
        key = tmp_path / f"{agency}.key"
        SigningKey.generate(agency, use).save(key)
        assert run(["node", "conform", str(config), "--key", str(key)]) == 4
        assert capsys.readouterr().err.startswith("LB-4002")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    config, federation = write_node(tmp_path_factory.mktemp("agency"))
    made = prepared(config, federation, tmp_path_factory.mktemp("trial"))
    await made.start()
    await made.choose()
    yield made
    await made.stop()


Patch = pytest.MonkeyPatch
Sabotage = Callable[[Patch, Trial], None]


def deciding(**changes: Any) -> Sabotage:
    """Let the node decide another request than it was asked."""

    def sabotage(patch: Patch, _: Trial) -> None:
        def broken(policy: Policy, request: AccessRequest) -> Decision:
            return authorize(policy, replace(request, **changes))

        patch.setattr(node.judge, "authorize", broken)

    return sabotage


def patched(target: object, name: str, broken: object) -> Sabotage:
    return lambda patch, _: patch.setattr(target, name, broken)


def tells_less(patch: Patch, trial: Trial) -> None:
    catalogue = type(trial.node.service._catalogue)()
    catalogue.CopyFrom(trial.node.service._catalogue)
    del catalogue.datasets[0].fields[0]
    patch.setattr(trial.node.service, "_catalogue", catalogue)


def forgets_notices(patch: Patch, _: Trial) -> None:
    patch.setattr(Shelf, "notices", property(lambda _: ()))
    patch.setattr(policy_checks, "_TAKEN_S", 0.6)


def lets_anybody_in(patch: Patch, _: Trial) -> None:
    method = "/landbridge.v1.NodeService/GetAnswer"
    patch.setitem(node.server.PERMITTED, method, frozenset(Role))


def is_busy_for_ever(patch: Patch, trial: Trial) -> None:
    patch.setattr(trial.node.dispatcher, "_capacity", 0)


def proves_another_entry(patch: Patch, _: Trial) -> None:
    def broken(proof: Any) -> Any:
        evidence = evidence_to_proto(proof)
        evidence.index += 1
        return evidence

    patch.setattr(node.responder, "evidence_to_proto", broken)


def writing(change: Callable[[log_pb2.LogEntry, Any], object]) -> Sabotage:
    """Let the node write something else into its log than it did."""

    def sabotage(patch: Patch, _: Trial) -> None:
        def broken(task: Any, *arguments: Any, **more: Any) -> log_pb2.LogEntry:
            entry = write_entry(task, *arguments, **more)
            change(entry, task)
            return entry

        patch.setattr(node.responder, "write_entry", broken)

    return sabotage


def hides_its_answers(patch: Patch, trial: Trial) -> None:
    patch.setattr(type(trial.node.log), "entries_backwards", lambda *_: iter(()))


def forgets_documents(patch: Patch, trial: Trial) -> None:
    log = type(trial.node.log)
    true = log.entries_backwards

    def broken(self: Any, before: int | None = None) -> Iterator[tuple[int, bytes]]:
        for index, data in true(self, before):
            if log_pb2.LogEntry.FromString(data).kind != log_pb2.ENTRY_KIND_DOCUMENT:
                yield index, data

    patch.setattr(log, "entries_backwards", broken)


def finding(change: Callable[[Any, Any], Any]) -> Sabotage:
    """Let the source give something else than it finds."""

    def sabotage(patch: Patch, trial: Trial) -> None:
        source = type(trial.node.source)
        true = source.fetch

        def broken(self: Any, lookups: Sequence[Any]) -> list[Any]:
            found = true(self, lookups)
            return [change(*pair) for pair in zip(lookups, found, strict=True)]

        patch.setattr(source, "fetch", broken)

    return sabotage


def no_holders(lookup: Lookup, found: Any) -> Any:
    return [] if lookup.dataset == "holders" else found


def takes_consents(change: Callable[[Query], Query]) -> Sabotage:
    """Let the node read another query than was shown to it when it looks at consents."""

    def sabotage(patch: Patch, _: Trial) -> None:
        true = Consents.check

        def broken(self: Consents, query: Query, **more: Any) -> ConsentCheck:
            return true(self, change(query), **more)

        patch.setattr(Consents, "check", broken)

    return sabotage


def takes_any_paper(patch: Patch, trial: Trial) -> None:
    names = [dataset.name for dataset in trial.datasets]

    def broken(_: Consents, query: Query, *, desks: Any, **__: Any) -> ConsentCheck:
        return ConsentCheck(dict.fromkeys(names, frozenset(desks)) if query.consents else {})

    patch.setattr(Consents, "check", broken)


def takes_consents_to_other_datasets(patch: Patch, trial: Trial) -> None:
    true, names = Consent.check, frozenset(trial.subjects)
    patch.setattr(Consent, "check", lambda self, **asked: true(self, **asked) | names)


def takes_the_word_of_every_desk(patch: Patch, trial: Trial) -> None:
    patch.setattr(Consents, "_check_desk", lambda *_: None)
    deciding(vouched_by=None)(patch, trial)


def takes_consents_of(part: str) -> Sabotage:
    """Let the node look away from one part of a consent."""

    def sabotage(patch: Patch, _: Trial) -> None:
        true = Consent.check

        def broken(self: Consent, **asked: Any) -> frozenset[str]:
            return true(self, **asked | {part: getattr(self, part)})

        patch.setattr(Consent, "check", broken)

    return sabotage


def forgets_revocations(patch: Patch, _: Trial) -> None:
    patch.setattr(Consents, "check_revocations", lambda *_: None)
    patch.setattr(consent_checks, "_TAKEN_S", 0.6)


def waits_for_lost_callers(patch: Patch, _: Trial) -> None:
    true = NodeService.StreamAnswers

    async def broken(self: NodeService, *arguments: Any) -> AsyncIterator[Any]:
        try:
            async for response in true(self, *arguments):
                yield response
        except BaseException:  # the caller is gone
            self._dispatcher._capacity = 0
            raise

    patch.setattr(NodeService, "StreamAnswers", broken)


def one_pseudonym(patch: Patch, _: Trial) -> None:
    patch.setattr(Pseudonyms, "of", lambda *_: bytes(16))


def no_pseudonym_twice(patch: Patch, _: Trial) -> None:
    patch.setattr(Pseudonyms, "of", lambda *_: secrets.token_bytes(16))


def each_access(change: Callable[[log_pb2.Access], object]) -> Sabotage:
    return writing(lambda entry, _: [change(access) for access in entry.accesses])


def each_sealed_access(change: Callable[[log_pb2.Access], object]) -> Sabotage:
    return writing(lambda entry, task: [change(access) for access in entry.accesses if task.sealed])


def setting(**fields: object) -> Callable[..., None]:
    """Change fields of a message."""

    def change(message: Any, *_: object) -> None:
        for name, value in fields.items():
            setattr(message, name, value)

    return change


def takes_refusals_for_another(access: log_pb2.Access) -> None:
    if not access.released:
        access.memorandum = ALL


def fails(*_: object, **__: object) -> None:
    raise ValueError("a careless line")


def serves_few_at_once(patch: Patch, _: Trial) -> None:
    few = functools.partial(grpc.aio.server, maximum_concurrent_rpcs=fault_checks.STALLED // 2)
    patch.setattr(grpc.aio, "server", few)


BROKEN: list[tuple[str, Sabotage]] = [
    ("suspension", forgets_notices),
    ("catalogue", tells_less),
    ("records", finding(lambda *_: [])),
    ("records", finding(no_holders)),
    ("resolving", patched(Task, "resolving", property(lambda _: False))),
    ("resolving", finding(lambda lookup, found: [] if lookup.broad else found)),
    ("resolving", patched(node.judge, "authorize", lambda *_: OTHER_KIND)),
    ("sealing", patched(node.responder, "seal_answer", lambda answer, **_: answer)),
    ("sealing", deciding(sealed=True)),
    ("fields", deciding(requester=ALL)),
    ("purposes", deciding(purpose="licence-check")),
    ("requesters", deciding(requester=ALL)),
    ("validity", deciding(at=read_instant("2000-06-01T00:00:00Z"))),
    ("validity", deciding(at=read_instant("2090-06-01T00:00:00Z"))),
    ("signatures", deciding(requester=ALL)),
    ("quota", patched(Quotas, "take", lambda *_: [])),
    ("quota", finding(lambda *_: [])),
    ("purposes", finding(lambda *_: [])),
    ("consent", deciding(consented=True)),
    ("consent", takes_any_paper),
    ("consent", takes_consents(lambda query: replace(query, consents=()))),
    *(("consent", takes_consents_of(part)) for part in ("subject", "requester", "purpose")),
    ("consent", takes_consents_to_other_datasets),
    ("consent", patched(Consent, "check_time", lambda *_: None)),
    ("consent", takes_the_word_of_every_desk),
    ("consent", patched(SignedByOne, "verify", lambda *_: None)),
    ("consent", forgets_revocations),
    ("consent", forgets_documents),
    ("codes", patched(Query, "fields_wanted", lambda *_: ())),
    ("rows", patched(node.judge, "rules_on", lambda *_: ())),
    ("predicates", patched(node.judge, "bind_predicate", lambda *_: ())),
    ("replay", patched(ReplayGuard, "admit", lambda *_, **__: None)),
    ("freshness", patched(node.responder, "check_query", lambda *_, **__: None)),
    (
        "forgery",
        patched(
            BatchVerifier,
            "verify",
            lambda _, envelope, __: query_pb2.Query.FromString(envelope.payload).requester,
        ),
    ),
    ("garbage", patched(node.responder, "read_query", fails)),
    ("callers", lets_anybody_in),
    ("stalled-callers", serves_few_at_once),
    ("lost-callers", waits_for_lost_callers),
    ("evidence", proves_another_entry),
    ("evidence", writing(lambda entry, _: entry.ClearField("accesses"))),
    ("evidence", writing(lambda entry, _: entry.ClearField("subject_pseudonym"))),
    ("evidence", writing(lambda entry, _: entry.ClearField("consents"))),
    ("evidence", one_pseudonym),
    ("evidence", no_pseudonym_twice),
    ("evidence", writing(setting(requester="conform-stranger"))),
    ("evidence", writing(setting(purpose="statistics"))),
    ("evidence", writing(setting(case_reference="CONFORMANCE-1"))),
    ("evidence", writing(setting(step=query_pb2.STEP_RESOLVE))),
    ("evidence", writing(setting(round=2))),
    ("evidence", writing(setting(subject_kind=2))),
    ("evidence", writing(setting(query_expires_at_unix_ms=1))),
    ("evidence", writing(setting(query_digest=bytes(32)))),
    ("evidence", each_access(setting(outcome=reason_pb2.REASON_CODE_NO_RECORD))),
    ("evidence", each_access(setting(outcome=reason_pb2.REASON_CODE_ANSWERED))),
    ("evidence", each_access(setting(memorandum=""))),
    ("evidence", each_access(setting(clause="another"))),
    ("evidence", each_access(setting(dataset="holders"))),
    ("evidence", each_access(lambda access: access.released.append("city"))),
    ("evidence", each_access(lambda access: access.ClearField("released"))),
    ("evidence", each_access(lambda access: access.refused.append("city"))),
    ("evidence", each_access(lambda access: access.ClearField("refused"))),
    ("evidence", each_access(setting(records=7))),
    ("evidence", each_access(setting(records=0))),
    ("evidence", each_sealed_access(setting(outcome=reason_pb2.REASON_CODE_ANSWERED))),
    ("evidence", each_sealed_access(setting(records=2))),
    ("evidence", each_sealed_access(setting(clause="another"))),
    ("evidence", each_access(takes_refusals_for_another)),
    ("evidence", each_sealed_access(lambda access: access.ClearField("released"))),
    ("log", hides_its_answers),
    ("log", forgets_documents),
    (
        "log",
        writing(lambda entry, task: entry.__setattr__("case_reference", task.query.subject.value)),
    ),
]


OF_THE_SERVER = (lets_anybody_in, serves_few_at_once, waits_for_lost_callers)
"""What shows in a server that is built anew."""


async def ask_this_and_that(trial: Trial) -> None:
    """Have something to look back on."""
    first, second, *_ = trial.subjects["companies"]
    for subject in (first, second, first):
        await trial.collect("all", "companies", subject)
    await trial.collect("all", "companies", first, seal_to=SealingKey.generate().public)
    await trial.collect("fields", "companies", first)
    await trial.collect("stranger", "companies", first)
    query = trial.parties.query("all", first)
    await trial.tell(query, "companies", about=first, step=query_pb2.STEP_RESOLVE)
    (holder, *_), (_, holders) = trial.subjects["holders"], trial.datasets
    consent = consent_checks._write(trial, consent_checks._terms(trial, holders, holder))
    await trial.collect("consent", "holders", holder, consents=[consent.to_bytes()])


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", ["evidence", "log"])
async def test_what_was_answered_and_logged_rightly_passes(trial: Trial, name: str) -> None:
    (check,) = [each for each in CHECKS if each.name == name]
    trial.told.clear()
    await ask_this_and_that(trial)
    assert (await make(check, trial)).verdict is Verdict.PASS


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("name", "sabotage"), BROKEN, ids=[name for name, _ in BROKEN])
async def test_a_node_that_is_broken_in_one_respect_fails(
    trial: Trial, name: str, sabotage: Sabotage, monkeypatch: pytest.MonkeyPatch
) -> None:
    (check,) = [each for each in CHECKS if each.name == name]
    trial.told.clear()
    with monkeypatch.context() as patch:
        sabotage(patch, trial)
        if sabotage in OF_THE_SERVER:
            await trial.restart()
        if name in ("evidence", "log"):
            await ask_this_and_that(trial)
        outcome = await make(check, trial)
    if sabotage in OF_THE_SERVER:
        await trial.restart()
    assert outcome.verdict is Verdict.FAIL, outcome.seen
    assert "broke the trial" not in outcome.seen
    assert outcome.seen


@pytest.mark.asyncio(loop_scope="module")
async def test_a_subject_that_somebody_named_need_not_stand_in_every_table(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    (records,) = [each for each in CHECKS if each.name == "records"]
    named = [subject for subjects in trial.subjects.values() for subject in subjects]
    monkeypatch.setattr(trial, "given", named)
    with monkeypatch.context() as patch:
        finding(no_holders)(patch, trial)
        outcome = await make(records, trial)
        assert outcome.verdict is Verdict.PASS
        assert outcome.seen.endswith("not in holders")
    finding(lambda *_: [])(monkeypatch, trial)
    assert (await make(records, trial)).verdict is Verdict.FAIL


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("harm", "verdict"),
    [(None, Verdict.PASS), (Relay.close, Verdict.FAIL), (Relay.cut, Verdict.FAIL)],
    ids=["none", "takes-nobody-more", "loses-everybody"],
)
async def test_a_front_that_noise_brings_down_fails(
    trial: Trial,
    harm: Callable[[Relay], None] | None,
    verdict: Verdict,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (noise,) = [each for each in CHECKS if each.name == "noise"]

    class Front(Relay):
        def passed(self, data: bytes) -> None:
            super().passed(data)
            if harm is not None and data.startswith(b"GET "):
                harm(self)

    async with Front(trial.address) as front:
        address = front.address
        with monkeypatch.context() as patch:
            patch.setattr(Trial, "address", property(lambda _: address))
            await trial.reconnect()
            outcome = await make(noise, trial)
        await trial.reconnect()
    assert outcome.verdict is verdict, outcome.seen
    assert "broke the trial" not in outcome.seen


@pytest.mark.parametrize("registrar", ["duckdb"], indirect=True)
async def test_the_kit_finds_its_subjects_in_another_kind_of_database(
    registrar: RegistrarDatabase, tmp_path: Path
) -> None:
    config, federation = write_node(tmp_path)
    config.write_text(NODE.replace("sqlite:///registry.sqlite", registrar.url))
    for statement in TABLES.split(";"):
        registrar.run(statement)
    (tmp_path / "trial").mkdir()
    trial = prepared(config, federation, tmp_path / "trial")
    assert [len(found) for found in trial.subjects.values()] == [3, 2]
    await trial.start()
    try:
        outcomes = {
            check.name: await make(check, trial)
            for check in CHECKS
            if check.name in ("fields", "rows", "predicates", "log")
        }
    finally:
        await trial.stop()
    assert {outcome.verdict for outcome in outcomes.values()} == {Verdict.PASS}, outcomes


def test_a_node_without_records_cannot_be_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, _ = write_node(tmp_path)
    with closing(sqlite3.connect(tmp_path / "registry.sqlite")) as database:
        database.executescript("DELETE FROM companies; DELETE FROM holders;")
    assert run(["node", "conform", str(config)]) == 2
    assert "nothing to try" in capsys.readouterr().err


def test_every_check_stands_on_the_page() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(), re.MULTILINE)
    named = [name for row in rows for name in re.findall(r"`([a-z-]+)`", row)]
    assert named == [check.name for check in CHECKS]


def test_every_check_has_its_control() -> None:
    assert {check.name for check in CHECKS} == {name for name, _ in BROKEN} | {"noise"}
