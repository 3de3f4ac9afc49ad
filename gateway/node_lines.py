"""The gateway's lines to all nodes, as the trust bundle lists them at the moment.

An agency that joins is asked without a restart; one that is suspended or leaves is asked no more.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping

from gateway.node_client import NodeClient
from landbridge.agency import Role
from landbridge.trust.bundle import Endpoint
from landbridge.trust.store import Trust, TrustStore


class NodeLines(Mapping[str, NodeClient]):
    """One line an agency; which there are may change between two looks. Used on one event loop."""

    def __init__(self, store: TrustStore, open_line: Callable[[Endpoint], NodeClient]) -> None:
        self._open_line = open_line
        self._lines: dict[str, tuple[Endpoint, NodeClient]] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._store = store
        self._unsubscribe = store.subscribe(self._trust_changed)
        self._follow()

    def __getitem__(self, agency: str) -> NodeClient:
        """Return the line to an agency's node."""
        return self._lines[agency][1]

    def __iter__(self) -> Iterator[str]:
        """Name the agencies that have a node now."""
        return iter(tuple(self._lines))

    def __len__(self) -> int:
        """Count the lines."""
        return len(self._lines)

    async def close(self) -> None:
        """Close every line."""
        self._unsubscribe()
        for agency in tuple(self._lines):
            self._drop(agency)
        await asyncio.gather(*self._closing)

    def _trust_changed(self, _: Trust) -> None:
        # It comes on whatever thread has brought the trust.
        self._loop.call_soon_threadsafe(self._follow)

    def _follow(self) -> None:
        listed: dict[str, Endpoint] = {}
        for endpoint in self._store.current.bundle.endpoints(Role.NODE):
            listed.setdefault(endpoint.agency, endpoint)
        for agency, (endpoint, _) in tuple(self._lines.items()):
            if listed.get(agency) != endpoint:
                self._drop(agency)
        for agency, endpoint in listed.items():
            if agency not in self._lines:
                self._lines[agency] = (endpoint, self._open_line(endpoint))

    def _drop(self, agency: str) -> None:
        _, line = self._lines.pop(agency)
        task = asyncio.create_task(line.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
