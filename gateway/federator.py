"""Turns a signed query into a signed profile: the gateway's whole job, step by step."""

import asyncio
from collections.abc import Iterable, Mapping

from google.protobuf.message import DecodeError

from gateway.asked import Asked
from gateway.assembly_time import AssemblyTime
from gateway.entry_room import check_room
from gateway.executor import Executor
from gateway.inquiry import Inquiry
from gateway.node_client import NodeClient
from gateway.planner import Planner
from gateway.verifier import AnswerVerifier
from gateway.waves import Place, Waves
from gateway.worker import OtherWorkers
from gateway.written_profile import write_profile
from landbridge.assembler import VerifiedAnswer
from landbridge.clock import Clock
from landbridge.envelope import (
    MAX_SIGNED_QUERY_BYTES,
    QUERY_TYPE,
    BatchVerifier,
    check_bare,
    digest,
)
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.federation import Federation
from landbridge.links import FollowedIdentifiers, linking_records
from landbridge.log.committer import Committer
from landbridge.query import Query, check_alone
from landbridge.query_reader import QueryReader
from landbridge.replay import ReplayGuard
from landbridge.sealing import check_public_key
from landbridge.subject import SubjectId
from landbridge.v1 import envelope_pb2, profile_pb2, query_pb2

_RESOLVE_SHARE = 0.5


class Federator:
    """Assembles profiles. Holds no record of anybody beyond the query in hand."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        *,
        gateway: str,
        federation: Federation,
        nodes: Mapping[str, NodeClient],
        planner: Planner,
        verifier: AnswerVerifier,
        queries: BatchVerifier,
        log: Committer,
        replay: ReplayGuard,
        others: OtherWorkers | None = None,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._federation = federation
        self._nodes = nodes
        self._executor = Executor(nodes)
        self._planner = planner
        self._verifier = verifier
        self._queries = queries
        self._query_reader = QueryReader(federation)
        self._log = log
        self._replay = replay
        self._others = others
        self._clock = clock
        self._time = AssemblyTime()
        self._waves = Waves()

    async def profile(
        self,
        query: bytes,
        *,
        caller: str,
        timeout: float,
    ) -> bytes:
        """Assemble the profile that a query asks for, within `timeout` seconds: two Envelopes.

        The steps: check the query, plan, resolve identifiers, collect, assemble, log and sign.
        A source that refuses, fails or is late is a gap in the profile; the query fails only when
        it cannot be trusted itself, or when the log cannot be written.

        Raises:
            LandbridgeError: LB-1001 to LB-1005, LB-3005, LB-3014, LB-4001 to LB-4005, LB-2002,
                LB-2003, LB-5001, LB-5003.
        """
        loop = asyncio.get_running_loop()
        now = loop.time()
        with self._time.in_work():
            wait = timeout - self._time.kept(timeout)
            inquiry = self._check(query, caller)
            place = await self._waves.join(now + wait)
            try:
                await self._resolve(inquiry, now + wait * _RESOLVE_SHARE, place)
                await self._collect(inquiry, now + wait, place)
                try:
                    async with asyncio.timeout_at(now + timeout):
                        return await self._log_and_sign(inquiry)
                except TimeoutError as error:
                    raise refuse(Reason.LATE, "the gateway's log took too long") from error
            finally:
                place.leave()

    def _check(self, data: bytes, caller: str) -> Inquiry:
        now = self._clock()
        self._log.check_not_halted()
        if len(data) > MAX_SIGNED_QUERY_BYTES:
            raise refuse(Reason.MALFORMED_REQUEST, "the signed query is too large")
        try:
            envelope = envelope_pb2.Envelope.FromString(data)
        except DecodeError:
            raise refuse(Reason.MALFORMED_REQUEST, "the signed query is no envelope") from None
        signer = self._queries.verify(envelope, QUERY_TYPE)
        check_bare(envelope)
        if signer != caller:
            raise refuse(Reason.CALLER_REFUSED, f"{caller} brings a query that {signer} has signed")
        query = self._query_reader.read(envelope.payload, signer=signer, at=now)
        check_alone(query, envelope.batch.size)
        if query.seal_to:
            check_public_key(query.seal_to)
        query_digest = digest(QUERY_TYPE, envelope.payload)
        self._replay.admit(query_digest, 0, 0, expires_at=query.expires_at, at=now)
        nodes = tuple(self._nodes.items())
        catalogues = {agency: node.catalogue for agency, node in nodes}
        plan = self._planner.plan(query, catalogues, now)
        followed = FollowedIdentifiers(
            query.subject, self._federation.schemes, self._federation.limits.max_links
        )
        inquiry = Inquiry(data, query, query_digest, plan, followed)
        inquiry.not_answered.extend(plan.refused)
        inquiry.not_answered.extend(
            profile_pb2.Source(
                agency=agency,
                outcome=node.failure.reason.value,  # type: ignore[arg-type]
                detail=node.failure.message,
                not_asked=True,
            )
            for agency, node in nodes
            if node.catalogue is None and _is_wanted(query, agency)
        )
        return inquiry

    async def _resolve(self, inquiry: Inquiry, deadline: float, place: Place) -> None:
        """Ask the datasets that link identifiers, round by round, until every scheme is settled."""
        steps: tuple[SubjectId, ...] = (inquiry.query.subject,)
        for round_ in range(1, self._federation.limits.max_rounds + 1):
            if not inquiry.plan.unsettled(inquiry.followed):
                return
            datasets = inquiry.plan.resolve({step.scheme for step in steps})
            if not datasets:
                return
            asked = _asked(query_pb2.STEP_RESOLVE, round_, datasets)
            answers, failures = await self._ask(inquiry, asked, deadline, place)
            inquiry.unresolved |= failures | _withheld_links(answers)
            read = [(answer, tuple(linking_records(answer.read))) for answer in answers]
            inquiry.resolved.extend(read)
            steps = inquiry.followed.add_round(record for _, found in read for record in found)

    async def _collect(self, inquiry: Inquiry, deadline: float, place: Place) -> None:
        datasets, unreachable = inquiry.plan.collect(inquiry.followed)
        for source in unreachable:
            if inquiry.unresolved:
                silent = ", ".join(
                    f"{agency} ({error.code})" for agency, error in inquiry.unresolved.items()
                )
                source.detail += f"; not to be asked for links: {silent}"
            inquiry.not_answered.append(source)
        asked = _asked(query_pb2.STEP_COLLECT, 1, datasets)
        answers, failures = await self._ask(inquiry, asked, deadline, place)
        inquiry.collected = answers
        inquiry.not_answered.extend(
            profile_pb2.Source(
                agency=agency,
                dataset=dataset,
                outcome=failure.reason.value,  # type: ignore[arg-type]
                detail=failure.message,
            )
            for agency, failure in failures.items()
            for dataset in datasets[agency]
        )

    async def _ask(
        self,
        inquiry: Inquiry,
        asked: Mapping[str, Asked],
        deadline: float,
        place: Place,
    ) -> tuple[list[VerifiedAnswer], dict[str, LandbridgeError]]:
        """Ask the nodes and verify every answer before it is used."""
        failures = self._verifier.not_to_be_asked(asked)
        questions = inquiry.questions(
            {agency: one for agency, one in asked.items() if agency not in failures}
            if failures
            else asked
        )
        sizes_before, asked_at = self._verifier.sizes_seen(), self._clock()

        def verify(agency: str, data: bytes) -> VerifiedAnswer:
            answer = self._verifier.verify(
                data,
                agency=agency,
                asked=asked[agency],
                query=inquiry.query,
                query_digest=inquiry.query_digest,
                sizes_before=sizes_before,
                asked_at=asked_at,
            )
            return check_room(answer)

        answers: list[VerifiedAnswer] = []
        for agency, outcome in (
            await self._executor.ask(questions, deadline, verify, place)
        ).items():
            if isinstance(outcome, LandbridgeError):
                failures[agency] = outcome
            else:
                answers.append(outcome)
        return answers, failures

    async def _log_and_sign(self, inquiry: Inquiry) -> bytes:
        now = self._clock()
        with self._time.assembling():
            written = write_profile(
                inquiry, gateway=self._gateway, federation=self._federation, at=now
            )
        subject = inquiry.query.subject
        about = (subject.scheme, subject.value, now)
        size = written.entry_size
        try:
            evidence = await self._log.append_about(about, written.entry_about, size=size)
        except LandbridgeError:
            self._replay.forget(inquiry.query_digest, 0, 0)
            raise
        if self._others is not None:
            await self._others.follow(evidence.index, now)
        return written.signed(evidence)


def _asked(
    step: query_pb2.Step.ValueType, round_: int, datasets: Mapping[str, list[str]]
) -> dict[str, Asked]:
    return {agency: Asked(step, round_, names) for agency, names in datasets.items()}


def _withheld_links(answers: Iterable[VerifiedAnswer]) -> dict[str, LandbridgeError]:
    """Name the agencies that were asked for links and gave none, for a reason of their own."""
    looked = (Reason.ANSWERED.value, Reason.NO_RECORD.value)
    return {
        answer.agency: refuse(Reason(dataset.outcome), dataset.detail)
        for answer in answers
        for dataset in answer.read.outline.datasets
        if dataset.outcome not in looked
    }


def _is_wanted(query: Query, agency: str) -> bool:
    return not query.wanted or any(wanted.agency == agency for wanted in query.wanted)
