"""Lets each question through once, and each clause's queries through as often as it says.

What a question takes here, a replay guard's place and a place in the quotas, it keeps once its
answer stands in the log, and gives back where no answer left.
"""

import threading
from collections.abc import Iterable, Sequence

from landbridge.errors import LandbridgeError
from landbridge.memorandum.grant import Quota
from landbridge.replay import ReplayGuard
from landbridge.v1 import log_pb2
from node.quota import Charge, Claim, Quotas
from node.quota_counts import Account, counted_clauses
from node.task import Extraction, Reading, Task


class Turnstile:
    """Holds replay guard and quotas of one node. Thread-safe."""

    def __init__(self, replay: ReplayGuard, quotas: Quotas) -> None:
        self._replay = replay
        self._quotas = quotas
        self._lock = threading.Lock()

    def admit(self, task: Task, at: int) -> None:
        """Admit a question that is judged; what its quotas have no room for is refused in it.

        Raises:
            LandbridgeError: LB-4004, LB-2003 when it was admitted before, or too many were.
        """
        with self._lock:
            self._replay.admit(
                task.query_digest,
                task.step,
                task.round,
                expires_at=task.query.expires_at,
                at=at,
            )
        try:
            self.take_quotas(task, at)
        except BaseException:
            self.take_back((task,))
            raise

    def take_quotas(self, task: Task, at: int) -> None:
        """Count the clauses that a question is to be read by; what it holds already is free."""
        quotas_of = task.policy.quotas
        for reading in task.readings:
            if reading.is_read:
                for extraction in tuple(reading.extractions):
                    allowance = extraction.release.allowance
                    quotas = quotas_of(allowance.memorandum, allowance.clause)
                    if quotas:
                        self._take(task, reading, extraction, quotas, at)
                reading.is_read = bool(reading.extractions)

    def let_pass(self, answered: Iterable[tuple[Task, bytes]]) -> None:
        """Keep what questions have taken whose answers stand in the log, each with its entry."""
        for task, entry in answered:
            if task.charges:
                counted = counted_clauses(log_pb2.LogEntry.FromString(entry))
                self._quotas.settle(task.charges, counted)
                task.charges.clear()
        self._quotas.write_if_due()

    def take_back(self, tasks: Iterable[Task]) -> None:
        """Let questions be asked again whose answers never left."""
        for task in tasks:
            with self._lock:
                self._replay.forget(task.query_digest, task.step, task.round)
            self._quotas.settle(task.charges, ())
            task.charges.clear()

    def _take(
        self,
        task: Task,
        reading: Reading,
        extraction: Extraction,
        quotas: Sequence[Quota],
        at: int,
    ) -> None:
        allowance, query = extraction.allowance, task.query
        charge = Charge(task.query_digest, allowance.memorandum, allowance.clause)
        account = Account(*charge[1:], query.requester, query.purpose)
        try:
            self._quotas.take(Claim(charge, account, query.expires_at, at), quotas)
        except LandbridgeError as error:
            reading.withhold(extraction, error.reason, error.message)
        else:
            task.charges.append(charge)
