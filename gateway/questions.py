"""Questions to one node: those that wait to be sent, and those that wait for their outcome."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.rpc.outbox import LARGEST_BATCH, MOST_IN_A_BATCH
from landbridge.wire import number_part, part

Outcome = bytes | LandbridgeError
"""An Envelope as it came, or why there is none."""
Deliver = Callable[[str, Outcome], None]

# Tags of the StreamAnswersRequest and the StreamedQuestion.
_QUESTIONS: Final = b"\x0a"
_CORRELATION_ID: Final = b"\x08"
_QUESTION: Final = b"\x12"
_TIMEOUT_MS: Final = b"\x18"


class _Open(NamedTuple):
    question: bytes
    deadline: float
    deliver: Deliver


class Questions:
    """What one node is asked, whichever stream carries it. Used on one event loop."""

    def __init__(self, agency: str) -> None:
        self.agency = agency
        self.gathered = asyncio.Event()
        """Set while a question waits to be sent."""
        self._waiting: dict[int, _Open] = {}
        self._asked: dict[int, _Open] = {}
        self._next_id = 0

    def __len__(self) -> int:
        """How many have no outcome yet."""
        return len(self._asked)

    def next_number(self) -> int:
        """Return a number that no question had."""
        self._next_id += 1
        return self._next_id

    def add(self, number: int, question: bytes, deadline: float, deliver: Deliver) -> None:
        """Have a Question sent; its outcome is delivered once, unless it is given up before."""
        asked = _Open(question, deadline, deliver)
        self._asked[number] = asked
        if not self._waiting:
            self.gathered.set()
        self._waiting[number] = asked

    def give_up(self, number: int) -> None:
        """Forget a question; an outcome that still comes is dropped."""
        self._asked.pop(number, None)
        self._waiting.pop(number, None)

    def take(self, now: float) -> tuple[list[int], bytes]:
        """Take one batch of what waits to be sent: its numbers, and a StreamAnswersRequest.

        `now` is in the event loop's own time, in seconds.
        """
        numbers: list[int] = []
        batch: list[bytes] = []
        free = LARGEST_BATCH
        written_ms, timeout = 0, b""
        for number, asked in self._waiting.items():
            timeout_ms = max(1, int((asked.deadline - now) * 1000))
            if timeout_ms != written_ms:
                # Queries that came together mostly have as long as each other.
                written_ms, timeout = timeout_ms, number_part(_TIMEOUT_MS, timeout_ms)
            question = (
                number_part(_CORRELATION_ID, number) + part(_QUESTION, asked.question) + timeout
            )
            free -= len(question)
            # A question larger than a batch goes alone.
            if batch and (free < 0 or len(batch) == MOST_IN_A_BATCH):
                break
            numbers.append(number)
            batch.append(part(_QUESTIONS, question))
        for number in numbers:
            del self._waiting[number]
        if not self._waiting:
            self.gathered.clear()
        return numbers, b"".join(batch)

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
