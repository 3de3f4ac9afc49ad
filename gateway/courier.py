"""The courier: carries signed documents between the nodes, so that all hold what concerns them.

Each node is visited in turn with its own: what it has and the gateway has not is fetched, what
concerns its agency and it has not is brought. Where nothing is to be carried, the visit waits at
the node until it has something else. A node that is away is visited when it is back. The courier
decides nothing: each side verifies what it is given.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import grpc

from gateway.node_client import NodeClient
from landbridge.errors import LandbridgeError
from landbridge.library.intake import Intake
from landbridge.library.kinds import Kind, digest_of
from landbridge.library.shelf import Shelf
from landbridge.library.store import Library
from landbridge.rpc.documents import (
    LONGEST_WAIT_S,
    Listed,
    get_documents,
    list_documents,
    offer_documents,
)

INTERVAL_S: Final = 1.0
"""How soon after one another a node is visited where there is something to carry; what is new at
the gateway leaves at once."""
_TIMEOUT_S: Final = 5.0
_NOT_AGAIN_S: Final = 30.0
_SOON_S: Final = 0.1
_SHARE: Final = 4
_LONGEST_REST_S: Final = 10.0
_ORDER: Final = (
    Kind.MEMORANDUM,
    Kind.NOTICE,
    Kind.REVOCATION,
    Kind.CORRECTION,
    Kind.ACKNOWLEDGEMENT,
)
"""A notice is taken only where its memorandum is, an acknowledgement where what it is of is."""


class Courier:
    """Visits all nodes again and again. Used on one event loop.

    `failed` is told of errors that nobody foresaw.
    """

    def __init__(
        self,
        library: Library,
        intake: Intake,
        nodes: Mapping[str, NodeClient],
        *,
        failed: Callable[[Exception], None],
        interval_s: float = INTERVAL_S,
    ) -> None:
        self._library = library
        self._intake = intake
        self._nodes = nodes
        self._failed = failed
        self._interval_s = interval_s
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._not_before: dict[tuple[str, str], float] = {}
        self._visits: dict[str, asyncio.Task[None]] = {}
        self._settled: dict[str, tuple[Shelf, list[Listed]]] = {}
        """What is here and what a node lists, where nothing was to be carried between the two."""
        self._waiting: dict[str, grpc.aio.Channel] = {}
        """By node: where a visit waits for something else."""
        self._rests: dict[str, float] = {}
        self._work: asyncio.Task[None] | None = None
        library.subscribe(self._changed)

    def start(self) -> None:
        """Begin to work, on this event loop."""
        self._work = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop working."""
        if self._work is not None:
            self._work.cancel()
            visits = tuple(self._visits.values())
            for visit in visits:
                visit.cancel()
            await asyncio.gather(self._work, *visits, return_exceptions=True)

    def _changed(self, _: Shelf) -> None:
        # It comes on whatever thread has brought the document.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    async def _run(self) -> None:
        expecting: set[str] = set()  # nodes that have yet to be visited in this round
        due_at = 0.0
        while True:
            reached = {agency for agency, node in self._nodes.items() if node.connected}
            now = self._loop.time()
            if self._news.is_set() or now >= due_at:
                expecting, due_at = set(reached), now + self._interval_s
            self._news.clear()
            await self._wait_no_more(reached)
            self._forget(now)
            # A node that is slow keeps no other waiting, and is not asked twice at once: what is
            # new is brought to it as soon as it is free.
            free = {agency for agency in expecting & reached if self._is_free(agency)}
            expecting -= free | self._waiting.keys()
            for agency in free:
                self._visits[agency] = asyncio.create_task(self._visit(agency))
            pause = min(_SOON_S if expecting else self._interval_s, max(0.0, due_at - now))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), pause)

    async def _wait_no_more(self, reached: set[str]) -> None:
        """End the visits that wait where there may be something to bring, or another channel."""
        over = [
            self._visits[agency]
            for agency, channel in self._waiting.items()
            if self._settled_with(agency) is None
            or agency not in reached
            or self._nodes[agency].channel is not channel
        ]
        for visit in over:
            visit.cancel()
        await asyncio.gather(*over, return_exceptions=True)

    def _settled_with(self, agency: str) -> list[Listed] | None:
        """Return what a node lists, where it and what is here are as they were last."""
        shelf, listed = self._settled.get(agency, (None, None))
        return listed if shelf is self._library.shelf else None

    def _is_free(self, agency: str) -> bool:
        return agency not in self._visits and self._rests.get(agency, 0) <= self._loop.time()

    async def _visit(self, agency: str) -> None:
        began = self._loop.time()
        try:
            node, settled = self._nodes[agency], self._settled_with(agency)
            if settled is None:
                listed = await list_documents(node.channel, timeout=_TIMEOUT_S)
            else:
                try:
                    listed = await self._wait_at(agency, node, settled)
                finally:
                    began = self._loop.time()
            self._settled.pop(agency, None)
            shelf = self._library.shelf
            fetched = await self._fetch(agency, node, listed)
            brought = await self._bring(agency, node, {one.digest for one in listed})
            if not fetched and not brought:
                self._settled[agency] = (shelf, listed)
        except (LandbridgeError, KeyError):
            return  # it is away, or no member any more: other parts of the gateway tell of that
        except Exception as error:  # noqa: BLE001  one node keeps no other from its documents
            self._failed(error)
        finally:
            # Where lists are very long, they are compared less often.
            now = self._loop.time()
            self._rests[agency] = now + min(_LONGEST_REST_S, _SHARE * (now - began))
            self._visits.pop(agency, None)

    async def _wait_at(self, agency: str, node: NodeClient, settled: list[Listed]) -> list[Listed]:
        """Return what a node lists, once it is something else or after a while."""
        channel = self._waiting[agency] = node.channel
        try:
            return await list_documents(
                channel, known=settled, wait_s=LONGEST_WAIT_S, timeout=_TIMEOUT_S
            )
        finally:
            self._waiting.pop(agency, None)

    async def _fetch(self, agency: str, node: NodeClient, listed: list[Listed]) -> bool:
        """Fetch what the node has and the gateway has not; return whether there was anything."""
        here = {found.opened.digest for found in self._library.shelf.shown.values()}
        missing = [one for one in listed if one.digest not in here]
        lacking = sorted(
            (one for one in missing if self._may_try(agency, one.digest)),
            key=lambda one: _ORDER.index(one.kind),
        )
        if not lacking:
            return bool(missing)
        wanted = [one.digest for one in lacking]
        documents = {
            digest_of(document): document
            for document in await get_documents(node.channel, wanted, timeout=_TIMEOUT_S)
        }
        for digest in wanted:
            if digest in documents:
                # Whatever becomes of it, it is not fetched again at once: a form with fewer
                # signatures than are here is replaced at the node meanwhile.
                self._not_now(agency, digest)
                try:
                    await asyncio.to_thread(self._intake.take, documents[digest])
                except LandbridgeError:
                    continue
        return True

    async def _bring(self, agency: str, node: NodeClient, there: set[str]) -> bool:
        """Bring what concerns the node's agency and it has not; return whether there was any."""
        shelf = self._library.shelf
        missing = [
            found
            for found in shelf.shown.values()
            if found.opened.digest not in there and agency in shelf.concerned(found)
        ]
        lacking = sorted(
            (found for found in missing if self._may_try(agency, found.opened.digest)),
            key=lambda found: _ORDER.index(found.opened.kind),
        )
        if not lacking:
            return bool(missing)
        outcomes = await offer_documents(
            node.channel, [found.opened.document for found in lacking], timeout=_TIMEOUT_S
        )
        for found, outcome in zip(lacking, outcomes, strict=True):
            if outcome.error is not None or not outcome.taken:
                self._not_now(agency, found.opened.digest)
        return True

    def _may_try(self, agency: str, digest: str) -> bool:
        return (agency, digest) not in self._not_before

    def _not_now(self, agency: str, digest: str) -> None:
        self._not_before[agency, digest] = self._loop.time() + _NOT_AGAIN_S

    def _forget(self, now: float) -> None:
        self._not_before = {key: end for key, end in self._not_before.items() if end > now}
