"""Nodes that are broken on purpose, each in one respect of the conformance kit."""

import functools
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

import grpc
import pytest

import node.judge
import node.responder
import node.server
from landbridge import query_reader
from landbridge.agency import Role
from landbridge.consent.verification import Consent
from landbridge.envelope import BatchVerifier
from landbridge.library.shelf import Shelf
from landbridge.memorandum.words import read_instant
from landbridge.policy.authorization import Policy, authorize
from landbridge.policy.decision import OTHER_KIND, AccessRequest, Decision
from landbridge.query import Query
from landbridge.replay import ReplayGuard
from landbridge.statement.signed import SignedByOne
from landbridge.v1 import query_pb2
from node.conformance import consent_checks, fault_checks, policy_checks
from node.conformance.trial import Trial
from node.consents import ConsentCheck, Consents
from node.quota import Quotas
from node.service import NodeService
from node.sources.lookup import Lookup
from node.task import Task

ALL = "conform-all"
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


def finding(change: Callable[[Any, Any], Any]) -> Sabotage:
    """Let the source give something else than it finds."""

    def sabotage(patch: Patch, trial: Trial) -> None:
        source = type(trial.node.source)
        true = source.read

        def broken(self: Any, lookups: Sequence[Any]) -> list[Any]:
            found = true(self, lookups)
            return [change(*pair) for pair in zip(lookups, found, strict=True)]

        patch.setattr(source, "read", broken)

    return sabotage


def no_holders(lookup: Lookup, found: Any) -> Any:
    return [] if lookup.wanted.dataset == "holders" else found


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
    true = NodeService.stream_answers

    async def broken(self: NodeService, *arguments: Any) -> AsyncIterator[Any]:
        try:
            async for response in true(self, *arguments):
                yield response
        except BaseException:  # the caller is gone
            self._dispatcher._capacity = 0
            raise

    patch.setattr(NodeService, "stream_answers", broken)


def counts_without_end(patch: Patch, _: Trial) -> None:
    true = Quotas.take
    patch.setattr(Quotas, "take", lambda self, claim, _: true(self, claim, ()))


def fails(*_: object, **__: object) -> None:
    raise ValueError("a careless line")


def serves_few_at_once(patch: Patch, _: Trial) -> None:
    few = functools.partial(grpc.aio.server, maximum_concurrent_rpcs=fault_checks.STALLED // 2)
    patch.setattr(grpc.aio, "server", few)


OF_THE_SERVER = (lets_anybody_in, serves_few_at_once, waits_for_lost_callers)
"""What shows in a server that is built anew."""

BROKEN_NODES: list[tuple[str, Sabotage]] = [
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
    ("quota", counts_without_end),
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
    ("codes", patched(Query, "fields_wanted", lambda *_: ())),
    ("rows", patched(node.judge, "rules_on", lambda *_: ())),
    ("predicates", patched(node.judge, "bind_predicate", lambda *_: ())),
    ("replay", patched(ReplayGuard, "admit", lambda *_, **__: None)),
    ("freshness", patched(query_reader, "check_query", lambda *_, **__: None)),
    (
        "forgery",
        patched(
            BatchVerifier,
            "verify",
            lambda _, envelope, __: query_pb2.Query.FromString(envelope.payload).requester,
        ),
    ),
    ("garbage", patched(query_reader, "read_query", fails)),
    ("callers", lets_anybody_in),
    ("stalled-callers", serves_few_at_once),
    ("lost-callers", waits_for_lost_callers),
]
