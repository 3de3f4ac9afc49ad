"""Messages of batches at their limits: too large, too many, too late, and nobody who reads."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import grpc
import pytest
import pytest_asyncio

from bench.federation import PURPOSE
from landbridge.agency import Role
from landbridge.errors import Reason
from landbridge.party import PartyFolder
from landbridge.rpc.credentials import Credential
from landbridge.rpc.outbox import LARGEST_BATCH, MOST_ACCEPTED, MOST_OWED
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import envelope_pb2, gateway_service_pb2, gateway_service_pb2_grpc
from tests.batch_relay import Send, honestly
from tests.equal_agencies import LONG_S, ODD, Agencies, Town, town_with_an_odd_node, what_came
from tests.relay import Streamed

pytestmark = pytest.mark.asyncio(loop_scope="module")

LARGEST_MESSAGE: Final = 16 * 1024 * 1024
LARGE: Final = 60_000
SMALL_WINDOW: Final = 64 * 1024
Queries = gateway_service_pb2.StreamProfilesRequest


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def built(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    async with town_with_an_odd_node(tmp_path_factory.mktemp("agencies")) as town:
        yield town


@pytest_asyncio.fixture(loop_scope="module")
async def town(built: Town) -> AsyncIterator[Town]:
    """The town, whose odd node is honest again after each test."""
    yield built
    built.odd.pass_on = honestly
    built.odd.reads.set()
    built.odd.asked.clear()
    await built.agencies.running.connected()


@asynccontextmanager
async def raw_stream(agencies: Agencies) -> AsyncIterator[Any]:
    """Open a stream on which a requester sends what it likes, and takes little at once."""
    running = agencies.running
    (front,) = running.bundle.endpoints(Role.GATEWAY)
    party = PartyFolder.open(running.sandbox.state(running.client.agency, Role.REQUESTER))
    shown = Credential.read(party.credential, party.trust.current)
    credentials = grpc.ssl_channel_credentials(party.bundle.roots_pem, shown.key, shown.chain)
    options = (
        ("grpc.ssl_target_name_override", front.dns_name),
        ("grpc.max_send_message_length", -1),
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", SMALL_WINDOW),
    )
    async with grpc.aio.secure_channel(front.address, credentials, options=options) as channel:
        stub: gateway_service_pb2_grpc.GatewayServiceAsyncStub = (
            gateway_service_pb2_grpc.GatewayServiceStub(channel)
        )
        yield stub.StreamProfiles()


def message(queries: Sequence[envelope_pb2.Envelope], timeout_ms: int = 30_000) -> Queries:
    written = Queries()
    for number, query in enumerate(queries):
        written.queries.add(correlation_id=number, query=query, timeout_ms=timeout_ms)
    return written


async def test_a_query_that_is_late_on_arrival_is_refused_and_the_rest_of_its_message_answered(
    town: Town,
) -> None:
    batch = message(town.agencies.sign(16))
    batch.queries[7].timeout_ms = 1
    found: dict[int, gateway_service_pb2.StreamedProfile] = {}
    async with raw_stream(town.agencies) as call:
        await call.write(batch)
        await call.done_writing()
        async for response in call:
            found.update({item.correlation_id: item for item in response.profiles})
    assert found.pop(7).failure.reason == Reason.LATE.value
    assert len(found) == 15
    assert all(what_came(item.profile) == town.whole for item in found.values())


async def test_queries_beyond_one_message_travel_in_several(town: Town) -> None:
    """Each is as large as a query may be; together they are more than one message holds."""
    queries = town.agencies.sign(90, consents=[bytes(LARGE)])
    assert sum(query.ByteSize() for query in queries) > LARGEST_BATCH
    for envelope in await town.agencies.stream(queries):
        assert what_came(envelope) == town.whole
    sizes = [sum(item.ByteSize() for item in asked) for asked in town.odd.asked]
    assert max(sizes) <= LARGEST_BATCH
    assert sum(map(len, town.odd.asked)) == 90


@pytest.mark.parametrize(
    "refused",
    [
        message([envelope_pb2.Envelope(payload=bytes(LARGEST_MESSAGE))]),
        message([envelope_pb2.Envelope()] * (MOST_ACCEPTED + 1)),
    ],
    ids=["bytes", "items"],
)
async def test_a_message_beyond_a_limit_ends_its_own_stream_alone(
    town: Town, refused: Queries
) -> None:
    released = asyncio.Event()

    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        await released.wait()
        send(answers)

    town.odd.pass_on = pass_on
    others = asyncio.create_task(town.agencies.stream(town.agencies.sign(8)))
    async with raw_stream(town.agencies) as call:
        await call.write(refused)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
    limits = (Reason.MALFORMED_REQUEST, Reason.OVERSIZED_ANSWER)
    assert from_rpc_error(caught.value).reason in limits
    assert not others.done()
    released.set()
    assert [what_came(envelope) for envelope in await others] == [town.whole] * 8


async def test_a_node_that_sends_more_than_a_message_holds_is_a_gap(town: Town) -> None:
    async def pass_on(answers: Sequence[Streamed], send: Send) -> None:
        answers[0].answer.payload = bytes(LARGEST_MESSAGE)
        send(answers)

    town.odd.pass_on = pass_on
    found = [what_came(one) for one in await town.agencies.stream(town.agencies.sign(8))]
    assert {reasons.pop(ODD) for reasons in found} == {Reason.OVERSIZED_ANSWER}
    assert all(set(reasons.values()) == {Reason.ANSWERED} for reasons in found)
    town.odd.pass_on = honestly
    await town.agencies.running.connected()
    (again,) = await town.agencies.stream(town.agencies.sign(1))
    assert what_came(again) == town.whole


async def test_a_requester_that_does_not_read_is_read_no_further_and_nobody_waits_for_it(
    town: Town,
) -> None:
    items = MOST_ACCEPTED
    junk = message([envelope_pb2.Envelope(payload=bytes(1000))] * items)
    written = 0

    async def write_on(call: Any) -> None:
        nonlocal written
        while True:
            await call.write(junk)
            written += 1

    other = town.agencies.another_client()
    async with raw_stream(town.agencies) as call:
        writer = asyncio.create_task(write_on(call))
        before = -1
        async with asyncio.timeout(30):
            while written != before:
                before = written
                await asyncio.sleep(0.5)
        # What is owed, what is being read, and what the line itself holds: its windows grow with
        # the speed at which both sides work.
        assert MOST_OWED / items <= written <= (MOST_OWED + MOST_ACCEPTED) / items + 24
        asked = other.sign(town.agencies.some(16), PURPOSE, "T-2")
        for envelope in await asyncio.gather(*(other.stream(one, LONG_S) for one in asked)):
            assert what_came(envelope) == town.whole
        assert written == before
        writer.cancel()
        await asyncio.wait({writer})
        call.cancel()
    await other.close()


async def test_a_node_that_does_not_read_is_late_and_is_asked_again_when_it_reads(
    town: Town,
) -> None:
    town.odd.reads.clear()
    # It takes what it was waiting for; what follows stays with the gateway.
    await town.agencies.stream(town.agencies.sign(1))
    queries = town.agencies.sign(12, consents=[bytes(LARGE)])
    found = [what_came(one) for one in await town.agencies.stream(queries, 5.0)]
    assert found == [town.without(Reason.LATE)] * 12
    town.odd.reads.set()
    async with asyncio.timeout(20):
        while True:
            (envelope,) = await town.agencies.stream(town.agencies.sign(1))
            if what_came(envelope) == town.whole:
                break
