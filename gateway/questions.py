"""Questions to one node: those that wait to be sent, and those that wait for their outcome."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.outbox import LARGEST_BATCH, MOST_IN_A_BATCH
from landbridge.v1 import envelope_pb2, node_service_pb2, query_pb2

Outcome = envelope_pb2.Envelope | LandbridgeError
Deliver = Callable[[str, Outcome], None]


@dataclass(frozen=True, slots=True)
class _Asked:
    question: query_pb2.Question
    deadline: float
    deliver: Deliver


class Questions:
    """What one node is asked, whichever stream carries it. Used on one event loop."""

    def __init__(self, agency: str) -> None:
        self.agency = agency
        self.gathered = asyncio.Event()
        """Set while a question waits to be sent."""
        self._waiting: dict[int, _Asked] = {}
        self._asked: dict[int, _Asked] = {}
        self._next_id = 0

    def __len__(self) -> int:
        """How many have no outcome yet."""
        return len(self._asked)

    def next_number(self) -> int:
        """Return a number that no question had."""
        self._next_id += 1
        return self._next_id

    def add(
        self, number: int, question: query_pb2.Question, deadline: float, deliver: Deliver
    ) -> None:
        """Have a question sent; its outcome is delivered once, unless it is given up before."""
        asked = _Asked(question, deadline, deliver)
        self._asked[number] = asked
        self._waiting[number] = asked
        self.gathered.set()

    def give_up(self, number: int) -> None:
        """Forget a question; an outcome that still comes is dropped."""
        self._asked.pop(number, None)
        self._waiting.pop(number, None)

    def take(self, now: float) -> list[node_service_pb2.StreamedQuestion]:
        """Take what waits and fits into one message; the rest waits for the next turn."""
        batch: list[node_service_pb2.StreamedQuestion] = []
        free = LARGEST_BATCH
        for number, asked in self._waiting.items():
            question = node_service_pb2.StreamedQuestion(
                correlation_id=number,
                question=asked.question,
                timeout_ms=max(1, int((asked.deadline - now) * 1000)),
            )
            free -= question.ByteSize()
            # A question larger than a batch goes alone.
            if batch and (free < 0 or len(batch) == MOST_IN_A_BATCH):
                break
            batch.append(question)
        for question in batch:
            del self._waiting[question.correlation_id]
        if not self._waiting:
            self.gathered.clear()
        return batch

    def settle(self, number: int, outcome: Outcome) -> None:
        """Deliver an outcome; of a question that is not open it is dropped."""
        asked = self._asked.pop(number, None)
        if asked is None:
            return
        # An answer to what was not sent yet is a guess, and settles the question all the same.
        self._waiting.pop(number, None)
        try:
            asked.deliver(self.agency, outcome)
        except Exception as error:  # noqa: BLE001  it comes from bytes that the node chose
            # One that cannot be taken must not keep the others from theirs.
            failure = refuse(
                Reason.SOURCE_FAILED,
                f"the answer of {self.agency} cannot be read ({type(error).__name__})",
            )
            with contextlib.suppress(Exception):
                asked.deliver(self.agency, failure)

    def fail(self, numbers: Iterable[int], failure: LandbridgeError) -> None:
        """Fail these, where they are still open."""
        named = self.named(failure)
        for number in tuple(numbers):
            self.settle(number, named)

    def fail_waiting(self, failure: LandbridgeError) -> None:
        """Fail all that was not sent yet."""
        self.fail(self._waiting, failure)
        self.gathered.clear()

    def named(self, failure: LandbridgeError) -> LandbridgeError:
        """Return a failure of the line as one that names the agency."""
        return refuse(failure.reason, f"{self.agency}: {failure.message}")
