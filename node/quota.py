"""Quotas: how many queries a clause answers, per requester, purpose and window of the calendar.

    quotas.take(claim, policy.quotas(memorandum, clause))   # before the records are read
    quotas.settle([claim.charge], counted_clauses(entry))   # once the answer stands in the log

A query is counted before it is read, so that no two questions slip through together, and the count
is kept only if its log entry says that the clause was read. So memory and log never differ, and a
restart goes on from the log (`quota_checkpoint`).
"""

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Self

from landbridge.clock import Clock, to_iso
from landbridge.errors import LandbridgeError, Reason, refuse
from landbridge.log.store import LogStore
from landbridge.memorandum.grant import Quota, Window
from node.quota_checkpoint import continue_count, count_log, write_checkpoint
from node.quota_counts import Account, Counts, Tally
from node.quota_window import window_at

_FILE: Final = "quotas.json"
_SWEEP_MS: Final = 10_000
_MARGIN_MS: Final = 60_000
_WRITE_EVERY: Final = 50_000
"""Log entries after which the file of counts is written anew: a second's work at a restart."""


class Charge(NamedTuple):
    """One query under one clause."""

    query_digest: bytes
    memorandum: str
    clause: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A query that wants to be read under a clause. Times are Unix milliseconds."""

    charge: Charge
    account: Account
    expires_at: int
    at: int


@dataclass(slots=True)
class _Held:
    """A query that is counted."""

    expires_at: int
    account: Account | None = None
    windows: frozenset[Window] = frozenset()
    at: int = 0
    users: int = 0
    kept: bool = True


class Quotas:
    """The counts of one node. Thread-safe."""

    def __init__(  # noqa: PLR0913  built once, by name
        self,
        tally: Tally,
        *,
        log: LogStore,
        path: Path,
        failed: Callable[[Exception], None],
        clock: Clock,
        every: int = _WRITE_EVERY,
    ) -> None:
        self._lock = threading.Lock()
        self._counts: Counts = tally.counts.copy()
        self._held = {Charge(*key): _Held(until) for key, until in tally.seen().items()}
        self._sweep_at = 0
        self._tally = tally
        self._log = log
        self._path = path
        self._failed = failed
        self._clock = clock
        self._every = every
        self._writing = threading.Lock()
        self._writer: threading.Thread | None = None

    @classmethod
    def restore(  # noqa: PLR0913  called once, by name
        cls,
        log: LogStore,
        folder: Path,
        *,
        longest_ms: int,
        failed: Callable[[Exception], None],
        clock: Clock,
        every: int = _WRITE_EVERY,
    ) -> Self:
        """Count what the log holds; `longest_ms` is how long a query may live.

        Raises:
            LandbridgeError: LB-5001, LB-5002 when the log cannot be read.
        """
        path = folder / _FILE
        tally = count_log(log, path, longest_ms=longest_ms, at=clock())
        write_checkpoint(tally, log, path, clock())
        return cls(tally, log=log, path=path, failed=failed, clock=clock, every=every)

    def take(self, claim: Claim, quotas: Sequence[Quota]) -> None:
        """Count a query under a clause, unless it is counted there already.

        Every query that is taken is settled later. `quotas` are all those of the clause.

        Raises:
            LandbridgeError: LB-3009 when one of them is spent.
        """
        with self._lock:
            self._sweep(claim.at)
            held = self._held.get(claim.charge)
            if held is None:
                for quota in quotas:
                    self._refuse_if_spent(claim, quota)
                windows = frozenset(quota.per for quota in quotas)
                self._counts.add(claim.account, windows, claim.at)
                held = _Held(claim.expires_at, claim.account, windows, claim.at, kept=False)
                self._held[claim.charge] = held
            held.users += 1

    def settle(self, charges: Iterable[Charge], counted: Collection[tuple[str, str]]) -> None:
        """Keep what the log entry counts, as memorandum and clause; take the rest back."""
        with self._lock:
            for charge in charges:
                held = self._held[charge]
                held.users -= 1
                held.kept |= (charge.memorandum, charge.clause) in counted
                if held.users == 0 and not held.kept:
                    del self._held[charge]
                    if held.account is not None:
                        self._counts.add(held.account, held.windows, held.at, -1)

    def count(self, account: Account, window: Window, at: int) -> int:
        """Return how many queries the window of a time holds."""
        with self._lock:
            return self._counts.count(account, window, at)

    def write_if_due(self) -> None:
        """Write the file of counts in the background once the log has grown enough."""
        if self._log.size - self._tally.size >= self._every and self._writing.acquire(
            blocking=False
        ):
            self._writer = threading.Thread(target=self._write, name="quotas")
            self._writer.start()

    def close(self) -> None:
        """Write the file of counts, so that the next start has little to count."""
        self._writing.acquire()
        self._write()

    def _write(self) -> None:
        try:
            continue_count(self._tally, self._log)
            write_checkpoint(self._tally, self._log, self._path, self._clock())
            with self._lock:
                self._sweep(self._clock())
        except LandbridgeError as error:
            self._failed(error)
        finally:
            self._writing.release()

    def _refuse_if_spent(self, claim: Claim, quota: Quota) -> None:
        if self._counts.count(claim.account, quota.per, claim.at) < quota.queries:
            return
        _, end = window_at(quota.per, claim.at)
        many = f"{quota.queries} queries" if quota.queries > 1 else "one query"
        raise refuse(
            Reason.QUOTA_SPENT,
            f"clause {claim.account.clause} of {claim.account.memorandum} answers {many} a"
            f" {quota.per} of one requester for one purpose; it answers again from"
            f" {to_iso(end).replace('.000Z', 'Z')}",
        )

    def _sweep(self, at: int) -> None:
        # A clock that has stepped back is none to wait for.
        if self._sweep_at - _SWEEP_MS <= at < self._sweep_at:
            return
        self._held = {
            charge: held
            for charge, held in self._held.items()
            if held.users or held.expires_at + _MARGIN_MS > at
        }
        self._counts.prune(at)
        self._sweep_at = at + _SWEEP_MS
