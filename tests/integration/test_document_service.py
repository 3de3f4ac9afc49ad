"""DocumentService: who may see what and who may bring; what does not verify is kept nowhere."""

import asyncio
from pathlib import Path

import grpc
import pytest

from landbridge.agency import Role
from landbridge.errors import LandbridgeError, Reason
from landbridge.keys import KeyUse
from landbridge.memorandum.document import Memorandum
from landbridge.memorandum.notice import SignedNotice, WrittenNotice
from landbridge.memorandum.signature import SignedForm
from landbridge.memorandum.signed_form import sign
from landbridge.rpc.documents import get_documents, list_documents, offer_documents
from landbridge.rpc.status import from_rpc_error
from landbridge.v1 import document_service_pb2 as pb
from landbridge.v1 import document_service_pb2_grpc as pb_grpc
from tests.distribution import (
    CITY,
    STALLS,
    between,
    signed,
    state,
    until,
)
from tests.market import FOOD, TAX, Market, market


async def test_who_may_see_what_and_who_may_bring(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        text = between(running, TAX, CITY)
        running.gateway.documents.intake.take(signed(running, text))
        (front,) = running.bundle.endpoints(Role.GATEWAY)
        seen: dict[str, set[str]] = {}
        for agency, role in ((TAX, Role.NODE), (FOOD, Role.NODE), (CITY, Role.REQUESTER)):
            async with running.channel(front, agency, role) as channel:
                listed = await list_documents(channel)
                seen[agency] = {one.subject for one in listed}
                everything = [
                    found.opened.digest
                    for found in running.gateway.documents.library.shelf.shown.values()
                ]
                assert len(await get_documents(channel, everything)) == len(listed)
                if role is Role.NODE:
                    with pytest.raises(LandbridgeError) as caught:
                        await offer_documents(channel, [b"x"])
                    assert caught.value.reason is Reason.CALLER_REFUSED
        both = {STALLS, "between"}
        assert seen == {TAX: both, FOOD: {STALLS}, CITY: both}


async def test_what_does_not_verify_is_refused_with_its_code_and_kept_nowhere(
    tmp_path: Path,
) -> None:
    async with market(tmp_path) as running:
        text = between(running, TAX, CITY)
        good = signed(running, text)
        wider = text.model_copy(update={"title": "Other"})
        whole = next(iter(running.bundle.endpoints(Role.GATEWAY)))
        notice = _notice(running, text, TAX)
        documents = {
            b"": Reason.MALFORMED_MEMORANDUM,
            b"x" * 2_100_000: Reason.MALFORMED_MEMORANDUM,
            SignedForm(wider.to_json(), SignedForm.parse(good).signatures).to_bytes(): (
                Reason.BAD_SIGNATURE
            ),
            SignedForm(text.to_json()).to_bytes(): Reason.SIGNERS_NOT_PARTIES,
            notice: Reason.MALFORMED_NOTICE,
        }
        before = sorted(state(running, FOOD).rglob("*"))
        endpoint = running.bundle.members[FOOD].endpoints[0]
        async with running.channel(whole, CITY, Role.REQUESTER) as channel:
            found = await offer_documents(channel, list(documents))
            assert [each.error and each.error.reason for each in found] == list(documents.values())
            assert not any(each.taken for each in found)
        async with running.channel(endpoint, "exchange", Role.GATEWAY) as channel:
            # A node keeps nothing that does not concern it, whoever brings it.
            (outcome,) = await offer_documents(channel, [good])
            assert outcome.error is not None
            assert outcome.error.reason is Reason.SIGNERS_NOT_PARTIES
            with pytest.raises(LandbridgeError, match="are more than 100"):
                await _too_many(channel)
        assert sorted(state(running, FOOD).rglob("*")) == before
        async with running.channel(whole, CITY, Role.REQUESTER) as channel:
            first, second, third = await offer_documents(channel, [good, good, notice])
            assert (first.taken, second.taken, third.taken) == (True, False, True)
            assert second.error is None


async def test_a_gateway_waits_for_another_list_and_nobody_else_does(tmp_path: Path) -> None:
    async with market(tmp_path) as running:
        documents = running.nodes[TAX].documents
        endpoint = running.bundle.members[TAX].endpoints[0]
        (front,) = running.bundle.endpoints(Role.GATEWAY)
        async with (
            running.channel(endpoint, "exchange", Role.GATEWAY) as line,
            running.channel(front, CITY, Role.REQUESTER) as other,
        ):
            known = await list_documents(line)
            # It has something else than what is known: the answer comes at once.
            assert await list_documents(line, known=known[1:], wait_s=60) == known
            waiting = asyncio.create_task(list_documents(line, known=known, wait_s=60))
            await until(lambda: len(documents._service._waiting) > 1)
            assert not waiting.done()
            assert documents.intake.take(signed(running, between(running, TAX, CITY)))
            news = await waiting
            assert [one.subject for one in news if one not in known] == ["between"]
            assert await list_documents(line, known=news, wait_s=0.01) == news
            # Whoever is no gateway is answered at once.
            listed = await list_documents(other)
            assert await list_documents(other, known=listed, wait_s=60) == listed
            # Nobody holds up a node that stops.
            waiting = asyncio.create_task(list_documents(line, known=news, wait_s=60))
            await until(lambda: bool(documents._service._waiting))
            documents.retire()
            assert await waiting == news


def _notice(running: Market, text: Memorandum, agency: str) -> bytes:
    written = WrittenNotice.draft(
        {
            "notice": "suspend",
            "memorandum": text.id,
            "digest": text.digest,
            "from": "2026-05-01T00:00:00Z",
            "reason": "Audit",
            "signers": [agency],
        }
    )
    payload = written.to_json()
    signature = sign(payload, running.key(agency, Role.NODE, KeyUse.MEMORANDUM))
    return SignedNotice(payload, (signature,)).to_bytes()


async def _too_many(channel: grpc.aio.Channel) -> None:
    try:
        await pb_grpc.DocumentServiceStub(channel).OfferDocuments(
            pb.OfferDocumentsRequest(documents=[b"x"] * 101), timeout=5
        )
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
