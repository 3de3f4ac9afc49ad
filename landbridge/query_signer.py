"""Signs queries that are ready together with one signature; on a person, each by itself.

No query waits for company: what is ready in one turn of the event loop is signed at its end.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from landbridge.envelope import QUERY_TYPE, sign_batch
from landbridge.keys import SigningKey
from landbridge.v1 import envelope_pb2


@dataclass(frozen=True, slots=True)
class Draft:
    """A query that is written and not yet signed. One on a person is signed `alone` (LB-3014)."""

    payload: bytes
    alone: bool


class QuerySigner:
    """Signs with the key that is due; one look at it a batch."""

    def __init__(self, key: Callable[[], SigningKey]) -> None:
        self._key = key
        self._ready: list[tuple[Draft, asyncio.Future[envelope_pb2.Envelope]]] = []

    def sign_all(self, drafts: Sequence[Draft]) -> list[envelope_pb2.Envelope]:
        """Sign drafts, in their order; on any thread."""
        key = self._key()
        together = [draft.payload for draft in drafts if not draft.alone]
        signed = iter(sign_batch(QUERY_TYPE, together, key))
        return [
            sign_batch(QUERY_TYPE, [draft.payload], key)[0] if draft.alone else next(signed)
            for draft in drafts
        ]

    async def sign(self, draft: Draft) -> envelope_pb2.Envelope:
        """Sign a draft, together with those that others bring in this turn of the event loop."""
        loop = asyncio.get_running_loop()
        signed: asyncio.Future[envelope_pb2.Envelope] = loop.create_future()
        if not self._ready:
            loop.call_soon(self._sign_ready)
        self._ready.append((draft, signed))
        return await signed

    def _sign_ready(self) -> None:
        ready = [(draft, signed) for draft, signed in self._ready if not signed.done()]
        self._ready = []
        try:
            queries = self.sign_all([draft for draft, _ in ready])
        except Exception as error:  # noqa: BLE001  each caller gets it
            for _, signed in ready:
                signed.set_exception(error)
            return
        for (_, signed), query in zip(ready, queries, strict=True):
            signed.set_result(query)
