"""Checks that the node answers only what is signed, fresh, and brought by a gateway."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import grpc

from landbridge.clock import system_clock
from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential, open_channel
from landbridge.rpc.status import from_rpc_error
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, node_service_pb2, node_service_pb2_grpc, query_pb2
from node.conformance.parties import Parties
from node.conformance.told import question
from node.conformance.trial import Trial
from node.conformance.verdict import Check, demand

_HOUR_MS: Final = 3_600_000
_TIMEOUT_S: Final = 10.0
_TOO_LARGE: Final = 200_000


async def _replay(trial: Trial) -> str:
    dataset, subject = _first(trial)
    query = trial.parties.query("all", subject)
    await trial.tell(query, dataset, about=subject)
    for when in ("at once", "after a restart"):
        seen = await trial.refusal(question(query, dataset))
        demand(
            seen is Reason.REPLAYED_QUERY,
            f"the same question again, {when}: {seen.code} instead of {Reason.REPLAYED_QUERY.code}",
        )
        if when == "at once":
            await trial.restart()
    return "a question is answered once, also after a restart"


async def _time(trial: Trial) -> str:
    dataset, subject = _first(trial)
    now = system_clock()
    long = trial.federation.limits.max_query_lifetime_s * 1000 + _HOUR_MS
    for what, query in (
        ("an expired query", trial.parties.query("all", subject, at=now - _HOUR_MS)),
        ("a query from the future", trial.parties.query("all", subject, at=now + _HOUR_MS)),
        ("a query that lives too long", trial.parties.query("all", subject, lifetime_ms=long)),
    ):
        seen = await trial.refusal(question(query, dataset))
        demand(
            seen is Reason.STALE_QUERY,
            f"{what}: {seen.code} instead of {Reason.STALE_QUERY.code}",
        )
    return "expired, early and long-lived queries are refused"


async def _signatures(trial: Trial) -> str:
    dataset, subject = _first(trial)
    good = trial.parties.query("all", subject)
    changed = envelope_pb2.Envelope.FromString(good.SerializeToString())
    message = query_pb2.Query.FromString(good.payload)
    message.case_reference = "CHANGED-1"
    changed.payload = message.SerializeToString()
    parties = trial.parties
    gateway = parties.key(parties.gateway.agency, KeyUse.LOG)
    cases = {
        "a query changed on the way": (changed, {Reason.BAD_SIGNATURE}),
        "a query signed by another requester": (
            trial.parties.sign_query("stranger", good.payload),
            {Reason.BAD_SIGNATURE},
        ),
        "a query signed by the gateway": (
            sign_batch(QUERY_TYPE, [good.payload], gateway)[0],
            {Reason.UNTRUSTED_KEY, Reason.BAD_SIGNATURE},
        ),
    }
    for what, (query, reasons) in cases.items():
        seen = await trial.refusal(question(query, dataset))
        demand(seen in reasons, f"{what}: {seen.code} instead of {min(reasons).code}")
    return f"{len(cases)} queries that their requester did not sign are refused"


async def _malformed(trial: Trial) -> str:
    dataset, _ = _first(trial)
    for what, payload in (
        ("garbage", b"\xff\x00garbage"),
        ("nothing", b""),
        ("an oversized query", bytes(_TOO_LARGE)),
    ):
        seen = await trial.refusal(question(trial.parties.sign_query("all", payload), dataset))
        demand(
            seen is Reason.MALFORMED_REQUEST,
            f"{what}, signed: {seen.code} instead of {Reason.MALFORMED_REQUEST.code}",
        )
    return "garbage, nothing and an oversized query are refused"


async def _callers(trial: Trial) -> str:
    dataset, subject = _first(trial)
    requester = trial.channel(trial.parties.folder("all"))
    seen = await _refusal(requester, trial, dataset, subject)
    demand(
        seen is Reason.CALLER_REFUSED,
        f"a requester that calls the node itself: {seen.code} instead of "
        f"{Reason.CALLER_REFUSED.code}",
    )
    with TemporaryDirectory(prefix="landbridge-stranger-") as folder:
        stranger = Parties(Path(folder), trial.federation, trial.agency)
        trust = PartyFolder.open(stranger.gateway_folder).trust.current
        credential = Credential.read(stranger.gateway_folder / "credential.pem", trust)
        roots = PartyFolder.open(trial.parties.gateway_folder).trust.current.bundle.roots_pem
        channel = open_channel(trial.address, trial.dns_name, credential, roots)
        seen = await _refusal(channel, trial, dataset, subject)
    demand(seen is not Reason.ANSWERED, "a gateway that another authority certified is answered")
    return "a requester and another federation's gateway are refused at the door"


async def _refusal(
    channel: grpc.aio.Channel, trial: Trial, dataset: str, subject: SubjectId
) -> Reason:
    stub: node_service_pb2_grpc.NodeServiceAsyncStub = node_service_pb2_grpc.NodeServiceStub(
        channel
    )
    asked = question(trial.parties.query("all", subject), dataset)
    request = node_service_pb2.GetAnswerRequest(question=asked)
    try:
        await stub.GetAnswer(request, timeout=_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        told: LandbridgeError = from_rpc_error(error)
        return told.reason
    finally:
        await channel.close()
    return Reason.ANSWERED


def _first(trial: Trial) -> tuple[str, SubjectId]:
    dataset = trial.datasets[0].name
    return dataset, trial.subjects[dataset][0]


CHECKS: Final = (
    Check("replay", "A question is answered once.", _replay),
    Check("freshness", "A query is answered in its time alone.", _time),
    Check("forgery", "Only what its requester signed is answered.", _signatures),
    Check("garbage", "What is no query is refused.", _malformed),
    Check("callers", "Only a gateway of the federation may ask.", _callers),
)
