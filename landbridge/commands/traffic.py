"""Callers who go on asking while something else is done, and what became of their calls."""

import asyncio
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from landbridge.client import Client
from landbridge.counted import counted
from landbridge.errors import LandbridgeError
from landbridge.subject import SubjectId
from landbridge.v1 import profile_pb2

_CALLERS: Final = 3
_PAUSE_S: Final = 0.05
_CASE: Final = "TRAFFIC"


class Traffic:
    """Asks for one profile, again and again, until left; no call is ever repeated.

    Three callers use the unary rpc and one the stream. A call fails when no profile comes, or one
    in which a source is missing.
    """

    def __init__(self, home: Path, subject: SubjectId, purpose: str) -> None:
        self._home = home
        self._subject = subject
        self._purpose = purpose
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.asked = 0
        self.failures: list[str] = []
        self.longest_s = 0.0

    def __enter__(self) -> Self:
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ask no more, and wait for the answers that are still owed."""
        self._stopping.set()
        self._thread.join()

    def summary(self) -> str:
        """Say how many calls there were, how many failed and how long the longest took."""
        return (
            f"{counted(self.asked, 'profile')} {'was' if self.asked == 1 else 'were'} asked for"
            f" meanwhile, {counted(len(self.failures), 'call')} failed; the longest took"
            f" {self.longest_s * 1000:.0f} ms"
        )

    async def _run(self) -> None:
        client = Client.from_home(self._home)
        try:
            await asyncio.gather(
                *(self._ask(client, streamed=False) for _ in range(_CALLERS)),
                self._ask(client, streamed=True),
            )
        finally:
            await client.close()

    async def _ask(self, client: Client, *, streamed: bool) -> None:
        send = client.stream if streamed else client.send
        while not self._stopping.is_set():
            (query,) = client.sign([self._subject], self._purpose, _CASE)
            started = time.monotonic()
            try:
                envelope = await send(query)
                profile = profile_pb2.Profile.FromString(envelope.payload)
                if profile.completeness.failed:
                    self.failures.append("a source did not answer")
            except LandbridgeError as error:
                self.failures.append(str(error))
            self.asked += 1
            self.longest_s = max(self.longest_s, time.monotonic() - started)
            await asyncio.sleep(_PAUSE_S)
