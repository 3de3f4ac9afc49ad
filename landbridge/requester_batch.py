"""What goes to a requester's log together: queries that are to leave, and profiles that came."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from landbridge.errors import LandbridgeError
from landbridge.query_signer import Draft
from landbridge.requester_trace import Asked
from landbridge.requester_writer import Came, Pending, PutDown, RequesterWriter
from landbridge.v1 import envelope_pb2

Sign = Callable[[Sequence[Draft]], Sequence[envelope_pb2.Envelope]]
"""Signs drafts, in their order; it is called on the log's thread."""

_Given = TypeVar("_Given")
Logged = tuple[envelope_pb2.Envelope, Pending]


@dataclass(slots=True)
class Unsigned:
    """A query that is signed with those that go to the disk with it."""

    draft: Draft
    sign: Sign
    done: asyncio.Future[Logged]


@dataclass(slots=True)
class Signed:
    """Queries that stay together in the log."""

    asked: Sequence[Asked]
    done: asyncio.Future[list[Pending]]


@dataclass(slots=True)
class Arrived:
    """A profile that waits to be put down."""

    came: Came
    done: asyncio.Future[None]


Waiting = Unsigned | Signed | Arrived


@dataclass(slots=True)
class Batch:
    """What goes to the disk together."""

    unsigned: list[Unsigned] = field(default_factory=list)
    signed: list[Signed] = field(default_factory=list)
    arrived: list[Arrived] = field(default_factory=list)
    queries: Sequence[envelope_pb2.Envelope] = ()
    asked: list[Asked] = field(default_factory=list)

    def put_down_with(self, writer: RequesterWriter) -> PutDown:
        """Sign what is to be signed, and write; on the log's thread."""
        if self.unsigned:
            drafts = [each.draft for each in self.unsigned]
            self.queries = self.unsigned[0].sign(drafts)
            self.asked += map(Asked.read, self.queries)
        for each in self.signed:
            self.asked += each.asked
        return writer.put_down(self.asked, [each.came for each in self.arrived])

    def settle(self, put_down: PutDown) -> None:
        """Tell each caller what became of its own."""
        refused = iter(put_down.refused)
        pending = (Pending(asked, put_down.seen) for asked in self.asked)
        for unsigned, query in zip(self.unsigned, self.queries, strict=True):
            _settle(unsigned.done, (query, next(pending)), next(refused))
        for signed in self.signed:
            count = len(signed.asked)
            errors = filter(None, tuple(islice(refused, count)))
            _settle(signed.done, list(islice(pending, count)), next(errors, None))
        for arrived in self.arrived:
            _settle(arrived.done, None, next(refused))

    def fail(self, error: BaseException) -> None:
        """Tell every caller that nothing was put down."""
        waiting: Sequence[Waiting] = (*self.unsigned, *self.signed, *self.arrived)
        for each in waiting:
            if not each.done.done():
                each.done.set_exception(error)


def _settle(done: asyncio.Future[_Given], given: _Given, error: LandbridgeError | None) -> None:
    if done.done():
        return  # given up meanwhile; what is in the log stays there, which is right
    if error is not None:
        done.set_exception(error)
    else:
        done.set_result(given)
