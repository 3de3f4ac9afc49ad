"""Controls of the conformance kit: a node that is broken in any one respect fails it."""

from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from landbridge.sealing import SealingKey
from landbridge.v1 import query_pb2
from node.conformance import consent_checks
from node.conformance.relay import Relay
from node.conformance.run import CHECKS, make, prepared
from node.conformance.trial import Trial
from node.conformance.verdict import Verdict
from node.judgements import Judgements
from tests.integration.broken_logs import BROKEN_LOGS
from tests.integration.broken_nodes import (
    BROKEN_NODES,
    OF_THE_SERVER,
    Sabotage,
    finding,
    no_holders,
)
from tests.integration.conformance_agency import write_node

BROKEN = [*BROKEN_NODES, *BROKEN_LOGS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def trial(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    config, federation = write_node(tmp_path_factory.mktemp("agency"))
    made = prepared(config, federation, tmp_path_factory.mktemp("trial"))
    await made.start()
    await made.choose()
    yield made
    await made.stop()


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
        # What was judged before the node broke is not to hide that it did, nor the other way round.
        patch.setattr(trial.node.dispatcher._responder._judge, "_judgements", Judgements())
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


def test_every_check_has_its_control() -> None:
    assert {check.name for check in CHECKS} == {name for name, _ in BROKEN} | {"noise"}
