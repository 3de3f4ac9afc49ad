"""The courier: carries signed documents between the nodes, so that all hold what concerns them.

Each node is visited in turn with its own: what it has and the gateway has not is fetched, what
concerns its agency and it has not is brought. A node that is away is visited when it is back. The
courier decides nothing: each side verifies what it is given.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from gateway.node_client import NodeClient
from landbridge.errors import LandbridgeError
from landbridge.library.intake import Intake
from landbridge.library.kinds import Kind, digest_of
from landbridge.library.shelf import Shelf
from landbridge.library.store import Library
from landbridge.rpc.documents import Listed, get_documents, list_documents, offer_documents

INTERVAL_S: Final = 1.0
"""How long a node's news may wait, at most; what is new at the gateway leaves at once."""
_TIMEOUT_S: Final = 5.0
_NOT_AGAIN_S: Final = 30.0
_ORDER: Final = (Kind.MEMORANDUM, Kind.NOTICE, Kind.REVOCATION)
"""A notice is taken only where its memorandum is."""


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
        self._work: asyncio.Task[None] | None = None
        library.subscribe(self._changed)

    def start(self) -> None:
        """Begin to work, on this event loop."""
        self._work = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop working."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)

    def _changed(self, _: Shelf) -> None:
        # It comes on whatever thread has brought the document.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._news.set)

    async def _run(self) -> None:
        while True:
            self._news.clear()
            self._forget()
            reached = [agency for agency, node in self._nodes.items() if node.connected]
            await asyncio.gather(*map(self._visit, reached))
            try:
                await asyncio.wait_for(self._news.wait(), self._interval_s)
            except TimeoutError:
                continue

    async def _visit(self, agency: str) -> None:
        try:
            node = self._nodes[agency]
            listed = await list_documents(node.channel, timeout=_TIMEOUT_S)
            await self._fetch(agency, node, listed)
            await self._bring(agency, node, {one.digest for one in listed})
        except (LandbridgeError, KeyError):
            return  # it is away, or no member any more: other parts of the gateway tell of that
        except Exception as error:  # noqa: BLE001  one node keeps no other from its documents
            self._failed(error)

    async def _fetch(self, agency: str, node: NodeClient, listed: list[Listed]) -> None:
        """Fetch what the node has and the gateway has not."""
        here = {found.opened.digest for found in self._library.shelf.shown.values()}
        lacking = sorted(
            (one for one in listed if one.digest not in here and self._may_try(agency, one.digest)),
            key=lambda one: _ORDER.index(one.kind),
        )
        if not lacking:
            return
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

    async def _bring(self, agency: str, node: NodeClient, there: set[str]) -> None:
        """Bring what concerns the node's agency and the node has not."""
        shelf = self._library.shelf
        lacking = sorted(
            (
                found
                for found in shelf.shown.values()
                if found.opened.digest not in there
                and self._may_try(agency, found.opened.digest)
                and agency in shelf.concerned(found)
            ),
            key=lambda found: _ORDER.index(found.opened.kind),
        )
        if not lacking:
            return
        outcomes = await offer_documents(
            node.channel, [found.opened.document for found in lacking], timeout=_TIMEOUT_S
        )
        for found, outcome in zip(lacking, outcomes, strict=True):
            if outcome.error is not None or not outcome.taken:
                self._not_now(agency, found.opened.digest)

    def _may_try(self, agency: str, digest: str) -> bool:
        return (agency, digest) not in self._not_before

    def _not_now(self, agency: str, digest: str) -> None:
        self._not_before[agency, digest] = self._loop.time() + _NOT_AGAIN_S

    def _forget(self) -> None:
        now = self._loop.time()
        self._not_before = {key: end for key, end in self._not_before.items() if end > now}
