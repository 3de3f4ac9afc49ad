"""A requester's own log: what it asks before a query leaves, what it receives before it is used.

So whoever compares it with the logs of gateway and nodes finds what either side hides; and one of
these that was put back to an older copy is noticed at once. Other processes may append to the same
log in turn, and the log's key may change while this one runs.

Batches form by themselves: what gathers while one is written is the next, queries and profiles
alike. What comes alone does not wait for company.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from landbridge.agency import Identity
from landbridge.alarm import Alarms
from landbridge.clock import Clock, system_clock
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.keys import KeyUse
from landbridge.live_key import LiveKey
from landbridge.log.committer import LARGEST_BATCH, MOST_WAITING
from landbridge.party import PartyFolder
from landbridge.query_signer import Draft
from landbridge.requester_batch import Arrived, Batch, Logged, Sign, Signed, Unsigned, Waiting
from landbridge.requester_trace import Asked
from landbridge.requester_writer import Came, Pending, PutDown, RequesterWriter
from landbridge.v1 import envelope_pb2

_ALARM: Final = "requester's log"
_KEPT_MS: Final = 60_000
"""How long queries signed together are known beyond their expiry, when none of them leaves."""
_Given = TypeVar("_Given")


@dataclass(slots=True)
class _Together:
    """Queries that were signed together: in the log together, once the first of them leaves."""

    asked: Sequence[Asked]
    expires_at: int
    logging: asyncio.Future[list[Pending]] | None = None


class RequesterLog:
    """Appends to the log of one requester. Use it on one event loop; close it with `close`.

    The file is opened when the first query leaves. `until` is how long a caller waits, in the event
    loop's own time, in seconds: a query that nobody waits for any more is not signed, and a profile
    that came is put down all the same.
    """

    def __init__(
        self, folder: PartyFolder, identity: Identity, key: LiveKey, clock: Clock = system_clock
    ) -> None:
        self._clock = clock
        self.writer = RequesterWriter(folder, identity, key, clock)
        """What writes it, on the thread of this log alone."""
        self._waiting: deque[Waiting] = deque()
        self._entries_waiting = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="requester-log")
        self._is_writing = False
        self._idle = asyncio.Event()
        self._closed = False
        self._together: dict[bytes, _Together] = {}

    @classmethod
    def of(
        cls,
        folder: PartyFolder,
        identity: Identity,
        *,
        alarms: Alarms,
        clock: Clock = system_clock,
    ) -> Self | None:
        """Return the log of a party's folder, or None and one alarm where it has no key for one.

        Raises:
            LandbridgeError: LB-4011 when others may read the key; LB-1101 when it cannot be read.
        """
        path = folder.folder / "keys" / f"{KeyUse.LOG}.key"
        if path.exists():
            return cls(folder, identity, LiveKey(path, alarms=alarms), clock)
        why = refuse(
            Reason.INVALID_CONFIGURATION,
            "this folder has no log key: what is asked and received is not logged here",
            where=str(path),
            next_step="make one: landbridge federation apply, with the same parties as before",
        )
        alarms.raised(_ALARM, why)
        return None

    def signed_together(self, queries: Sequence[envelope_pb2.Envelope], expires_at: int) -> None:
        """Have queries logged in one commit, when the first of them leaves.

        `expires_at` is Unix milliseconds.
        """
        now = self._clock()
        self._together = {
            name: together
            for name, together in self._together.items()
            if together.expires_at + _KEPT_MS > now
        }
        together = _Together([Asked.read(query) for query in queries], expires_at)
        self._together.update((asked.digest, together) for asked in together.asked)

    async def asked(self, query: envelope_pb2.Envelope, until: float | None = None) -> Pending:
        """Put down that a query is about to leave; it may when this returns.

        Raises:
            LandbridgeError: LB-5001 when the disk refuses; LB-5002 when the log is damaged; LB-2003
                when too many wait; LB-2002 when it takes too long.
        """
        asked = Asked.read(query)
        together = self._together.pop(asked.digest, None)
        if together is None:
            return (await _in_time(self._put_down([asked]), until))[0]
        try:
            async with asyncio.timeout_at(until):
                return await self._leave_together(asked, together)
        except TimeoutError:
            raise _late() from None

    async def leave(
        self, draft: Draft, sign: Sign, until: float | None = None
    ) -> tuple[envelope_pb2.Envelope, Pending]:
        """Sign a query with those that go to the disk with it; it may leave when this returns.

        Raises:
            LandbridgeError: as for `asked`.
        """
        done: asyncio.Future[Logged] = asyncio.get_running_loop().create_future()
        self._wait(Unsigned(draft, sign, done), 1)
        return await _in_time(done, until)

    async def received(
        self, pending: Pending, profile: envelope_pb2.Envelope, until: float | None = None
    ) -> None:
        """Put down what came; the profile may be handed on when this returns.

        Of others' logs only what verifies by the trust bundle is put down, so that nobody is
        accused by a forged head. Whatever does not is for the verification of the profile.

        Raises:
            LandbridgeError: as for `asked`; LB-1001 when the gateway says more than an entry holds;
                LB-5003 when a log was put back to an older copy: what it showed is put down.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._wait(Arrived(Came(pending, profile), done), 1)
        await _in_time(done, until)

    async def close(self) -> None:
        """Commit what waits and close the file."""
        if self._closed:
            return
        self._closed = True
        if self._is_writing:
            self._idle.clear()
            await self._idle.wait()
        await asyncio.get_running_loop().run_in_executor(self._worker, self.writer.close)
        self._worker.shutdown()

    async def _leave_together(self, asked: Asked, together: _Together) -> Pending:
        if together.logging is None:
            together.logging = self._put_down(together.asked)
            together.logging.add_done_callback(_noted)
        logging = together.logging
        try:
            # One who gives up takes nothing from the others.
            pending = await asyncio.shield(logging)
        except LandbridgeError:
            if together.logging is logging:
                together.logging = None
            raise
        return Pending(asked, pending[0].seen)

    def _put_down(self, asked: Sequence[Asked]) -> asyncio.Future[list[Pending]]:
        done: asyncio.Future[list[Pending]] = asyncio.get_running_loop().create_future()
        self._wait(Signed(asked, done), len(asked))
        return done

    def _wait(self, waiting: Waiting, count: int) -> None:
        if self._closed:
            raise refuse(Reason.LOG_UNAVAILABLE, "the log is closed: the program is ending")
        if self._waiting and self._entries_waiting + count > MOST_WAITING:
            raise refuse(
                Reason.BUSY, f"{self._entries_waiting} entries are waiting to be logged already"
            )
        self._waiting.append(waiting)
        self._entries_waiting += count
        if not self._is_writing:
            self._is_writing = True
            # After all that is ready in this turn of the loop.
            asyncio.get_running_loop().call_soon(self._write_next)

    def _write_next(self) -> None:
        if not self._waiting:
            self._is_writing = False
            self._idle.set()
            return
        batch = self._next_batch()
        loop = asyncio.get_running_loop()

        def write() -> None:
            try:
                put_down = batch.put_down_with(self.writer)
            except BaseException as error:  # noqa: BLE001  each caller gets it
                loop.call_soon_threadsafe(self._written, batch, error)
            else:
                loop.call_soon_threadsafe(self._written, batch, put_down)

        self._worker.submit(write)

    def _written(self, batch: Batch, outcome: PutDown | BaseException) -> None:
        if isinstance(outcome, PutDown):
            batch.settle(outcome)
        else:
            batch.fail(outcome)
        self._write_next()

    def _next_batch(self) -> Batch:
        batch, size = Batch(), 0
        while self._waiting:
            first = self._waiting[0]
            count = len(first.asked) if isinstance(first, Signed) else 1
            if size and size + count > LARGEST_BATCH:
                break
            self._waiting.popleft()
            self._entries_waiting -= count
            size += count
            if isinstance(first, Arrived):
                batch.arrived.append(first)
            elif isinstance(first, Signed):
                batch.signed.append(first)
            elif not first.done.done():  # nobody waits for it any more: it is never signed
                batch.unsigned.append(first)
        return batch


async def _in_time(done: asyncio.Future[_Given], until: float | None) -> _Given:
    if until is None:
        return await done
    late = asyncio.get_running_loop().call_at(until, _give_up, done)
    try:
        return await done
    finally:
        late.cancel()


def _give_up(done: asyncio.Future[_Given]) -> None:
    if not done.done():
        done.set_exception(_late())


def _late() -> LandbridgeError:
    return refuse(Reason.LATE, "the requester's own log was not written before the deadline")


def _noted(done: asyncio.Future[list[Pending]]) -> None:
    """Take note of how it ended, where nobody waits for it any more."""
    if not done.cancelled():
        done.exception()
